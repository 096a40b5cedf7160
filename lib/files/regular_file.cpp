#include "files/regular_file.h"

#include <algorithm>
#include <limits>

#include "coro/timeout.h"

namespace sluice::files {

namespace {

// Of one operation: a read of cached pages holds the loop, and a write that a worker has begun cannot be cancelled.
constexpr std::size_t kReadPieceBytes = std::size_t{256} << 10U;
constexpr std::size_t kWritePieceBytes = std::size_t{1} << 20U;

Task<Result<io::FileStat>> stat_file(io::Kernel& kernel, const io::Handle& file) {
    co_return co_await kernel.stat(file);
}

}  // namespace

Task<Result<RegularFile>> open_regular(io::Kernel& kernel, const Root& root, const std::string& path, int flags,
                                       mode_t mode) {
    RegularFile regular;
    SLUICE_CO_TRY(regular.file, co_await open_beneath(kernel, root, path, flags | O_NONBLOCK | O_NOCTTY, mode));
    // Not cancelled: with O_CREAT and O_TRUNC the open has already had its effect.
    Result<io::FileStat> stat = co_await coro::shield(stat_file(kernel, regular.file));
    if (!stat) {
        co_return std::unexpected(explain(stat.error(), "stat", shown(root.name(), path)));
    }
    if (!S_ISREG(stat->mode)) {
        co_return fail(Errc::wrong_type, "open {}: not a regular file", shown(root.name(), path));
    }
    regular.stat = *stat;
    co_return std::move(regular);
}

Task<Result<>> write_whole(io::Kernel& kernel, const io::Handle& file, std::uint64_t offset, ByteView bytes,
                           io::WriteSync sync) {
    while (!bytes.empty()) {  // Bounded: each turn writes at least one byte or fails.
        const ByteView piece = bytes.first(std::min(bytes.size(), kWritePieceBytes));
        Result<std::size_t> written = co_await kernel.write_at(file, offset, piece, sync);
        if (!written) {
            co_return std::unexpected(std::move(written).error());
        }
        if (*written == 0) {
            co_return fail(Errc::io_error, "the file system accepts no bytes");
        }
        offset += *written;
        bytes = bytes.subspan(*written);
    }
    co_return Result<>{};
}

Task<Result<std::size_t>> read_whole(io::Kernel& kernel, const io::Handle& file, std::uint64_t offset,
                                     std::span<std::byte> into) {
    std::size_t done = 0;
    while (done < into.size()) {
        const std::span piece = into.subspan(done, std::min(into.size() - done, kReadPieceBytes));
        Result<std::size_t> count = co_await kernel.read_at(file, offset + done, piece);
        if (!count) {
            co_return std::unexpected(std::move(count).error());
        }
        if (*count == 0) {
            break;
        }
        done += *count;
    }
    co_return done;
}

Result<> check_range(std::uint64_t offset, std::uint64_t length) {
    constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
    if (offset > kMax || length > kMax - offset) {
        return fail(Errc::invalid_argument, "offset {} with {} bytes is beyond the end of any file", offset, length);
    }
    return {};
}

}  // namespace sluice::files
