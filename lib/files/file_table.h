// The open files of one session: numbered handles, and the operations on them.
//
// Operations on one handle may overlap; only appends to one file are ordered, among all sessions, and each append is
// whole.  Not covered: positioned writes beyond the end while an append runs, and writers outside sluice.
//
// Durable: a success means that the bytes survive power loss, and (at a handle's first durable operation) that the name
// of the file does.  After a failed sync or durable write every later one to that file fails, for all sessions, until
// all handles to it are closed: the kernel forgets the error, and a second sync would claim success for bytes that are
// gone. Threads: that of the kernel.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "files/files.h"

namespace sluice::files {

struct OpenFlags {
    bool read = false;
    bool write = false;      // Positioned writes.
    bool create = false;     // If it does not exist; needs write, append or replace.
    bool exclusive = false;  // With create or replace: it must not exist.
    bool truncate = false;   // Needs write.
    bool append = false;
    bool replace = false;  // Writes go to a temporary, which commit() puts in place.  Implies write and create.
};

struct OpenedFile {
    std::uint32_t handle = 0;  // Never 0.
    std::uint64_t size = 0;    // Bytes.
};

struct Appended {
    std::uint64_t offset = 0;  // Where the first byte went.
    std::uint64_t length = 0;
};

inline constexpr std::size_t kReadBytesMax = std::size_t{1} << 20U;  // More: Errc::too_large.

// The number of a handle that is opened after `last` was: never 0, and no key of `open`.  After the largest comes 1.
template <class Map>
std::uint32_t next_handle(std::uint32_t last, const Map& open) {
    do {
        ++last;
    } while (last == 0 || open.contains(last));
    return last;
}

class FileTable {
 public:
    // Borrows `files` until destroyed.
    FileTable(Files& files, Identity identity);
    FileTable(const FileTable&) = delete;
    FileTable& operator=(const FileTable&) = delete;
    ~FileTable();  // Precondition: close_all() was awaited, or no handle for replacing is open.

    // `mode`: permission bits of a new file, the umask applies; 0: 0640.
    // Rights: one for each of read, write, append, create; with replace as Files::put().
    Task<Result<OpenedFile>> open(std::string_view root, std::string_view path, OpenFlags flags, mode_t mode);

    // Returns the bytes read: fewer than asked only at the end of the file.
    Task<Result<std::size_t>> read(std::uint32_t handle, std::uint64_t offset, std::span<std::byte> into);

    // Writes all of `bytes`.  After an error, or cancelled, a part may have been written.
    Task<Result<std::uint64_t>> write(std::uint32_t handle, std::uint64_t offset, ByteView bytes,
                                      Durability durability);

    // Adds `bytes` at the end as one piece.  After an error, or cancelled, what was added is cut off again; where that
    // fails too the text says so.
    Task<Result<Appended>> append(std::uint32_t handle, ByteView bytes, Durability durability);

    // Everything written to the file before this call, through any handle, survives power loss.
    Task<Result<>> sync(std::uint32_t handle, io::SyncKind kind);
    Task<Result<io::FileStat>> stat(std::uint32_t handle);

    // For replace handles: waits for the writes in flight and puts the file in place.  The handle then serves only to
    // read, stat, sync and close.  After an error the temporary is gone, and the handle serves only to be closed.
    Task<Result<>> commit(std::uint32_t handle, Durability durability);

    // Abandons a replacement that was not committed.  Operations in flight on the handle go on.
    Task<Result<>> close(std::uint32_t handle);
    // At the end of a session, when none of its operations runs any more.
    Task<> close_all();

    std::size_t size() const noexcept { return files_open_.size(); }

 private:
    struct OpenFile;
    using Pointer = std::shared_ptr<OpenFile>;

    Result<Pointer> find(std::uint32_t handle) const;
    Result<Pointer> find_writable(std::uint32_t handle, bool OpenFile::* may, Durability durability,
                                  std::string_view verb) const;
    Task<Result<Pointer>> open_any(const RootPointer& root, const RelativePath& path, OpenFlags flags, mode_t mode);
    Task<Result<Pointer>> open_plain(const RootPointer& root, const RelativePath& path, OpenFlags flags, mode_t mode);
    Task<Result<Pointer>> open_replace(const RootPointer& root, const RelativePath& path, OpenFlags flags, mode_t mode);
    Task<Result<>> sync_name(OpenFile& file);
    Task<Result<>> write_at(OpenFile& file, std::uint64_t offset, ByteView bytes, Durability durability);
    Task<Result<>> cut_back(OpenFile& file, std::uint64_t start, std::uint64_t length);
    Task<Result<>> finish(OpenFile& file, Durability durability);
    Task<> abandon(OpenFile& file);

    Files& files_;
    Identity identity_;
    std::unordered_map<std::uint32_t, Pointer> files_open_;
    std::size_t opening_ = 0;
    std::uint32_t last_number_ = 0;
};

}  // namespace sluice::files
