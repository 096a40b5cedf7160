// Everything that reads bytes from a peer: frames, every message, records, batches, JSON lines, and what shows them.
// The first byte of an input says which of them gets the rest.  A broken property traps.
#include <cstdint>
#include <cstdlib>

#include "wire/base64.h"
#include "wire/batch.h"
#include "wire/escape.h"
#include "wire/json.h"
#include "wire/messages.h"
#include "wire/reencode.h"
#include "wire/render.h"
#include "wire/time_text.h"

namespace {

using namespace sluice;
using namespace sluice::wire;

void require(bool holds) {
    if (!holds) {
        __builtin_trap();
    }
}

bool equal(ByteView a, ByteView b) {
    return as_text(a) == as_text(b);
}

constexpr std::uint32_t kFrameMax = 1U << 16U;

// What comes out of a splitter fed in pieces of `step` bytes (0: all at once); "!" where it fails.
std::string split(ByteView stream, std::size_t step) {
    FrameSplitter splitter(kFrameMax);
    std::string seen;
    bool direct = false;
    while (!stream.empty()) {
        std::size_t n = step == 0 ? stream.size() : std::min(step, stream.size());
        const auto space = splitter.direct_space();
        if (!space.empty() && (direct = !direct)) {
            n = std::min(n, space.size());
            std::memcpy(space.data(), stream.data(), n);
            splitter.commit(n);
        } else {
            splitter.feed(stream.first(n));
        }
        stream = stream.subspan(n);
        for (;;) {
            const auto frame = splitter.next();
            if (!frame) {
                return seen + "!";
            }
            if (!*frame) {
                break;
            }
            require((*frame)->header.length == kFrameHeaderSize + (*frame)->payload.size());
            seen += fmt::format("{}:{} ", (*frame)->header.id, as_text((*frame)->payload));
            if (const auto again = test::reencode(**frame)) {
                require(equal(ByteView(*again).subspan(kFrameHeaderSize), (*frame)->payload));
            }
        }
        require(splitter.buffered_bytes() <= kFrameMax);
    }
    return seen;
}

void fuzz_frames(ByteView input) {
    if (input.empty()) {
        return;
    }
    const auto step = std::to_integer<std::size_t>(input[0]);
    input = input.subspan(1);
    require(split(input, step) == split(input, 0));
}

// u16 type, u8 flags, payload: reaches the decoders without a valid length in front.
void fuzz_message(ByteView input) {
    if (input.size() < 3) {
        return;
    }
    FrameHeader header{.length = 0, .type = static_cast<MessageType>(load_int<std::uint16_t>(input.data()))};
    header.flags = std::to_integer<std::uint16_t>(input[2]);
    const ByteView payload = input.subspan(3);
    if (const auto again = test::reencode({header, payload})) {
        require(equal(ByteView(*again).subspan(kFrameHeaderSize), payload));
    }
}

void show(const TailEntry& entry) {
    for (const auto format : {OutputFormat::short_line, OutputFormat::cat}) {
        std::string line;
        Renderer({.format = format, .utc = true}).append_line(line, entry);
        require(line.ends_with('\n') && line.find('\n') == line.size() - 1 && line.find('\x1b') == std::string::npos);
        require(valid_utf8(line));
    }
    std::string json;
    append_json(json, entry);
    require(valid_utf8(json));
    static JsonReader reader;  // Reused, as the command line does.
    Bytes record;
    const auto outcome = reader.append_record(json, {}, record);
    require(!outcome || RecordView::unchecked(record.data()).size() == record.size());
}

void fuzz_batch(ByteView input) {
    FieldBlock trusted;
    trusted.field("_pid", 1);
    const ImportContext context{.receive_time_ns = 7, .trusted = trusted.bytes(), .trusted_count = trusted.count()};
    Bytes room(import_bytes_max(input.size(), trusted.bytes().size()));
    if (const auto summary = import_batch(input, context, room)) {
        ByteView stored = ByteView(room).first(summary->bytes);
        const auto batch = parse_batch(stored);
        require(batch && stored.empty() && batch->header.count == summary->count);
        std::uint64_t sequence = 0;
        for (const RecordView record : batch->records) {
            require(record.time_ns() != 0);
            for (const FieldView field : record.fields()) {
                require(field.name.front() != '_');
            }
            show({++sequence, 7, 0, batch->trusted, record});
        }
        require(sequence == summary->count);
    }
    (void)parse_batch(input);
}

void fuzz_records(ByteView input) {
    for (;;) {
        const auto record = parse_record(input, {});
        if (!record) {
            return;
        }
        Bytes again;
        RecordBuilder builder(again);
        builder.begin(record->severity(), record->stream(), record->time_ns()).message(record->message());
        for (const FieldView field : record->fields()) {
            builder.raw_field(field.type, field.name, field.value);
            require(field.value_equals(field.value_text()));
        }
        require(builder.finish() && equal(again, record->bytes()));
    }
}

void fuzz_json(std::string_view line) {
    static JsonReader reader;  // Reused, as the command line does.
    Bytes bytes;
    const auto outcome = reader.append_record(line, {}, bytes);
    if (!outcome) {
        require(bytes.empty());
        return;
    }
    ByteView cursor = bytes;
    const auto record = parse_record(cursor, {});
    require(record && cursor.empty());
    require(*outcome != JsonOutcome::plain_text || record->message() == line);
    require(*outcome != JsonOutcome::mended || record->fields().find(kParseErrorName));
    show({1, 2, 0, {}, *record});
}

void fuzz_text(std::string_view text) {
    for (const std::string& shown : {escaped(text), quoted(text)}) {
        require(valid_utf8(shown));
        for (std::string_view left = shown; !left.empty();) {
            const std::size_t length = utf8_length(left);
            require(!is_control(utf8_point(left.substr(0, length))));
            left.remove_prefix(length);
        }
    }
    (void)parse_severity(text);
    if (const auto cursor = parse_cursor(text)) {
        require(*parse_cursor(format_cursor(*cursor)) == *cursor);
    }
    if (const auto time = parse_rfc3339(text)) {
        std::string again;
        append_rfc3339(again, *time);
        require(parse_rfc3339(again) == time);
    }
    if (const auto bytes = decode_base64(text)) {
        std::string again;
        append_base64(again, as_bytes(*bytes));
        require(again == text);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const ByteView input(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
    switch (data[0] % 6) {
        case 0:
            fuzz_frames(input);
            break;
        case 1:
            fuzz_message(input);
            break;
        case 2:
            fuzz_batch(input);
            break;
        case 3:
            fuzz_records(input);
            break;
        case 4:
            fuzz_json(as_text(input));
            break;
        case 5:
            fuzz_text(as_text(input));
            break;
    }
    return 0;
}
