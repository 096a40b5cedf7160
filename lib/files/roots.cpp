#include "files/roots.h"

#include <algorithm>
#include <cerrno>

namespace sluice::files {

namespace {

constexpr std::size_t kNameBytesMax = 64;

bool is_name_character(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

Result<> check_options(const RootOptions& options) {
    if (options.name.empty() || options.name.size() > kNameBytesMax ||
        !std::ranges::all_of(options.name, is_name_character)) {
        return fail(Errc::invalid_argument, "root {}: a name is 1 to {} of A-Z a-z 0-9 . _ -", escaped(options.name),
                    kNameBytesMax);
    }
    if (!options.path.starts_with('/') || options.path.find('\0') != std::string::npos) {
        return fail(Errc::invalid_argument, "root {}: {} is not an absolute path", options.name, escaped(options.path));
    }
    return {};
}

}  // namespace

std::uint64_t Root::resolve() const noexcept {
    return RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (options_.follow_symlinks ? 0 : RESOLVE_NO_SYMLINKS) |
           (options_.cross_devices ? 0 : RESOLVE_NO_XDEV);
}

Result<> Root::require(const Identity& identity, Right right) const {
    if (!rights(identity).has(right)) {
        return fail(Errc::permission_denied, "uid {} has no '{}' right in root '{}'", identity.uid, right_name(right),
                    name());
    }
    return {};
}

Result<> Root::check_end(std::uint64_t end, std::string_view name) const {
    if (options_.file_bytes_max != 0 && end > options_.file_bytes_max) {
        return fail(Errc::no_space, "write {}: it would have {} bytes; root '{}' allows {} (file_bytes_max)", name, end,
                    options_.name, options_.file_bytes_max);
    }
    return {};
}

Task<Result<>> Roots::load(std::vector<RootOptions> options) {
    std::map<std::string, RootPointer, std::less<>> roots;
    for (RootOptions& each : options) {
        SLUICE_CO_CHECK(check_options(each));
        if (roots.contains(each.name)) {
            co_return fail(Errc::invalid_argument, "root {}: the name is used twice", each.name);
        }
        io::OpenOptions how;
        how.flags = O_RDONLY | O_DIRECTORY;  // Not O_PATH: a directory is also synced and listed.
        Result<io::Handle> directory = co_await kernel_.open(-1, each.path, how);
        if (!directory) {
            const std::string what = fmt::format("root {}: open", each.name);
            co_return std::unexpected(explain(directory.error(), what, escaped(each.path)));
        }
        std::string name = each.name;
        auto root = std::make_shared<const Root>(std::move(each), std::move(*directory));
        roots.emplace(std::move(name), std::move(root));
    }
    roots_ = std::move(roots);
    co_return Result<>{};
}

Result<RootPointer> Roots::find(std::string_view name) const {
    const auto found = roots_.find(name);
    if (found == roots_.end()) {
        return fail(Errc::not_found, "there is no root {}", escaped(name));
    }
    return found->second;
}

std::vector<RootPointer> Roots::all() const {
    std::vector<RootPointer> all;
    for (const auto& [name, root] : roots_) {
        all.push_back(root);
    }
    return all;
}

Task<Result<io::Handle>> open_beneath(io::Kernel& kernel, const Root& root, const std::string& path, int flags,
                                      mode_t mode) {
    constexpr int kAttempts = 8;  // EAGAIN: a rename elsewhere raced with a '..' inside a followed link.
    io::OpenOptions how;
    how.flags = flags;
    how.mode = mode;
    how.resolve = root.resolve();
    for (int attempt = 1;; ++attempt) {
        Result<io::Handle> file = co_await kernel.open(root.directory().fd(), path, how);
        if (file) {
            co_return std::move(*file);
        }
        if (file.error().sys_errno() != EAGAIN || attempt == kAttempts) {
            co_return std::unexpected(explain_open(file.error(), shown(root.name(), path)));
        }
    }
}

Task<Result<Directory>> open_parent(io::Kernel& kernel, const RootPointer& root, const RelativePath& path) {
    Directory directory{.root = root, .own = {}};
    const std::string parent = path.parent();
    if (!parent.empty()) {
        SLUICE_CO_TRY(directory.own, co_await open_beneath(kernel, *directory.root, parent, O_RDONLY | O_DIRECTORY, 0));
    }
    co_return std::move(directory);
}

namespace {

// Opens the directory at `path`, or makes it in `parent` and opens it then.
Task<Result<io::Handle>> open_or_make(io::Kernel& kernel, const RootPointer& root, const io::Handle& parent,
                                      const RelativePath& path) {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY;
    Result<io::Handle> there = co_await open_beneath(kernel, *root, path.text(), kFlags, 0);
    if (there || there.error().code() != Errc::not_found) {
        co_return std::move(there);
    }
    const std::string leaf = path.leaf();
    const Result<> made = co_await kernel.mkdir(parent.fd(), leaf, kDirectoryMode);
    if (!made && made.error().code() != Errc::already_exists) {  // Somebody else may have made it just now.
        co_return std::unexpected(explain(made.error(), "make directory", shown(root->name(), path.text())));
    }
    const Result<> synced = co_await kernel.sync(parent, io::SyncKind::all);
    if (!synced) {
        co_return std::unexpected(explain(synced.error(), "sync the parent of", shown(root->name(), path.text())));
    }
    co_return co_await open_beneath(kernel, *root, path.text(), kFlags, 0);
}

}  // namespace

Task<Result<>> make_parents(io::Kernel& kernel, const RootPointer& root, const RelativePath& path) {
    const std::string parent = path.parent();
    Directory directory{.root = root, .own = {}};
    for (std::size_t end = 0; end < parent.size(); ++end) {  // Bounded by kPathBytesMax.
        end = std::min(parent.find('/', end), parent.size());
        SLUICE_CO_TRY(const RelativePath part, RelativePath::parse(std::string_view(parent).substr(0, end)));
        SLUICE_CO_TRY(io::Handle own, co_await open_or_make(kernel, root, directory.handle(), part));
        directory.own = std::move(own);
    }
    co_return Result<>{};
}

}  // namespace sluice::files
