// Byte strings numbered in the order of their first appearance.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::query {

// An open-addressing table over one string that holds all keys.  Threads: one.
class KeyIndex {
 public:
    // The number of `key`, a new one if it was not there.
    std::uint32_t add(std::string_view key);
    std::string_view key(std::uint32_t number) const noexcept {
        return std::string_view(text_).substr(ends_[number], ends_[number + 1] - ends_[number]);
    }
    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(hashes_.size()); }
    std::size_t bytes() const noexcept {
        return text_.capacity() + ends_.capacity() * sizeof(std::uint64_t) +
               hashes_.capacity() * sizeof(std::uint64_t) + slots_.capacity() * sizeof(std::uint32_t);
    }

 private:
    void grow();

    std::string text_;
    std::vector<std::uint64_t> ends_{0};  // ends_[i]: where key i begins.
    std::vector<std::uint64_t> hashes_;
    std::vector<std::uint32_t> slots_;  // Number + 1; 0: free.  A power of two, at most three quarters full.
};

}  // namespace sluice::query
