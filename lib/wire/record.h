// A log record: the same bytes on the wire and in the log.  Normative text: docs/protocol.md, RECORDS.
//
//   0      4          5               6             8         16               20
//   +------+----------+---------------+-------------+---------+----------------+--------+---------+--------+
//   | size | severity | stream_length | field_count | time_ns | message_length | stream | message | fields |
//   +------+----------+---------------+-------------+---------+----------------+--------+---------+--------+
//   field:  0      1             2      4              8
//           +------+-------------+------+--------------+------+-------+
//           | type | name_length | zero | value_length | name | value |
//           +------+-------------+------+--------------+------+-------+
// Little-endian, no alignment.  Views borrow the bytes they were made from.
#pragma once

#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "wire/encoded_range.h"
#include "wire/limits.h"
#include "wire/severity.h"

namespace sluice::wire {

inline constexpr std::size_t kRecordHeaderSize = 20;
inline constexpr std::size_t kFieldHeaderSize = 8;
inline constexpr std::string_view kDefaultStream = "default";

// 0 to 255 bytes of [A-Za-z0-9._/@:-].  The empty name stands for "default".
bool valid_stream_name(std::string_view name) noexcept;
// 1 to 255 bytes, none of them a C0 control, DEL or '='.  UTF-8 by convention.
bool valid_field_name(std::string_view name) noexcept;

enum class FieldType : std::uint8_t { string = 0, bytes = 1, int64 = 2, float64 = 3, boolean = 4 };

struct FieldView {
    FieldType type = FieldType::string;
    std::string_view name{};
    ByteView value{};

    // Each precondition: the type is the one asked for (text: string or bytes).
    std::string_view text() const noexcept { return as_text(value); }
    std::int64_t as_int64() const noexcept { return load_int<std::int64_t>(value.data()); }
    double as_float64() const noexcept { return std::bit_cast<double>(load_int<std::uint64_t>(value.data())); }
    bool as_boolean() const noexcept { return value[0] != std::byte{0}; }

    // The value as people write it: string and bytes as they are, numbers in decimal (a float in its shortest form that
    // reads back equal), true or false.
    std::string value_text() const;
    // value_text() == text, without allocating.
    bool value_equals(std::string_view text) const noexcept;
};

struct FieldCodec {
    using View = FieldView;
    static View view(const std::byte* at) noexcept {
        const auto name = load_int<std::uint8_t>(at + 1);
        const auto value = load_int<std::uint32_t>(at + 4);
        const std::byte* names = at + kFieldHeaderSize;
        return {static_cast<FieldType>(*at), as_text({names, name}), {names + name, value}};
    }
    static std::size_t size(const std::byte* at) noexcept {
        return kFieldHeaderSize + load_int<std::uint8_t>(at + 1) + load_int<std::uint32_t>(at + 4);
    }
};
class FieldRange : public EncodedRange<FieldCodec> {
 public:
    using EncodedRange::EncodedRange;
    // The first field of that name.
    std::optional<FieldView> find(std::string_view name) const noexcept;
};

// Checks that `bytes` is exactly `count` fields.  Errors: malformed.
Result<FieldRange> parse_fields(ByteView bytes, std::uint32_t count);

// One valid record.  A pointer in size: pass by value.
class RecordView {
 public:
    RecordView() = default;
    // Precondition: a whole record that parse_record or import_batch has accepted.
    static RecordView unchecked(const std::byte* at) noexcept { return RecordView(at); }

    std::uint32_t size() const noexcept { return load_int<std::uint32_t>(at_); }
    Severity severity() const noexcept { return static_cast<Severity>(at_[4]); }
    WallNs time_ns() const noexcept { return load_int<std::int64_t>(at_ + 8); }
    // As sent: may be empty.
    std::string_view stream() const noexcept { return as_text({at_ + kRecordHeaderSize, stream_length()}); }
    std::string_view stream_or_default() const noexcept { return stream_length() == 0 ? kDefaultStream : stream(); }
    std::string_view message() const noexcept {
        return as_text({at_ + kRecordHeaderSize + stream_length(), message_length()});
    }
    FieldRange fields() const noexcept {
        const std::size_t start = kRecordHeaderSize + stream_length() + message_length();
        return {ByteView{at_ + start, size() - start}, load_int<std::uint16_t>(at_ + 6)};
    }
    ByteView bytes() const noexcept { return {at_, size()}; }

 private:
    explicit RecordView(const std::byte* at) noexcept : at_(at) {}
    std::size_t stream_length() const noexcept { return load_int<std::uint8_t>(at_ + 5); }
    std::size_t message_length() const noexcept { return load_int<std::uint32_t>(at_ + 16); }
    const std::byte* at_ = nullptr;
};

// Validates the record at the front of `cursor` and moves `cursor` past it; on error `cursor` stays.
// Errors: malformed (with what is wrong), too_large (a limit).
Result<RecordView> parse_record(ByteView& cursor, const RecordLimits& limits);

// Appends one encoded field.  Preconditions: valid_field_name(name), a value below 4 GiB.
void append_field(Bytes& to, FieldType type, std::string_view name, ByteView value);

// Builds encoded fields; `Derived` tells what to do with one.
template <class Derived>
class FieldSink {
 public:
    Derived& string_field(std::string_view name, std::string_view value) {
        return self().raw_field(FieldType::string, name, as_bytes(value));
    }
    Derived& bytes_field(std::string_view name, ByteView value) {
        return self().raw_field(FieldType::bytes, name, value);
    }
    Derived& int_field(std::string_view name, std::int64_t value) {
        return self().raw_field(FieldType::int64, name, std::as_bytes(std::span(&value, 1)));
    }
    Derived& float_field(std::string_view name, double value) {
        return self().raw_field(FieldType::float64, name, std::as_bytes(std::span(&value, 1)));
    }
    Derived& bool_field(std::string_view name, bool value) {
        const std::byte byte{value ? std::uint8_t{1} : std::uint8_t{0}};
        return self().raw_field(FieldType::boolean, name, {&byte, 1});
    }
    // Picks the type from the value; an unsigned value above the range of int64 becomes a decimal string.
    template <class T>
    Derived& field(std::string_view name, const T& value) {
        if constexpr (std::is_same_v<T, bool>) {
            return bool_field(name, value);
        } else if constexpr (std::is_integral_v<T>) {
            if (std::in_range<std::int64_t>(value)) {
                return int_field(name, static_cast<std::int64_t>(value));
            }
            return string_field(name, fmt::to_string(value));
        } else if constexpr (std::is_floating_point_v<T>) {
            return float_field(name, static_cast<double>(value));
        } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
            return string_field(name, value);
        } else {
            return bytes_field(name, value);
        }
    }

 private:
    friend Derived;
    FieldSink() = default;
    Derived& self() noexcept { return static_cast<Derived&>(*this); }
};

// A block of fields outside a record: the trusted fields of a batch.  Precondition of each call: a valid name.
class FieldBlock : public FieldSink<FieldBlock> {
 public:
    FieldBlock& raw_field(FieldType type, std::string_view name, ByteView value) {
        append_field(bytes_, type, name, value);
        ++count_;
        return *this;
    }
    ByteView bytes() const noexcept { return bytes_; }
    std::uint16_t count() const noexcept { return count_; }
    FieldRange fields() const noexcept { return {bytes_, count_}; }

 private:
    Bytes bytes_;
    std::uint16_t count_ = 0;
};

// Appends records to `into`, which it borrows: begin, then message, then fields, then finish.
// What cannot be encoded (a bad name, a limit) is remembered and returned by finish, which then takes the record back.
class RecordBuilder : public FieldSink<RecordBuilder> {
 public:
    explicit RecordBuilder(Bytes& into, RecordLimits limits = {}) noexcept : into_(into), limits_(limits) {}

    // `time_ns` 0: the daemon fills in its receive time.  An unfinished record is taken back.
    RecordBuilder& begin(Severity severity, std::string_view stream = {}, WallNs time_ns = 0);
    // At most once per record, before the first field.
    RecordBuilder& message(std::string_view text);
    RecordBuilder& raw_field(FieldType type, std::string_view name, ByteView value);
    // Errors: invalid_argument (names, order of calls), too_large.  Nothing of the record is left in `into` then.
    Result<void> finish();

 private:
    void refuse(Errc code, std::string_view what) noexcept;

    Bytes& into_;
    RecordLimits limits_{};
    std::size_t start_ = 0;
    std::uint32_t fields_ = 0;
    bool open_ = false;
    bool has_message_ = false;
    Errc fault_{};                   // With fault_text_: the first refusal, if any.
    std::string_view fault_text_{};  // A literal.
};

}  // namespace sluice::wire
