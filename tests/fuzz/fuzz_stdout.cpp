// journald's stdout streams.
//   byte 0    how many bytes at a time (0: all at once)
//   then      the stream
// However it is cut, the same records come out; whatever the header, no byte of a line is missing.
#include "intake_fuzz.h"
#include "wire/stdout_stream.h"

namespace {

using namespace sluice;
using namespace sluice::wire;
using fuzz::Outcome;
using fuzz::require;

constexpr RecordLimits kLimits{.message_bytes_max = 24, .fields_max = 6};
constexpr StdoutStreamDecoder::Options kOptions{.line_bytes_max = 16};
constexpr std::size_t kHeldBytesMax = 8 * 4097;

// Without its header; all of it where that is none.
std::string_view lines_of(std::string_view text, bool rejected) {
    for (int line = 0; line < 7 && !rejected; ++line) {
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    }
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) {
        return 0;
    }
    const std::string_view text = as_text({reinterpret_cast<const std::byte*>(data) + 1, size - 1});
    const std::size_t step = data[0];
    StdoutStreamDecoder decoder(kOptions);
    const Outcome whole = fuzz::decode_stream(decoder, text, 0, kHeldBytesMax, kLimits);
    StdoutStreamDecoder pieces(kOptions);
    require(fuzz::decode_stream(pieces, text, step, kHeldBytesMax, kLimits) == whole);
    require(fuzz::decode_resumed<StdoutStreamDecoder>(text, step, kHeldBytesMax, kLimits, kOptions) == whole);
    // The same bytes, whoever sends them.
    StdoutStreamDecoder senders(kOptions);
    const Outcome other = fuzz::decode_stream(
        senders, text, step, kHeldBytesMax, kLimits,
        [&](const IntakeContext& context, Outcome& to) { senders.sender_changed(context, to.bytes, to.counts); });
    (void)fuzz::records_of(other, kLimits);

    const auto records = fuzz::records_of(whole, kLimits);
    const bool rejected = whole.counts.malformed > 0;
    // White space at the end of a line is left out.
    constexpr std::string_view kNotCompared(" \t\r\n\0", 5);
    const std::string lines = fuzz::without(lines_of(text, rejected), kNotCompared);
    const auto text_of = [&](const auto& of) { return fuzz::without(fuzz::messages_of(of), kNotCompared); };
    // A level prefix is no part of a message.
    if (rejected || lines.find('<') == std::string::npos) {
        require(text_of(records) == lines);
        require(text_of(fuzz::records_of(other, kLimits)) == lines);
    }
    return 0;
}
