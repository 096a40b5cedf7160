// A daemon whose log does nothing by itself: what is synced, sealed and merged a test says, and lets time pass.
#pragma once

#include "server_fixture.h"

namespace sluice::server::test {

class LogLifeTest : public ServerTest {
 protected:
    LogLifeTest() {
        SealOptions& seal = options.pipeline.seal;
        seal.bytes_max = 1ULL << 40U;
        seal.delay_max = std::chrono::hours(10);
        seal.zstd_level = seal.merge_zstd_level = 1;
        seal.merge.rows_max = 0;
        seal.check_interval = std::chrono::hours(1);
        options.pipeline.sync_interval = std::chrono::hours(1);
    }
    LogHub& hub() { return daemon->pipeline().hub(); }
    void begin() {
        start();
        client_ = &greet();
    }
    // The sequence of the first.
    std::uint64_t write(int records, wire::AckLevel level = wire::AckLevel::durable, const std::string& stream = "") {
        std::vector<Message> messages(static_cast<std::size_t>(records), {"m", stream, wire::Severity::info});
        return log(*client_, ++id_, messages, level);
    }
    // One after another, 4 KB each.
    void fill(int records, wire::AckLevel level = wire::AckLevel::written) {
        for (int i = 0; i < records; ++i) {
            log(*client_, ++id_, {{std::string(4000, 'x'), "", wire::Severity::info}}, level);
        }
    }
    wire::LogReply numbered(int records, std::uint8_t producer, std::uint64_t number,
                            wire::AckLevel level = wire::AckLevel::written) {
        const Bytes batch = batch_of(std::vector<Message>(static_cast<std::size_t>(records)), producer, number);
        client_->request(++id_, wire::LogRequest{.level = level, .batch = batch});
        const auto frame = client_->next();
        EXPECT_TRUE(frame);
        return frame ? decode<wire::LogReply>(*frame).value_or(wire::LogReply()) : wire::LogReply();
    }
    void end(io::CrashKind kind) {
        world.crash(kind);
        daemon->killed();
        ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
        daemon.reset();
    }
    void stop_cleanly() {
        daemon->stop();
        ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
        EXPECT_TRUE(daemon->outcome()) << daemon->outcome().error();
        daemon.reset();
    }
    // The daemon's own records: "sequence message".
    std::vector<std::string> own_records() {
        RawClient& reader = greet();
        wire::TailRequest tail;
        tail.start = wire::TailStart::oldest;
        tail.credit = 64U << 20U;
        reader.request(2, tail);
        std::vector<std::string> own;
        read_entries(reader, [&](const wire::TailEntry& entry) {
            if ((entry.flags & wire::kBatchByDaemon) != 0) {
                own.push_back(fmt::format("{} {}", entry.sequence, entry.record.message()));
            }
        });
        return own;
    }

 private:
    RawClient* client_ = nullptr;
    std::uint64_t id_ = 1;
};

}  // namespace sluice::server::test
