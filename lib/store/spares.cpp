#include "store/spares.h"

#include "base/aligned_buffer.h"
#include "coro/timeout.h"

namespace sluice::store {
namespace {
constexpr std::size_t kFillBytes = 256 * 1024;  // One write; small, so that commits get their turn at the device.
}  // namespace

void SparePool::add(std::uint32_t number) {
    ready_.push_back(number);
    last_number_ = std::max(last_number_, number);
}

Task<Result<>> SparePool::adopt(std::uint32_t number) {
    const std::string name = spare_name(number);
    SLUICE_CO_TRY(const io::FileStat stat, co_await kernel_.stat_at(directory_.fd(), name));
    if (stat.size != segment_bytes_) {
        co_return co_await kernel_.unlink(directory_.fd(), name);
    }
    add(number);
    co_return Result<>{};
}

Task<Result<>> SparePool::recycle(std::string name, std::uint64_t file_bytes, std::size_t ready_max) {
    if (file_bytes != segment_bytes_ || ready_.size() >= ready_max) {
        co_return co_await kernel_.unlink(directory_.fd(), name);
    }
    const std::uint32_t number = next_number();
    const std::string spare = spare_name(number);
    SLUICE_CO_CHECK(co_await kernel_.rename(directory_.fd(), name, directory_.fd(), spare, 0));
    add(number);
    co_return Result<>{};
}

Task<Result<std::string>> SparePool::take() {
    SLUICE_CO_TRY(const coro::Units lock, co_await making_.lock());
    if (ready_.empty()) {
        SLUICE_CO_CHECK(co_await make());
    }
    const std::string name = spare_name(ready_.front());
    ready_.pop_front();
    wanted_.set();
    co_return name;
}

Task<> SparePool::keep_ready() {
    for (;;) {
        if (ready_.empty()) {
            Result<coro::Units> lock = co_await making_.lock();
            if (!lock) {
                co_return;
            }
            Result<> made;
            if (ready_.empty()) {
                made = co_await make();
            }
            if (!made && made.error().code() != Errc::cancelled) {
                events_.on_spare_failed(made.error());
            }
        }
        wanted_.reset();
        const Result<> wanted = co_await wanted_.wait();
        if (!wanted) {
            co_return;
        }
    }
}

Task<Result<>> SparePool::make() {
    const std::uint32_t number = next_number();
    const std::string name = spare_name(number);
    const std::string temporary = name + std::string(kTemporarySuffix);
    making_one_ = true;
    Result<> filled = co_await fill(temporary);
    if (filled) {
        filled = co_await kernel_.rename(directory_.fd(), temporary, directory_.fd(), name, 0);
    }
    making_one_ = false;
    if (!filled) {
        // Best effort: a leftover is removed at the next start.
        (void)co_await coro::shield(remove_file(kernel_, directory_, temporary));
        on_made_();
        co_return std::unexpected(
            std::move(filled).error().during("prepare a log segment of {} bytes", segment_bytes_));
    }
    ready_.push_back(number);
    on_made_();
    co_return Result<>{};
}

Task<Result<>> SparePool::fill(const std::string& temporary) {
    const io::OpenOptions options{.flags = O_RDWR | O_CREAT | O_TRUNC | (direct_ ? O_DIRECT : 0)};
    SLUICE_CO_TRY(io::Handle file, co_await kernel_.open(directory_.fd(), temporary, options));
    SLUICE_CO_CHECK(co_await kernel_.allocate(file, 0, segment_bytes_));
    AlignedBuffer zeros(std::min<std::uint64_t>(kFillBytes, segment_bytes_));
    std::memset(zeros.data(), 0, zeros.capacity());
    for (std::uint64_t at = 0; at < segment_bytes_;) {  // Bounded: each turn writes at least one byte or fails.
        const std::size_t length = std::min<std::uint64_t>(zeros.capacity(), segment_bytes_ - at);
        const ByteView piece(zeros.data(), length);
        SLUICE_CO_TRY(const std::size_t n,
                      co_await kernel_.write_at(file, at, piece, io::WriteSync::none, io::WriteBy::worker));
        if (n == 0) {
            co_return fail(Errc::no_space, "a write of {} bytes at {} wrote none", length, at);
        }
        at += n;
    }
    SLUICE_CO_CHECK(co_await kernel_.sync(file, io::SyncKind::all));
    co_return co_await kernel_.close(std::move(file));
}

Task<Result<>> remove_file(io::Kernel& kernel, const io::Handle& directory, std::string name) {
    co_return co_await kernel.unlink(directory.fd(), name);
}

}  // namespace sluice::store
