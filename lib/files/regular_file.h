// Opening regular files beneath a root, and transfers that continue where the kernel stops short.
#pragma once

#include "files/roots.h"

namespace sluice::files {

struct RegularFile {
    io::Handle file;
    io::FileStat stat;
};

// Errors: wrong_type for anything but a regular file (a FIFO or device never blocks: it is opened with O_NONBLOCK).
// `flags`: O_*; with O_CREAT, a file that was made is there when this returns an error after the open.
Task<Result<RegularFile>> open_regular(io::Kernel& kernel, const Root& root, const std::string& path, int flags,
                                       mode_t mode);

// All of `bytes` or an error; what was written before the error stays.
Task<Result<>> write_whole(io::Kernel& kernel, const io::Handle& file, std::uint64_t offset, ByteView bytes,
                           io::WriteSync sync);

// Fills `into`, or stops at the end of the file; returns the bytes read.
Task<Result<std::size_t>> read_whole(io::Kernel& kernel, const io::Handle& file, std::uint64_t offset,
                                     std::span<std::byte> into);

// Errc::invalid_argument where offset + length is beyond what a file can have (2^63 - 1 bytes).
Result<> check_range(std::uint64_t offset, std::uint64_t length);

}  // namespace sluice::files
