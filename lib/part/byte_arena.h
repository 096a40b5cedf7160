// Copies of byte strings at fixed addresses, for as long as the arena lives.
#pragma once

#include <algorithm>
#include <iterator>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace sluice::part {

class ByteArena {
 public:
    ByteView keep(ByteView bytes) {
        if (bytes.size() > left_) {
            left_ = std::max(kBlock, bytes.size());
            blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(left_));
            at_ = blocks_.back().get();
        }
        std::byte* const to = at_;
        std::copy(bytes.begin(), bytes.end(), to);
        at_ += bytes.size();
        left_ -= bytes.size();
        return {to, bytes.size()};
    }
    // What `other` keeps is kept here from now on.
    void adopt(ByteArena other) { std::ranges::move(other.blocks_, std::back_inserter(blocks_)); }

 private:
    static constexpr std::size_t kBlock = std::size_t{1} << 20U;
    std::vector<std::unique_ptr<std::byte[]>> blocks_;
    std::byte* at_ = nullptr;
    std::size_t left_ = 0;
};

}  // namespace sluice::part
