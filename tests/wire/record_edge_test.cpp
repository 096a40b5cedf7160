// Records and batches at their edges: what is refused, with which words, and what is left then.
#include <gmock/gmock.h>

#include "wire/batch.h"

namespace sluice::wire {
namespace {

template <class T>
std::string refused_or_taken(const Result<T>& result) {
    return result ? "taken" : fmt::format("{}", result.error());
}

// ---- records ----

TEST(RecordBuilderEdges, RefusalsSayWhatIsWrong) {
    Bytes bytes;
    RecordBuilder record(bytes, {.message_bytes_max = 3, .fields_max = 2});
    const auto begin = [&]() -> RecordBuilder& { return record.begin(Severity::info, "s"); };
    EXPECT_EQ(refused_or_taken(record.finish()), "invalid_argument: finish without begin");
    EXPECT_EQ(refused_or_taken(begin().message("abc").finish()), "taken");
    const Bytes one = bytes;
    EXPECT_EQ(refused_or_taken(begin().message("abcd").finish()), "too_large: message too long");
    const std::string once = "invalid_argument: message: once per record, before the fields";
    EXPECT_EQ(refused_or_taken(begin().message("a").message("b").finish()), once);
    EXPECT_EQ(refused_or_taken(begin().message("").message("b").finish()), once);
    EXPECT_EQ(refused_or_taken(begin().field("a", 1).message("b").finish()), once);
    EXPECT_EQ(refused_or_taken(begin().field("a", 1).field("b", 2).field("c", 3).finish()),
              "too_large: too many fields");
    const std::string name = "invalid_argument: field name: 1 to 255 bytes without control characters and '='";
    EXPECT_EQ(refused_or_taken(begin().field("", 1).finish()), name);
    EXPECT_EQ(refused_or_taken(begin().field(std::string(256, 'n'), 1).finish()), name);
    EXPECT_EQ(refused_or_taken(record.begin(Severity::info, "a b").finish()),
              "invalid_argument: stream name: at most 255 of [A-Za-z0-9._/@:-]");
    // The first refusal is the one that is told.
    EXPECT_EQ(refused_or_taken(record.begin(Severity::info, "a b").message("abcd").field("", 1).finish()),
              "invalid_argument: stream name: at most 255 of [A-Za-z0-9._/@:-]");
    EXPECT_EQ(bytes, one);
    EXPECT_EQ(refused_or_taken(record.finish()), "invalid_argument: finish without begin");
    record.field("a", 1);  // Without begin: of no record.
    EXPECT_EQ(bytes, one);
    EXPECT_EQ(refused_or_taken(begin().message("abc").field("a", 1).field("b", 2).finish()), "taken");
    EXPECT_EQ(refused_or_taken(begin().field(std::string(255, 'n'), 1).finish()), "taken");
}

TEST(RecordBuilderEdges, FieldsAreCountedInTwoBytes) {
    Bytes bytes;
    RecordBuilder record(bytes, {.fields_max = 100'000});
    record.begin(Severity::info);
    for (int i = 0; i < 65'535; ++i) {
        record.field("n", i);
    }
    EXPECT_EQ(refused_or_taken(record.finish()), "taken");
    EXPECT_EQ(RecordView::unchecked(bytes.data()).fields().size(), 65'535U);
    record.begin(Severity::info);
    for (int i = 0; i < 65'536; ++i) {
        record.field("n", i);
    }
    EXPECT_EQ(refused_or_taken(record.finish()), "too_large: too many fields");
}

// Offsets: header 20, "web" 23, "hi" 25, field header 25..33, "k" 33, "v" 34.
TEST(RecordCheckEdges, EachRuleHasItsWords) {
    Bytes whole;
    RecordBuilder record(whole);
    ASSERT_TRUE(record.begin(Severity::debug, "web", 5).message("hi").field("k", "v").finish());
    ASSERT_EQ(whole.size(), 35U);
    const auto with = [&](std::size_t at, int value, RecordLimits limits = {}) {
        Bytes bytes = whole;
        bytes[at] = static_cast<std::byte>(value);
        ByteView cursor = bytes;
        return refused_or_taken(parse_record(cursor, limits));
    };
    const std::string disagree = "malformed: stream, message and fields do not add up to size";
    EXPECT_EQ(with(4, 7), "taken");
    EXPECT_EQ(with(4, 8), "malformed: severity above 7");
    EXPECT_EQ(with(0, 19), "malformed: size below the header's 20 bytes");
    EXPECT_EQ(with(0, 20), disagree);
    EXPECT_EQ(with(0, 36), "malformed: cut short");
    EXPECT_EQ(with(0, 34), "malformed: a field is cut short");
    EXPECT_EQ(with(6, 0), disagree);
    EXPECT_EQ(with(6, 2), "malformed: a field is cut short");
    EXPECT_EQ(with(16, 2, {.message_bytes_max = 2}), "taken");
    EXPECT_EQ(with(16, 3, {.message_bytes_max = 2}), "too_large: message too long");
    EXPECT_EQ(with(6, 1, {.fields_max = 1}), "taken");
    EXPECT_EQ(with(6, 1, {.fields_max = 0}), "too_large: too many fields");
    EXPECT_EQ(with(16, 13), disagree);
    EXPECT_EQ(with(5, 14), disagree);
    EXPECT_EQ(with(5, 13), "malformed: stream name has a byte outside [A-Za-z0-9._/@:-]");
    EXPECT_EQ(with(22, ' '), "malformed: stream name has a byte outside [A-Za-z0-9._/@:-]");
    EXPECT_EQ(with(25, 1), "taken");
    EXPECT_EQ(with(25, 5), "malformed: unknown field type");
    EXPECT_EQ(with(25, 2), "malformed: a field value does not have the size of its type");
    EXPECT_EQ(with(25, 3), "malformed: a field value does not have the size of its type");
    EXPECT_EQ(with(25, 4), "malformed: a boolean field is neither 0 nor 1");
    EXPECT_EQ(with(26, 0), "malformed: a field name is empty or has a control character or '='");
    EXPECT_EQ(with(27, 1), "malformed: the zero bytes of a field are not zero");
    EXPECT_EQ(with(28, 1), "malformed: the zero bytes of a field are not zero");
    EXPECT_EQ(with(29, 0), disagree);
    EXPECT_EQ(with(29, 2), "malformed: a field is cut short");
    EXPECT_EQ(with(33, '='), "malformed: a field name is empty or has a control character or '='");
    for (const auto& [value, words] : {std::pair{0, "taken"}, std::pair{1, "taken"},
                                       std::pair{2, "malformed: a boolean field is neither 0 nor 1"}}) {
        Bytes bytes = whole;
        bytes[25] = std::byte{4};
        bytes[34] = static_cast<std::byte>(value);
        ByteView cursor = bytes;
        EXPECT_EQ(refused_or_taken(parse_record(cursor, {})), words);
    }
}

// ---- batches ----

// Runs of records that are copied together, with a time and without, with fields that are left out and without.
TEST(ImportBatchEdges, EveryMixtureOfRecordsIsKept) {
    constexpr WallNs kArrival = 1234;
    for (const std::size_t count : {1U, 255U, 256U, 257U, 600U}) {
        for (const std::size_t forged_every : {0U, 1U, 7U, 256U}) {
            for (const std::size_t timed_every : {0U, 1U, 3U}) {
                BatchBuilder batch;
                for (std::size_t i = 0; i < count; ++i) {
                    const bool timed = timed_every != 0 && i % timed_every == 0;
                    RecordBuilder& record = batch.begin(Severity::info, "", timed ? static_cast<WallNs>(i + 1) : 0);
                    record.field("i", i);
                    if (forged_every != 0 && i % forged_every == 0) {
                        record.field("_pid", 1).field("k", "v").field("_x", 2);
                    }
                    ASSERT_TRUE(batch.finish_record());
                }
                const ByteView sent = batch.finish();
                Bytes stored(import_bytes_max(sent.size(), 0));
                const auto taken = import_batch(sent, {.receive_time_ns = kArrival}, stored);
                ASSERT_TRUE(taken) << taken.error();
                const std::size_t forged = forged_every == 0 ? 0 : (count + forged_every - 1) / forged_every;
                EXPECT_EQ(taken->dropped_fields, 2 * forged);
                EXPECT_EQ(taken->count, count);
                stored.resize(taken->bytes);
                ByteView cursor = stored;
                const auto view = parse_batch(cursor);
                ASSERT_TRUE(view) << view.error();
                EXPECT_TRUE(cursor.empty());
                EXPECT_EQ(view->header.count, count);
                EXPECT_EQ(view->header.receive_time_ns, kArrival);
                std::size_t i = 0;
                for (const RecordView record : view->records) {
                    const bool timed = timed_every != 0 && i % timed_every == 0;
                    ASSERT_EQ(record.time_ns(), timed ? static_cast<WallNs>(i + 1) : kArrival) << i;
                    ASSERT_EQ(record.fields().find("i")->as_int64(), static_cast<std::int64_t>(i));
                    const bool is_forged = forged_every != 0 && i % forged_every == 0;
                    ASSERT_EQ(record.fields().size(), is_forged ? 2U : 1U);
                    ASSERT_EQ(record.fields().find("k").has_value(), is_forged);
                    ++i;
                }
                EXPECT_EQ(i, count);
            }
        }
    }
}

TEST(ImportBatchEdges, HeaderIsWrittenWhole) {
    FieldBlock trusted;
    trusted.field("_pid", 7).field("_uid", 8);
    BatchBuilder batch;
    batch.begin(Severity::info).message("m");
    ASSERT_TRUE(batch.finish_record());
    ProducerId producer{};
    producer[15] = std::byte{1};
    const ByteView sent = batch.finish({.producer = producer, .number = 6});
    Bytes stored(import_bytes_max(sent.size(), trusted.bytes().size()));
    const ImportContext context{.receive_time_ns = 9, .trusted = trusted.bytes(), .trusted_count = trusted.count()};
    const auto taken = import_batch(sent, context, stored);
    ASSERT_TRUE(taken) << taken.error();
    EXPECT_EQ(taken->bytes, stored.size());
    EXPECT_EQ(taken->producer, producer);
    EXPECT_EQ(taken->number, 6U);
    const auto header = parse_batch_header(stored);
    ASSERT_TRUE(header) << header.error();
    EXPECT_EQ(header->size, stored.size());
    EXPECT_EQ(header->count, 1U);
    EXPECT_EQ(header->receive_time_ns, 9);
    EXPECT_EQ(header->producer, producer);
    EXPECT_EQ(header->number, 6U);
    EXPECT_EQ(header->trusted_size, trusted.bytes().size());
    EXPECT_EQ(header->trusted_count, 2U);
    EXPECT_EQ(header->flags, 0U);
    ByteView cursor = stored;
    EXPECT_EQ(parse_batch(cursor)->trusted.find("_uid")->as_int64(), 8);
}

TEST(ImportBatchEdges, RefusalsOfAHeaderSayWhatIsWrong) {
    BatchBuilder batch;
    batch.begin(Severity::info).message("m");
    ASSERT_TRUE(batch.finish_record());
    const ByteView sent = batch.finish();
    const auto with = [&](auto change, ImportContext context = {}) {
        BatchHeader header;
        std::memcpy(&header, sent.data(), sizeof header);
        change(header);
        Bytes bytes(sent.begin(), sent.end());
        std::memcpy(bytes.data(), &header, sizeof header);
        Bytes stored(import_bytes_max(bytes.size(), 0));
        return refused_or_taken(import_batch(bytes, context, stored));
    };
    const std::string own = "malformed: batch: receive time, trusted fields and flags are the daemon's; send zeros";
    EXPECT_EQ(with([](BatchHeader&) {}), "taken");
    EXPECT_EQ(with([](BatchHeader& h) { h.receive_time_ns = -1; }), own);
    EXPECT_EQ(with([](BatchHeader& h) { h.flags = kBatchByDaemon; }), own);
    EXPECT_EQ(with([](BatchHeader& h) { h.trusted_count = 1; }), own);
    EXPECT_EQ(with([](BatchHeader& h) { h.trusted_size = 1; }), own);
    EXPECT_EQ(with([](BatchHeader& h) { h.count = 0; }), "invalid_argument: batch: no record");
    EXPECT_EQ(with([](BatchHeader&) {}, {.records_max = 1}), "taken");
    EXPECT_EQ(with([](BatchHeader&) {}, {.records_max = 0}), "too_large: batch: 1 records exceed the limit 0");
    const std::string together = "invalid_argument: batch: a producer id and a batch number go together";
    EXPECT_EQ(with([](BatchHeader& h) { h.number = 1; }), together);
    EXPECT_EQ(with([](BatchHeader& h) { h.producer[15] = std::byte{1}; }), together);
    EXPECT_EQ(with([](BatchHeader& h) {
                  h.producer[15] = std::byte{1};
                  h.number = 1;
              }),
              "taken");
    EXPECT_EQ(with([](BatchHeader& h) { h.size -= 1; }),
              fmt::format("malformed: batch: size {} in {} bytes", sent.size() - 1, sent.size()));
}

TEST(BatchBuilderEdges, StampIsWrittenAndClearedWithIt) {
    FieldBlock trusted;
    trusted.field("_pid", 7);
    BatchBuilder batch;
    batch.set_trusted(trusted);
    batch.begin(Severity::info).message("m");
    ASSERT_TRUE(batch.finish_record());
    Bytes more;
    RecordBuilder record(more);
    ASSERT_TRUE(record.begin(Severity::err).message("n").finish());
    batch.add_encoded(more, 1);
    EXPECT_EQ(batch.count(), 2U);
    ByteView cursor = batch.finish({.receive_time_ns = 4, .flags = kBatchByDaemon});
    const auto view = parse_batch(cursor);
    ASSERT_TRUE(view) << view.error();
    EXPECT_EQ(view->header.count, 2U);
    EXPECT_EQ(view->header.receive_time_ns, 4);
    EXPECT_EQ(view->header.flags, kBatchByDaemon);
    EXPECT_EQ(view->trusted.find("_pid")->as_int64(), 7);
    batch.clear();
    batch.begin(Severity::info).message("again");
    ASSERT_TRUE(batch.finish_record());
    cursor = batch.finish();
    const auto again = parse_batch(cursor);
    ASSERT_TRUE(again) << again.error();
    EXPECT_EQ(again->header.count, 1U);
    EXPECT_EQ(again->header.trusted_size, 0U);
    EXPECT_EQ(again->header.trusted_count, 0U);
    EXPECT_EQ((*again->records.begin()).message(), "again");
}

TEST(ParseBatchEdges, HeaderAloneIsABatchOfNothing) {
    BatchBuilder batch;
    ByteView cursor = batch.finish();
    ASSERT_EQ(cursor.size(), sizeof(BatchHeader));
    EXPECT_EQ(refused_or_taken(parse_batch_header(cursor)), "taken");
    EXPECT_EQ(refused_or_taken(parse_batch(cursor)), "taken");
    EXPECT_TRUE(cursor.empty());
}

TEST(ParseBatchEdges, FaultsAreNamedAndTheCursorStays) {
    BatchBuilder batch;
    for (int i = 0; i < 3; ++i) {
        batch.begin(Severity::info).message("m");
        ASSERT_TRUE(batch.finish_record());
    }
    const ByteView whole = batch.finish();
    Bytes bytes(whole.begin(), whole.end());
    bytes[sizeof(BatchHeader) + 21 + 4] = std::byte{8};
    ByteView cursor = bytes;
    EXPECT_EQ(refused_or_taken(parse_batch(cursor)), "malformed: batch: record 1: severity above 7");
    EXPECT_EQ(cursor.size(), bytes.size());
    cursor = whole;
    EXPECT_EQ(refused_or_taken(parse_batch(cursor, {.message_bytes_max = 0})),
              "too_large: batch: record 0: message too long");
    Bytes two(whole.begin(), whole.end());
    two.insert(two.end(), whole.begin(), whole.end());
    cursor = two;
    ASSERT_TRUE(parse_batch(cursor));
    EXPECT_EQ(cursor.size(), whole.size());
}

}  // namespace
}  // namespace sluice::wire
