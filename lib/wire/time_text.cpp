#include "wire/time_text.h"

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iterator>

#include "base/format.h"

namespace sluice::wire {
namespace {

// Takes text from the front; after the first mismatch everything fails.
class Scanner {
 public:
    explicit Scanner(std::string_view text) noexcept : rest_(text) {}

    // Exactly `digits` digits.
    int number(std::size_t digits) noexcept {
        int value = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            if (!at_digit()) {
                failed_ = true;
                return 0;
            }
            value = value * 10 + (rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        return value;
    }
    bool accept(std::string_view any_of) noexcept {
        if (rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }
    void expect(std::string_view any_of) noexcept { failed_ |= !accept(any_of); }
    // Nanoseconds of a fraction of at least one digit.
    std::int64_t fraction() noexcept {
        failed_ |= !at_digit();
        std::int64_t value = 0;
        for (std::int64_t unit = kSecond / 10; at_digit(); unit /= 10) {
            value += unit * (rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        return value;
    }
    std::int64_t zone() noexcept {
        const auto zone = zone_at_front(rest_);
        failed_ |= !zone;
        rest_.remove_prefix(zone ? zone->bytes : 0);
        return zone ? zone->seconds : 0;
    }
    bool done() const noexcept { return rest_.empty(); }
    bool failed() const noexcept { return failed_; }

 private:
    bool at_digit() const noexcept { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
    std::string_view rest_;
    bool failed_ = false;
};

}  // namespace

std::optional<ZoneText> zone_at_front(std::string_view text) noexcept {
    const auto two_digits = [text](std::size_t at) {
        const auto digit = [text](std::size_t i) {
            return i < text.size() && text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : -1;
        };
        return digit(at) < 0 || digit(at + 1) < 0 ? -1 : digit(at) * 10 + digit(at + 1);
    };
    if (text.starts_with('Z') || text.starts_with('z')) {
        return ZoneText{.seconds = 0, .bytes = 1};
    }
    if (!text.starts_with('+') && !text.starts_with('-')) {
        return std::nullopt;
    }
    const int hours = two_digits(1);
    std::size_t bytes = 3;
    int minutes = 0;
    if (hours >= 0 && bytes < text.size() && (text[bytes] == ':' || (text[bytes] >= '0' && text[bytes] <= '9'))) {
        bytes += text[bytes] == ':' ? 1 : 0;
        minutes = two_digits(bytes);
        bytes += 2;
    }
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) {
        return std::nullopt;
    }
    return ZoneText{.seconds = (text[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60), .bytes = bytes};
}

void append_rfc3339(std::string& to, WallNs time_ns) {
    std::int64_t seconds = time_ns / kSecond;
    std::int64_t fraction = time_ns % kSecond;
    if (fraction < 0) {
        fraction += kSecond;
        --seconds;
    }
    std::int64_t days = seconds / kDaySeconds;
    std::int64_t in_day = seconds % kDaySeconds;
    if (in_day < 0) {
        in_day += kDaySeconds;
        --days;
    }
    const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
    fmt::format_to(std::back_inserter(to), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", static_cast<int>(date.year()),
                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), in_day / 3600,
                   in_day / 60 % 60, in_day % 60, fraction);
}

void append_time(std::string& to, WallNs time_ns, Zone zone) {
    std::tm parts{};
    const std::time_t seconds = time_ns / kSecond - (time_ns % kSecond < 0 ? 1 : 0);
    if (zone == Zone::utc || ::localtime_r(&seconds, &parts) == nullptr || parts.tm_gmtoff == 0) {
        append_rfc3339(to, time_ns);
        return;
    }
    // The digits of a time that is UTC's as many minutes later.
    const std::int64_t minutes = parts.tm_gmtoff / 60;
    std::int64_t shifted = 0;
    if (__builtin_add_overflow(time_ns, minutes * 60 * kSecond, &shifted)) {
        append_rfc3339(to, time_ns);
        return;
    }
    append_rfc3339(to, shifted);
    to.pop_back();  // Z
    fmt::format_to(std::back_inserter(to), "{}{:02}:{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60,
                   std::abs(minutes) % 60);
}

std::int64_t utc_of_local(std::int64_t seconds) noexcept {
    const std::time_t time = seconds;
    std::tm parts{};
    if (::gmtime_r(&time, &parts) == nullptr) {
        return seconds;
    }
    parts.tm_isdst = -1;
    return std::mktime(&parts);
}

std::optional<WallNs> parse_rfc3339(std::string_view text) noexcept {
    Scanner scan(text);
    const int year = scan.number(4);
    scan.expect("-");
    const int month = scan.number(2);
    scan.expect("-");
    const int day = scan.number(2);
    int hour = 0;
    int minute = 0;
    int second = 0;
    std::int64_t fraction = 0;
    std::int64_t zone = 0;
    if (!scan.done()) {
        scan.expect("Tt ");
        hour = scan.number(2);
        scan.expect(":");
        minute = scan.number(2);
        if (scan.accept(":")) {
            second = scan.number(2);
            fraction = scan.accept(".,") ? scan.fraction() : 0;
        }
        zone = scan.done() ? 0 : scan.zone();
    }
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (scan.failed() || !scan.done() || !date.ok() || hour > 23 || minute > 59 || second > 60) {
        return std::nullopt;
    }
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    const std::int64_t seconds = days * kDaySeconds + hour * 3600 + minute * 60 + second - zone;
    if (seconds > kSecondsMax || seconds < -kSecondsMax) {
        return std::nullopt;
    }
    return seconds * kSecond + fraction;
}

}  // namespace sluice::wire
