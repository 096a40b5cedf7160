// Where the time stands in a line of plain text.
//
//   %Y %y %m %d %e   year, two digits of it, month, day, day padded with a space     %b  Jan ... Dec    %a  Mon ... Sun
//   %H %M %S         hour, minute, second          %F  %Y-%m-%d                      %T  %H:%M:%S
//   %3 %6 %9 %f      digits of a fraction: so many, or 1 to any number (those after the ninth are dropped)
//   %z               Z, +01:00, +0100 or +01; without it the zone is that of Options
//   %s               seconds since 1970
//   %l               a severity by name: INFO, warn, FATAL, ...
//   %*               at the beginning only: any text; the time is then looked for in the line
//   %%               a percent sign
// A space stands for one or more spaces or tabs, every other character for itself.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "wire/severity.h"

namespace sluice::wire {

// Immutable.  Threads: any.
class TextPattern {
 public:
    struct Options {
        std::int32_t zone_seconds = 0;  // East of UTC, of times that do not say.
        bool local = false;             // Those are of the local time zone (TZ), with its summers, instead.
        WallNs now = 0;                 // A time without a year is the last one not more than a day after this.
    };
    struct Match {
        WallNs time_ns = 0;
        std::optional<Severity> severity{};
        std::size_t end = 0;  // Offset in the line of what follows.
    };

    // Errors: invalid_argument, with the character and what is possible.
    static Result<TextPattern> compile(std::string_view pattern, Options options);

    // The time at the start of `line` (with %*: somewhere in it).  None: this line has no such time.
    std::optional<Match> match(std::string_view line) const noexcept;
    // The time is looked for at the start of the line only.
    bool anchored() const noexcept { return anchored_; }

    // "Z", "+01:00", "-0530" or "+01" as seconds east of UTC.
    static std::optional<std::int32_t> parse_zone(std::string_view text) noexcept;

 private:
    enum class Kind : std::uint8_t {
        literal,
        space,
        year,
        short_year,
        month,
        month_name,
        day,
        padded_day,
        weekday,
        hour,
        minute,
        second,
        fraction,
        zone,
        epoch_seconds,
        severity,
    };
    struct Item {
        Kind kind = Kind::literal;
        char value = '\0';  // A literal; the digits of a fraction, 0: any number.
    };
    struct Parts;
    class Cursor;

    Result<void> add(std::string_view pattern, std::size_t& at);
    Result<void> check() const;
    bool has(Kind kind) const noexcept;
    std::optional<Match> match_at(std::string_view line, std::size_t at) const noexcept;
    static bool take(const Item& item, Cursor& cursor, Parts& parts) noexcept;
    std::optional<WallNs> time_of(const Parts& parts) const noexcept;

    Options options_;
    std::vector<Item> items_;
    bool anchored_ = true;
};

}  // namespace sluice::wire
