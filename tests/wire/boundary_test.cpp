// The edges: the last byte of each span, one beyond it, and the extreme values of each type.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "wire/batch.h"
#include "wire/json.h"
#include "wire/messages.h"
#include "wire/time_text.h"

namespace sluice::wire {
namespace {

constexpr std::int64_t kIntMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kIntMax = std::numeric_limits<std::int64_t>::max();

template <class T>
std::string refusal(const Result<T>& result) {
    return result ? "taken" : fmt::format("{}", result.error());
}

// ---- payloads ----

Bytes ping_with(std::size_t more) {
    return Bytes(more);
}

TEST(Reader, SaysWhatIsWrongWithAPayload) {
    EXPECT_EQ(refusal(PingRequest::decode(ping_with(0))), "taken");
    EXPECT_EQ(refusal(PingRequest::decode(ping_with(1))), "malformed: 1 bytes where none are expected");
    Bytes bytes;
    CancelRequest{.target = 1}.encode(bytes);
    bytes.push_back(std::byte{0});
    EXPECT_EQ(refusal(CancelRequest::decode(bytes)), "malformed: cancel: 1 bytes too many");
    EXPECT_EQ(refusal(CancelRequest::decode(ByteView(bytes).first(7))), "malformed: cancel: cut short");
    bytes.clear();
    HelloRequest{}.encode(bytes);
    bytes[0] ^= std::byte{1};
    EXPECT_EQ(refusal(HelloRequest::decode(bytes)), "malformed: hello: does not start with SLUI");
    bytes.clear();
    OpenReply{}.encode(bytes);
    bytes[4] = std::byte{1};
    EXPECT_EQ(refusal(OpenReply::decode(bytes)), "malformed: open reply: a byte that must be zero is not");
    bytes.clear();
    CommitRequest{}.encode(bytes);
    bytes[4] = std::byte{2};
    EXPECT_EQ(refusal(CommitRequest::decode(bytes)), "invalid_argument: commit: a flag is neither 0 nor 1");
    bytes.clear();
    CancelReply{}.encode(bytes);
    bytes[0] = std::byte{2};
    EXPECT_EQ(refusal(CancelReply::decode(bytes)), "malformed: cancel reply: unknown outcome");
    bytes.clear();
    OpenRequest{.mode = 01000, .root = "r", .path = "p"}.encode(bytes);
    EXPECT_EQ(refusal(OpenRequest::decode(bytes)), "invalid_argument: open: mode above 0777");
    bytes.clear();
    StatRequest{.root = std::string_view("r\0", 2), .path = "p"}.encode(bytes);
    EXPECT_EQ(refusal(StatRequest::decode(bytes)), "invalid_argument: stat: NUL in a name");
    bytes.clear();
    LogRequest{.level = static_cast<AckLevel>(3)}.encode(bytes);
    EXPECT_EQ(refusal(LogRequest::decode(bytes)), "invalid_argument: log: unknown acknowledgement level");
    bytes.clear();
    TailRequest{.filter = {.severity_max = static_cast<Severity>(8)}}.encode(bytes);
    EXPECT_EQ(refusal(TailRequest::decode(bytes)), "invalid_argument: tail: severity above 7");
    bytes[2] = std::byte{7};
    EXPECT_EQ(refusal(TailRequest::decode(bytes)), "taken");
    bytes[1] = std::byte{8};
    EXPECT_EQ(refusal(TailRequest::decode(bytes)), "unsupported: tail: unknown flag");
}

// A length that is larger than what is left by one, and by all that an integer holds.
TEST(Reader, StringBeyondItsSpanIsCutShort) {
    const std::string name(kNameBytesMax, 'n');
    Bytes bytes;
    HelloRequest{.client_name = name}.encode(bytes);
    EXPECT_EQ(refusal(HelloRequest::decode(bytes)), "taken");
    const std::size_t length_at = bytes.size() - name.size() - 4;
    store_int(bytes.data() + length_at, static_cast<std::uint32_t>(name.size() - 1));
    EXPECT_EQ(refusal(HelloRequest::decode(bytes)), "malformed: hello: 1 bytes too many");
    store_int(bytes.data() + length_at, static_cast<std::uint32_t>(name.size()));
    bytes.pop_back();
    EXPECT_EQ(refusal(HelloRequest::decode(bytes)), "malformed: hello: cut short");
    store_int(bytes.data() + length_at, UINT32_MAX);
    EXPECT_EQ(refusal(HelloRequest::decode(bytes)), "too_large: hello: a string is longer than its limit");
}

// ---- records ----

Bytes record_of(std::int64_t number, std::string_view text) {
    Bytes bytes;
    RecordBuilder record(bytes);
    EXPECT_TRUE(record.begin(Severity::info, "s", 1).message("m").field("n", number).field("t", text).finish());
    return bytes;
}

TEST(ParseRecord, SpanThatEndsAnywhereInARecordIsRefused) {
    const Bytes whole = record_of(1, "text");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        ByteView cursor = cut;
        EXPECT_EQ(refusal(parse_record(cursor, {})), "malformed: cut short") << size;
        EXPECT_EQ(cursor.size(), size) << "nothing is taken";
    }
}

// The last field claims one byte, and four thousand millions, more than the record has.
TEST(ParseRecord, FieldBeyondTheEndOfItsRecordIsRefused) {
    Bytes bytes = record_of(1, "text");
    const std::size_t value_size_at = bytes.size() - 4 - 1 - 4;
    ASSERT_EQ(load_int<std::uint32_t>(bytes.data() + value_size_at), 4U);
    for (const std::uint32_t size : {5U, UINT32_MAX - 1, UINT32_MAX}) {
        store_int(bytes.data() + value_size_at, size);
        Bytes room = bytes;
        room.resize(room.size() + 100);  // There are bytes, but of another record.
        ByteView cursor = room;
        EXPECT_EQ(refusal(parse_record(cursor, {})), "malformed: a field is cut short") << size;
    }
    store_int(bytes.data() + value_size_at, 3U);
    ByteView cursor = bytes;
    EXPECT_EQ(refusal(parse_record(cursor, {})), "malformed: stream, message and fields do not add up to size");
}

TEST(ParseRecord, MessageBeyondTheEndOfItsRecordIsRefused) {
    Bytes bytes;
    RecordBuilder record(bytes);
    ASSERT_TRUE(record.begin(Severity::info, "s").message("message").finish());
    bytes.resize(bytes.size() + 8);
    for (const std::uint32_t size : {8U, kMessageBytesMax}) {
        store_int(bytes.data() + 16, size);
        ByteView cursor = bytes;
        EXPECT_EQ(refusal(parse_record(cursor, {})), "malformed: stream, message and fields do not add up to size");
    }
    store_int(bytes.data() + 16, kMessageBytesMax + 1);
    ByteView cursor = bytes;
    EXPECT_EQ(refusal(parse_record(cursor, {})), "too_large: message too long");
}

// ---- batches ----

Bytes batch_with(std::size_t behind) {
    BatchBuilder batch;
    batch.begin(Severity::info).message("m");
    EXPECT_TRUE(batch.finish_record());
    const ByteView whole = batch.finish();
    Bytes bytes(whole.begin(), whole.end());
    bytes.resize(bytes.size() + behind);
    store_int(bytes.data() + offsetof(BatchHeader, size), static_cast<std::uint32_t>(bytes.size()));
    return bytes;
}

TEST(Batch, BytesBehindTheLastRecordAreRefused) {
    for (const std::size_t behind : {1U, 19U, 20U}) {
        const Bytes bytes = batch_with(behind);
        const std::string told = fmt::format("malformed: batch: {} bytes after the last record", behind);
        ByteView cursor = bytes;
        EXPECT_EQ(refusal(parse_batch(cursor)), told);
        EXPECT_EQ(cursor.size(), bytes.size());
        Bytes room(import_bytes_max(bytes.size(), 0));
        EXPECT_EQ(refusal(import_batch(bytes, {}, room)), told);
    }
    const Bytes exact = batch_with(0);
    ByteView cursor = exact;
    EXPECT_TRUE(parse_batch(cursor));
    EXPECT_TRUE(cursor.empty());
}

TEST(Batch, HeaderIsRefusedWhereItsContentsCannotFit) {
    const Bytes whole = batch_with(0);
    const auto with = [&](auto change) {
        BatchHeader header;
        std::memcpy(&header, whole.data(), sizeof header);
        change(header);
        Bytes bytes = whole;
        std::memcpy(bytes.data(), &header, sizeof header);
        return refusal(parse_batch_header(bytes));
    };
    const auto contents = static_cast<std::uint32_t>(whole.size() - sizeof(BatchHeader));
    EXPECT_EQ(with([](BatchHeader&) {}), "taken");
    EXPECT_EQ(with([](BatchHeader& h) { h.size = sizeof(BatchHeader) - 1; }),
              fmt::format("malformed: batch: size 47 in {} bytes", whole.size()));
    EXPECT_EQ(with([&](BatchHeader& h) { h.size = static_cast<std::uint32_t>(whole.size() + 1); }),
              fmt::format("malformed: batch: size {} in {} bytes", whole.size() + 1, whole.size()));
    const std::string cannot = fmt::format("malformed: batch: {} bytes cannot hold", whole.size());
    EXPECT_TRUE(with([](BatchHeader& h) { h.count = 2; }).starts_with(cannot));
    EXPECT_TRUE(with([](BatchHeader& h) { h.count = UINT32_MAX; }).starts_with(cannot));
    EXPECT_TRUE(with([&](BatchHeader& h) { h.trusted_size = contents + 1; }).starts_with(cannot));
    EXPECT_TRUE(with([&](BatchHeader& h) { h.trusted_size = contents; }).starts_with(cannot));  // And one record.
    EXPECT_EQ(with([&](BatchHeader& h) {
                  h.trusted_size = contents;
                  h.count = 0;
              }),
              "taken");
    EXPECT_EQ(refusal(parse_batch_header(ByteView(whole).first(sizeof(BatchHeader) - 1))),
              "malformed: batch: 47 bytes are less than a header");
}

TEST(Batch, TrustedFieldsThatAreCutAreNamed) {
    Bytes bytes = batch_with(0);
    BatchHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    header.trusted_count = 1;
    std::memcpy(bytes.data(), &header, sizeof header);
    ByteView cursor = bytes;
    EXPECT_EQ(refusal(parse_batch(cursor)), "malformed: batch: trusted fields: a field is cut short");
}

// ---- values ----

TEST(FieldView, ExtremeNumbersAreWrittenAndCompared) {
    const auto text_of = [](auto value) {
        Bytes bytes;
        RecordBuilder record(bytes);
        EXPECT_TRUE(record.begin(Severity::info).field("x", value).finish());
        const RecordView view = RecordView::unchecked(bytes.data());
        const FieldView field = *view.fields().find("x");
        EXPECT_TRUE(field.value_equals(field.value_text()));
        EXPECT_FALSE(field.value_equals(field.value_text() + "0"));
        std::string json;
        append_json(json, {1, 0, 0, {}, view});
        const std::size_t at = json.find("\"x\":") + 4;
        return field.value_text() + " " + json.substr(at, json.size() - at - 1);
    };
    EXPECT_EQ(text_of(kIntMin), "-9223372036854775808 -9223372036854775808");
    EXPECT_EQ(text_of(kIntMax), "9223372036854775807 9223372036854775807");
    EXPECT_EQ(text_of(std::nan("")), "nan \"NaN\"");
    EXPECT_EQ(text_of(std::numeric_limits<double>::infinity()), "inf \"Infinity\"");
    EXPECT_EQ(text_of(-std::numeric_limits<double>::infinity()), "-inf \"-Infinity\"");
    EXPECT_EQ(text_of(-0.0), "-0 -0.0");
    EXPECT_EQ(text_of(std::numeric_limits<double>::max()), "1.7976931348623157e+308 1.7976931348623157e+308");
    EXPECT_EQ(text_of(-std::numeric_limits<double>::min()), "-2.2250738585072014e-308 -2.2250738585072014e-308");
    EXPECT_EQ(text_of(std::numeric_limits<double>::denorm_min()), "5e-324 5e-324");
}

std::string read_json(std::string_view line) {
    JsonReader reader;
    Bytes bytes;
    const auto outcome = reader.append_record(line, {}, bytes);
    EXPECT_TRUE(outcome) << outcome.error();
    const RecordView record = RecordView::unchecked(bytes.data());
    std::string text = fmt::format("{}", record.time_ns());
    for (const FieldView field : record.fields()) {
        text += fmt::format(" {}={}:{}", field.name, field.value_text(), static_cast<int>(field.type));
    }
    return text;
}

TEST(JsonReader, KeepsIntegersToTheLimitsOfTheirType) {
    EXPECT_EQ(read_json(R"({"n":-9223372036854775808})"), "0 n=-9223372036854775808:2");
    EXPECT_EQ(read_json(R"({"n":9223372036854775807})"), "0 n=9223372036854775807:2");
    EXPECT_EQ(read_json(R"({"n":9223372036854775808})"), "0 n=9223372036854775808:0");  // As text: nothing is lost.
    EXPECT_EQ(read_json(R"({"n":18446744073709551615})"), "0 n=18446744073709551615:0");
}

// Each unit to its last value; beyond it the number is a field like others, or of the next unit.
TEST(JsonReader, TimesAreTakenToTheEdgesOfTheirUnits) {
    EXPECT_EQ(read_json(R"({"time":8999999999})"), "8999999999000000000");
    EXPECT_EQ(read_json(R"({"time":9000000000})"), "0 time=9000000000:2");
    EXPECT_EQ(read_json(R"({"time":99999999999})"), "0 time=99999999999:2");
    EXPECT_EQ(read_json(R"({"time":100000000000})"), "100000000000000000");
    EXPECT_EQ(read_json(R"({"time":8999999999999})"), "8999999999999000000");
    EXPECT_EQ(read_json(R"({"time":9000000000000})"), "0 time=9000000000000:2");
    EXPECT_EQ(read_json(R"({"time":100000000000000})"), "100000000000000000");
    EXPECT_EQ(read_json(R"({"time":8999999999999999})"), "8999999999999999000");
    EXPECT_EQ(read_json(R"({"time":9000000000000000})"), "0 time=9000000000000000:2");
    EXPECT_EQ(read_json(R"({"time":100000000000000000})"), "100000000000000000");
    EXPECT_EQ(read_json(R"({"time":9223372036854775807})"), "9223372036854775807");
    EXPECT_EQ(read_json(R"({"time":-9223372036854775808})"), "-9223372036854775808");
    EXPECT_EQ(read_json(R"({"time":-9000000000})"), "-9000000000000000000");
    EXPECT_EQ(read_json(R"({"time":-9000000001})"), "0 time=-9000000001:2");
    EXPECT_EQ(read_json(R"({"time":9223372036854775808})"), "0 time=9223372036854775808:0");
    EXPECT_EQ(read_json(R"({"time":9e15})"), "0 time=9000000000000000:3");
    EXPECT_EQ(read_json(R"({"time":-9e15})"), "0 time=-9000000000000000:3");
    EXPECT_EQ(read_json(R"({"time":-0.5})"), "-500000000");
}

// ---- times ----

TEST(Rfc3339, EdgesOfEachPartAreTaken) {
    constexpr WallNs kDay = 86'400'000'000'000;
    EXPECT_EQ(parse_rfc3339("1970-01-01T23:59:59Z"), kDay - 1'000'000'000);
    EXPECT_EQ(parse_rfc3339("1970-01-01T23:59:60Z"), kDay);  // A leap second.
    EXPECT_FALSE(parse_rfc3339("1970-01-01T23:59:61Z"));
    EXPECT_EQ(parse_rfc3339("1970-01-02T00:00:00+23:59"), 60'000'000'000);
    EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00-23:59"), kDay - 60'000'000'000);
    EXPECT_FALSE(parse_rfc3339("1970-01-01T00:00:00+24:00"));
    EXPECT_FALSE(parse_rfc3339("1970-01-01T00:00:00-00:60"));
    EXPECT_EQ(parse_rfc3339("2262-04-11T23:47:15.999999999Z"), 9'223'372'035'999'999'999);
    EXPECT_FALSE(parse_rfc3339("2262-04-11T23:47:16Z"));
    EXPECT_EQ(parse_rfc3339("1677-09-21T00:12:45Z"), -9'223'372'035'000'000'000);
    EXPECT_FALSE(parse_rfc3339("1677-09-21T00:12:44Z"));
}

}  // namespace
}  // namespace sluice::wire
