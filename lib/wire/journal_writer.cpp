#include <array>
#include <cmath>
#include <iterator>

#include "base/format.h"
#include "wire/escape.h"
#include "wire/journal_export.h"
#include "wire/journal_names.h"

namespace sluice::wire {
namespace {

constexpr std::int64_t kMicro = 1'000;
// The journal refuses times of 2^55 us and later; ours end before.
constexpr std::int64_t kMicroMin = 1;

// Valid UTF-8 without control characters, tab apart: what the journal itself writes as text.
bool is_plain_text(std::string_view value) noexcept {
    bool ascii = true;
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && byte != '\t') || byte == 0x7F) {
            return false;
        }
        ascii &= byte < 0x80;
    }
    return ascii || valid_utf8(value);
}

void append_line(std::string& to, std::string_view name, std::string_view value) {
    to += name;
    if (is_plain_text(value)) {
        to += '=';
        to += value;
    } else {
        to += '\n';
        std::array<std::byte, 8> size{};
        store_int(size.data(), static_cast<std::uint64_t>(value.size()));
        to += as_text(size);
        to += value;
    }
    to += '\n';
}

void append_value_line(std::string& to, std::string_view name, const FieldView& field) {
    if (field.type == FieldType::string || field.type == FieldType::bytes) {
        append_line(to, name, field.text());
        return;
    }
    to += name;
    to += '=';
    if (is_odd_float(field)) {
        fmt::format_to(std::back_inserter(to), "{:016x}", load_int<std::uint64_t>(field.value.data()));
    } else {
        to += field.value_text();
    }
    to += '\n';
}

void append_layout(std::string& to, const FieldRange& fields) {
    std::string layout;
    for (const FieldView field : fields) {
        if (!layout.empty()) {
            layout += '=';
        }
        layout += is_odd_float(field) ? kOddFloatLetter : kTypeLetters[static_cast<std::size_t>(field.type)];
        layout += ':';
        layout += field.name;
    }
    append_line(to, kFieldsName, layout);
}

}  // namespace

bool is_odd_float(const FieldView& field) noexcept {
    // Of the values that are no numbers, one has a text that reads back equal.
    constexpr std::uint64_t kPlainNan = 0x7FF8'0000'0000'0000;
    return field.type == FieldType::float64 && std::isnan(field.as_float64()) &&
           load_int<std::uint64_t>(field.value.data()) != kPlainNan;
}

std::string journal_name(std::string_view name) {
    constexpr std::size_t kNameMax = 64;
    std::string upper;
    upper.reserve(name.size() + kFieldPrefix.size());
    for (const char c : name) {
        const bool letter = c >= 'a' && c <= 'z';
        const bool other = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        upper += letter ? static_cast<char>(c - ('a' - 'A')) : other ? c : '_';
    }
    const bool begins_well = !upper.empty() && upper.front() >= 'A' && upper.front() <= 'Z';
    if (!begins_well || upper == kMessageName || upper == kPriorityName || upper == kIdentifierName ||
        upper.starts_with(kOwnPrefix)) {
        upper.insert(0, kFieldPrefix);
    }
    upper.resize(std::min(upper.size(), kNameMax));
    return upper;
}

void append_journal_entry(std::string& to, const TailEntry& entry, const Cursor* cursor) {
    const RecordView record = entry.record;
    if (cursor != nullptr) {
        append_line(to, "__CURSOR", format_cursor(*cursor));
    }
    const std::int64_t time_us = std::max(record.time_ns() / kMicro, kMicroMin);
    fmt::format_to(std::back_inserter(to), "{}={}\n{}={}\n", kRealtimeName, time_us, kPriorityName,
                   static_cast<int>(record.severity()));
    append_line(to, kIdentifierName, record.stream_or_default());
    append_line(to, kMessageName, record.message());
    for (const FieldView field : entry.trusted) {
        std::string name = journal_name(field.name.substr(field.name.starts_with('_') ? 1 : 0));
        name.insert(0, 1, '_');
        append_value_line(to, name, field);
    }
    append_layout(to, record.fields());
    for (const FieldView field : record.fields()) {
        append_value_line(to, journal_name(field.name), field);
    }
    if (record.stream().empty()) {
        append_line(to, kStreamName, {});
    }
    if (record.time_ns() != time_us * kMicro) {
        fmt::format_to(std::back_inserter(to), "{}={}\n", kTimeName, record.time_ns());
    }
    if ((entry.flags & kBatchByDaemon) != 0) {
        append_line(to, kOriginName, "daemon");
    }
    to += '\n';
}

}  // namespace sluice::wire
