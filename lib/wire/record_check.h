// Validation of encoded records without an allocation, shared by parse_record, parse_batch and import_batch.
#pragma once

#include "wire/record.h"

namespace sluice::wire {

enum class RecordFault : std::uint8_t {
    none,
    cut_short,
    size_too_small,
    sizes_disagree,
    severity,
    stream_name,
    message_too_long,
    too_many_fields,
    field_cut_short,
    field_type,
    field_zero,
    field_name,
    field_value_size,
    field_boolean,
};

struct FieldsCheck {
    RecordFault fault = RecordFault::none;
    std::uint32_t reserved = 0;  // Fields whose name starts with '_'.
};

// [at, end) must be exactly `count` fields.
FieldsCheck check_fields(const std::byte* at, const std::byte* end, std::uint32_t count) noexcept;

struct RecordCheck {
    RecordFault fault = RecordFault::none;
    std::uint32_t reserved = 0;
    std::uint32_t size = 0;  // Valid without a fault; at least kRecordHeaderSize.
};

// The record that starts at `at`; `end` may lie beyond it.
RecordCheck check_record(const std::byte* at, const std::byte* end, const RecordLimits& limits) noexcept;

Error record_error(RecordFault fault);

}  // namespace sluice::wire
