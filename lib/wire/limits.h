// Bounds of the protocol: what a peer can make us hold.  The values are defaults; the daemon tells its own in HELLO.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::wire {

inline constexpr std::uint32_t kFrameBytesMax =
    (1U << 20U) + (64U << 10U);                               // A longer frame: the connection is closed.
inline constexpr std::uint32_t kRequestsInFlightMax = 64;     // Beyond it the daemon stops reading.
inline constexpr std::uint32_t kLogRecordsMax = 65536;        // Records in one batch; above: too_large.
inline constexpr std::uint32_t kHandlesMax = 256;             // Open files of one connection.
inline constexpr std::uint32_t kMessageBytesMax = 1U << 20U;  // Message of one record.
inline constexpr std::uint32_t kFieldsMax = 1024;             // Fields of one record.
inline constexpr std::size_t kNameBytesMax = 255;             // Streams, fields, roots, client names.
inline constexpr std::size_t kPathBytesMax = 4095;            // A path in a request: PATH_MAX counts a NUL.
inline constexpr std::size_t kTailStreamsMax = 64;            // Stream patterns in one TAIL.
inline constexpr std::size_t kTailFieldsMax = 64;             // Field conditions in one TAIL.
inline constexpr std::size_t kTailGrepsMax = 16;              // Substrings in one TAIL.
inline constexpr std::size_t kTailTextBytesMax = 4096;        // One field value or substring in a TAIL.
inline constexpr std::size_t kQueryTextBytesMax = 65536;      // Text of a QUERY, or filter of a TAIL.
inline constexpr std::size_t kExplainBytesMax = 262144;       // A longer explanation is cut when sent.
inline constexpr std::size_t kErrorTextBytesMax = 4096;       // A longer error text is cut when sent.

// What a single record may hold.
struct RecordLimits {
    std::uint32_t message_bytes_max = kMessageBytesMax;  // Above: too_large.
    std::uint32_t fields_max = kFieldsMax;               // Above: too_large.
};

}  // namespace sluice::wire
