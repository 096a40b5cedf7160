#include "cli/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "cli/console.h"
#include "wire/escape.h"

namespace sluice::cli {
namespace {

constexpr std::size_t kReadBytes = 1U << 20U;

}  // namespace

Spool::~Spool() {
    if (file_ >= 0) {
        ::close(file_);
    }
}

Result<void> Spool::fill(int fd) {
    Progress progress;
    Bytes buffer(kReadBytes);
    for (;;) {
        SLUICE_TRY(const std::size_t n, read_some(fd, buffer));
        if (n == 0) {
            return {};
        }
        const ByteView received = ByteView(buffer).first(n);
        if (file_ < 0 && memory_.size() + n <= kMemoryBytesMax) {
            append(memory_, received);
        } else {
            if (file_ < 0) {
                SLUICE_CHECK(move_to_file());
            }
            SLUICE_CHECK(write_to_file(received));
        }
        size_ += n;
        progress.add(n);
    }
}

Result<void> Spool::move_to_file() {
    const char* directory = std::getenv("TMPDIR");
    const std::string path = directory != nullptr && *directory != '\0' ? directory : "/tmp";
    file_ = ::open(path.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file_ < 0) {
        std::string name = path + "/sluice-XXXXXX";
        file_ = ::mkostemp(name.data(), O_CLOEXEC);
        if (file_ < 0) {
            return std::unexpected(local_error(errno, fmt::format("make a temporary file in {}", wire::quoted(path))));
        }
        ::unlink(name.c_str());
    }
    const Bytes held = std::move(memory_);
    memory_ = Bytes{};
    return write_to_file(held);
}

Result<void> Spool::write_to_file(ByteView bytes) {
    while (!bytes.empty()) {  // Bounded: each turn writes at least one byte, fails, or was interrupted.
        const ssize_t n = ::write(file_, bytes.data(), bytes.size());
        if (n >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(n));
        } else if (errno != EINTR) {
            return std::unexpected(local_error(errno, "write to a temporary file"));
        }
    }
    return {};
}

Result<ByteView> Spool::piece(std::uint64_t offset, std::size_t bytes_max, Bytes& buffer) const {
    const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes_max, size_ - offset));
    if (file_ < 0) {
        return ByteView(memory_).subspan(static_cast<std::size_t>(offset), bytes);
    }
    buffer.resize(bytes);
    std::size_t have = 0;
    while (have < bytes) {  // Bounded: each turn reads at least one byte, fails, or was interrupted.
        const ssize_t n = ::pread(file_, buffer.data() + have, bytes - have, static_cast<off_t>(offset + have));
        if (n > 0) {
            have += static_cast<std::size_t>(n);
        } else if (n == 0 || errno != EINTR) {
            return std::unexpected(local_error(n == 0 ? EIO : errno, "read a temporary file"));
        }
    }
    return ByteView(buffer);
}

}  // namespace sluice::cli
