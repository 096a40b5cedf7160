// The file `sealed`: up to where the log is sealed, and what retention has removed.  It is replaced whole (temporary
// file, sync, rename, directory sync), and that replacement is the moment at which a seal or a removal counts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "store/part_name.h"
#include "wire/cursor.h"

namespace sluice::store {

inline constexpr std::string_view kSealStateName = "sealed";
inline constexpr std::uint32_t kSealStateVersion = 2;
inline constexpr std::size_t kSealStateBytesMax = 1U << 20U;

// The record with which an epoch begins.
struct EpochStart {
    std::uint32_t epoch = 0;
    std::uint64_t first_sequence = 0;
    friend bool operator==(const EpochStart&, const EpochStart&) = default;
};

struct RemovedRange {
    std::uint64_t first_sequence = 0;
    std::uint64_t end_sequence = 0;
    friend bool operator==(const RemovedRange&, const RemovedRange&) = default;
};

// What retention has removed of one class, ever.
struct RemovedOfClass {
    std::string class_name{};
    std::uint64_t end_sequence = 0;  // Its parts up to here are gone.
    std::uint64_t parts = 0;
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    std::vector<RemovedRange> beyond{};  // So are those within these: ascending, with parts that stay between them.

    // Nothing from here on was removed.
    std::uint64_t last_end() const noexcept { return beyond.empty() ? end_sequence : beyond.back().end_sequence; }
    friend bool operator==(const RemovedOfClass&, const RemovedOfClass&) = default;
};

struct SealState {
    wire::StoreId store_id{};
    std::uint64_t sealed_end =
        1;  // Records below it are in parts, or were removed, or were lost before they were sealed.
    std::uint64_t missing_rows = 0;    // Lost to damage of the log before they were sealed.
    std::vector<EpochStart> epochs{};  // Ascending.
    std::vector<RemovedOfClass> removed{};

    // Whether retention has removed all that a part of that name holds.
    bool has_removed(const PartName& part) const noexcept;
    RemovedOfClass& removed_of(std::string_view class_name);  // Added where it is not there.
    friend bool operator==(const SealState&, const SealState&) = default;
};

//   0       4         8          16         32       40        48       52        56
//   +-------+---------+----------+----------+--------+---------+--------+---------+--------+---------+
//   | magic | version | checksum | store id | sealed | missing | number | number  | epochs | removed |
//   |       |         |          |          | end    | rows    | epochs | removed |        |         |
//   +-------+---------+----------+----------+--------+---------+--------+---------+--------+---------+
//   epoch: u32 epoch, u32 zero, u64 first sequence.
//   removed: u64 end sequence, parts, rows, bytes; u32 length of the class name, and the name.  In version 2 then u32
//   number of ranges; of each u64 first sequence, end sequence.  Without any range, version 1 is written.
//   The first 16 bytes: see small_head.h.
Bytes encode_seal_state(const SealState& state);
// Errors: Errc::corrupt; Errc::unsupported for a whole file of another version.
Result<SealState> parse_seal_state(ByteView bytes);

}  // namespace sluice::store
