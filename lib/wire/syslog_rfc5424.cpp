// The grammar of RFC 5424, section 6, byte by byte; what it refuses is refused, but for one thing: fractions of a
// second may have nine digits and not six, because nanoseconds are what many programs write.
#include <array>
#include <chrono>
#include <optional>
#include <string>

#include "wire/syslog_head.h"
#include "wire/time_text.h"

namespace sluice::wire {
namespace {

constexpr std::size_t kHostnameBytesMax = 255;
constexpr std::size_t kAppNameBytesMax = 48;
constexpr std::size_t kProcidBytesMax = 128;
constexpr std::size_t kMsgidBytesMax = 32;
constexpr std::size_t kSdNameBytesMax = 32;
// Fields beside structured data, those that only some messages have included.
constexpr std::size_t kOtherFieldsMax = 8;
// Leaves room for the other fields.
constexpr std::size_t kStructuredBytesMax = kIntakeFieldBytes - 2048;

constexpr std::string_view kNil = "-";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_printable(char c) noexcept {
    return c > ' ' && c < 0x7F;
}

constexpr std::array<bool, 256> kSdNameBytes = [] {
    std::array<bool, 256> set{};
    for (std::size_t c = '!'; c < 0x7F; ++c) {
        set[c] = c != '=' && c != ']' && c != '"';
    }
    return set;
}();

bool is_name_byte(char c) noexcept {
    return kSdNameBytes[static_cast<unsigned char>(c)];
}

// Unsigned decimal numbers at fixed places.
class Digits {
 public:
    explicit Digits(std::string_view text) noexcept : text_(text) {}
    unsigned number(std::size_t at, std::size_t count) noexcept {
        unsigned value = 0;
        for (std::size_t i = at; i < at + count; ++i) {
            const auto digit = static_cast<unsigned>(text_[i] - '0');
            bad_ |= digit > 9;
            value = value * 10 + digit;
        }
        return value;
    }
    bool bad() const noexcept { return bad_; }

 private:
    std::string_view text_;
    bool bad_ = false;
};

// Of RFC 5424: "Z" or "+hh:mm".
std::optional<std::int32_t> parse_zone(std::string_view text) noexcept {
    const bool form = text == "Z" || (text.size() == 6 && text[3] == ':');
    const auto zone = form ? zone_at_front(text) : std::nullopt;
    return zone && zone->bytes == text.size() ? std::optional(zone->seconds) : std::nullopt;
}

std::optional<WallNs> parse_timestamp(std::string_view text) noexcept {
    constexpr std::size_t kFractionAt = 19;
    constexpr std::size_t kFractionDigitsMax = 9;
    // Whole seconds that fit an int64 of nanoseconds whatever the fraction.
    if (text.size() <= kFractionAt || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
        text[16] != ':') {
        return std::nullopt;
    }
    Digits digits(text);
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(digits.number(0, 4))),
                                           std::chrono::month(digits.number(5, 2)),
                                           std::chrono::day(digits.number(8, 2))};
    const unsigned hour = digits.number(11, 2);
    const unsigned minute = digits.number(14, 2);
    const unsigned second = digits.number(17, 2);
    std::size_t at = kFractionAt;
    WallNs fraction = 0;
    if (text[at] == '.') {
        WallNs unit = kSecond / 10;
        const std::size_t first = ++at;
        for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) {
            fraction += unit * (text[at] - '0');
        }
        if (at == first || at - first > kFractionDigitsMax) {
            return std::nullopt;
        }
    }
    const auto zone = parse_zone(text.substr(at));
    if (digits.bad() || !date.ok() || hour > 23 || minute > 59 || second > 59 || !zone) {
        return std::nullopt;
    }
    const std::int64_t seconds = std::int64_t{std::chrono::sys_days(date).time_since_epoch().count()} * 86'400 +
                                 hour * 3600 + minute * 60 + second - *zone;
    if (seconds > kSecondsMax || seconds < -kSecondsMax) {
        return std::nullopt;
    }
    return seconds * kSecond + fraction;
}

class Scan {
 public:
    Scan(std::string_view text, std::size_t at, SyslogHead& head) noexcept : text_(text), at_(at), head_(head) {}

    std::size_t at() const noexcept { return at_; }
    bool done() const noexcept { return at_ == text_.size(); }
    bool accept(char c) noexcept {
        const bool found = !done() && text_[at_] == c;
        at_ += found ? 1 : 0;
        return found;
    }
    bool fail(std::string_view what, std::size_t at) noexcept {
        head_.fault = what;
        head_.fault_at = at;
        return false;
    }
    bool fail(std::string_view what) noexcept { return fail(what, at_); }

    // The next 1 to `bytes_max` bytes that are `good`; empty: none, or more.
    template <class Good>
    std::string_view word(std::size_t bytes_max, Good&& good) noexcept {
        const std::size_t start = at_;
        const std::size_t end = std::min(text_.size(), start + bytes_max + 1);
        while (at_ < end && good(text_[at_])) {
            ++at_;
        }
        return at_ - start > bytes_max ? std::string_view() : text_.substr(start, at_ - start);
    }

    // A part of the header and the space behind it; nil becomes empty.
    bool part(std::size_t bytes_max, std::string_view fault, std::string_view& into) noexcept {
        const std::size_t start = at_;
        into = word(bytes_max, is_printable);
        if (into.empty() || !accept(' ')) {
            return fail(fault, start);
        }
        into = into == kNil ? std::string_view() : into;
        return true;
    }

    bool timestamp() noexcept {
        constexpr std::size_t kTimestampBytesMax = 64;
        const std::size_t start = at_;
        std::string_view text;
        if (!part(kTimestampBytesMax, "RFC 5424: bad timestamp", text)) {
            return false;
        }
        if (text.empty()) {
            return true;
        }
        const auto time = parse_timestamp(text);
        head_.time_ns = time.value_or(head_.time_ns);
        return time || fail("RFC 5424: bad timestamp", start);
    }

    // `fields` and `bytes` grow by what the element takes in a record.
    bool element(std::size_t& fields, std::size_t& bytes) noexcept {
        const std::size_t start = at_;
        (void)accept('[');
        const std::string_view id = word(kSdNameBytesMax, is_name_byte);
        if (id.empty()) {
            return fail("RFC 5424: bad SD-ID", start);
        }
        std::size_t parameters = 0;
        for (; accept(' '); ++parameters) {  // Bounded: each turn takes at least four bytes.
            const std::size_t name_at = at_;
            const std::string_view name = word(kSdNameBytesMax, is_name_byte);
            if (name.empty() || !accept('=') || !accept('"')) {
                return fail("RFC 5424: bad parameter in structured data", name_at);
            }
            const std::size_t value_at = at_;
            if (!value()) {
                return fail("RFC 5424: bad parameter value in structured data", value_at);
            }
            bytes += kFieldHeaderSize + id.size() + 1 + name.size() + (at_ - value_at);
        }
        if (!accept(']')) {
            return fail("RFC 5424: bad structured data");
        }
        fields += std::max<std::size_t>(parameters, 1);
        bytes += parameters == 0 ? kFieldHeaderSize + id.size() : 0;
        return true;
    }

    bool structured_data(const RecordLimits& limits) noexcept {
        if (accept('-')) {
            return true;
        }
        const std::size_t start = at_;
        std::size_t fields = 0;
        std::size_t bytes = 0;
        while (!done() && text_[at_] == '[') {
            if (!element(fields, bytes)) {
                return false;
            }
        }
        if (at_ == start) {
            return fail("RFC 5424: bad structured data");
        }
        // The message is kept whole then: better than to keep some of it.
        if (fields + kOtherFieldsMax > limits.fields_max || bytes > kStructuredBytesMax) {
            return fail("RFC 5424: more structured data than a record may have", start);
        }
        head_.structured = text_.substr(start, at_ - start);
        head_.fields_bytes += bytes;
        return true;
    }

 private:
    // Up to the quote, which is taken.  Only '"', '\' and ']' can be escaped; other backslashes are themselves.
    bool value() noexcept {
        for (; !done(); ++at_) {
            const char c = text_[at_];
            if (c == '"') {
                ++at_;
                return true;
            }
            if (c == ']') {
                return false;
            }
            if (c == '\\' && at_ + 1 < text_.size() &&
                (text_[at_ + 1] == '"' || text_[at_ + 1] == '\\' || text_[at_ + 1] == ']')) {
                ++at_;
            }
        }
        return false;
    }

    std::string_view text_;
    std::size_t at_;
    SyslogHead& head_;
};

std::string_view take_name(std::string_view& rest) noexcept {
    std::size_t at = 0;
    while (is_name_byte(rest[at])) {
        ++at;
    }
    const std::string_view name = rest.substr(0, at);
    rest.remove_prefix(at);
    return name;
}

// The value up to its quote; moves `rest` past the quote.  `memory` is used where something is escaped.
std::string_view take_value(std::string_view& rest, std::string& memory) {
    std::size_t at = 0;
    while (rest[at] != '"' && rest[at] != '\\') {
        ++at;
    }
    if (rest[at] == '"') {
        const std::string_view value = rest.substr(0, at);
        rest.remove_prefix(at + 1);
        return value;
    }
    memory.clear();
    for (at = 0; rest[at] != '"'; ++at) {
        const char next = rest[at + 1];
        at += rest[at] == '\\' && (next == '"' || next == '\\' || next == ']') ? 1 : 0;
        memory += rest[at];
    }
    rest.remove_prefix(at + 1);
    return memory;
}

}  // namespace

void parse_rfc5424_head(std::string_view text, std::size_t at, const RecordLimits& limits, SyslogHead& head) noexcept {
    Scan scan(text, at, head);
    if (!scan.timestamp() || !scan.part(kHostnameBytesMax, "RFC 5424: bad hostname", head.hostname) ||
        !scan.part(kAppNameBytesMax, "RFC 5424: bad app name", head.identifier) ||
        !scan.part(kProcidBytesMax, "RFC 5424: bad process id", head.pid) ||
        !scan.part(kMsgidBytesMax, "RFC 5424: bad message id", head.msgid) || !scan.structured_data(limits)) {
        return;
    }
    head.has_pid = !head.pid.empty();
    if (!scan.done() && !scan.accept(' ')) {
        scan.fail("RFC 5424: no space behind structured data");
        return;
    }
    head.message_at = scan.at() + (text.substr(scan.at()).starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
}

void append_structured_data(std::string_view elements, RecordWriter& record) {
    std::string memory;
    while (!elements.empty()) {  // Bounded: each turn takes an element.
        elements.remove_prefix(1);
        const std::string_view id = take_name(elements);
        if (elements.front() == ']') {
            record.text(id, {});
        }
        char name[2 * kSdNameBytesMax + 1];
        char* const name_start = std::copy(id.begin(), id.end(), name);
        *name_start = '.';
        while (elements.front() == ' ') {
            elements.remove_prefix(1);
            const std::string_view own = take_name(elements);
            const char* const end = std::copy(own.begin(), own.end(), name_start + 1);
            elements.remove_prefix(2);
            record.text({name, static_cast<std::size_t>(end - name)}, take_value(elements, memory));
        }
        elements.remove_prefix(1);
    }
}

}  // namespace sluice::wire
