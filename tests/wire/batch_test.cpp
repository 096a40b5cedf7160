#include "wire/batch.h"

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

constexpr WallNs kNow = 1'700'000'000'000'000'000;

struct ImportedBatch {
    Bytes bytes;
    BatchSummary summary;
};

Result<ImportedBatch> import(ByteView batch, const FieldBlock& trusted = {}, ImportContext context = {}) {
    context.receive_time_ns = kNow;
    context.trusted = trusted.bytes();
    context.trusted_count = trusted.count();
    ImportedBatch result;
    result.bytes.resize(import_bytes_max(batch.size(), trusted.bytes().size()));
    SLUICE_TRY(result.summary, import_batch(batch, context, result.bytes));
    result.bytes.resize(result.summary.bytes);
    return result;
}

Result<BatchView> parse(const Bytes& bytes) {
    ByteView cursor = bytes;
    auto batch = parse_batch(cursor);
    EXPECT_TRUE(!batch || cursor.empty());
    return batch;
}

void add(BatchBuilder& batch, std::string_view message, WallNs time = 1) {
    batch.begin(Severity::info, "s", time).message(message).field("a", 1);
    ASSERT_TRUE(batch.finish_record());
}

TEST(ImportBatch, InsertsTrustedFieldsAndReceiveTime) {
    FieldBlock trusted;
    trusted.field("_pid", 7);
    BatchBuilder batch;
    add(batch, "timed", 5);
    add(batch, "untimed", 0);
    const auto imported = import(batch.finish(), trusted);
    ASSERT_TRUE(imported) << imported.error();
    EXPECT_EQ(imported->summary.count, 2U);
    EXPECT_EQ(imported->summary.dropped_fields, 0U);
    EXPECT_EQ(imported->bytes.size(), batch.size_bytes() + trusted.bytes().size());

    const auto view = parse(imported->bytes);
    ASSERT_TRUE(view) << view.error();
    EXPECT_EQ(view->header.receive_time_ns, kNow);
    EXPECT_EQ(view->trusted.find("_pid")->as_int64(), 7);
    auto record = view->records.begin();
    EXPECT_EQ((*record).time_ns(), 5);
    ++record;
    EXPECT_EQ((*record).time_ns(), kNow);
    EXPECT_EQ((*record).message(), "untimed");
}

TEST(ImportBatch, DropsReservedFieldsOfThatRecordOnly) {
    BatchBuilder batch;
    add(batch, "first");
    batch.begin(Severity::err, "s", 0).message("forged").field("_pid", 1).field("keep", "x").field("_uid", 0);
    ASSERT_TRUE(batch.finish_record());
    batch.begin(Severity::err).field("_only", 1);
    ASSERT_TRUE(batch.finish_record());
    add(batch, "last", 0);
    const auto imported = import(batch.finish());
    ASSERT_TRUE(imported) << imported.error();
    EXPECT_EQ(imported->summary.dropped_fields, 3U);
    const auto view = parse(imported->bytes);
    ASSERT_TRUE(view) << view.error();
    std::string shown;
    for (const RecordView record : view->records) {
        shown += fmt::format("{}@{}:", record.message(), record.time_ns() == kNow ? "now" : "set");
        for (const FieldView field : record.fields()) {
            shown += fmt::format("{}={},", field.name, field.value_text());
        }
        shown += ' ';
    }
    EXPECT_EQ(shown, "first@set:a=1, forged@now:keep=x, @now: last@now:a=1, ");
}

// More records than a run holds, with and without a time.
TEST(ImportBatch, LongBatchesKeepEveryRecord) {
    BatchBuilder batch;
    for (int i = 0; i < 5000; ++i) {
        add(batch, std::to_string(i), i % 3 == 0 ? 0 : i);
    }
    const auto imported = import(batch.finish());
    ASSERT_TRUE(imported) << imported.error();
    const auto view = parse(imported->bytes);
    ASSERT_TRUE(view) << view.error();
    int i = 0;
    for (const RecordView record : view->records) {
        ASSERT_EQ(record.message(), std::to_string(i));
        ASSERT_EQ(record.time_ns(), i % 3 == 0 ? kNow : i);
        ++i;
    }
    EXPECT_EQ(i, 5000);
}

TEST(ImportBatch, HeaderOfAClientIsChecked) {
    BatchBuilder batch;
    add(batch, "x");
    const ByteView whole = batch.finish();
    const auto code_with = [&](auto change) {
        Bytes bytes(whole.begin(), whole.end());
        BatchHeader header;
        std::memcpy(&header, bytes.data(), sizeof header);
        change(header);
        std::memcpy(bytes.data(), &header, sizeof header);
        const auto imported = import(bytes);
        return imported ? Errc{} : imported.error().code();
    };
    EXPECT_EQ(code_with([](BatchHeader&) {}), Errc{});
    EXPECT_EQ(code_with([](BatchHeader& h) { h.receive_time_ns = 1; }), Errc::malformed);
    EXPECT_EQ(code_with([](BatchHeader& h) { h.flags = 1; }), Errc::malformed);
    EXPECT_EQ(code_with([](BatchHeader& h) { h.trusted_count = 1; }), Errc::malformed);
    EXPECT_EQ(code_with([](BatchHeader& h) { h.size -= 1; }), Errc::malformed);
    EXPECT_EQ(code_with([](BatchHeader& h) { h.size += 1; }), Errc::malformed);
    EXPECT_EQ(code_with([](BatchHeader& h) { h.count = 2; }), Errc::malformed);
    EXPECT_EQ(code_with([](BatchHeader& h) { h.count = 0; }), Errc::invalid_argument);
    EXPECT_EQ(code_with([](BatchHeader& h) { h.number = 1; }), Errc::invalid_argument);
    EXPECT_EQ(code_with([](BatchHeader& h) { h.producer[0] = std::byte{1}; }), Errc::invalid_argument);
}

TEST(ImportBatch, RecordLimitIsTooLarge) {
    BatchBuilder batch;
    add(batch, "x");
    add(batch, "y");
    EXPECT_TRUE(import(batch.finish(), {}, {.records_max = 2}));
    const auto refused = import(batch.finish(), {}, {.records_max = 1});
    EXPECT_EQ(refused.error().code(), Errc::too_large);
}

TEST(ImportBatch, BadRecordIsNamed) {
    BatchBuilder batch;
    add(batch, "good");
    const std::size_t second = batch.size_bytes();
    add(batch, "bad");
    const ByteView whole = batch.finish();
    Bytes bytes(whole.begin(), whole.end());
    bytes[second + 4] = std::byte{9};
    const auto imported = import(bytes);
    ASSERT_FALSE(imported);
    EXPECT_EQ(imported.error().text(), "batch: record 1: severity above 7");
}

TEST(BatchBuilder, RefusedRecordIsNotCounted) {
    BatchBuilder batch;
    add(batch, "x");
    batch.begin(Severity::info, "bad name");
    EXPECT_FALSE(batch.finish_record());
    EXPECT_EQ(batch.count(), 1U);
    EXPECT_TRUE(import(batch.finish()));
    batch.clear();
    EXPECT_EQ(batch.count(), 0U);
    EXPECT_EQ(batch.size_bytes(), sizeof(BatchHeader));
}

TEST(BatchHeader, OfWholeBatchCanBeReadAlone) {
    BatchBuilder batch;
    add(batch, "x");
    const ByteView whole = batch.finish({.producer = {std::byte{1}}, .number = 9});
    EXPECT_EQ(parse_batch_header(whole)->number, 9U);
    EXPECT_FALSE(parse_batch_header(whole.first(whole.size() - 1)));
    EXPECT_FALSE(parse_batch_header(whole.first(47)));
}

}  // namespace
}  // namespace sluice::wire
