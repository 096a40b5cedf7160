#include "intake_records.h"

#include <gtest/gtest.h>

namespace sluice::wire {

Intake intake(const std::function<void(const IntakeContext&, Bytes&, IntakeCounts&)>& decode,
              const RecordLimits& limits) {
    TestNames names;
    const IntakeContext context{.names = names, .time_ns = kIntakeTimeNs, .limits = limits};
    Bytes bytes;
    Intake result;
    decode(context, bytes, result.counts);
    for (ByteView cursor = bytes; !cursor.empty();) {
        const auto record = parse_record(cursor, limits);
        if (!record) {
            ADD_FAILURE() << record.error();
            break;
        }
        EXPECT_LE(record->size(), kImportRecordBytesMax);
        std::string shown = fmt::format("{} {}@{} {} |", severity_name(record->severity()), record->stream(),
                                        record->time_ns(), record->message());
        for (const FieldView field : record->fields()) {
            shown +=
                fmt::format(" {}{}={}", field.name, field.type == FieldType::bytes ? ":bytes" : "", field.value_text());
        }
        result.records.push_back(std::move(shown));
    }
    EXPECT_EQ(result.records.size(), result.counts.records);
    return result;
}

Intake stream_intake(StreamDecoder& decoder, std::string_view text, std::size_t step, const RecordLimits& limits) {
    const auto decode = [&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
        for (std::string_view rest = text; !rest.empty();) {
            const std::string_view piece = rest.substr(0, step == 0 ? rest.size() : step);
            decoder.take(piece, context, into, counts);
            EXPECT_LE(decoder.held_bytes(), 2 * kImportRecordBytesMax);
            rest.remove_prefix(piece.size());
        }
        decoder.finish(context, into, counts);
        EXPECT_EQ(decoder.held_bytes(), 0U);
    };
    return intake(decode, limits);
}

}  // namespace sluice::wire
