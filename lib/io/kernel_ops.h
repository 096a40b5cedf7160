// The awaitables of Kernel.  Included by kernel.h.
#pragma once

namespace sluice::io {

template <class Decode>
template <coro::PromiseType P>
bool detail::OpAwaiter<Decode>::await_suspend(std::coroutine_handle<P> handle) {
    waiter = handle.promise().resumption(handle);
    coro::CancelNode* node = handle.promise().context.cancel;
    if (node != nullptr && code != OpCode::close) {
        if (node->cancelled()) {
            result = -ECANCELED;
            return false;
        }
        node->add(*this);
    }
    kernel->submit(*this);
    return true;
}

namespace detail {

inline constexpr std::uint32_t kRwfDsync = 0x2;  // RWF_DSYNC of <linux/fs.h>, whose macros are not wanted here.

template <class Decode>
OpAwaiter<Decode> start(Kernel& kernel, const OpRequest& request, Decode decode) {
    return OpAwaiter<Decode>(kernel, request, std::move(decode));
}

// Decoders.  The text says what was attempted; callers add which file or session with during().
inline auto decode_void(const char* what) {
    return [what](Op& op) -> Result<> {
        if (op.result < 0) {
            return fail_errno(-op.result, "{}", what);
        }
        return {};
    };
}
inline auto decode_count(const char* what) {
    return [what](Op& op) -> Result<std::size_t> {
        if (op.result < 0) {
            return fail_errno(-op.result, "{}", what);
        }
        return static_cast<std::size_t>(op.result);
    };
}
inline auto decode_handle(const char* what) {
    return [what](Op& op) -> Result<Handle> {
        if (op.result < 0) {
            return fail_errno(-op.result, "{} '{}'", what, op.path);
        }
        return Handle(*op.kernel, op.result);
    };
}
inline auto decode_path(const char* what) {
    return [what](Op& op) -> Result<> {
        if (op.result < 0) {
            return fail_errno(-op.result, "{} '{}'", what, op.path);
        }
        return {};
    };
}

inline Result<PooledBuffer> decode_pooled(Op& op) {
    if (op.result < 0) {
        return fail_errno(-op.result, "receive");
    }
    if (op.result == 0) {
        return PooledBuffer();
    }
    const std::span bytes(static_cast<std::byte*>(op.data), static_cast<std::size_t>(op.result));
    return PooledBuffer(*op.kernel, op.buffer_id, bytes);
}

FileStat to_file_stat(const struct statx& from) noexcept;

struct DecodeStat {
    std::unique_ptr<struct statx> buffer = std::make_unique<struct statx>();
    Result<FileStat> operator()(Op& op) const {
        if (op.result < 0) {
            return fail_errno(-op.result, "stat '{}'", op.path);
        }
        return to_file_stat(*buffer);
    }
};
struct DecodeFileSystem {
    std::unique_ptr<FileSystem> found = std::make_unique<FileSystem>();
    Result<FileSystem> operator()(Op& op) const {
        if (op.result < 0) {
            return fail_errno(-op.result, "ask for the file system");
        }
        return *found;
    }
};
struct DecodeList {
    std::unique_ptr<std::vector<DirEntry>> entries = std::make_unique<std::vector<DirEntry>>();
    Result<std::vector<DirEntry>> operator()(Op& op) const {
        if (op.result < 0) {
            return fail_errno(-op.result, "list a directory");
        }
        return std::move(*entries);
    }
};

}  // namespace detail

inline auto Kernel::accept(const Handle& listener) {
    return detail::start(*this, {.code = OpCode::accept, .fd = listener.fd()}, detail::decode_handle("accept"));
}

inline auto Kernel::connect(const Handle& socket, const sockaddr& address, socklen_t length) {
    const OpRequest request{
        .code = OpCode::connect, .fd = socket.fd(), .data = const_cast<sockaddr*>(&address), .length = length};
    return detail::start(*this, request, detail::decode_void("connect"));
}

inline auto Kernel::recv(const Handle& socket, std::span<std::byte> into) {
    const OpRequest request{.code = OpCode::recv, .fd = socket.fd(), .data = into.data(), .length = into.size()};
    return detail::start(*this, request, detail::decode_count("receive"));
}

inline auto Kernel::recv_pooled(const Handle& socket) {
    return detail::start(*this, {.code = OpCode::recv_pooled, .fd = socket.fd()}, detail::decode_pooled);
}

inline auto Kernel::send(const Handle& socket, ByteView bytes) {
    const OpRequest request{
        .code = OpCode::send, .fd = socket.fd(), .data = const_cast<std::byte*>(bytes.data()), .length = bytes.size()};
    return detail::start(*this, request, detail::decode_count("send"));
}

inline auto Kernel::shutdown(const Handle& socket) {
    return detail::start(*this, {.code = OpCode::shutdown, .fd = socket.fd()},
                         detail::decode_void("shut down a socket"));
}

inline auto Kernel::poll_in(const Handle& handle) {
    return detail::start(*this, {.code = OpCode::poll_in, .fd = handle.fd()}, detail::decode_void("poll"));
}

inline auto Kernel::open(int directory, const std::string& path, OpenOptions options) {
    const OpRequest request{.code = OpCode::open,
                            .fd = directory < 0 ? AT_FDCWD : directory,
                            .path = path.c_str(),
                            .flags = static_cast<std::uint32_t>(options.flags | O_CLOEXEC),
                            .mode = options.mode,
                            .resolve = options.resolve};
    return detail::start(*this, request, detail::decode_handle("open"));
}

inline auto Kernel::close(Handle handle) {
    return detail::start(*this, {.code = OpCode::close, .fd = handle.release()}, detail::decode_void("close"));
}

inline auto Kernel::read_at(const Handle& file, std::uint64_t offset, std::span<std::byte> into) {
    const OpRequest request{
        .code = OpCode::read, .fd = file.fd(), .data = into.data(), .offset = offset, .length = into.size()};
    return detail::start(*this, request, detail::decode_count("read"));
}

inline auto Kernel::write_at(const Handle& file, std::uint64_t offset, ByteView bytes, WriteSync sync, WriteBy by) {
    const OpRequest request{.code = OpCode::write,
                            .fd = file.fd(),
                            .data = const_cast<std::byte*>(bytes.data()),
                            .offset = offset,
                            .length = bytes.size(),
                            .flags = sync == WriteSync::data ? detail::kRwfDsync : 0,
                            .mode = by == WriteBy::worker ? 1U : 0U};
    return detail::start(*this, request, detail::decode_count("write"));
}

inline auto Kernel::sync(const Handle& file, SyncKind kind) {
    const OpRequest request{.code = OpCode::sync, .fd = file.fd(), .flags = kind == SyncKind::data ? 1U : 0U};
    return detail::start(*this, request, detail::decode_void("sync"));
}

inline auto Kernel::stat(const Handle& file) {
    detail::DecodeStat decode;
    const OpRequest request{.code = OpCode::stat, .fd = file.fd(), .data = decode.buffer.get()};
    return detail::start(*this, request, std::move(decode));
}

inline auto Kernel::stat_at(int directory, const std::string& path) {
    detail::DecodeStat decode;
    const OpRequest request{.code = OpCode::stat,
                            .fd = directory < 0 ? AT_FDCWD : directory,
                            .path = path.c_str(),
                            .data = decode.buffer.get()};
    return detail::start(*this, request, std::move(decode));
}

inline auto Kernel::rename(int from_directory, const std::string& from, int to_directory, const std::string& to,
                           unsigned flags) {
    const OpRequest request{.code = OpCode::rename,
                            .fd = from_directory,
                            .fd2 = to_directory,
                            .path = from.c_str(),
                            .path2 = to.c_str(),
                            .flags = flags};
    return detail::start(*this, request, detail::decode_path("rename"));
}

inline auto Kernel::unlink(int directory, const std::string& path) {
    const OpRequest request{.code = OpCode::unlink, .fd = directory, .path = path.c_str()};
    return detail::start(*this, request, detail::decode_path("unlink"));
}

inline auto Kernel::mkdir(int directory, const std::string& path, mode_t mode) {
    const OpRequest request{.code = OpCode::mkdir, .fd = directory, .path = path.c_str(), .mode = mode};
    return detail::start(*this, request, detail::decode_path("mkdir"));
}

inline auto Kernel::allocate(const Handle& file, std::uint64_t offset, std::uint64_t length) {
    const OpRequest request{.code = OpCode::allocate, .fd = file.fd(), .offset = offset, .length = length};
    return detail::start(*this, request, detail::decode_void("allocate space"));
}

inline auto Kernel::truncate(const Handle& file, std::uint64_t size) {
    const OpRequest request{.code = OpCode::truncate, .fd = file.fd(), .offset = size};
    return detail::start(*this, request, detail::decode_void("truncate"));
}

inline auto Kernel::resemble(const Handle& file, const FileStat& other) {
    const OpRequest request{.code = OpCode::resemble,
                            .fd = file.fd(),
                            .offset = other.uid,
                            .length = other.gid,
                            .mode = other.mode & 0777U};
    return detail::start(*this, request, detail::decode_void("change mode and owner"));
}

inline auto Kernel::list(const Handle& directory) {
    detail::DecodeList decode;
    const OpRequest request{.code = OpCode::list, .fd = directory.fd(), .data = decode.entries.get()};
    return detail::start(*this, request, std::move(decode));
}

inline auto Kernel::file_system(const Handle& file) {
    detail::DecodeFileSystem decode;
    const OpRequest request{.code = OpCode::file_system, .fd = file.fd(), .data = decode.found.get()};
    return detail::start(*this, request, std::move(decode));
}

}  // namespace sluice::io
