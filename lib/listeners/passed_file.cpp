#include "listeners/passed_file.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>

#include "base/format.h"

namespace sluice::listeners {
namespace {

constexpr long kFuseMagic = 0x65735546;

Result<> check_place(int fd) {
    std::string path(4096, '\0');
    const ssize_t n = readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), path.data(), path.size());
    if (n < 0) {
        return fail_errno(errno, "find the path of a passed file");
    }
    path.resize(static_cast<std::size_t>(n));
    constexpr std::string_view kFolders[] = {"/dev/shm/", "/tmp/", "/var/tmp/"};
    const auto folder = std::ranges::find_if(kFolders, [&](std::string_view f) { return path.starts_with(f); });
    if (folder == std::end(kFolders) || path.find('/', folder->size()) != std::string::npos) {
        return fail(Errc::permission_denied,
                    "a file that is no sealed memfd and not directly in /dev/shm, /tmp or /var/tmp");
    }
    struct statfs system{};
    if (fstatfs(fd, &system) == 0 && system.f_type == kFuseMagic) {
        return fail(Errc::permission_denied, "a file of a file system that a program provides");
    }
    return {};
}

}  // namespace

// As memfd_get_sealed() of systemd.
bool is_sealed_memory(int fd) noexcept {
    constexpr int kAll = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    const int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & kAll) == kAll;
}

Result<Bytes> read_passed_file(Fd file, uid_t sender) {
    const bool sealed = is_sealed_memory(file.get());
    if (!sealed && sender != 0) {
        SLUICE_CHECK(check_place(file.get()));
    }
    struct stat status{};
    if (fstat(file.get(), &status) != 0) {
        return fail_errno(errno, "look at a passed file");
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(Errc::wrong_type, "a file that is not a plain file");
    }
    if (const int flags = fcntl(file.get(), F_GETFL);
        flags < 0 || (flags & O_ACCMODE) == O_WRONLY || (flags & O_PATH) != 0) {
        return fail(Errc::permission_denied, "a file that is not open for reading");
    }
    if (static_cast<std::uint64_t>(status.st_size) > kPassedFileBytesMax) {
        return fail(Errc::too_large, "a file of {} bytes; at most {} are read", status.st_size, kPassedFileBytesMax);
    }
    Bytes content(static_cast<std::size_t>(status.st_size));
    std::size_t done = 0;
    while (done < content.size()) {  // Bounded: each turn reads at least one byte or ends.
        const ssize_t n = pread(file.get(), content.data() + done, content.size() - done, static_cast<off_t>(done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fail_errno(errno, "read a passed file");
        }
        if (n == 0) {
            break;
        }
        done += static_cast<std::size_t>(n);
    }
    content.resize(done);
    return content;
}

}  // namespace sluice::listeners
