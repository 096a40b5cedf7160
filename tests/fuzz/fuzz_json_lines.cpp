// JSON lines from a socket.
//   byte 0    how many bytes at a time (0: all at once)
//   then      the stream
// However it is cut, the same records come out; of what is no object, no byte is missing.
#include "intake_fuzz.h"
#include "wire/json_lines.h"

namespace {

using namespace sluice;
using namespace sluice::wire;
using fuzz::Outcome;
using fuzz::require;

constexpr RecordLimits kLimits{.message_bytes_max = 24, .fields_max = 6};
constexpr JsonLinesDecoder::Options kOptions{.line_bytes_max = 96};

Outcome decode(std::string_view text, std::size_t step, JsonReader& reader) {
    JsonLinesDecoder decoder(reader, kOptions);
    return fuzz::decode_stream(decoder, text, step, kOptions.line_bytes_max + 1, kLimits);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string_view text = as_text({reinterpret_cast<const std::byte*>(data) + 1, size - 1});
    JsonReader reader(kLimits);
    const Outcome whole = decode(text, 0, reader);
    require(decode(text, data[0], reader) == whole);
    require(fuzz::decode_resumed<JsonLinesDecoder>(text, data[0], kOptions.line_bytes_max + 1, kLimits, reader,
                                                   kOptions) == whole);
    const auto records = fuzz::records_of(whole, kLimits);
    if (text.find('{') == std::string_view::npos) {
        require(fuzz::without(fuzz::messages_of(records), "\r\n") == fuzz::without(text, "\r\n"));
    }
    return 0;
}
