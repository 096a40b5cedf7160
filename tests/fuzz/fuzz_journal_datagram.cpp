// journald's datagrams.
//   byte 0    fields a record may have, less three (modulo 16), so that there is room to tell what happened
//   then      the datagram
// Reading an entry at a time gives the same; what is unparsed is the end of the datagram; and a record that has nothing
// to tell of comes back as it was when its fields are sent once more.
#include "intake_fuzz.h"
#include "wire/journal_datagram.h"
#include "wire/journal_names.h"

namespace {

using namespace sluice;
using namespace sluice::wire;
using fuzz::Outcome;
using fuzz::require;

Outcome read(std::string_view datagram, const RecordLimits& limits) {
    fuzz::Names names;
    const IntakeContext context{.names = names, .time_ns = 42, .limits = limits};
    JournalDatagramReader reader;
    Outcome outcome;
    reader.append_records(datagram, context, outcome.bytes, outcome.counts);
    Outcome by_and_by;
    for (std::size_t at = 0; at < datagram.size();) {
        const std::size_t next = reader.append_some(datagram, at, 0, context, by_and_by.bytes, by_and_by.counts);
        require(next > at && next <= datagram.size());
        at = next;
    }
    require(by_and_by == outcome);
    return outcome;
}

void append_binary(std::string& to, std::string_view name, std::string_view value) {
    for (const char c : name) {
        to += c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
    }
    to += '\n';
    const auto size = static_cast<std::uint64_t>(value.size());
    to += as_text(std::as_bytes(std::span(&size, 1)));
    to += value;
    to += '\n';
}

// `record` as a datagram that has its stream, severity and message said first.
std::string sent(const RecordView& record) {
    std::string text = fmt::format("PRIORITY={}\n", static_cast<int>(record.severity()));
    append_binary(text, kIdentifierName, record.stream() == "app" ? std::string_view() : record.stream());
    append_binary(text, kMessageName, record.message());
    for (const FieldView field : record.fields()) {
        append_binary(text, field.name, field.text());
    }
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string_view datagram = as_text({reinterpret_cast<const std::byte*>(data) + 1, size - 1});
    const RecordLimits limits{.message_bytes_max = 64, .fields_max = data[0] % 16U + 3};
    const Outcome outcome = read(datagram, limits);
    const auto records = fuzz::records_of(outcome, limits);
    for (const RecordView record : records) {
        if (const auto unparsed = record.fields().find("unparsed"); unparsed && unparsed->type == FieldType::bytes) {
            require(datagram.ends_with(unparsed->text()) || outcome.counts.malformed == 0);
        }
        if (!record.fields().find(kParseErrorName)) {
            require(as_text(read(sent(record), limits).bytes) == as_text(record.bytes()));
        }
    }
    // Nothing was understood: all of it is there.
    if (records.size() == 1 && datagram.find_first_of("\n=#.") == std::string_view::npos && outcome.counts.cut == 0) {
        require(records[0].message() == datagram);
    }
    return 0;
}
