#include "io/uring_pool_ops.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "io/kernel.h"

namespace sluice::io::detail {

namespace {

std::int32_t truncate(const Op& op) noexcept {
    int answer = 0;
    do {
        answer = ftruncate(op.fd, static_cast<off_t>(op.offset));
    } while (answer < 0 && errno == EINTR);
    return answer < 0 ? -errno : 0;
}

bool is_directory(DIR* directory, const dirent& entry) noexcept {
    if (entry.d_type != DT_UNKNOWN) {
        return entry.d_type == DT_DIR;
    }
    struct stat found{};
    return fstatat(dirfd(directory), entry.d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(found.st_mode);
}

std::int32_t list(const Op& op) {
    // An open file description of its own: the position of the caller's is left alone.
    const int fd = openat(op.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    DIR* opened = fdopendir(fd);
    if (opened == nullptr) {
        const int error = errno;
        ::close(fd);
        return -error;
    }
    struct Closer {
        void operator()(DIR* directory) const noexcept { closedir(directory); }
    };
    const std::unique_ptr<DIR, Closer> directory(opened);
    auto& entries = *static_cast<std::vector<DirEntry>*>(op.data);
    for (;;) {
        errno = 0;
        const dirent* entry = readdir(directory.get());
        if (entry == nullptr) {
            return -errno;
        }
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") {
            entries.push_back({std::string(name), is_directory(directory.get(), *entry)});
        }
    }
}

std::int32_t file_system(const Op& op) noexcept {
    struct statfs found{};
    int answer = 0;
    do {
        answer = fstatfs(op.fd, &found);
    } while (answer < 0 && errno == EINTR);
    if (answer < 0) {
        return -errno;
    }
    *static_cast<FileSystem*>(op.data) = {.free_bytes = found.f_bavail * static_cast<std::uint64_t>(found.f_frsize),
                                          .type = static_cast<std::uint64_t>(found.f_type)};
    return 0;
}

std::int32_t resemble(const Op& op) noexcept {
    const auto uid = static_cast<uid_t>(op.offset);
    const auto gid = static_cast<gid_t>(op.length);
    if (fchown(op.fd, uid, gid) != 0) {
        // Often a group of our own.  What came of it is seen below.
        [[maybe_unused]] const int given = fchown(op.fd, static_cast<uid_t>(-1), gid);
    }
    struct stat now{};
    if (fstat(op.fd, &now) != 0) {
        return -errno;
    }
    return fchmod(op.fd, resembling_mode(op.mode, now.st_gid == gid)) != 0 ? -errno : 0;
}

std::int32_t run(const Op& op) {
    switch (op.code) {
        case OpCode::list:
            return list(op);
        case OpCode::file_system:
            return file_system(op);
        case OpCode::resemble:
            return resemble(op);
        default:
            return truncate(op);
    }
}

class OpJob final : public coro::PoolJob {
 public:
    OpJob(coro::Loop& home, Op& op, std::function<void(Op&, std::int32_t)> done)
        : PoolJob(home), op_(op), done_(std::move(done)) {
        set_name(op_name(op.code));
    }

 private:
    void work() noexcept override { result_ = run(op_); }
    void run_remote() noexcept override {
        const std::unique_ptr<OpJob> self(this);
        done_(op_, result_);
    }
    Op& op_;
    std::function<void(Op&, std::int32_t)> done_;
    std::int32_t result_ = 0;
};

}  // namespace

void run_on_pool(coro::Pool& pool, coro::Loop& loop, Op& op, std::function<void(Op&, std::int32_t)> done) {
    auto job = std::make_unique<OpJob>(loop, op, std::move(done));
    pool.submit(*job.release());
}

}  // namespace sluice::io::detail
