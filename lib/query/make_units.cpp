#include <algorithm>

#include "query/merge_unit.h"
#include "query/unit.h"

namespace sluice::query {
namespace {

bool gives_rows(const Plan& plan) noexcept {
    return !std::holds_alternative<SortSpec>(plan.breaker()) && !std::holds_alternative<GroupSpec>(plan.breaker());
}

}  // namespace

std::vector<std::unique_ptr<Unit>> make_units(const std::shared_ptr<const Plan>& plan,
                                              std::vector<std::shared_ptr<const part::Part>> parts,
                                              std::vector<GroupRows> open_rows) {
    std::vector<std::unique_ptr<Unit>> units;
    std::ranges::sort(parts, {}, [](const auto& part) { return part->summary().first_sequence; });
    for (auto& part : parts) {
        units.push_back(scan_part(plan, std::move(part)));
    }
    if (!open_rows.empty()) {
        units.push_back(scan_groups(plan, std::move(open_rows)));
    }
    if (gives_rows(*plan)) {
        std::vector<std::unique_ptr<Unit>> merged;
        for (std::size_t i = 0; i < units.size();) {
            std::uint64_t end = units[i]->range().end;
            std::size_t next = i + 1;
            while (next < units.size() && units[next]->range().first < end) {
                end = std::max(end, units[next]->range().end);
                ++next;
            }
            if (next == i + 1) {
                merged.push_back(std::move(units[i]));
            } else {
                std::vector<std::unique_ptr<Unit>> run(
                    std::make_move_iterator(units.begin() + static_cast<std::ptrdiff_t>(i)),
                    std::make_move_iterator(units.begin() + static_cast<std::ptrdiff_t>(next)));
                merged.push_back(merge_by_sequence(*plan, std::move(run)));
            }
            i = next;
        }
        units = std::move(merged);
    }
    if (plan->newest_first()) {
        std::ranges::reverse(units);
    }
    return units;
}

}  // namespace sluice::query
