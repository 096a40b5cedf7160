// Files that are read with blocking calls.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "part/source.h"

namespace sluice::store {

// The names in `directory`, sorted.  Errors: errno's.
Result<std::vector<std::string>> list_files(const std::string& directory);

// Threads: any, for reading.
class OfflineFile {
 public:
    // Errors: errno's.
    static Result<OfflineFile> open(const std::string& path);
    OfflineFile(OfflineFile&& other) noexcept;
    OfflineFile& operator=(OfflineFile&&) = delete;
    ~OfflineFile();

    std::uint64_t size() const noexcept { return size_; }
    // Fills `into` from `offset` on, as far as the file goes; the bytes read.
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) const;

 private:
    explicit OfflineFile(int fd) noexcept : fd_(fd) {}
    int fd_;
    std::uint64_t size_ = 0;
};

// A part in such a file.
class OfflinePart final : public part::Source {
 public:
    explicit OfflinePart(OfflineFile file) noexcept : file_(std::move(file)) {}
    std::uint64_t size() const noexcept override { return file_.size(); }
    Result<> read(std::uint64_t offset, std::span<std::byte> into) const override;

 private:
    OfflineFile file_;
};

}  // namespace sluice::store
