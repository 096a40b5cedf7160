#include "cli/histogram.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <string_view>

#include "base/format.h"

namespace sluice::cli {
namespace {

constexpr WallNs kMillisecond = 1'000'000;
constexpr WallNs kSecond = 1000 * kMillisecond;
constexpr WallNs kMinute = 60 * kSecond;
constexpr WallNs kHour = 60 * kMinute;
constexpr WallNs kDay = 24 * kHour;
constexpr std::array kWidths{kMillisecond,
                             2 * kMillisecond,
                             5 * kMillisecond,
                             10 * kMillisecond,
                             20 * kMillisecond,
                             50 * kMillisecond,
                             100 * kMillisecond,
                             200 * kMillisecond,
                             500 * kMillisecond,
                             kSecond,
                             2 * kSecond,
                             5 * kSecond,
                             10 * kSecond,
                             15 * kSecond,
                             30 * kSecond,
                             kMinute,
                             2 * kMinute,
                             5 * kMinute,
                             10 * kMinute,
                             15 * kMinute,
                             30 * kMinute,
                             kHour,
                             2 * kHour,
                             3 * kHour,
                             6 * kHour,
                             12 * kHour,
                             kDay,
                             2 * kDay,
                             7 * kDay,
                             14 * kDay,
                             30 * kDay,
                             90 * kDay,
                             365 * kDay};

// Eighths of a character cell.
constexpr std::array<std::string_view, 8> kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
constexpr std::string_view kFull = "█";

WallNs floor_div(WallNs value, WallNs width) noexcept {
    return value / width - (value % width < 0 ? 1 : 0);
}

std::string bar(std::uint64_t count, std::uint64_t most, std::size_t cells) {
    const double share = most == 0 ? 0 : static_cast<double>(count) / static_cast<double>(most);
    auto eighths = static_cast<std::size_t>(std::llround(share * static_cast<double>(cells) * 8));
    if (count > 0) {
        eighths = std::max<std::size_t>(eighths, 1);
    }
    std::string text;
    for (std::size_t i = 0; i < eighths / 8; ++i) {
        text += kFull;
    }
    text += kEighths[eighths % 8];
    const std::size_t used = (eighths + 7) / 8;
    text.append(cells > used ? cells - used : 0, ' ');
    return text;
}

std::string label(WallNs time, WallNs width, bool utc) {
    const std::time_t seconds = floor_div(time, kSecond);
    std::tm parts{};
    if (utc) {
        ::gmtime_r(&seconds, &parts);
    } else {
        ::localtime_r(&seconds, &parts);
    }
    std::string shown = fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
    if (width < kDay) {
        shown += fmt::format(" {:02}:{:02}", parts.tm_hour, parts.tm_min);
    }
    if (width < kMinute) {
        shown += fmt::format(":{:02}", parts.tm_sec);
    }
    if (width < kSecond) {
        shown += fmt::format(".{:03}", (time - seconds * kSecond) / kMillisecond);
    }
    return shown;
}

}  // namespace

WallNs bucket_width(WallNs first, WallNs last, std::size_t rows_max) noexcept {
    for (const WallNs width : kWidths) {
        const WallNs rows = floor_div(last, width) - floor_div(first, width) + 1;
        if (static_cast<std::uint64_t>(rows) <= rows_max) {
            return width;
        }
    }
    // Some centuries: years enough.
    const auto rows = static_cast<WallNs>(std::max<std::size_t>(rows_max, 2) - 1);
    const WallNs span = last / rows - first / rows;
    return (span / kWidths.back() + 1) * kWidths.back();
}

std::string draw_histogram(const std::map<WallNs, std::uint64_t>& counts, WallNs width,
                           const HistogramOptions& options) {
    std::string out;
    if (counts.empty()) {
        return out;
    }
    std::uint64_t most = 0;
    for (const auto& [begin, count] : counts) {
        most = std::max(most, count);
    }
    const WallNs first = counts.begin()->first;
    const WallNs last = counts.rbegin()->first;
    const std::size_t label_cells = label(first, width, options.utc).size();
    const std::size_t count_cells = fmt::formatted_size("{}", most);
    const std::size_t taken = label_cells + count_cells + 4;
    const std::size_t cells = options.columns > taken + 8 ? options.columns - taken : 8;
    for (WallNs begin = first;; begin += width) {  // Bounded by bucket_width's rows_max.
        const auto found = counts.find(begin);
        const std::uint64_t count = found == counts.end() ? 0 : found->second;
        const std::string text = bar(count, most, cells);
        out += fmt::format("{}  {}{}{}  {:>{}}\n", label(begin, width, options.utc), options.colour ? "\x1b[36m" : "",
                           text, options.colour ? "\x1b[0m" : "", count, count_cells);
        if (begin >= last) {
            return out;
        }
    }
}

}  // namespace sluice::cli
