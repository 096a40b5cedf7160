#include "part/text_stream.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "part/typed_text.h"

namespace sluice::part {
namespace {

enum Mode : std::uint8_t { kEnded = 0, kLengths = 1, kFirstType = 2, kLastType = 6, kHex = 7, kUuid = 8 };

constexpr std::size_t kHexBytesMax = 64;
constexpr std::size_t kUuidBytes = 16;
constexpr std::size_t kUuidText = 36;

// --- Text as it is

bool has_nul(std::span<const std::string_view> values) noexcept {
    for (const std::string_view value : values) {
        if (!value.empty() && std::memchr(value.data(), 0, value.size()) != nullptr) {
            return true;
        }
    }
    return false;
}

void append_ended(Bytes& to, std::span<const std::string_view> values) {
    append_int(to, std::uint8_t{kEnded});
    for (const std::string_view value : values) {
        append(to, as_bytes(value));
        to.push_back(std::byte{0});
    }
}

void append_lengths(Bytes& to, std::span<const std::string_view> values) {
    append_int(to, std::uint8_t{kLengths});
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

// --- Hexadecimal

int nibble(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Appends the bytes of `text`; false: it is not hexadecimal.
bool append_nibbles(Bytes& to, std::string_view text) {
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        const int high = nibble(text[i]);
        const int low = nibble(text[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        to.push_back(static_cast<std::byte>(high << 4 | low));
    }
    return text.size() % 2 == 0;
}

char* put_nibbles(char* to, ByteView bytes) noexcept {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (const std::byte byte : bytes) {
        *to++ = kDigits[std::to_integer<std::size_t>(byte) >> 4U];
        *to++ = kDigits[std::to_integer<std::size_t>(byte) & 15U];
    }
    return to;
}

// Runs of hexadecimal digits between the hyphens of a UUID, in bytes.
constexpr std::array<std::size_t, 5> kUuidRuns{4, 2, 2, 2, 6};

bool append_uuid(Bytes& to, std::string_view text) {
    std::size_t at = 0;
    for (const std::size_t run : kUuidRuns) {
        if ((at > 0 && text[at - 1] != '-') || !append_nibbles(to, text.substr(at, 2 * run))) {
            return false;
        }
        at += 2 * run + 1;
    }
    return true;
}

// Appends the whole stream; false: not all are hexadecimal of one length.  `to` is then unfinished.
bool append_hex(Bytes& to, std::span<const std::string_view> values) {
    const std::size_t size = values.front().size();
    const bool uuid = size == kUuidText && values.front()[8] == '-';
    if (size < 8 || size > 2 * kHexBytesMax ||
        !std::ranges::all_of(values, [size](std::string_view value) { return value.size() == size; })) {
        return false;
    }
    append_int(to, std::uint8_t{uuid ? kUuid : kHex});
    if (!uuid) {
        append_int(to, static_cast<std::uint8_t>(size / 2));
    }
    return std::ranges::all_of(values, [&to, uuid](std::string_view value) {
        return uuid ? append_uuid(to, value) : append_nibbles(to, value);
    });
}

bool read_hex(Input& from, std::uint8_t mode, std::span<std::string_view> into, TextArena& arena) {
    const std::size_t bytes = mode == kUuid ? kUuidBytes : from.byte();
    const std::size_t size = mode == kUuid ? kUuidText : 2 * bytes;
    if (bytes == 0 || from.left() != into.size() * bytes) {
        return false;
    }
    char* to = arena.allocate(into.size() * size);
    for (std::string_view& value : into) {
        const ByteView raw = from.bytes(bytes);
        value = {to, size};
        if (mode == kHex) {
            to = put_nibbles(to, raw);
            continue;
        }
        std::size_t at = 0;
        for (const std::size_t run : kUuidRuns) {
            if (at > 0) {
                *to++ = '-';
            }
            to = put_nibbles(to, raw.subspan(at, run));
            at += run;
        }
    }
    return true;
}

// --- Numbers

bool append_numbers(Bytes& to, std::span<const std::string_view> values) {
    std::vector<std::int64_t> numbers;
    const std::optional<TextShape> shape = find_shape(values, numbers);
    if (!shape) {
        return false;
    }
    append_int(to, static_cast<std::uint8_t>(shape->type));
    if (shape->type == TextType::padded || shape->type == TextType::decimals) {
        append_int(to, shape->digits);
    } else if (shape->type == TextType::timestamps) {
        append_int(to, shape->digits);
        to.push_back(static_cast<std::byte>(shape->date_separator));
        to.push_back(static_cast<std::byte>(shape->point));
        append_text(to, shape->rest);
    }
    append_ints(to, numbers);
    return true;
}

bool read_numbers(Input& from, std::uint8_t mode, std::span<std::string_view> into, TextArena& arena) {
    TextShape shape{.type = static_cast<TextType>(mode)};
    if (shape.type == TextType::padded || shape.type == TextType::decimals) {
        shape.digits = from.byte();
    } else if (shape.type == TextType::timestamps) {
        shape.digits = from.byte();
        shape.date_separator = static_cast<char>(from.byte());
        shape.point = static_cast<char>(from.byte());
        shape.rest = from.text();
    }
    std::vector<std::int64_t> numbers(into.size());
    return read_ints(from, numbers) && from.left() == 0 && render(shape, numbers, into, arena);
}

// What was written reads back as the same bytes.
bool reads_back(ByteView written, std::span<const std::string_view> values) {
    std::vector<std::string_view> read(values.size());
    TextArena arena;
    Input from(written);
    return read_texts(from, read, arena) && std::ranges::equal(read, values);
}

}  // namespace

void append_texts(Bytes& to, std::span<const std::string_view> values) {
    if (values.empty()) {
        return;
    }
    const std::size_t start = to.size();
    for (const auto try_it : {append_numbers, append_hex}) {
        if (try_it(to, values) && reads_back(ByteView(to).subspan(start), values)) {
            return;
        }
        to.resize(start);
    }
    if (has_nul(values)) {
        append_lengths(to, values);
    } else {
        append_ended(to, values);
    }
}

bool read_texts(Input& from, std::span<std::string_view> into, TextArena& arena) {
    if (into.empty()) {
        return from.left() == 0;
    }
    const std::uint8_t mode = from.byte();
    if (mode >= kFirstType && mode <= kLastType) {
        return read_numbers(from, mode, into, arena);
    }
    switch (mode) {
        case kEnded:
            return read_ended(from, into);
        case kLengths:
            return read_lengths(from, into);
        case kHex:
        case kUuid:
            return read_hex(from, mode, into, arena);
        default:
            return false;
    }
}

}  // namespace sluice::part
