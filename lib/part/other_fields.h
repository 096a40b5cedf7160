// The fields of one row that have no column of their own, as one value of the column of kind `others`: what is rare
// costs the bytes that it has, and not a column.
//
//   of each field, in the order of the row (trusted ones first):
//   varint skipped * 2 + trusted | the field as in a record (wire/record.h)
// skipped: how many fields with columns, of the same trust, stand between the one before it here and this one.
#pragma once

#include "base/bytes.h"
#include "wire/record.h"

namespace sluice::part {

struct OtherField {
    bool trusted = false;
    std::uint64_t skipped = 0;
    ByteView bytes{};  // As in a record.

    wire::FieldView view() const noexcept { return wire::FieldCodec::view(bytes.data()); }
};

void append_other_field(Bytes& to, std::uint64_t skipped, bool trusted, const wire::FieldView& field);

// Whether bytes that may be anything are such a value, of one field at least.
bool valid_other_fields(ByteView value) noexcept;

// Takes the fields of a valid value from the front.
class OtherFields {
 public:
    OtherFields() = default;
    explicit OtherFields(std::string_view value) noexcept : rest_(as_bytes(value)) {}
    // False: that was all.
    bool next(OtherField& into) noexcept;

 private:
    ByteView rest_;
};

// What the token filter of the column holds for each field: its name and type, beside the words of texts.
std::uint64_t other_field_hash(std::string_view name, wire::FieldType type) noexcept;

}  // namespace sluice::part
