#include "base/nearest_word.h"

#include <algorithm>
#include <vector>

#include "base/format.h"

namespace sluice {
namespace {

// Optimal string alignment distance: insertions, deletions, changes, swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> above(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        above[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        before.swap(above);
        above.swap(row);
    }
    return above[b.size()];
}

}  // namespace

void NearestWord::offer(std::string_view candidate, std::string_view answer) {
    if (word_.size() > 64) {
        return;
    }
    const std::size_t distance = edit_distance(word_, candidate);
    if (distance < distance_max_ || (distance == distance_max_ && answer_.empty())) {
        distance_max_ = distance;
        answer_ = answer;
    }
}

std::string NearestWord::question() const {
    return answer_.empty() ? std::string() : fmt::format("; did you mean '{}'?", answer_);
}

}  // namespace sluice
