// The queue with a disk that the test plays.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coro/test_loop.h"
#include "ingest/ingest.h"

namespace sluice::ingest::test {

using wire::AckLevel;

struct Disk final : Sink {
    void submit(std::unique_ptr<Group> group) override { groups.push_back(std::move(group)); }
    bool short_of_room() const noexcept override { return short_of; }
    std::deque<std::unique_ptr<Group>> groups;  // In flight: one at the most.
    bool short_of = false;
};

struct Client final : AckTarget {
    void on_ack(std::uint64_t id, const wire::LogReply& reply) override;
    void on_refused(std::uint64_t id, const Error& error) override;
    bool answered(std::uint64_t id) const { return acks.contains(id) || refused.contains(id); }
    std::map<std::uint64_t, wire::LogReply> acks;
    std::map<std::uint64_t, Errc> refused;
};

wire::ProducerId producer_of(std::uint8_t value);
Bytes batch_of(std::uint32_t records, std::uint8_t producer = 0, std::uint64_t number = 0, std::size_t bytes = 10);

class IngestTest : public testing::Test {
 protected:
    ~IngestTest() override { stop(); }
    void stop();
    void start();
    Ingest& ingest() { return *ingest_; }
    Result<Admission> offer(std::uint64_t id, AckLevel level, ByteView bytes, std::uint32_t uid = 1000);
    void take(std::uint64_t id, AckLevel level, const Bytes& bytes, std::uint32_t uid = 1000);
    // The disk finishes the oldest group.
    void write_one(bool durable = false);
    void fail_one(Errc code = Errc::io_error);
    void write_all();
    // How many records the gap record in `group` tells of; 0: there is none.
    static std::uint64_t told(const Group& group);
    static std::vector<wire::BatchView> batches_in(const Group& group);
    // The daemon's own records in `group`, each with the time of its batch: "severity message name=value ...".
    static std::vector<std::string> own_records(const Group& group);

    coro::TestLoop loop;
    Disk disk;
    Client client;
    IngestOptions options;
    std::uint64_t next_sequence = 1;

 private:
    std::uint64_t durable_ = 1;
    std::optional<Ingest> ingest_;
    std::optional<coro::Scope> scope_;
};

}  // namespace sluice::ingest::test
