// Encoded elements that lie back to back, already validated, as a range of views.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

#include "base/bytes.h"

namespace sluice::wire {

// `Codec` has View, static View view(at), and static std::size_t size(at): the bytes of the element at `at`.
template <class Codec>
class EncodedRange {
 public:
    class Iterator {
     public:
        using value_type = Codec::View;
        using difference_type = std::ptrdiff_t;

        Iterator() = default;
        Iterator(const std::byte* at, std::uint32_t left) noexcept : at_(at), left_(left) {}
        value_type operator*() const noexcept { return Codec::view(at_); }
        Iterator& operator++() noexcept {
            at_ += Codec::size(at_);
            --left_;
            return *this;
        }
        Iterator operator++(int) noexcept {
            Iterator before = *this;
            ++*this;
            return before;
        }
        friend bool operator==(const Iterator& it, std::default_sentinel_t) noexcept { return it.left_ == 0; }

     private:
        const std::byte* at_ = nullptr;
        std::uint32_t left_ = 0;
    };

    EncodedRange() = default;
    // Precondition: `bytes` holds exactly `count` valid elements.
    EncodedRange(ByteView bytes, std::uint32_t count) noexcept : bytes_(bytes), count_(count) {}

    Iterator begin() const noexcept { return {bytes_.data(), count_}; }
    std::default_sentinel_t end() const noexcept { return {}; }
    std::uint32_t size() const noexcept { return count_; }
    bool empty() const noexcept { return count_ == 0; }
    ByteView bytes() const noexcept { return bytes_; }

 private:
    ByteView bytes_{};
    std::uint32_t count_ = 0;
};

}  // namespace sluice::wire
