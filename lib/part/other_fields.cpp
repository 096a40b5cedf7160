#include "part/other_fields.h"

#include "base/checksum.h"
#include "part/varint.h"

namespace sluice::part {

void append_other_field(Bytes& to, std::uint64_t skipped, bool trusted, const wire::FieldView& field) {
    append_varint(to, skipped << 1U | (trusted ? 1U : 0U));
    wire::append_field(to, field.type, field.name, field.value);
}

bool valid_other_fields(ByteView value) noexcept {
    Input from(value);
    bool trusted = true;
    do {
        const bool this_trusted = (from.varint_max(std::uint64_t{UINT16_MAX} << 1U | 1U) & 1U) != 0;
        const ByteView header = from.bytes(wire::kFieldHeaderSize);
        if (from.failed() || (this_trusted && !trusted)) {
            return false;
        }
        trusted = this_trusted;
        const std::size_t rest = wire::FieldCodec::size(header.data()) - header.size();
        const ByteView behind = from.bytes(rest);
        if (from.failed() || !wire::parse_fields({header.data(), header.size() + behind.size()}, 1)) {
            return false;
        }
    } while (from.left() > 0);
    return true;
}

bool OtherFields::next(OtherField& into) noexcept {
    if (rest_.empty()) {
        return false;
    }
    Input from(rest_);
    const std::uint64_t head = from.varint();
    const ByteView left = rest_.last(from.left());
    into = {(head & 1U) != 0, head >> 1U, left.first(wire::FieldCodec::size(left.data()))};
    rest_ = left.subspan(into.bytes.size());
    return true;
}

std::uint64_t other_field_hash(std::string_view name, wire::FieldType type) noexcept {
    return checksum64(as_bytes(name), 1 + static_cast<std::uint64_t>(type));
}

}  // namespace sluice::part
