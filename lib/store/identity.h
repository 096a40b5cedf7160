// The file `identity` of a store: who it is.  Written once, when the store is made.
#pragma once

#include <cstdint>
#include <functional>

#include "io/kernel.h"
#include "store/catalog.h"
#include "store/segment_format.h"

namespace sluice::store {

inline const std::string kIdentityName = "identity";

//   0       4         8          16         32
//   +-------+---------+----------+----------+
//   | magic | version | checksum | store id |     the first 16 bytes: see small_head.h
//   +-------+---------+----------+----------+
// Reads the identity.  Where it is damaged or gone it is made again from what all other files of the store say, and
// told; where there are none, and none was there, it is made from `random`.  Errors: Errc::corrupt where it is damaged
// and nothing tells, or two files disagree; Errc::unsupported; io errors.
Task<Result<StoreId>> load_or_make_identity(io::Kernel& kernel, const io::Handle& directory,
                                            std::function<std::uint64_t()> random, StoreEvents& events);

// What the file in `directory` says; blocks.
Result<StoreId> read_identity_file(const std::string& directory);
// Whether that error is one of a file that is damaged or not there.
bool may_be_made_again(const Error& error) noexcept;

// Parses the file's bytes.  Errors: Errc::corrupt; Errc::unsupported for a whole file of another version.
Result<StoreId> parse_identity(ByteView bytes);

// Makes the file `name` beneath `directory`, or replaces its contents.  They are durable; the name may not be.
Task<Result<>> write_file(io::Kernel& kernel, const io::Handle& directory, std::string name, ByteView bytes);

// Writes `bytes` to `name` beneath `directory` so that a crash leaves the old file or the new one, durably.  Whoever
// cancels it waits for it.
Task<Result<>> write_file_atomically(io::Kernel& kernel, const io::Handle& directory, std::string name, Bytes bytes);

// At most `bytes_max` bytes of a file.  Errc::too_large beyond.
Task<Result<Bytes>> read_small_file(io::Kernel& kernel, const io::Handle& directory, std::string name,
                                    std::size_t bytes_max);

}  // namespace sluice::store
