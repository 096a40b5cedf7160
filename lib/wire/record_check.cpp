#include "wire/record_check.h"

#include <array>

namespace sluice::wire {
namespace {

using ByteSet = std::array<bool, 256>;

constexpr ByteSet kStreamBytes = [] {
    ByteSet set{};
    for (unsigned char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/@:-")) {
        set[c] = true;
    }
    return set;
}();

constexpr ByteSet kNameBytes = [] {
    ByteSet set{};
    for (std::size_t c = 0x20; c < set.size(); ++c) {
        set[c] = c != 0x7F && c != '=';
    }
    return set;
}();

bool all_in(const ByteSet& set, const std::byte* at, std::size_t n) noexcept {
    bool all = true;
    for (std::size_t i = 0; i < n; ++i) {
        all &= set[std::to_integer<std::uint8_t>(at[i])];
    }
    return all;
}

// Size that a value must have; 0: any.
constexpr std::array<std::uint8_t, 5> kValueSizes{0, 0, 8, 8, 1};

}  // namespace

bool valid_stream_name(std::string_view name) noexcept {
    return name.size() <= kNameBytesMax && all_in(kStreamBytes, as_bytes(name).data(), name.size());
}

bool valid_field_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= kNameBytesMax && all_in(kNameBytes, as_bytes(name).data(), name.size());
}

FieldsCheck check_fields(const std::byte* at, const std::byte* end, std::uint32_t count) noexcept {
    FieldsCheck check;
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto left = static_cast<std::size_t>(end - at);
        if (left < kFieldHeaderSize) {
            return {RecordFault::field_cut_short};
        }
        const auto type = load_int<std::uint8_t>(at);
        const std::size_t name = load_int<std::uint8_t>(at + 1);
        const std::size_t value = load_int<std::uint32_t>(at + 4);
        if (left - kFieldHeaderSize < name + value) {
            return {RecordFault::field_cut_short};
        }
        if (type >= kValueSizes.size()) {
            return {RecordFault::field_type};
        }
        if (load_int<std::uint16_t>(at + 2) != 0) {
            return {RecordFault::field_zero};
        }
        const std::byte* text = at + kFieldHeaderSize;
        if (name == 0 || !all_in(kNameBytes, text, name)) {
            return {RecordFault::field_name};
        }
        if (kValueSizes[type] != 0 && value != kValueSizes[type]) {
            return {RecordFault::field_value_size};
        }
        if (type == static_cast<std::uint8_t>(FieldType::boolean) && text[name] > std::byte{1}) {
            return {RecordFault::field_boolean};
        }
        check.reserved += *text == std::byte{'_'} ? 1 : 0;
        at = text + name + value;
    }
    check.fault = at == end ? RecordFault::none : RecordFault::sizes_disagree;
    return check;
}

RecordCheck check_record(const std::byte* at, const std::byte* end, const RecordLimits& limits) noexcept {
    const auto left = static_cast<std::size_t>(end - at);
    if (left < kRecordHeaderSize) {
        return {RecordFault::cut_short};
    }
    const auto size = load_int<std::uint32_t>(at);
    if (size < kRecordHeaderSize) {
        return {RecordFault::size_too_small};
    }
    if (size > left) {
        return {RecordFault::cut_short};
    }
    if (load_int<std::uint8_t>(at + 4) > 7) {
        return {RecordFault::severity};
    }
    const std::size_t stream = load_int<std::uint8_t>(at + 5);
    const auto fields = load_int<std::uint16_t>(at + 6);
    const std::size_t message = load_int<std::uint32_t>(at + 16);
    if (message > limits.message_bytes_max) {
        return {RecordFault::message_too_long};
    }
    if (fields > limits.fields_max) {
        return {RecordFault::too_many_fields};
    }
    if (size - kRecordHeaderSize < stream + message) {
        return {RecordFault::sizes_disagree};
    }
    const std::byte* text = at + kRecordHeaderSize;
    if (!all_in(kStreamBytes, text, stream)) {
        return {RecordFault::stream_name};
    }
    const FieldsCheck check = check_fields(text + stream + message, at + size, fields);
    return {check.fault, check.reserved, size};
}

Error record_error(RecordFault fault) {
    const auto malformed = [](const char* text) { return Error(Errc::malformed, text); };
    switch (fault) {
        case RecordFault::none:
            break;
        case RecordFault::cut_short:
            return malformed("cut short");
        case RecordFault::size_too_small:
            return malformed("size below the header's 20 bytes");
        case RecordFault::sizes_disagree:
            return malformed("stream, message and fields do not add up to size");
        case RecordFault::severity:
            return malformed("severity above 7");
        case RecordFault::stream_name:
            return malformed("stream name has a byte outside [A-Za-z0-9._/@:-]");
        case RecordFault::message_too_long:
            return {Errc::too_large, "message too long"};
        case RecordFault::too_many_fields:
            return {Errc::too_large, "too many fields"};
        case RecordFault::field_cut_short:
            return malformed("a field is cut short");
        case RecordFault::field_type:
            return malformed("unknown field type");
        case RecordFault::field_zero:
            return malformed("the zero bytes of a field are not zero");
        case RecordFault::field_name:
            return malformed("a field name is empty or has a control character or '='");
        case RecordFault::field_value_size:
            return malformed("a field value does not have the size of its type");
        case RecordFault::field_boolean:
            return malformed("a boolean field is neither 0 nor 1");
    }
    return {Errc::internal, "no fault"};
}

}  // namespace sluice::wire
