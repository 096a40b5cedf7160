#include "store/offline_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

namespace sluice::store {

Result<std::vector<std::string>> list_files(const std::string& directory) {
    std::error_code error;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        names.push_back(entry->path().filename().string());
    }
    if (error) {
        return fail_errno(error.value(), "list '{}'", directory);
    }
    std::ranges::sort(names);
    return names;
}

Result<OfflineFile> OfflineFile::open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail_errno(errno, "open '{}'", path);
    }
    OfflineFile file(fd);
    struct stat found{};
    if (::fstat(fd, &found) != 0) {
        return fail_errno(errno, "stat '{}'", path);
    }
    file.size_ = static_cast<std::uint64_t>(found.st_size);
    return file;
}

OfflineFile::OfflineFile(OfflineFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

OfflineFile::~OfflineFile() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

Result<std::size_t> OfflineFile::read(std::uint64_t offset, std::span<std::byte> into) const {
    std::size_t done = 0;
    while (done < into.size()) {  // Bounded: each turn reads at least one byte or ends.
        const ssize_t n = ::pread(fd_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
        if (n < 0 && errno != EINTR) {
            return fail_errno(errno, "read at {}", offset + done);
        }
        if (n == 0) {
            break;
        }
        done += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    return done;
}

Result<> OfflinePart::read(std::uint64_t offset, std::span<std::byte> into) const {
    SLUICE_TRY(const std::size_t size, file_.read(offset, into));
    if (size < into.size()) {
        return fail(Errc::corrupt, "the file ends before {}", offset + into.size());
    }
    return {};
}

}  // namespace sluice::store
