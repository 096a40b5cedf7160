#include "io/kernel.h"

#include <iterator>

namespace sluice::io {

const char* op_name(OpCode code) noexcept {
    static constexpr const char* kNames[] = {"nop",      "accept", "connect",     "recv",    "recv_pooled", "send",
                                             "shutdown", "poll",   "open",        "close",   "read",        "write",
                                             "sync",     "stat",   "rename",      "unlink",  "mkdir",       "allocate",
                                             "truncate", "list",   "file_system", "resemble"};
    static_assert(std::size(kNames) == kOpCodes);
    return kNames[static_cast<std::size_t>(code)];
}

void Op::complete(std::int32_t value) noexcept {
    result = value;
    CancelHook::unlink();
    kernel->loop().post(waiter);
}

void Op::on_cancel() noexcept {
    kernel->cancel(*this);
}

Handle& Handle::operator=(Handle&& other) noexcept {
    if (this != &other) {
        if (fd_ >= 0) {
            kernel_->close_now(fd_);
        }
        kernel_ = other.kernel_;
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

Handle::~Handle() {
    if (fd_ >= 0) {
        kernel_->close_now(fd_);
    }
}

void PooledBuffer::reset() noexcept {
    if (kernel_ != nullptr) {
        std::exchange(kernel_, nullptr)->return_buffer(id_);
    }
    bytes_ = {};
}

std::unexpected<Error> FileReader::beyond_end(std::uint64_t offset, std::size_t bytes, std::uint64_t file_bytes) {
    return fail(Errc::corrupt, "the file ends at {}: there are no {} bytes at {}", file_bytes, bytes, offset);
}

FileStat detail::to_file_stat(const struct statx& from) noexcept {
    return {
        .size = from.stx_size,
        .mode = from.stx_mode,
        .uid = from.stx_uid,
        .gid = from.stx_gid,
        .modified = std::int64_t{from.stx_mtime.tv_sec} * 1'000'000'000 + from.stx_mtime.tv_nsec,
        .direct_io_alignment = (from.stx_mask & STATX_DIOALIGN) != 0 ? from.stx_dio_offset_align : 0,
        .device = std::uint64_t{from.stx_dev_major} << 32U | from.stx_dev_minor,
        .inode = from.stx_ino,
    };
}

}  // namespace sluice::io
