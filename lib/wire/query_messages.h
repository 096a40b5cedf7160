// QUERY: the request, the chunks of its reply, and the end with its counts.  Conventions as in messages.h.
#pragma once

#include <limits>

#include "wire/tail_messages.h"

namespace sluice::wire {

inline constexpr WallNs kNoSince = std::numeric_limits<WallNs>::min();
inline constexpr WallNs kNoUntil = std::numeric_limits<WallNs>::max();
inline constexpr std::uint64_t kAllRecords = ~std::uint64_t{0};

struct QueryRequest {
    static constexpr MessageType kType = MessageType::query;
    bool explain = false;                // The end says what was read, what was skipped, and why.
    std::uint32_t credit = 0;            // Initial credit in bytes.
    std::uint64_t newest = kAllRecords;  // Only the last so many rows of the result.
    WallNs since_ns = kNoSince;          // Only records of this time or later,
    WallNs until_ns = kNoUntil;          // and before this one.
    std::string_view text{};

    void encode(Bytes& to) const;
    static Result<QueryRequest> decode(ByteView payload);
};

// How far a query is.
struct QueryProgress {
    std::uint64_t records = 0;        // Looked at, or known without looking.
    std::uint64_t records_total = 0;  // 0: unknown.
    friend bool operator==(const QueryProgress&, const QueryProgress&) = default;
};

// A frame of QUERY with MORE: entries as those of TAIL.  Without entries it only tells the progress.
struct QueryChunk {
    static constexpr MessageType kType = reply_type(MessageType::query);
    QueryProgress progress{};
    std::uint32_t epoch = 0;  // Of the daemon: with it, the sequence of an entry is a cursor.
    TailEntryRange entries{};

    void encode(Bytes& to) const;
    static Result<QueryChunk> decode(ByteView payload, const RecordLimits& limits = {});
};
inline constexpr std::size_t kQueryChunkHeaderSize = 24;

// What a query cost and found.
struct QueryCounts {
    std::uint64_t records = 0;     // Looked at, or known without looking.
    std::uint64_t matched = 0;     // By the filter before the first pipe.
    std::uint64_t rows = 0;        // Sent.
    std::uint64_t bytes_read = 0;  // From files, and of records in memory.
    std::uint32_t parts = 0;       // Looked into.
    std::uint32_t parts_skipped = 0;
    std::uint32_t parts_damaged = 0;  // Not read, or not to their end, and places of the log: rows may be missing.
    std::uint64_t elapsed_us = 0;
    friend bool operator==(const QueryCounts&, const QueryCounts&) = default;
};

// The last frame of QUERY, without MORE.
struct QueryEnd {
    static constexpr MessageType kType = reply_type(MessageType::query);
    std::uint32_t epoch = 0;
    Cursor read_through{};  // The newest record that there was when the query began: where a tail goes on.
    QueryCounts counts{};
    std::string_view explain{};  // Cut at kExplainBytesMax by encode.

    void encode(Bytes& to) const;
    static Result<QueryEnd> decode(ByteView payload);
};

}  // namespace sluice::wire
