#include "part/text_stream.h"

#include <cstring>

namespace sluice::part {
namespace {

constexpr std::uint8_t kEnded = 0;
constexpr std::uint8_t kLengths = 1;

bool has_nul(std::span<const std::string_view> values) noexcept {
    for (const std::string_view value : values) {
        if (!value.empty() && std::memchr(value.data(), 0, value.size()) != nullptr) {
            return true;
        }
    }
    return false;
}

bool read_ended(Input& from, std::span<std::string_view> into) noexcept {
    const std::string_view all = as_text(from.bytes(from.left()));
    const char* at = all.data();
    const char* const end = at + all.size();
    for (std::string_view& value : into) {
        const auto* const stop =
            at == end ? nullptr : static_cast<const char*>(std::memchr(at, 0, static_cast<std::size_t>(end - at)));
        if (stop == nullptr) {
            return false;
        }
        value = {at, static_cast<std::size_t>(stop - at)};
        at = stop + 1;
    }
    return at == end;
}

bool read_lengths(Input& from, std::span<std::string_view> into) {
    // A length takes no byte if all are equal: the count is bounded by the caller, who has rows for it.
    std::vector<std::int64_t> lengths(into.size());
    if (!read_ints(from, lengths)) {
        return false;
    }
    for (std::size_t i = 0; i < into.size(); ++i) {
        into[i] = as_text(from.bytes(static_cast<std::uint64_t>(lengths[i])));
        if (from.failed()) {
            return false;
        }
    }
    return from.left() == 0;
}

}  // namespace

void append_texts(Bytes& to, std::span<const std::string_view> values) {
    if (values.empty()) {
        return;
    }
    if (!has_nul(values)) {
        append_int(to, kEnded);
        for (const std::string_view value : values) {
            append(to, as_bytes(value));
            to.push_back(std::byte{0});
        }
        return;
    }
    append_int(to, kLengths);
    std::vector<std::int64_t> lengths;
    lengths.reserve(values.size());
    for (const std::string_view value : values) {
        lengths.push_back(static_cast<std::int64_t>(value.size()));
    }
    append_ints(to, lengths);
    for (const std::string_view value : values) {
        append(to, as_bytes(value));
    }
}

bool read_texts(Input& from, std::span<std::string_view> into) {
    if (into.empty()) {
        return true;
    }
    switch (from.byte()) {
        case kEnded:
            return read_ended(from, into);
        case kLengths:
            return read_lengths(from, into);
        default:
            return false;
    }
}

}  // namespace sluice::part
