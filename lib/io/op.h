// One asynchronous kernel operation, as the implementations of Kernel see it.  Callers use the awaitables of kernel.h.
#pragma once

#include <sys/stat.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "coro/task.h"

struct sockaddr;

namespace sluice::io {

class Kernel;

enum class OpCode : std::uint8_t {
    nop,
    accept,       // fd
    connect,      // fd, data = sockaddr, length
    recv,         // fd, data, length
    recv_pooled,  // fd; the kernel picks a buffer of its pool: data, buffer_id are results
    send,         // fd, data, length
    shutdown,     // fd
    poll_in,      // fd: until readable or hung up
    open,         // fd = directory (AT_FDCWD allowed), path, flags = O_*, mode, resolve = RESOLVE_*
    close,        // fd
    read,         // fd, offset, data, length
    write,        // fd, offset, data, length, flags = RWF_*, mode = 1: by a thread of the kernel (IOSQE_ASYNC)
    sync,         // fd, flags = 1: data only
    stat,         // fd = file (path == "") or directory + path; data = struct statx
    rename,       // fd, path -> fd2, path2, flags = RENAME_*
    unlink,       // fd, path, flags = AT_REMOVEDIR
    mkdir,        // fd, path, mode
    allocate,     // fd, flags = FALLOC_FL_*, offset, length64
    truncate,     // fd, offset = new size.           Runs on the pool: no opcode before Linux 6.9.
    list,         // fd = directory; data = vector<DirEntry>.  Runs on the pool: no opcode.
    file_system,  // fd; data = FileSystem.           Runs on the pool: no opcode.
    resemble,     // fd, mode, offset = uid, length = gid.  Runs on the pool: no opcode.
};
inline constexpr std::size_t kOpCodes = static_cast<std::size_t>(OpCode::resemble) + 1;
// For messages.
const char* op_name(OpCode code) noexcept;
// Of a file, not of a socket: what waits for a disk.
constexpr bool is_of_file(OpCode code) noexcept {
    return code >= OpCode::open;
}

struct DirEntry {
    std::string name;
    bool is_directory = false;
};

// The permission bits of a file that is to resemble another.  In another group it gives that group nothing that it does
// not give everybody.
constexpr std::uint32_t resembling_mode(std::uint32_t mode, bool same_group) noexcept {
    const std::uint32_t of_group = mode & 0070U;
    const std::uint32_t of_all = mode & 0007U;
    return same_group ? mode : (mode & 0707U) | (of_group & of_all << 3U);
}

// What is asked.  Everything it points to lives until the operation has completed.
struct OpRequest {
    OpCode code = OpCode::nop;
    int fd = -1;
    int fd2 = -1;
    const char* path = "";
    const char* path2 = "";
    void* data = nullptr;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint32_t flags = 0;
    std::uint32_t mode = 0;
    std::uint64_t resolve = 0;
};

// One operation in flight.  Lives in the awaiting coroutine's frame until completed.
struct Op : OpRequest, coro::CancelHook {
    Kernel* kernel = nullptr;
    std::int32_t result = 0;  // As io_uring has it: a count, an fd, 0, or -errno.
    std::uint16_t buffer_id = 0;
    std::uint16_t driver_state = 0;  // Whatever the implementation of Kernel needs to remember.
    coro::Resumption waiter;

    Op(Kernel& k, const OpRequest& request) : OpRequest(request), kernel(&k) {}
    // By the implementation, once: posts the coroutine.
    void complete(std::int32_t value) noexcept;

 protected:
    ~Op() = default;

 private:
    void on_cancel() noexcept override;
};

}  // namespace sluice::io
