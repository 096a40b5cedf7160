#include "server/gap_entry.h"

#include "base/assert.h"
#include "wire/tail_messages.h"

namespace sluice::server {

Bytes make_gap_frame(const GapPlace& place, const store::Damage& lost) {
    const std::string reason = lost.reason();
    wire::BatchBuilder builder;
    builder.begin(wire::Severity::warning, "sluice", place.now)
        .message(fmt::format("records {} to {} are lost: {}", lost.first_sequence, lost.end_sequence - 1, reason))
        .field("first_sequence", lost.first_sequence)
        .field("last_sequence", lost.end_sequence - 1)
        .field("reason", std::string_view(reason))
        .field("file", std::string_view(lost.file))
        .field("offset", lost.offset);
    const bool made = builder.finish_record().has_value();
    SLUICE_ASSERT(made, "a record about {}", reason);
    const ByteView batch = builder.finish();
    const wire::RecordRange records(batch.subspan(sizeof(wire::BatchHeader)), 1);
    Bytes frame;
    wire::TailChunkBuilder chunk(frame, place.request_id, place.epoch);
    chunk.add({.sequence = place.sequence,
               .receive_time_ns = place.now,
               .flags = wire::kBatchByDaemon | wire::kBatchGap,
               .trusted = {},
               .record = *records.begin()});
    chunk.finish();
    return frame;
}

}  // namespace sluice::server
