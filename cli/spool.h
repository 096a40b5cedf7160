// Standard input held until it has ended: in memory up to 8 MiB, then in a temporary file that has no name.
#pragma once

#include "base/bytes.h"
#include "base/result.h"

namespace sluice::cli {

class Spool {
 public:
    static constexpr std::size_t kMemoryBytesMax = 8U << 20U;

    Spool() = default;
    ~Spool();
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;

    // Reads `fd` to its end.  Errors: what read(2), or writing below $TMPDIR (else /tmp), says.
    Result<void> fill(int fd);
    std::uint64_t size() const noexcept { return size_; }
    // The bytes from `offset` on, at most `bytes_max`, in `buffer` if they are not in memory.
    Result<ByteView> piece(std::uint64_t offset, std::size_t bytes_max, Bytes& buffer) const;

 private:
    Result<void> move_to_file();
    Result<void> write_to_file(ByteView bytes);

    Bytes memory_;
    int file_ = -1;
    std::uint64_t size_ = 0;
};

}  // namespace sluice::cli
