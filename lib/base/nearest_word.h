// What somebody meant who has mistyped a word.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {

// The candidate that was probably meant by `word`, or empty: at most a third of its letters (at least one) inserted,
// left out, changed or swapped with the neighbour.
class NearestWord {
 public:
    explicit NearestWord(std::string_view word) : word_(word), distance_max_(word.size() < 6 ? 1 : word.size() / 3) {}
    void offer(std::string_view candidate, std::string_view answer);
    void offer(std::string_view candidate) { offer(candidate, candidate); }
    const std::string& answer() const noexcept { return answer_; }
    std::string question() const;  // "; did you mean 'x'?" or empty

 private:
    std::string word_;
    std::size_t distance_max_;
    std::string answer_;
};

}  // namespace sluice
