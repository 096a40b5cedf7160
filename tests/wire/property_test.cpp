// Properties over generated records and cuts.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "wire/escape.h"
#include "wire/json.h"
#include "wire/messages.h"

namespace sluice::wire {
namespace {

using Field = std::tuple<int, std::string, std::string>;  // Type, name, value to take bytes from.

struct Draft {
    int severity = 0;
    std::int64_t time = 0;
    std::string stream;
    std::string message;
    std::vector<Field> fields;
};

std::string bytes_string() {
    const auto bytes = *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::arbitrary<std::uint8_t>());
    return {bytes.begin(), bytes.end()};
}

Draft draft() {
    Draft made;
    made.severity = *rc::gen::inRange(0, 8);
    made.time = *rc::gen::element<std::int64_t>(0, 1, -1, 1700528523123456789);
    made.stream = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("azAZ09._/@:-")));
    made.message = bytes_string();
    const auto count = *rc::gen::inRange<std::size_t>(0, 6);
    for (std::size_t i = 0; i < count; ++i) {
        auto name =
            *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::elementOf(std::string("_abc .-Z9\xC3\xA9"))));
        made.fields.emplace_back(*rc::gen::inRange(0, 5), std::move(name), bytes_string());
    }
    return made;
}

std::int64_t number_of(const std::string& text) {
    std::int64_t number = 0;
    std::memcpy(&number, text.data(), std::min(text.size(), sizeof number));
    return number;
}

void build(const Draft& from, Bytes& into) {
    RecordBuilder record(into);
    record.begin(static_cast<Severity>(from.severity), from.stream, from.time).message(from.message);
    for (const auto& [type, name, value] : from.fields) {
        switch (static_cast<FieldType>(type)) {
            case FieldType::string:
                record.string_field(name, value);
                break;
            case FieldType::bytes:
                record.bytes_field(name, as_bytes(value));
                break;
            case FieldType::int64:
                record.int_field(name, number_of(value));
                break;
            case FieldType::float64:
                record.float_field(name, static_cast<double>(number_of(value)) / 3);
                break;
            case FieldType::boolean:
                record.bool_field(name, value.size() % 2 != 0);
                break;
        }
    }
    RC_ASSERT(record.finish().has_value());
}

RC_GTEST_PROP(RecordProperty, BuiltRecordsAreReadBack, ()) {
    const Draft made = draft();
    Bytes bytes;
    build(made, bytes);
    ByteView cursor = bytes;
    const auto record = parse_record(cursor, {});
    RC_ASSERT(record.has_value());
    RC_ASSERT(cursor.empty());
    RC_ASSERT(record->message() == made.message);
    RC_ASSERT(record->stream() == made.stream);
    RC_ASSERT(record->fields().size() == made.fields.size());
    std::size_t i = 0;
    for (const FieldView field : record->fields()) {
        const auto& [type, name, value] = made.fields[i++];
        RC_ASSERT(static_cast<int>(field.type) == type);
        RC_ASSERT(field.name == name);
        RC_ASSERT(type > 1 || field.text() == value);
    }
}

// Import keeps every record but for reserved fields and missing times.
RC_GTEST_PROP(BatchProperty, ImportKeepsWhatIsNotReserved, ()) {
    BatchBuilder batch;
    std::vector<Draft> drafts;
    const auto count = *rc::gen::inRange<std::size_t>(1, 8);
    for (std::size_t i = 0; i < count; ++i) {
        drafts.push_back(draft());
        Bytes bytes;
        build(drafts.back(), bytes);
        batch.add_encoded(bytes, 1);
    }
    const ByteView client = batch.finish();
    Bytes room(import_bytes_max(client.size(), 0));
    const auto summary = import_batch(client, {.receive_time_ns = 42}, room);
    RC_ASSERT(summary.has_value());
    ByteView stored = ByteView(room).first(summary->bytes);
    const auto view = parse_batch(stored);
    RC_ASSERT(view.has_value());
    std::uint32_t dropped = 0;
    std::size_t at = 0;
    for (const RecordView record : view->records) {
        Draft expected = drafts[at++];
        dropped += static_cast<std::uint32_t>(
            std::erase_if(expected.fields, [](const Field& field) { return std::get<1>(field).front() == '_'; }));
        expected.time = expected.time == 0 ? 42 : expected.time;
        Bytes bytes;
        build(expected, bytes);
        RC_ASSERT(as_text(record.bytes()) == as_text(bytes));
    }
    RC_ASSERT(at == drafts.size());
    RC_ASSERT(summary->dropped_fields == dropped);
}

// However a stream is cut, the same frames come out.
RC_GTEST_PROP(FrameProperty, CutsDoNotMatter, ()) {
    Bytes stream;
    std::vector<std::string> sent;
    const auto count = *rc::gen::inRange<std::size_t>(1, 6);
    for (std::size_t i = 0; i < count; ++i) {
        sent.push_back(bytes_string());
        append_frame(stream, i + 1, ReadReply{as_bytes(sent.back())});
    }
    FrameSplitter splitter;
    std::vector<std::string> received;
    ByteView left = stream;
    while (!left.empty()) {
        const std::size_t n = std::min(left.size(), *rc::gen::inRange<std::size_t>(1, 64));
        // Either path: fed, or received into the buffer of the cut frame.
        const auto space = splitter.direct_space();
        std::size_t used = n;
        if (!space.empty() && *rc::gen::arbitrary<bool>()) {
            used = std::min(n, space.size());
            std::memcpy(space.data(), left.data(), used);
            splitter.commit(used);
        } else {
            splitter.feed(left.first(n));
        }
        left = left.subspan(used);
        for (;;) {
            const auto frame = splitter.next();
            RC_ASSERT(frame.has_value());
            if (!*frame) {
                break;
            }
            received.emplace_back(as_text((*frame)->payload));
        }
    }
    RC_ASSERT(received == sent);
}

// JSON out and in again is the same record, except for repeated names.
RC_GTEST_PROP(JsonProperty, WrittenRecordsAreReadBack, ()) {
    Draft made = draft();
    made.stream += 's';
    made.time = 1700528523123456789;
    std::set<std::string> names;
    std::erase_if(made.fields, [&](const Field& field) {
        const auto& [type, name, value] = field;
        return !names.insert(name).second || !valid_utf8(name) || (type == 0 && !valid_utf8(value));
    });
    Bytes bytes;
    build(made, bytes);
    std::string text;
    append_json(text, {1, 0, 0, {}, RecordView::unchecked(bytes.data())});
    RC_ASSERT(valid_utf8(text));
    JsonReader reader;
    Bytes again;
    const auto outcome = reader.append_record(text, {}, again);
    RC_ASSERT(outcome.has_value() && *outcome == JsonOutcome::object);
    // receive_time and sequence come back as fields in front.
    Bytes expected;
    RecordBuilder record(expected);
    record.begin(static_cast<Severity>(made.severity), made.stream, made.time).message(made.message);
    record.field("receive_time", "1970-01-01T00:00:00.000000000Z").field("sequence", 1);
    for (const FieldView field : RecordView::unchecked(bytes.data()).fields()) {
        record.raw_field(field.type, field.name, field.value);
    }
    RC_ASSERT(record.finish().has_value());
    RC_ASSERT(again == expected);
}

RC_GTEST_PROP(EscapeProperty, NothingSteersATerminal, ()) {
    const std::string shown = escaped(bytes_string());
    RC_ASSERT(valid_utf8(shown));
    for (std::string_view left = shown; !left.empty();) {
        const std::size_t length = utf8_length(left);
        RC_ASSERT(!is_control(utf8_point(left.substr(0, length))));
        left.remove_prefix(length);
    }
}

}  // namespace
}  // namespace sluice::wire
