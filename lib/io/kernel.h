// The kernel seam.  Everything asynchronous that sluice asks of the operating system goes through a Kernel: io_uring
// (uring_kernel.h) or a simulation with faults and a virtual clock (sim_kernel.h).  All operations are awaitables; each
// returns the kernel's answer as a Result, and Errc::cancelled if the awaiting scope was cancelled before it took
// effect.
//
// Buffers, paths and handles given to an operation must live until it completes; awaiting it in the expression that
// creates it (the only way to use it) guarantees that for arguments in the awaiting frame.
//
// EINTR and EAGAIN are dealt with below: what a caller sees of them, after some retries, is an error like any other.
//
// Order of closing a socket: shutdown() -> the operations in flight complete -> close().
// Threads: a Kernel and its Handles belong to the thread that runs it.
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "coro/loop.h"
#include "io/message.h"
#include "io/op.h"

namespace sluice::io {

// An open file or socket of one Kernel.  Closes it when destroyed, without waiting; await kernel.close() where the
// answer matters.
class Handle {
 public:
    Handle() noexcept = default;
    Handle(Kernel& kernel, int fd) noexcept : kernel_(&kernel), fd_(fd) {}
    Handle(Handle&& other) noexcept : kernel_(other.kernel_), fd_(std::exchange(other.fd_, -1)) {}
    Handle& operator=(Handle&& other) noexcept;
    ~Handle();
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int fd() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }

 private:
    Kernel* kernel_ = nullptr;
    int fd_ = -1;
};

// Received bytes in a buffer of the kernel's pool; gives it back when destroyed.  Release it before suspending for
// long: the pool is shared by all connections.
class PooledBuffer {
 public:
    PooledBuffer() noexcept = default;  // Empty: end of stream.
    PooledBuffer(Kernel& kernel, std::uint16_t id, std::span<std::byte> bytes) noexcept
        : kernel_(&kernel), id_(id), bytes_(bytes) {}
    PooledBuffer(PooledBuffer&& other) noexcept
        : kernel_(std::exchange(other.kernel_, nullptr)), id_(other.id_), bytes_(std::exchange(other.bytes_, {})) {}
    PooledBuffer& operator=(PooledBuffer&&) = delete;
    ~PooledBuffer() { reset(); }
    std::span<const std::byte> bytes() const noexcept { return bytes_; }
    void reset() noexcept;

 private:
    Kernel* kernel_ = nullptr;
    std::uint16_t id_ = 0;
    std::span<std::byte> bytes_;
};

struct FileStat {
    std::uint64_t size = 0;  // Bytes.
    std::uint32_t mode = 0;  // S_IFMT and permission bits.
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    WallNs modified = 0;
    std::uint32_t direct_io_alignment = 0;  // Bytes, for O_DIRECT offsets and buffers; 0: unknown or unsupported.
    std::uint64_t device = 0;               // With `inode`: the identity of a file, as long as it is open.
    std::uint64_t inode = 0;
};

struct OpenOptions {
    int flags = O_RDONLY;       // O_CLOEXEC is always added.
    mode_t mode = 0640;         // With O_CREAT.
    std::uint64_t resolve = 0;  // RESOLVE_* of openat2.
};

enum class WriteSync : std::uint8_t {
    none,  // The page cache or the device has it.
    data,  // RWF_DSYNC: this write survives power loss when it completes (earlier ones need sync()).
};
enum class SyncKind : std::uint8_t { data, all };
// Who carries a write out.
enum class WriteBy : std::uint8_t {
    submission,  // The submission itself as far as it does not wait for the disk, which the file system decides.
    worker,      // A thread of the kernel, for file systems that wait all the same.  Some 30 us more.
};

// Where a file is.
struct FileSystem {
    std::uint64_t free_bytes = 0;  // For us.
    std::uint64_t type = 0;        // As of statfs(2).

    // Writes with O_DIRECT wait within their submission: for the journal, which has the time of each change of a file.
    // ext4 does (ext4_dirty_inode), whatever IOCB_NOWAIT says; xfs and btrfs do not.
    bool waits_in_submission() const noexcept { return type == kExt4; }
    static constexpr std::uint64_t kExt4 = 0xEF53;  // ext2 and ext3 too.
};

// Reads one file from any thread, which it blocks.  Keeps the file open for as long as it lives: longer than its name.
class FileReader {
 public:
    FileReader() = default;
    FileReader(const FileReader&) = delete;
    FileReader& operator=(const FileReader&) = delete;
    virtual ~FileReader() = default;
    // All of `into`, or an error: io_error, and corrupt where the file ends before.
    virtual Result<> read(std::uint64_t offset, std::span<std::byte> into) const = 0;

 protected:
    // That a read of `bytes` at `offset` goes beyond the end of a file of `file_bytes`.
    static std::unexpected<Error> beyond_end(std::uint64_t offset, std::size_t bytes, std::uint64_t file_bytes);
};

namespace detail {

// The awaiter of one operation; Decode turns the completed Op into the result.
template <class Decode>
class OpAwaiter final : public Op {
 public:
    OpAwaiter(Kernel& k, const OpRequest& request, Decode decode) : Op(k, request), decode_(std::move(decode)) {}
    bool await_ready() const noexcept { return false; }
    template <coro::PromiseType P>
    bool await_suspend(std::coroutine_handle<P> handle);
    auto await_resume() { return decode_(static_cast<Op&>(*this)); }

 private:
    Decode decode_;
};

}  // namespace detail

class Kernel {
 public:
    Kernel() = default;
    Kernel(const Kernel&) = delete;
    Kernel& operator=(const Kernel&) = delete;
    virtual ~Kernel() = default;

    virtual coro::Loop& loop() noexcept = 0;
    const Clock& clock() noexcept { return loop().clock(); }

    // ---- sockets ----
    auto accept(const Handle& listener);                                            // -> Result<Handle>
    auto connect(const Handle& socket, const sockaddr& address, socklen_t length);  // -> Result<>
    auto recv(const Handle& socket, std::span<std::byte> into);  // -> Result<size_t>, 0: end of stream
    auto recv_pooled(const Handle& socket);                      // -> Result<PooledBuffer>, empty: end of stream
    auto send(const Handle& socket, ByteView bytes);  // -> Result<size_t>, may be short; never raises SIGPIPE
    auto shutdown(const Handle& socket);              // -> Result<>; ends its operations in flight
    auto poll_in(const Handle& handle);               // -> Result<>

    // ---- files ----
    // `directory`: a handle, or -1 for the current directory (absolute paths).
    auto open(int directory, const std::string& path, OpenOptions options);  // -> Result<Handle>
    auto close(Handle handle);                                               // -> Result<>; never cancelled
    auto read_at(const Handle& file, std::uint64_t offset,
                 std::span<std::byte> into);  // -> Result<size_t>, may be short
    auto write_at(const Handle& file, std::uint64_t offset, ByteView bytes, WriteSync sync,
                  WriteBy by = WriteBy::submission);       // -> Result<size_t>, may be short
    auto sync(const Handle& file, SyncKind kind);          // -> Result<>
    auto stat(const Handle& file);                         // -> Result<FileStat>
    auto stat_at(int directory, const std::string& path);  // -> Result<FileStat>; does not follow a final link
    auto rename(int from_directory, const std::string& from, int to_directory, const std::string& to, unsigned flags);
    auto unlink(int directory, const std::string& path);                            // -> Result<>
    auto mkdir(int directory, const std::string& path, mode_t mode);                // -> Result<>
    auto allocate(const Handle& file, std::uint64_t offset, std::uint64_t length);  // -> Result<>; extends the file
    auto truncate(const Handle& file, std::uint64_t size);                          // -> Result<>
    // -> Result<>.  `file`, which is ours, gets the permission bits of `other`, and its owner and group as far as this
    // process may give it those.  A group that cannot be given gets no more than everybody gets.
    auto resemble(const Handle& file, const FileStat& other);
    auto list(const Handle& directory);    // -> Result<vector<DirEntry>>, without . and ..
    auto file_system(const Handle& file);  // -> Result<FileSystem>

    // ---- calls that never block ----
    // A Unix socket at `path` (a stale socket file is replaced), file mode `mode`: a stream socket that listens, or a
    // datagram socket that receives.
    virtual Result<Handle> listen_unix(const std::string& path, mode_t mode, SocketKind kind) = 0;
    Result<Handle> listen_unix(const std::string& path, mode_t mode) {
        return listen_unix(path, mode, SocketKind::stream);
    }
    virtual Result<PeerCredentials> peer_credentials(const Handle& socket) = 0;
    // The supplementary groups that the peer of a stream socket had when it connected.
    virtual Result<std::vector<gid_t>> peer_groups(const Handle& socket) = 0;
    // Messages that are sent from now on come with sender and time.
    virtual Result<> receive_senders(const Handle& socket, PassedFiles files) = 0;
    // Whether messages received from now on come with a pidfd each, which costs as much as the message.  False: the
    // kernel does not have it (Linux 6.5).
    virtual bool receive_pidfds(const Handle& socket, bool on) = 0;
    // As many messages as are there, at most into.size() and kMessagesMax.  0: none; await poll_in().
    static constexpr std::size_t kMessagesMax = 64;
    virtual Result<std::size_t> receive(const Handle& socket, std::span<Message> into) = 0;
    // For functions on the pool that read as they go.  Takes the file over.
    virtual std::shared_ptr<const FileReader> blocking_reader(Handle file) = 0;

    // ---- for the awaiters ----
    virtual void submit(Op& op) = 0;           // Completes later through op.complete(), never within this call.
    virtual void cancel(Op& op) noexcept = 0;  // Asks; the op still completes exactly once.
    virtual void close_now(int fd) noexcept = 0;
    virtual void return_buffer(std::uint16_t id) noexcept = 0;

    // ---- driving ----
    // Resumes what is ready; if nothing was, waits for a completion, a timer or remote work.
    virtual Result<> turn() = 0;
};

// Turns `kernel` until `done()`.
template <class Done>
Result<> run_until(Kernel& kernel, Done&& done) {
    while (!done()) {
        SLUICE_CHECK(kernel.turn());
    }
    return {};
}

}  // namespace sluice::io

#include "io/kernel_ops.h"
