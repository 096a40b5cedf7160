// Memory for texts that are made while decoding; addresses stay.
#pragma once

#include <memory>
#include <vector>

namespace sluice::part {

class TextArena {
 public:
    // `bytes` that are not initialised.
    char* allocate(std::size_t bytes) {
        if (bytes > left_) {
            left_ = bytes < kBlock / 4 ? kBlock : bytes;
            total_ += left_;
            blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
            at_ = blocks_.back().get();
        }
        char* const taken = at_;
        at_ += bytes;
        left_ -= bytes;
        return taken;
    }
    // Gives back the end of the last allocation.
    void give_back(std::size_t bytes) noexcept {
        at_ -= bytes;
        left_ += bytes;
    }
    std::size_t memory() const noexcept { return total_; }

 private:
    static constexpr std::size_t kBlock = 4096;
    std::vector<std::unique_ptr<char[]>> blocks_;
    char* at_ = nullptr;
    std::size_t left_ = 0;
    std::size_t total_ = 0;
};

}  // namespace sluice::part
