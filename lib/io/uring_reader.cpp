// pread on whatever thread asks.
#include <unistd.h>

#include <cerrno>

#include "io/uring_kernel.h"

namespace sluice::io {
namespace {

class PreadReader final : public FileReader {
 public:
    explicit PreadReader(int fd) noexcept : fd_(fd) {}
    ~PreadReader() override { ::close(fd_); }
    Result<> read(std::uint64_t offset, std::span<std::byte> into) const override {
        while (!into.empty()) {  // Bounded: each turn reads at least one byte, or is interrupted, or ends.
            const ssize_t n = pread(fd_, into.data(), into.size(), static_cast<off_t>(offset));
            if (n < 0 && errno != EINTR) {
                return fail_errno(errno, "read");
            }
            if (n == 0) {
                return fail(Errc::corrupt, "the file ends at {}", offset);
            }
            if (n > 0) {
                offset += static_cast<std::uint64_t>(n);
                into = into.subspan(static_cast<std::size_t>(n));
            }
        }
        return {};
    }

 private:
    const int fd_;
};

}  // namespace

std::shared_ptr<const FileReader> UringKernel::blocking_reader(Handle file) {
    return std::make_shared<PreadReader>(file.release());
}

}  // namespace sluice::io
