// A part's bytes in a file that pool threads read.
#pragma once

#include "io/kernel.h"
#include "part/source.h"

namespace sluice::store {

class PartSource final : public part::Source {
 public:
    PartSource(std::shared_ptr<const io::FileReader> file, std::uint64_t size) noexcept
        : file_(std::move(file)), size_(size) {}
    std::uint64_t size() const noexcept override { return size_; }
    Result<> read(std::uint64_t offset, std::span<std::byte> into) const override { return file_->read(offset, into); }

 private:
    std::shared_ptr<const io::FileReader> file_;
    std::uint64_t size_;
};

}  // namespace sluice::store
