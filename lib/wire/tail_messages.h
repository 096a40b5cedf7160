// TAIL: the request with its filter, the entries of a reply, and matching.  Conventions as in messages.h, but a decoded
// request owns its text, because a tail outlives the frame that asked for it.
#pragma once

#include <string>
#include <vector>

#include "wire/batch.h"
#include "wire/codec.h"
#include "wire/cursor.h"
#include "wire/frame.h"

namespace sluice::wire {

// A record as a reader sees it: what the daemon knows about it beside its own bytes.  Borrows.
struct TailEntry {
    std::uint64_t sequence = 0;
    WallNs receive_time_ns = 0;
    std::uint16_t flags = 0;  // Of its batch, kBatchByDaemon for example.
    FieldRange trusted{};
    RecordView record{};
};

// Can this pattern of TailFilter::streams match a stream?
bool valid_stream_pattern(std::string_view pattern) noexcept;

// Which records a reader wants.  All conditions must hold; several streams: one of them.
struct TailFilter {
    struct FieldCondition {
        std::string name{};
        std::string value{};  // As text, see FieldView::value_text.
        friend bool operator==(const FieldCondition&, const FieldCondition&) = default;
    };
    Severity severity_max = Severity::debug;  // This severity and the more urgent ones.
    std::vector<std::string> streams{};       // Exact, or a prefix ending in '*'.  Empty: all.  "default": unnamed too.
    std::vector<FieldCondition> fields{};     // Some field of that name, the client's or a trusted one, has that value.
    std::vector<std::string> greps{};         // Each is a substring of the message, byte for byte.

    bool matches_all() const noexcept;
    bool matches(const RecordView& record, const FieldRange& trusted) const noexcept;
    friend bool operator==(const TailFilter&, const TailFilter&) = default;
};

enum class TailStart : std::uint8_t { now = 0, last_n = 1, after_cursor = 2, since = 3, oldest = 4 };

struct TailRequest {
    static constexpr MessageType kType = MessageType::tail;
    TailStart start = TailStart::now;
    bool follow = false;
    bool durable_only = false;
    std::uint32_t credit = 0;  // Initial credit in bytes.
    std::uint64_t n = 0;       // With last_n: how many matching records.
    WallNs since_ns = 0;       // With since: receive time.
    Cursor after{};            // With after_cursor.
    TailFilter filter{};
    std::string query{};  // A filter in the query language, which must hold too; may end in `where` and `fields`.

    void encode(Bytes& to) const;
    static Result<TailRequest> decode(ByteView payload);
};

struct TailEntryCodec {
    using View = TailEntry;
    static View view(const std::byte* at) noexcept;
    static std::size_t size(const std::byte* at) noexcept;
};
using TailEntryRange = EncodedRange<TailEntryCodec>;

// A frame of TAIL with MORE.  The resumable position after it is (store of HELLO, epoch, sequence of its last entry).
//   entry:  0          8                 16      18              20             24
//           +----------+-----------------+-------+---------------+--------------+---------+--------+
//           | sequence | receive_time_ns | flags | trusted_count | trusted_size | trusted | record |
//           +----------+-----------------+-------+---------------+--------------+---------+--------+
struct TailChunk {
    static constexpr MessageType kType = reply_type(MessageType::tail);
    std::uint32_t epoch = 0;
    TailEntryRange entries{};

    void encode(Bytes& to) const;
    static Result<TailChunk> decode(ByteView payload, const RecordLimits& limits = {});
};
inline constexpr std::size_t kTailChunkHeaderSize = 8;
inline constexpr std::size_t kTailEntryHeaderSize = 24;

// Bytes of one encoded entry.
inline std::size_t tail_entry_bytes(const TailEntry& entry) noexcept {
    return kTailEntryHeaderSize + entry.trusted.bytes().size() + entry.record.size();
}
void append_tail_entry(Bytes& to, const TailEntry& entry);

// Checks `count` encoded entries that are exactly `bytes`.  Errors: malformed, too_large.
Result<TailEntryRange> parse_tail_entries(ByteView bytes, std::uint32_t count, const RecordLimits& limits = {});

// Collects entries into one TAIL reply frame with MORE.
class TailChunkBuilder {
 public:
    // Appends the frame to `to`, which it borrows.
    TailChunkBuilder(Bytes& to, std::uint64_t request_id, std::uint32_t epoch);
    void add(const TailEntry& entry);
    // The caller appends an encoded entry to this, then calls added().
    Bytes& bytes() noexcept { return to_; }
    void added() noexcept { ++count_; }
    // Forgets the entry added last; `size`: size_bytes() before it.
    void take_back(std::size_t size) {
        to_.resize(start_ + size);
        --count_;
    }
    std::uint32_t count() const noexcept { return count_; }
    // Frame bytes so far, header included.
    std::size_t size_bytes() const noexcept { return to_.size() - start_; }
    // Patches length and count.
    void finish() noexcept;

 private:
    Bytes& to_;
    std::size_t start_;
    std::uint32_t count_ = 0;
};

// The last frame of TAIL, without MORE.
struct TailEnd {
    static constexpr MessageType kType = reply_type(MessageType::tail);
    std::uint32_t epoch = 0;
    Cursor resume_after{};

    void encode(Bytes& to) const;
    static Result<TailEnd> decode(ByteView payload);
};

}  // namespace sluice::wire
