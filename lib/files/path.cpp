#include "files/path.h"

#include <algorithm>
#include <cerrno>
#include <iterator>

namespace sluice::files {

namespace {

constexpr std::string_view kTemporaryPrefix = ".sluice-";
constexpr std::string_view kTemporarySuffix = ".tmp";
constexpr std::size_t kShownBytesMax = 256;

Result<> check_component(std::string_view component) {
    if (component == "..") {
        return fail(Errc::permission_denied, "'..' is not allowed in a path");
    }
    if (component.size() > kComponentBytesMax) {
        return fail(Errc::too_large, "a name of {} bytes exceeds {}", component.size(), kComponentBytesMax);
    }
    if (is_temporary_name(component)) {
        return fail(Errc::permission_denied, "the name is reserved for temporary files");
    }
    return {};
}

}  // namespace

Result<RelativePath> RelativePath::parse(std::string_view text) {
    if (text.empty()) {
        return fail(Errc::invalid_argument, "the path is empty");
    }
    if (text.size() > kPathBytesMax) {
        return fail(Errc::too_large, "a path of {} bytes exceeds {}", text.size(), kPathBytesMax);
    }
    if (text.find('\0') != text.npos) {
        return fail(Errc::invalid_argument, "the path {} contains a NUL byte", escaped(text));
    }
    if (text.front() == '/') {
        return fail(Errc::permission_denied, "the path {} is absolute; paths are relative to the root", escaped(text));
    }
    std::string clean;
    std::size_t leaf = 0;
    std::string_view last;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('/', begin), text.size());
        last = text.substr(begin, end - begin);
        begin = end + 1;
        if (last.empty() || last == ".") {
            continue;
        }
        Result<> allowed = check_component(last);
        if (!allowed) {
            return std::unexpected(std::move(allowed).error().during("path {}", escaped(text)));
        }
        if (!clean.empty()) {
            clean += '/';
        }
        leaf = clean.size();
        clean += last;
    }
    if (last.empty() || last == ".") {
        return fail(Errc::wrong_type, "the path {} names a directory", escaped(text));
    }
    return RelativePath(std::move(clean), leaf);
}

std::string temporary_name(std::uint64_t instance, std::uint64_t number) {
    return fmt::format("{}{:016x}-{:x}{}", kTemporaryPrefix, instance, number, kTemporarySuffix);
}

bool is_temporary_name(std::string_view name) noexcept {
    return name.starts_with(kTemporaryPrefix) && name.ends_with(kTemporarySuffix);
}

bool is_temporary_name_of(std::string_view name, std::uint64_t instance) {
    return is_temporary_name(name) &&
           name.substr(kTemporaryPrefix.size()).starts_with(fmt::format("{:016x}-", instance));
}

std::string escaped(std::string_view text) {
    std::string out = "'";
    for (const char c : text.substr(0, kShownBytesMax)) {
        if (c < 0x20 || c > 0x7e || c == '\'' || c == '\\') {
            fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
        } else {
            out += c;
        }
    }
    out += text.size() > kShownBytesMax ? "'..." : "'";
    return out;
}

std::string shown(std::string_view root, std::string_view path) {
    return fmt::format("{}:{}", root, escaped(path));
}

Error explain(const Error& error, std::string_view what, std::string_view name) {
    const std::string text = fmt::format("{} {}", what, name);
    if (error.sys_errno() != 0) {
        return Error::from_errno(error.sys_errno(), text);
    }
    return {error.code(), fmt::format("{}: {}", text, error.text())};
}

Error explain_open(const Error& error, std::string_view name) {
    switch (error.sys_errno()) {
        case EXDEV:
            return {Errc::permission_denied, EXDEV,
                    fmt::format("open {}: leads out of its root or to another mount", name)};
        case ELOOP:
            return {Errc::permission_denied, ELOOP, fmt::format("open {}: a symbolic link is in the way", name)};
        case ENXIO:  // A FIFO without a reader, a socket, a device without a driver.
        case ENODEV:
            return {Errc::wrong_type, error.sys_errno(), fmt::format("open {}: not a regular file", name)};
        default:
            return explain(error, "open", name);
    }
}

}  // namespace sluice::files
