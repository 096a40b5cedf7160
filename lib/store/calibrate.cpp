#include "store/calibrate.h"

#include "store/identity.h"

namespace sluice::store {
namespace {

constexpr std::size_t kRounds = 24;
constexpr Duration kTimeMax = std::chrono::milliseconds(300);  // A slow disk is judged by fewer rounds.
constexpr std::size_t kBlock = 4096;
constexpr std::size_t kNameBytesMax = 16;
const std::string kFileName = "calibration";
const std::string kDirectName = "calibration-direct.tmp";
const std::string kBufferedName = "calibration-buffered.tmp";

// A file of zeros, so that what is measured overwrites blocks that exist.
Task<Result<io::Handle>> make_file(io::Kernel& kernel, const io::Handle& directory, const std::string& name,
                                   int flags) {
    const io::OpenOptions create{.flags = O_RDWR | O_CREAT | O_TRUNC | flags};
    SLUICE_CO_TRY(io::Handle file, co_await kernel.open(directory.fd(), name, create));
    AlignedBuffer zeros(kRounds * kBlock);
    std::memset(zeros.data(), 0, zeros.capacity());
    const ByteView all(zeros.data(), zeros.capacity());
    SLUICE_CO_CHECK(co_await kernel.write_at(file, 0, all, io::WriteSync::none));
    SLUICE_CO_CHECK(co_await kernel.sync(file, io::SyncKind::all));
    co_return std::move(file);
}

// One durable overwrite of a block.
Task<Result<Duration>> commit_block(io::Kernel& kernel, const io::Handle& file, std::size_t round, bool direct) {
    AlignedBuffer block(kBlock);
    std::memset(block.data(), 0, kBlock);
    const ByteView bytes(block.data(), kBlock);
    const io::WriteSync sync = direct ? io::WriteSync::data : io::WriteSync::none;
    const MonotonicTime before = kernel.clock().now();
    SLUICE_CO_CHECK(co_await kernel.write_at(file, round * kBlock, bytes, sync));
    if (!direct) {
        SLUICE_CO_CHECK(co_await kernel.sync(file, io::SyncKind::data));
    }
    co_return kernel.clock().now() - before;
}

Duration median(std::vector<Duration> times) {
    std::ranges::sort(times);
    return times[times.size() / 2];
}

// The two ways in turn, so that whatever else the disk is doing meets both.
Task<Result<Calibration>> measure(io::Kernel& kernel, const io::Handle& directory) {
    Calibration found;
    SLUICE_CO_TRY(io::Handle buffered, co_await make_file(kernel, directory, kBufferedName, 0));
    Result<io::Handle> direct = co_await make_file(kernel, directory, kDirectName, O_DIRECT);
    if (!direct) {
        found.mode = IoMode::buffered;
    }
    std::vector<Duration> direct_times;
    std::vector<Duration> buffered_times;
    const MonotonicTime start = kernel.clock().now();
    for (std::size_t round = 0; round < kRounds && direct; ++round) {
        SLUICE_CO_TRY(const Duration first, co_await commit_block(kernel, *direct, round, /*direct=*/true));
        SLUICE_CO_TRY(const Duration second, co_await commit_block(kernel, buffered, round, /*direct=*/false));
        direct_times.push_back(first);
        buffered_times.push_back(second);
        if (kernel.clock().now() - start > kTimeMax) {
            break;
        }
    }
    if (direct) {
        found.direct = median(std::move(direct_times));
        found.buffered = median(std::move(buffered_times));
        found.mode = found.buffered < found.direct * 3 / 4 ? IoMode::buffered : IoMode::direct;
        SLUICE_CO_CHECK(co_await kernel.close(std::move(*direct)));
        SLUICE_CO_CHECK(co_await kernel.unlink(directory.fd(), kDirectName));
    }
    SLUICE_CO_CHECK(co_await kernel.close(std::move(buffered)));
    SLUICE_CO_CHECK(co_await kernel.unlink(directory.fd(), kBufferedName));
    co_return found;
}

}  // namespace

Task<Result<Calibration>> choose_io_mode(io::Kernel& kernel, const io::Handle& directory) {
    Calibration found;
    const Result<Bytes> remembered = co_await read_small_file(kernel, directory, kFileName, kNameBytesMax);
    if (remembered) {
        found.mode = as_text(*remembered) == "buffered\n" ? IoMode::buffered : IoMode::direct;
        co_return found;
    }
    SLUICE_CO_TRY(found, co_await measure(kernel, directory));
    const std::string_view word = found.mode == IoMode::direct ? "direct\n" : "buffered\n";
    const ByteView bytes = as_bytes(word);
    SLUICE_CO_CHECK(co_await write_file_atomically(kernel, directory, kFileName, Bytes(bytes.begin(), bytes.end())));
    co_return found;
}

}  // namespace sluice::store
