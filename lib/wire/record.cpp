#include "wire/record.h"

#include <fmt/compile.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/format.h"
#include "wire/record_check.h"

namespace sluice::wire {
namespace {

// The longest shortest form of a double is 24 characters ("-2.2250738585072014e-308").
struct NumberText {
    std::array<char, 32> characters;
    std::size_t size = 0;
    std::string_view view() const noexcept { return {characters.data(), size}; }
};

template <class T>
NumberText number_text(T value) noexcept {
    NumberText text{};
    text.size = static_cast<std::size_t>(fmt::format_to(text.characters.data(), FMT_COMPILE("{}"), value) -
                                         text.characters.data());
    return text;
}

// Calls `use` with the value as text, without allocating.
template <class Use>
auto with_value_text(const FieldView& field, Use&& use) noexcept {
    switch (field.type) {
        case FieldType::string:
        case FieldType::bytes:
            return use(field.text());
        case FieldType::int64:
            return use(number_text(field.as_int64()).view());
        case FieldType::float64:
            return use(number_text(field.as_float64()).view());
        case FieldType::boolean:
            return use(field.as_boolean() ? std::string_view("true") : std::string_view("false"));
    }
    return use(std::string_view());
}

}  // namespace

std::string FieldView::value_text() const {
    return with_value_text(*this, [](std::string_view text) { return std::string(text); });
}

bool FieldView::value_equals(std::string_view text) const noexcept {
    return with_value_text(*this, [text](std::string_view own) { return own == text; });
}

std::optional<FieldView> FieldRange::find(std::string_view name) const noexcept {
    for (const FieldView field : *this) {
        if (field.name == name) {
            return field;
        }
    }
    return std::nullopt;
}

Result<FieldRange> parse_fields(ByteView bytes, std::uint32_t count) {
    const FieldsCheck check = check_fields(bytes.data(), bytes.data() + bytes.size(), count);
    if (check.fault != RecordFault::none) {
        return std::unexpected(record_error(check.fault));
    }
    return FieldRange(bytes, count);
}

Result<RecordView> parse_record(ByteView& cursor, const RecordLimits& limits) {
    const RecordCheck check = check_record(cursor.data(), cursor.data() + cursor.size(), limits);
    if (check.fault != RecordFault::none) {
        return std::unexpected(record_error(check.fault));
    }
    const RecordView record = RecordView::unchecked(cursor.data());
    cursor = cursor.subspan(check.size);
    return record;
}

void append_field(Bytes& to, FieldType type, std::string_view name, ByteView value) {
    SLUICE_ASSERT(valid_field_name(name) && value.size() <= UINT32_MAX, "field of {} bytes", value.size());
    const std::size_t start = to.size();
    to.resize(start + kFieldHeaderSize + name.size() + value.size());
    std::byte* at = to.data() + start;
    at[0] = static_cast<std::byte>(type);
    at[1] = static_cast<std::byte>(name.size());
    store_int<std::uint16_t>(at + 2, 0);
    store_int(at + 4, static_cast<std::uint32_t>(value.size()));
    std::memcpy(at + kFieldHeaderSize, name.data(), name.size());
    if (!value.empty()) {
        std::memcpy(at + kFieldHeaderSize + name.size(), value.data(), value.size());
    }
}

RecordBuilder& RecordBuilder::begin(Severity severity, std::string_view stream, WallNs time_ns) {
    if (open_) {
        into_.resize(start_);
    }
    open_ = true;
    has_message_ = false;
    fields_ = 0;
    fault_text_ = {};
    start_ = into_.size();
    if (!valid_stream_name(stream)) {
        refuse(Errc::invalid_argument, "stream name: at most 255 of [A-Za-z0-9._/@:-]");
        stream = {};
    }
    into_.resize(start_ + kRecordHeaderSize + stream.size());
    std::byte* at = into_.data() + start_;
    at[4] = static_cast<std::byte>(severity);
    at[5] = static_cast<std::byte>(stream.size());
    store_int(at + 8, time_ns);
    std::copy(stream.begin(), stream.end(), reinterpret_cast<char*>(at + kRecordHeaderSize));  // May be null and empty.
    return *this;
}

RecordBuilder& RecordBuilder::message(std::string_view text) {
    if (!open_ || has_message_ || fields_ > 0) {
        refuse(Errc::invalid_argument, "message: once per record, before the fields");
    } else if (text.size() > limits_.message_bytes_max) {
        refuse(Errc::too_large, "message too long");
    } else if (fault_text_.empty()) {
        sluice::append(into_, as_bytes(text));
        store_int(into_.data() + start_ + 16, static_cast<std::uint32_t>(text.size()));
        has_message_ = true;
    }
    return *this;
}

RecordBuilder& RecordBuilder::raw_field(FieldType type, std::string_view name, ByteView value) {
    if (!open_) {
        return *this;  // finish() refuses that.
    }
    if (fields_ >= limits_.fields_max || fields_ >= UINT16_MAX) {
        refuse(Errc::too_large, "too many fields");
    } else if (!valid_field_name(name)) {
        refuse(Errc::invalid_argument, "field name: 1 to 255 bytes without control characters and '='");
    } else if (value.size() > UINT32_MAX - (into_.size() - start_) - kFieldHeaderSize - name.size()) {
        refuse(Errc::too_large, "record of 4 GiB or more");
    } else if (fault_text_.empty()) {
        append_field(into_, type, name, value);
        ++fields_;
    }
    return *this;
}

Result<void> RecordBuilder::finish() {
    if (!open_) {
        return fail(Errc::invalid_argument, "finish without begin");
    }
    open_ = false;
    if (!fault_text_.empty()) {
        into_.resize(start_);
        return fail(fault_, "{}", fault_text_);
    }
    std::byte* at = into_.data() + start_;
    store_int(at, static_cast<std::uint32_t>(into_.size() - start_));
    store_int(at + 6, static_cast<std::uint16_t>(fields_));
    return {};
}

void RecordBuilder::refuse(Errc code, std::string_view what) noexcept {
    if (fault_text_.empty()) {
        fault_ = code;
        fault_text_ = what;
    }
}

}  // namespace sluice::wire
