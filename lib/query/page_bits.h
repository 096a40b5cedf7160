// Which rows of one page are selected.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace sluice::query {

class PageBits {
 public:
    explicit PageBits(std::uint32_t rows) : rows_(rows), words_((rows + 63) / 64) {}
    static PageBits all(std::uint32_t rows) {
        PageBits bits(rows);
        bits.set_all();
        return bits;
    }

    std::uint32_t rows() const noexcept { return rows_; }
    bool test(std::uint32_t row) const noexcept { return (words_[row / 64] >> (row % 64) & 1U) != 0; }
    void set(std::uint32_t row) noexcept { words_[row / 64] |= std::uint64_t{1} << (row % 64); }
    void set_if(std::uint32_t row, bool value) noexcept { words_[row / 64] |= std::uint64_t{value} << (row % 64); }
    void set_all() noexcept {
        words_.assign(words_.size(), ~std::uint64_t{0});
        if (rows_ % 64 != 0) {
            words_.back() = (std::uint64_t{1} << (rows_ % 64)) - 1;
        }
    }
    std::uint32_t count() const noexcept {
        std::uint32_t total = 0;
        for (const std::uint64_t word : words_) {
            total += static_cast<std::uint32_t>(std::popcount(word));
        }
        return total;
    }
    bool none() const noexcept {
        for (const std::uint64_t word : words_) {
            if (word != 0) {
                return false;
            }
        }
        return true;
    }
    PageBits& operator&=(const PageBits& other) noexcept {
        return combine(other, [](auto a, auto b) { return a & b; });
    }
    PageBits& operator|=(const PageBits& other) noexcept {
        return combine(other, [](auto a, auto b) { return a | b; });
    }
    PageBits& remove(const PageBits& other) noexcept {
        return combine(other, [](auto a, auto b) { return a & ~b; });
    }
    // Ascending.
    template <class Use>
    void for_each(Use&& use) const {
        for (std::uint32_t i = 0; i < words_.size(); ++i) {
            for (std::uint64_t word = words_[i]; word != 0; word &= word - 1) {
                use(i * 64 + static_cast<std::uint32_t>(std::countr_zero(word)));
            }
        }
    }
    std::vector<std::uint16_t> selected() const {
        std::vector<std::uint16_t> rows;
        rows.reserve(count());
        for_each([&](std::uint32_t row) { rows.push_back(static_cast<std::uint16_t>(row)); });
        return rows;
    }

 private:
    template <class Combine>
    PageBits& combine(const PageBits& other, Combine&& with) noexcept {
        for (std::size_t i = 0; i < words_.size(); ++i) {
            words_[i] = with(words_[i], other.words_[i]);
        }
        return *this;
    }
    std::uint32_t rows_;
    std::vector<std::uint64_t> words_;
};

}  // namespace sluice::query
