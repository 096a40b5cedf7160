#include "wire/text_pattern.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/bytes.h"
#include "wire/escape.h"
#include "wire/time_text.h"

namespace sluice::wire {
namespace {

constexpr std::size_t kItemsMax = 64;
// With %*: so far into a line, and so many starts, are tried.
constexpr std::size_t kSearchBytesMax = 4096;
constexpr int kSearchTriesMax = 64;

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

std::optional<std::int64_t> day_of(std::int64_t year, std::int64_t month, std::int64_t day) noexcept {
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok()) {
        return std::nullopt;
    }
    return std::chrono::sys_days(date).time_since_epoch().count();
}

}  // namespace

struct TextPattern::Parts {
    std::int64_t year = -1;  // Not given.
    std::int64_t month = 1;
    std::int64_t day = 1;
    std::int64_t hour = 0;
    std::int64_t minute = 0;
    std::int64_t second = 0;
    std::int64_t fraction_ns = 0;
    std::int64_t zone_seconds = 0;
    bool says_zone = false;
    std::optional<std::int64_t> epoch_seconds{};
    std::optional<Severity> severity{};
};

class TextPattern::Cursor {
 public:
    Cursor(std::string_view line, std::size_t at) noexcept : line_(line), at_(at) {}

    std::size_t at() const noexcept { return at_; }
    bool accept(char c) noexcept {
        const bool found = at_ < line_.size() && line_[at_] == c;
        at_ += found ? 1 : 0;
        return found;
    }
    bool at_digit() const noexcept { return at_ < line_.size() && is_digit(line_[at_]); }
    // `digits_min` to `digits_max` digits, at most 18.
    bool number(std::size_t digits_min, std::size_t digits_max, std::int64_t& value) noexcept {
        value = 0;
        std::size_t digits = 0;
        for (; digits < digits_max && at_digit(); ++digits) {
            value = value * 10 + (line_[at_++] - '0');
        }
        return digits >= digits_min;
    }
    // Nanoseconds of `digits` digits; 0: of one or more.
    bool fraction(std::size_t digits, std::int64_t& value) noexcept {
        value = 0;
        std::size_t seen = 0;
        for (std::int64_t unit = kSecond / 10; at_digit() && (digits == 0 || seen < digits); unit /= 10) {
            value += unit * (line_[at_++] - '0');
            ++seen;
        }
        return digits == 0 ? seen > 0 : seen == digits;
    }
    std::string_view word() noexcept {
        const std::size_t start = at_;
        while (at_ < line_.size() && lower(line_[at_]) >= 'a' && lower(line_[at_]) <= 'z') {
            ++at_;
        }
        return line_.substr(start, at_ - start);
    }
    // Which of `names`, in any case, stands here; -1: none.
    template <std::size_t n>
    std::int64_t name(const std::array<std::string_view, n>& names) noexcept {
        const std::string_view here = line_.substr(at_, names[0].size());
        for (std::size_t i = 0; i < n; ++i) {
            if (std::ranges::equal(here, names[i], {}, lower)) {
                at_ += names[i].size();
                return static_cast<std::int64_t>(i);
            }
        }
        return -1;
    }
    bool zone(std::int64_t& seconds) noexcept {
        const auto zone = zone_at_front(line_.substr(at_));
        if (!zone) {
            return false;
        }
        seconds = zone->seconds;
        at_ += zone->bytes;
        return true;
    }

 private:
    std::string_view line_;
    std::size_t at_;
};

Result<TextPattern> TextPattern::compile(std::string_view pattern, Options options) {
    TextPattern compiled;
    compiled.options_ = options;
    std::size_t at = 0;
    if (pattern.starts_with("%*")) {
        compiled.anchored_ = false;
        at = 2;
        if (at == pattern.size() || pattern[at] == '%' || pattern[at] == ' ') {
            return fail(Errc::invalid_argument,
                        "character 3: '%*' must be followed by the character where the time "
                        "begins, such as '['");
        }
    }
    while (at < pattern.size()) {  // Bounded: add() moves `at`.
        SLUICE_CHECK(compiled.add(pattern, at));
        if (compiled.items_.size() > kItemsMax) {
            return fail(Errc::invalid_argument, "longer than {} elements", kItemsMax);
        }
    }
    SLUICE_CHECK(compiled.check());
    return compiled;
}

Result<void> TextPattern::add(std::string_view pattern, std::size_t& at) {
    struct Known {
        char letter;
        std::array<Item, 5> items;
        std::size_t count;
    };
    constexpr Item kDash{Kind::literal, '-'};
    constexpr Item kColon{Kind::literal, ':'};
    static constexpr std::array kKnown{
        Known{'Y', {Item{Kind::year}}, 1},
        Known{'y', {Item{Kind::short_year}}, 1},
        Known{'m', {Item{Kind::month}}, 1},
        Known{'b', {Item{Kind::month_name}}, 1},
        Known{'d', {Item{Kind::day}}, 1},
        Known{'e', {Item{Kind::padded_day}}, 1},
        Known{'a', {Item{Kind::weekday}}, 1},
        Known{'H', {Item{Kind::hour}}, 1},
        Known{'M', {Item{Kind::minute}}, 1},
        Known{'S', {Item{Kind::second}}, 1},
        Known{'3', {Item{Kind::fraction, 3}}, 1},
        Known{'6', {Item{Kind::fraction, 6}}, 1},
        Known{'9', {Item{Kind::fraction, 9}}, 1},
        Known{'f', {Item{Kind::fraction, 0}}, 1},
        Known{'z', {Item{Kind::zone}}, 1},
        Known{'s', {Item{Kind::epoch_seconds}}, 1},
        Known{'l', {Item{Kind::severity}}, 1},
        Known{'%', {Item{Kind::literal, '%'}}, 1},
        Known{'F', {Item{Kind::year}, kDash, Item{Kind::month}, kDash, Item{Kind::day}}, 5},
        Known{'T', {Item{Kind::hour}, kColon, Item{Kind::minute}, kColon, Item{Kind::second}}, 5},
    };
    const char c = pattern[at++];
    if (c != '%') {
        const bool space = c == ' ' || c == '\t';
        items_.push_back({space ? Kind::space : Kind::literal, c});
        return {};
    }
    const char letter = at < pattern.size() ? pattern[at++] : '\0';
    const auto known = std::ranges::find(kKnown, letter, &Known::letter);
    if (known == kKnown.end()) {
        return fail(Errc::invalid_argument,
                    "character {}: unknown {}; known are %Y %y %m %d %e %b %a %H %M %S %F %T %3 %6 %9 %f %z %s %l %% "
                    "and, at the beginning, %*",
                    at - (letter == '\0' ? 0 : 1), quoted(pattern.substr(at - (letter == '\0' ? 1 : 2), 2)));
    }
    for (std::size_t i = 0; i < known->count; ++i) {
        items_.push_back(known->items[i]);
    }
    return {};
}

bool TextPattern::has(Kind kind) const noexcept {
    return std::ranges::find(items_, kind, &Item::kind) != items_.end();
}

Result<void> TextPattern::check() const {
    const bool month = has(Kind::month) || has(Kind::month_name);
    const bool day = has(Kind::day) || has(Kind::padded_day);
    if (!has(Kind::epoch_seconds) && (!month || !day)) {
        return fail(Errc::invalid_argument, "no date: it needs a month (%m, %b) and a day (%d, %e), or %F, or %s");
    }
    return {};
}

std::optional<TextPattern::Match> TextPattern::match(std::string_view line) const noexcept {
    if (anchored_) {
        return match_at(line, 0);
    }
    line = line.substr(0, kSearchBytesMax);
    std::size_t at = 0;
    for (int tries = 0; tries < kSearchTriesMax; ++tries, ++at) {
        at = line.find(items_.front().value, at);  // A literal: compile() has checked it.
        if (at == std::string_view::npos) {
            break;
        }
        if (const auto found = match_at(line, at)) {
            return found;
        }
    }
    return std::nullopt;
}

std::optional<TextPattern::Match> TextPattern::match_at(std::string_view line, std::size_t at) const noexcept {
    Cursor cursor(line, at);
    Parts parts;
    parts.zone_seconds = options_.zone_seconds;
    for (const Item& item : items_) {
        if (!take(item, cursor, parts)) {
            return std::nullopt;
        }
    }
    const auto time = time_of(parts);
    if (!time) {
        return std::nullopt;
    }
    return Match{.time_ns = *time, .severity = parts.severity, .end = cursor.at()};
}

bool TextPattern::take(const Item& item, Cursor& cursor, Parts& parts) noexcept {
    switch (item.kind) {
        case Kind::literal:
            return cursor.accept(item.value);
        case Kind::space: {
            const std::size_t start = cursor.at();
            while (cursor.accept(' ') || cursor.accept('\t')) {
            }
            return cursor.at() > start;
        }
        case Kind::year:
            return cursor.number(4, 4, parts.year);
        case Kind::short_year: {
            const bool found = cursor.number(2, 2, parts.year);
            parts.year += parts.year < 70 ? 2000 : 1900;
            return found;
        }
        case Kind::month:
            return cursor.number(2, 2, parts.month);
        case Kind::month_name:
            parts.month = cursor.name(kMonths) + 1;
            return parts.month > 0;
        case Kind::day:
            return cursor.number(2, 2, parts.day);
        case Kind::padded_day:
            return cursor.accept(' ') ? cursor.number(1, 1, parts.day) : cursor.number(1, 2, parts.day);
        case Kind::weekday:
            return cursor.name(kWeekdays) >= 0;
        case Kind::hour:
            return cursor.number(2, 2, parts.hour);
        case Kind::minute:
            return cursor.number(2, 2, parts.minute);
        case Kind::second:
            return cursor.number(2, 2, parts.second);
        case Kind::fraction:
            return cursor.fraction(static_cast<std::size_t>(item.value), parts.fraction_ns);
        case Kind::zone:
            parts.says_zone = true;
            return cursor.zone(parts.zone_seconds);
        case Kind::epoch_seconds: {
            std::int64_t seconds = 0;
            const bool found = cursor.number(1, 12, seconds);
            parts.epoch_seconds = seconds;
            return found;
        }
        case Kind::severity:
            parts.severity = parse_level(cursor.word());
            return parts.severity.has_value();
    }
    return false;
}

std::optional<WallNs> TextPattern::time_of(const Parts& parts) const noexcept {
    std::int64_t seconds = 0;
    if (parts.epoch_seconds) {
        seconds = *parts.epoch_seconds;
    } else {
        if (parts.hour > 23 || parts.minute > 59 || parts.second > 60) {
            return std::nullopt;
        }
        const std::int64_t in_day = parts.hour * 3600 + parts.minute * 60 + parts.second - parts.zone_seconds;
        std::optional<std::int64_t> day;
        if (parts.year >= 0) {
            day = day_of(parts.year, parts.month, parts.day);
        } else {
            const std::int64_t latest = options_.now / kSecond + kDaySeconds;
            const std::chrono::year_month_day today{
                std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(latest)))};
            // A 29th of February may be up to eight years back.
            for (std::int64_t back = 0; back <= 8; ++back) {
                day = day_of(static_cast<int>(today.year()) - back, parts.month, parts.day);
                if (day && *day * kDaySeconds + in_day <= latest) {
                    break;
                }
            }
        }
        if (!day) {
            return std::nullopt;
        }
        seconds = *day * kDaySeconds + in_day;
        if (options_.local && !parts.says_zone) {
            seconds = utc_of_local(seconds);
        }
    }
    if (seconds > kSecondsMax || seconds < -kSecondsMax) {
        return std::nullopt;
    }
    return seconds * kSecond + parts.fraction_ns;
}

std::optional<std::int32_t> TextPattern::parse_zone(std::string_view text) noexcept {
    const auto zone = zone_at_front(text);
    return zone && zone->bytes == text.size() ? std::optional(zone->seconds) : std::nullopt;
}

}  // namespace sluice::wire
