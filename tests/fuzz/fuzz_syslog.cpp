// Syslog: single messages, and streams of frames.
//   byte 0    what (modulo 2): a message, a stream
//   byte 1    how many bytes at a time (0: all at once)
//   then      the input
// The parts of a message are together the end of the input; however a stream is cut, the same records come out, in the
// order of the input; and of what has no priority, nothing is missing.
#include "intake_fuzz.h"
#include "wire/syslog_message.h"
#include "wire/syslog_stream.h"

namespace {

using namespace sluice;
using namespace sluice::wire;
using fuzz::Outcome;
using fuzz::require;

// Stripped from the end of messages.
constexpr std::string_view kSpace("\0 \t\n\v\f\r", 7);
constexpr RecordLimits kLimits{.message_bytes_max = 64, .fields_max = 12};

void check_message(std::string_view text) {
    fuzz::Names names;
    Outcome outcome;
    append_syslog(text, {.names = names, .time_ns = 42, .limits = kLimits}, outcome.bytes, outcome.counts);
    const std::string_view stripped = text.substr(0, text.find_last_not_of(kSpace) + 1);
    const auto records = fuzz::records_of(outcome, kLimits);
    require(records.empty() == stripped.empty());
    const std::string message = fuzz::messages_of(records);
    require(stripped.ends_with(message));
    require(outcome.counts.malformed <= 1 && outcome.counts.cut == 0);
    if (records.empty()) {
        return;
    }
    const auto fault = records[0].fields().find(kParseErrorName);
    require(fault.has_value() == (outcome.counts.malformed == 1));
    if (fault && fault->text().find(" at byte ") != std::string_view::npos) {
        require(message == stripped);
    }
}

void check_stream(std::string_view text, std::size_t step) {
    constexpr std::size_t kBegunBytesMax = 16;  // What may become a length and a priority.
    constexpr std::size_t kHeldBytesMax = 2 * kLimits.message_bytes_max + kBegunBytesMax;
    SyslogStreamDecoder decoder;
    const Outcome whole = fuzz::decode_stream(decoder, text, 0, kHeldBytesMax, kLimits);
    SyslogStreamDecoder other;
    require(fuzz::decode_stream(other, text, step, kHeldBytesMax, kLimits) == whole);
    require(fuzz::decode_resumed<SyslogStreamDecoder>(text, step, kHeldBytesMax, kLimits) == whole);
    const auto records = fuzz::records_of(whole, kLimits);
    std::size_t at = 0;
    for (const RecordView record : records) {
        at = text.find(record.message(), at);
        require(at != std::string_view::npos);
        at += record.message().size();
    }
    if (text.find('<') == std::string_view::npos) {
        require(fuzz::without(fuzz::messages_of(records), kSpace) == fuzz::without(text, kSpace));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) {
        return 0;
    }
    const std::string_view text = as_text({reinterpret_cast<const std::byte*>(data) + 2, size - 2});
    if (data[0] % 2 == 0) {
        check_message(text);
    } else {
        check_stream(text, data[1]);
    }
    return 0;
}
