// Where the bytes of a part come from.  This layer does no I/O: a file, a mapping or a buffer is behind this interface.
#pragma once

#include "base/bytes.h"
#include "base/result.h"

namespace sluice::part {

// The bytes of one part file, which do not change.  Threads: any, at the same time.
class Source {
 public:
    virtual ~Source() = default;
    virtual std::uint64_t size() const noexcept = 0;
    // All of `into`, or an error.
    virtual Result<> read(std::uint64_t offset, std::span<std::byte> into) const = 0;
};

// Owns the bytes.
class MemorySource final : public Source {
 public:
    explicit MemorySource(Bytes bytes) noexcept : bytes_(std::move(bytes)) {}
    std::uint64_t size() const noexcept override { return bytes_.size(); }
    Result<> read(std::uint64_t offset, std::span<std::byte> into) const override;

 private:
    Bytes bytes_;
};

}  // namespace sluice::part
