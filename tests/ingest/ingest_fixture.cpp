#include "ingest/ingest_fixture.h"

namespace sluice::ingest::test {

void Client::on_ack(std::uint64_t id, const wire::LogReply& reply) {
    EXPECT_TRUE(acks.emplace(id, reply).second && !refused.contains(id)) << "answered twice: " << id;
}

void Client::on_refused(std::uint64_t id, const Error& error) {
    EXPECT_TRUE(refused.emplace(id, error.code()).second && !acks.contains(id)) << "answered twice: " << id;
}

wire::ProducerId producer_of(std::uint8_t value) {
    wire::ProducerId id{};
    id[0] = std::byte{value};
    return id;
}

Bytes batch_of(std::uint32_t records, std::uint8_t producer, std::uint64_t number, std::size_t bytes) {
    wire::BatchBuilder builder;
    for (std::uint32_t i = 0; i < records; ++i) {
        builder.begin(wire::Severity::info).message(std::string(bytes, 'm'));
        EXPECT_TRUE(builder.finish_record());
    }
    const ByteView view = builder.finish({.producer = producer_of(producer), .number = number});
    return {view.begin(), view.end()};
}

void IngestTest::stop() {
    if (scope_) {
        scope_->cancel();
        loop.run_until_idle();
        scope_.reset();
    }
}

void IngestTest::start() {
    loop.clock().advance(std::chrono::seconds(1));  // 0 is no time.
    stop();
    ingest_.emplace(loop.loop(), disk, options);
    scope_.emplace(loop.loop(), nullptr);
    scope_->spawn("queue", &Ingest::run, &*ingest_);
    loop.run_until_idle();
}

Result<Admission> IngestTest::offer(std::uint64_t id, AckLevel level, ByteView bytes, std::uint32_t uid) {
    LogBatch batch;
    batch.target = &client;
    batch.request_id = id;
    batch.level = level;
    batch.bytes = bytes;
    batch.uid = uid;
    Result<Admission> admission = ingest().submit(batch);
    return admission;
}

void IngestTest::take(std::uint64_t id, AckLevel level, const Bytes& bytes, std::uint32_t uid) {
    const auto admission = offer(id, level, bytes, uid);
    ASSERT_TRUE(admission) << admission.error();
    ASSERT_EQ(*admission, Admission::taken);
    loop.run_until_idle();
}

void IngestTest::write_one(bool durable) {
    ASSERT_FALSE(disk.groups.empty());
    std::unique_ptr<Group> group = std::move(disk.groups.front());
    disk.groups.pop_front();
    const CommitInfo info{.epoch = 1,
                          .first_sequence = next_sequence,
                          .durable_sequence = group->durable || durable ? next_sequence + group->count : durable_};
    next_sequence += group->count;
    durable_ = info.durable_sequence;
    ingest().completed(std::move(group), info);
    loop.run_until_idle();
}

void IngestTest::fail_one(Errc code) {
    ASSERT_FALSE(disk.groups.empty());
    std::unique_ptr<Group> group = std::move(disk.groups.front());
    disk.groups.pop_front();
    ingest().completed(std::move(group), fail(code, "the disk is gone"));
    loop.run_until_idle();
}

void IngestTest::write_all() {
    while (!disk.groups.empty()) {
        write_one();
    }
}

std::vector<wire::BatchView> IngestTest::batches_in(const Group& group) {
    std::vector<wire::BatchView> batches;
    ByteView rest = ByteView(group.buffer->data(), group.bytes).subspan(kGroupHeadBytes);
    while (!rest.empty()) {
        const auto batch = wire::parse_batch(rest);
        EXPECT_TRUE(batch) << batch.error();
        if (!batch) {
            break;
        }
        batches.push_back(*batch);
    }
    return batches;
}

std::uint64_t IngestTest::told(const Group& group) {
    ByteView rest = ByteView(group.buffer->data(), group.bytes).subspan(kGroupHeadBytes);
    std::uint64_t lost = 0;
    while (!rest.empty()) {
        const auto batch = wire::parse_batch(rest);
        EXPECT_TRUE(batch) << batch.error();
        if (!batch) {
            break;
        }
        if ((batch->header.flags & wire::kBatchByDaemon) != 0) {
            for (const wire::RecordView record : batch->records) {
                EXPECT_EQ(record.time_ns(), batch->header.receive_time_ns);
                lost += static_cast<std::uint64_t>(record.fields().find("lost")->as_int64());
            }
        }
    }
    return lost;
}

std::vector<std::string> IngestTest::own_records(const Group& group) {
    std::vector<std::string> own;
    ByteView rest = ByteView(group.buffer->data(), group.bytes).subspan(kGroupHeadBytes);
    while (!rest.empty()) {
        const auto batch = wire::parse_batch(rest);
        EXPECT_TRUE(batch) << batch.error();
        if (!batch) {
            break;
        }
        if ((batch->header.flags & wire::kBatchByDaemon) == 0) {
            continue;
        }
        for (const wire::RecordView record : batch->records) {
            EXPECT_EQ(record.time_ns(), batch->header.receive_time_ns);
            std::string text = fmt::format("{} {}", severity_name(record.severity()), record.message());
            for (const wire::FieldView field : record.fields()) {
                text += fmt::format(" {}={}", field.name, field.value_text());
            }
            own.push_back(std::move(text));
        }
    }
    return own;
}

}  // namespace sluice::ingest::test
