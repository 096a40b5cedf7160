#include "cli/bench_figures.h"

#include <algorithm>
#include <bit>

#include "base/format.h"

namespace sluice::cli {
namespace {

double median_of(std::vector<double> values) {
    std::ranges::sort(values);
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::string number(double value) {
    if (value >= 1e6) {
        return fmt::format("{:.3f} M", value / 1e6);
    }
    if (value >= 1e5) {
        return fmt::format("{:.1f} k", value / 1e3);
    }
    return fmt::format("{:.{}f}", value, value >= 100 ? 0 : 1);
}

}  // namespace

std::size_t Histogram::bucket_of(std::uint64_t ns) noexcept {
    const auto width = static_cast<unsigned>(std::bit_width(ns));
    if (width <= kSubBits) {
        return static_cast<std::size_t>(ns);
    }
    const unsigned shift = width - kSubBits - 1;
    return (static_cast<std::size_t>(shift) << kSubBits) + static_cast<std::size_t>(ns >> shift);
}

double Histogram::middle_of(std::size_t bucket) noexcept {
    const std::size_t sub = std::size_t{1} << kSubBits;
    if (bucket < 2 * sub) {
        return static_cast<double>(bucket);
    }
    const std::size_t shift = (bucket >> kSubBits) - 1;
    const std::size_t mantissa = bucket - (shift << kSubBits);
    return (static_cast<double>(mantissa) + 0.5) * static_cast<double>(std::uint64_t{1} << shift);
}

double Histogram::quantile(double fraction) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(fraction * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
        seen += counts_[bucket];
        if (seen > wanted || (seen == total_ && seen > 0)) {
            return middle_of(bucket);
        }
    }
    return 0;
}

void Figures::add(std::string_view name, std::string_view unit, double value) {
    auto it = std::ranges::find(figures_, name, &Figure::name);
    if (it == figures_.end()) {
        it = figures_.insert(it, {std::string(name), std::string(unit), {}});
    }
    it->values.push_back(value);
}

std::string Figures::text() const {
    std::string lines;
    for (const Figure& figure : figures_) {
        const auto [low, high] = std::ranges::minmax(figure.values);
        lines += fmt::format("{}: {} {} (median of {}, {}..{})\n", figure.name, number(median_of(figure.values)),
                             figure.unit, figure.values.size(), number(low), number(high));
    }
    return lines;
}

std::string Figures::json(std::string_view mode) const {
    std::string lines;
    for (const Figure& figure : figures_) {  // Names and units are words of our own: nothing to escape.
        const auto [low, high] = std::ranges::minmax(figure.values);
        lines += fmt::format(R"({}{{"name":"{}","unit":"{}","median":{},"min":{},"max":{},"runs":[{}]}})",
                             lines.empty() ? "\n  " : ",\n  ", figure.name, figure.unit, median_of(figure.values), low,
                             high, fmt::join(figure.values, ","));
    }
    return fmt::format("{{\"mode\":\"{}\",\"figures\":[{}\n]}}\n", mode, lines);
}

}  // namespace sluice::cli
