// A batch: how records travel and how they are stored.
//
//   0      4       8                 16            32       40             44              46      48
//   +------+-------+-----------------+-------------+--------+--------------+---------------+-------+---------+---------+
//   | size | count | receive_time_ns | producer id | number | trusted_size | trusted_count | flags | trusted | records
//   |
//   +------+-------+-----------------+-------------+--------+--------------+---------------+-------+---------+---------+
// From a client receive_time_ns, trusted_* and flags are zero.  Producer and number are both set or both zero.
#pragma once

#include <array>

#include "wire/record.h"

namespace sluice::wire {

// Chosen by a client at random; all zeros: none.
using ProducerId = std::array<std::byte, 16>;

// Batch flags.
inline constexpr std::uint16_t kBatchByDaemon = 1;  // Written by the daemon itself, for example a gap record.
inline constexpr std::uint16_t kBatchComputed =
    2;  // In results of a query only: fields that a query computed, no record of the log.
inline constexpr std::uint16_t kBatchGap = 4;  // In a tail only: tells of records that are lost to damage.

struct BatchHeader {
    std::uint32_t size = 0;            // Whole batch in bytes.
    std::uint32_t count = 0;           // Records.
    std::int64_t receive_time_ns = 0;  // Daemon's wall clock.
    ProducerId producer{};
    std::uint64_t number = 0;        // From 1; 0: not numbered.
    std::uint32_t trusted_size = 0;  // Bytes of the trusted fields.
    std::uint16_t trusted_count = 0;
    std::uint16_t flags = 0;
};
static_assert(sizeof(BatchHeader) == 48);
static_assert(std::has_unique_object_representations_v<BatchHeader>, "padding would reach the disk");

struct RecordCodec {
    using View = RecordView;
    static View view(const std::byte* at) noexcept { return RecordView::unchecked(at); }
    static std::size_t size(const std::byte* at) noexcept { return load_int<std::uint32_t>(at); }
};
using RecordRange = EncodedRange<RecordCodec>;

// A valid batch; borrows its bytes.
struct BatchView {
    BatchHeader header{};
    FieldRange trusted{};
    RecordRange records{};
};

// Reads a stored batch at the front of `cursor`, validates header, trusted fields and every record, and moves `cursor`
// past it; on error `cursor` stays.  Errors: malformed, too_large.
Result<BatchView> parse_batch(ByteView& cursor, const RecordLimits& limits = {});

// The header only, for readers that skip whole batches: sizes are consistent with `at`, contents are not looked at.
Result<BatchHeader> parse_batch_header(ByteView at);

// What the daemon adds to a client's batch.
struct ImportContext {
    WallNs receive_time_ns = 0;
    ByteView trusted{};  // Encoded fields (FieldBlock).
    std::uint16_t trusted_count = 0;
    RecordLimits limits{};
    std::uint32_t records_max = kLogRecordsMax;  // Above: too_large.
};

struct BatchSummary {
    std::size_t bytes = 0;             // Written to the output.
    std::uint32_t count = 0;           // Records; at least 1.
    std::uint32_t dropped_fields = 0;  // Client fields with a leading '_'.
    ProducerId producer{};
    std::uint64_t number = 0;
};

// An upper bound of what import_batch writes.
constexpr std::size_t import_bytes_max(std::size_t client_batch_bytes, std::size_t trusted_bytes) noexcept {
    return client_batch_bytes + trusted_bytes;
}

// Validates a client's batch and writes it to `into` in the layout of the log: receive time filled in where a record
// has no time, fields with a leading '_' left out, trusted fields inserted.  One pass; `client_batch` must not change
// meanwhile.  Preconditions: into.size() >= import_bytes_max(...), which is below 4 GiB, and the two do not overlap.
// Errors: malformed, too_large, invalid_argument (no record; a number without a producer or the reverse).  `into` then
// holds rubbish.
Result<BatchSummary> import_batch(ByteView client_batch, const ImportContext& context, std::span<std::byte> into);

// What a finished batch says about itself.  A client sets producer and number only.
struct BatchStamp {
    ProducerId producer{};
    std::uint64_t number = 0;
    WallNs receive_time_ns = 0;
    std::uint16_t flags = 0;
};

// Collects records into one batch.  Reusable: clear() keeps the memory.
class BatchBuilder {
 public:
    explicit BatchBuilder(RecordLimits limits = {});
    BatchBuilder(const BatchBuilder&) = delete;
    BatchBuilder& operator=(const BatchBuilder&) = delete;

    // For the daemon's own batches; before the first record.
    void set_trusted(const FieldBlock& trusted);

    // builder.begin(...).message(...).field(...); then finish_record(), which counts it.
    RecordBuilder& begin(Severity severity, std::string_view stream = {}, WallNs time_ns = 0);
    Result<void> finish_record();
    // Appends records that are already encoded and valid.
    void add_encoded(ByteView records, std::uint32_t count);

    std::uint32_t count() const noexcept { return count_; }
    std::size_t size_bytes() const noexcept { return bytes_.size(); }

    // Patches the header.  The view is valid until the next change of the builder; a second finish is allowed (another
    // number after a reconnect, for example).  Precondition: below 4 GiB.
    ByteView finish(const BatchStamp& stamp = {});
    void clear();

 private:
    Bytes bytes_;
    RecordBuilder record_;
    std::uint32_t count_ = 0;
    std::uint32_t trusted_size_ = 0;
    std::uint16_t trusted_count_ = 0;
};

}  // namespace sluice::wire
