// pread on whatever thread asks.
#include <sys/stat.h>
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
        for (std::size_t done = 0; done < into.size();) {  // Bounded: each turn reads a byte, is interrupted, or ends.
            const ssize_t n = pread(fd_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
            if (n < 0 && errno != EINTR) {
                return fail_errno(errno, "read");
            }
            if (n == 0) {
                struct stat found{};
                return fstat(fd_, &found) == 0
                           ? beyond_end(offset, into.size(), static_cast<std::uint64_t>(found.st_size))
                           : fail_errno(errno, "stat");
            }
            done += n > 0 ? static_cast<std::size_t>(n) : 0;
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
