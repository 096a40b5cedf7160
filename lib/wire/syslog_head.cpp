// Priority, and RFC 3164: a loose convention, read as journald reads it.
#include "wire/syslog_head.h"

#include <algorithm>
#include <array>

#include "wire/time_text.h"

namespace sluice::wire {
namespace {

constexpr unsigned kSyslogPriorityMax = 191;
// Longer words are text.  No tag or hostname is that long, and fields have to leave room for the message.
constexpr std::size_t kWordBytesMax = 4096;

bool is_letter(char c) noexcept {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool is_space(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Of "<PRI>"; 0: there is none.
std::size_t parse_priority(std::string_view text, SyslogHead& head) noexcept {
    if (text.empty() || text[0] != '<') {
        return 0;
    }
    unsigned priority = 0;
    std::size_t at = 1;
    for (; at < text.size() && at < 4 && is_digit(text[at]); ++at) {
        priority = priority * 10 + static_cast<unsigned>(text[at] - '0');
    }
    if (at == 1 || at == text.size() || text[at] != '>' || priority > kSyslogPriorityMax) {
        return 0;
    }
    head.severity = static_cast<Severity>(priority % 8);
    head.facility = priority / 8;
    return at + 1;
}

// a: letter, 0: digit, _: space or digit, others as they are.
bool has_shape(std::string_view text, std::string_view shape) noexcept {
    if (text.size() < shape.size()) {
        return false;
    }
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const char c = text[i];
        const bool good = shape[i] == 'a'   ? is_letter(c)
                          : shape[i] == '0' ? is_digit(c)
                          : shape[i] == '_' ? c == ' ' || is_digit(c)
                                            : c == shape[i];
        if (!good) {
            return false;
        }
    }
    return true;
}

bool begins_with_month(std::string_view text) noexcept {
    constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::string_view month = text.substr(0, 3);
    return std::find(kMonths.begin(), kMonths.end(), month) != kMonths.end() &&
           (has_shape(text.substr(month.size()), " 0") || has_shape(text.substr(month.size()), "  0"));
}

// Moves `at` past the timestamp and its space.  False: there is none, or (with a fault) a wrong one.
bool take_timestamp(std::string_view text, std::size_t& at, SyslogHead& head) noexcept {
    constexpr std::string_view kShape = "aaa _0 _0:_0:_0";
    const std::string_view rest = text.substr(at);
    if (has_shape(rest, kShape) && (rest.size() == kShape.size() || rest[kShape.size()] == ' ')) {
        head.timestamp = rest.substr(0, kShape.size());
        at += std::min(kShape.size() + 1, rest.size());
        return true;
    }
    const bool rfc3339 = has_shape(rest, "0000-00-00T00");
    if (rfc3339) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        if (const auto time = parse_rfc3339(rest.substr(0, end))) {
            head.time_ns = *time;
            at += std::min(end + 1, rest.size());
            return true;
        }
    }
    if (rfc3339 || begins_with_month(rest)) {
        head.fault = "bad timestamp";
        head.fault_at = at;
    }
    return false;
}

std::size_t word_end(std::string_view text, std::size_t at) noexcept {
    const std::size_t end_max = std::min(text.size(), at + kWordBytesMax);
    while (at < end_max && !is_space(text[at])) {
        ++at;
    }
    return at < text.size() && !is_space(text[at]) ? std::string_view::npos : at;
}

// Moves `at` past a tag and one white space.
bool take_tag(std::string_view text, std::size_t& at, SyslogHead& head) noexcept {
    std::size_t start = at;
    while (start < text.size() && is_space(text[start])) {
        ++start;
    }
    const std::size_t end = word_end(text, start);
    // A word of ':' alone names nobody: it is text.
    if (end == std::string_view::npos || end - start < 2 || text[end - 1] != ':') {
        return false;
    }
    std::string_view tag = text.substr(start, end - 1 - start);
    if (tag.back() == ']') {
        if (const std::size_t bracket = tag.rfind('['); bracket != std::string_view::npos) {
            head.pid = tag.substr(bracket + 1, tag.size() - bracket - 2);
            head.has_pid = true;
            tag = tag.substr(0, bracket);
        }
    }
    head.identifier = tag;
    at = end + (end < text.size() ? 1 : 0);
    return true;
}

bool is_hostname(std::string_view word) noexcept {
    return std::ranges::all_of(word, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
               c == '_' || c == ':';
    });
}

void parse_rfc3164_head(std::string_view text, std::size_t at, SyslogHead& head) noexcept {
    const bool timed = take_timestamp(text, at, head);
    if (!take_tag(text, at, head) && timed) {
        const std::size_t end = word_end(text, at);
        std::size_t behind = end + 1;
        if (end != std::string_view::npos && end > at && end + 1 < text.size() && text[end] == ' ' &&
            !is_space(text[behind]) && is_hostname(text.substr(at, end - at)) && take_tag(text, behind, head)) {
            head.hostname = text.substr(at, end - at);
            at = behind;
        }
    }
    head.message_at = at;
}

}  // namespace

SyslogHead parse_syslog_head(std::string_view text, const IntakeContext& context) noexcept {
    SyslogHead head;
    head.severity = context.severity;
    head.time_ns = context.time_ns;
    const std::size_t at = parse_priority(text, head);
    if (at == 0) {
        head.fault = "no priority from <0> to <191>";
        return head;
    }
    if (text.substr(at).starts_with("1 ")) {
        parse_rfc5424_head(text, at + 2, context.limits, head);
    } else {
        parse_rfc3164_head(text, at, head);
    }
    head.fields_bytes += head.identifier.size() + head.hostname.size() + head.pid.size() + head.msgid.size() +
                         head.timestamp.size() + 5 * (kFieldHeaderSize + 16);
    return head;
}

}  // namespace sluice::wire
