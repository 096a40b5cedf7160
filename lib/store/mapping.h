// A file of a store, mapped for reading.  For programs without a kernel.  Threads: any.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace sluice::store {

class Mapping {
 public:
    static Result<Mapping> open(const std::string& path) {
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            return fail_errno(errno, "open '{}'", path);
        }
        struct stat found{};
        void* at = nullptr;
        if (fstat(fd, &found) == 0 && found.st_size > 0) {
            at = mmap(nullptr, static_cast<std::size_t>(found.st_size), PROT_READ, MAP_SHARED, fd, 0);
        }
        ::close(fd);
        if (at == MAP_FAILED) {
            return fail_errno(errno, "map '{}'", path);
        }
        return Mapping(static_cast<const std::byte*>(at), at == nullptr ? 0 : static_cast<std::size_t>(found.st_size));
    }
    Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    Mapping& operator=(Mapping&&) = delete;
    ~Mapping() {
        if (!bytes_.empty()) {
            munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
        }
    }
    ByteView bytes() const noexcept { return bytes_; }

 private:
    Mapping(const std::byte* at, std::size_t size) noexcept : bytes_(at, size) {}
    ByteView bytes_;
};

}  // namespace sluice::store
