// The numbers of STATUS: each is the one that its name says.
#include <nlohmann/json.hpp>

#include "server/status.h"
#include "server_fixture.h"

namespace sluice::server::test {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::milliseconds;
using std::chrono::seconds;

class StatusValueTest : public ServerTest {
 protected:
    Json status(const std::vector<listeners::ListenerReport>& listeners = {}) {
        const StatusFacts facts{.version = "1.2",
                                .started = {},
                                .now = MonotonicTime{} + milliseconds(61'999),
                                .io = "simulated",
                                .store_mode = "buffered"};
        return Json::parse(status_json(facts, daemon->server(), daemon->pipeline(), listeners));
    }
    LogHub& hub() { return daemon->pipeline().hub(); }
};

TEST_F(StatusValueTest, StoreAndQueueAreTold) {
    options.pipeline.sync_interval = std::chrono::hours(1);
    start();
    RawClient& client = greet();
    log(client, 2, {{"a", "", wire::Severity::info}, {"b", "", wire::Severity::info}}, wire::AckLevel::durable);
    log(client, 3, {{"c", "", wire::Severity::info}});
    const Json json = status();
    EXPECT_EQ(json["version"], "1.2");
    EXPECT_EQ(json["uptime_s"], 61);
    EXPECT_EQ(json["io"], "simulated");
    const Json& store = json["store"];
    EXPECT_EQ(store["id"], wire::format_id(hub().store_id()));
    EXPECT_EQ(store["epoch"], 1);
    EXPECT_EQ(store["mode"], "buffered");
    EXPECT_EQ(store["oldest_sequence"], 1);
    EXPECT_EQ(store["end_sequence"], 4);
    EXPECT_EQ(store["durable_sequence"], 3);
    EXPECT_EQ(store["segments"], 1);
    EXPECT_EQ(store["bytes"], hub().log_bytes());
    EXPECT_EQ(store["open_rows"], 3);
    EXPECT_EQ(store["open_bytes"], hub().open_bytes());
    const ingest::IngestCounters& counters = daemon->pipeline().ingest().counters();
    const Json& queue = json["queue"];
    EXPECT_EQ(queue["bytes"], 0);
    EXPECT_EQ(queue["batches"], 2);
    EXPECT_EQ(queue["records_received"], 3);
    EXPECT_EQ(queue["records_stored"], 3);
    EXPECT_EQ(queue["records_lost"], 0);
    EXPECT_EQ(queue["groups"], counters.groups);
    EXPECT_EQ(queue["groups_failed"], 0);
}

TEST_F(StatusValueTest, EachCounterOfTheQueueIsItsOwn) {
    options.pipeline.sync_interval = std::chrono::hours(1);
    start();
    RawClient& client = greet();
    log(client, 2, {{"a", "", wire::Severity::info}});
    const Bytes numbered = batch_of({{"b", "", wire::Severity::info}}, 1, 1);
    for (std::uint64_t id = 3; id < 6; ++id) {
        client.request(id, wire::LogRequest{.level = wire::AckLevel::written, .batch = numbered});
        ASSERT_TRUE(client.next());
    }
    wire::BatchBuilder builder;
    builder.begin(wire::Severity::info).field("_a", 1).field("_b", 1).field("_c", 1);
    ASSERT_TRUE(builder.finish_record());
    client.request(6, wire::LogRequest{.level = wire::AckLevel::written, .batch = builder.finish()});
    ASSERT_TRUE(client.next());
    world.faults().add(io::fail_nth(io::OpCode::write, "*.wal", 1, EIO));
    world.faults().add(io::fail_nth(io::OpCode::write, "*.wal", 3, EIO));
    const Bytes lost = batch_of({{"c", "", wire::Severity::info}, {"d", "", wire::Severity::info}});
    client.request(7, wire::LogRequest{.level = wire::AckLevel::written, .batch = lost});
    ASSERT_TRUE(client.next());
    const ingest::IngestCounters& counters = daemon->pipeline().ingest().counters();
    const Json queue = status()["queue"];
    EXPECT_EQ(queue["batches"], counters.batches);
    EXPECT_EQ(queue["records_received"], counters.records_received);
    EXPECT_EQ(queue["records_stored"], counters.records_stored);
    EXPECT_EQ(queue["records_lost"], counters.records_lost);
    EXPECT_EQ(queue["records_refused"], counters.records_refused);
    EXPECT_EQ(queue["losses_reported"], counters.losses_reported);
    EXPECT_EQ(queue["duplicate_batches"], 2);
    EXPECT_EQ(queue["dropped_fields"], 3);
    EXPECT_EQ(queue["groups"], counters.groups);
    EXPECT_EQ(queue["groups_failed"], counters.groups_failed);
    EXPECT_EQ(queue["waits"], counters.waits);
}

TEST_F(StatusValueTest, ConnectionsAndTheirRequestsAreTold) {
    options.server.connections_per_uid_max = 2;
    start();
    RawClient& first = greet(1000);
    greet(1000);
    greet(1001);
    ASSERT_TRUE(connect(1000).closed_within(seconds(5)));
    log(first, 2, {{"a", "", wire::Severity::info}});
    first.request(3, wire::CloseRequest{.handle = 9});
    expect_error(first, 3, Errc::not_found);
    wire::TailRequest tail;
    tail.follow = true;
    tail.credit = 1U << 20U;
    first.request(4, tail);
    pass(milliseconds(10));
    const ServerCounters& counters = daemon->server().counters();
    const Json json = status();
    const Json& connections = json["connections"];
    EXPECT_EQ(connections["open"], 3);
    EXPECT_EQ(connections["accepted"], counters.connections);
    EXPECT_EQ(connections["refused"], 1);
    EXPECT_EQ(connections["requests"], counters.requests);
    EXPECT_EQ(connections["requests_failed"], 1);
    EXPECT_EQ(connections["tails"], 1);
    EXPECT_EQ(connections["queries"], 0);
    EXPECT_EQ(connections["queries_running"], 0);
    EXPECT_EQ(connections["by_uid"].dump(), R"({"1000":2,"1001":1})");
    ASSERT_EQ(json["sessions"].size(), 3U);
    const Json& busiest = json["sessions"][0];
    EXPECT_EQ(busiest["session"], 1);
    EXPECT_EQ(busiest["uid"], 1000);
    EXPECT_EQ(busiest["pid"], 4242);
    EXPECT_EQ(busiest["requests"], 3);
    EXPECT_EQ(busiest["in_flight"], 1);
    EXPECT_EQ(json["sessions"][1]["requests"], 0);
}

TEST_F(StatusValueTest, PartsAreCountedByClassAndAltogether) {
    SealOptions& seal = options.pipeline.seal;
    seal.rows_max = 10;
    seal.merge.rows_max = 0;
    seal.zstd_level = 1;
    seal.retention.classes.push_back({.name = "b", .streams = {"b"}});
    options.pipeline.sync_interval = milliseconds(5);
    start();
    RawClient& client = greet();
    for (std::uint64_t n = 1; n <= 30; ++n) {
        log(client, n + 1, {{"m", n % 3 == 0 ? "b" : "a", wire::Severity::info}}, wire::AckLevel::durable);
    }
    pass(seconds(1));
    ASSERT_EQ(hub().sealed_end(), 31U);
    std::uint64_t bytes = 0;
    for (const store::PartSet::Class& one : hub().parts()->classes) {
        for (const store::PartPointer& part : one.parts) {
            bytes += part->bytes;
        }
    }
    const Json parts = status()["parts"];
    EXPECT_EQ(parts["count"], hub().parts()->size());
    EXPECT_EQ(parts["rows"], 30);
    EXPECT_EQ(parts["bytes"], bytes);
    EXPECT_EQ(parts["sealed_end"], 31);
    EXPECT_EQ(parts["missing_rows"], 0);
    ASSERT_EQ(parts["classes"].size(), 2U);
    const Json& b = parts["classes"]["b"];
    EXPECT_EQ(b["rows"], 10);
    EXPECT_EQ(b["oldest_sequence"], hub().parts()->classes.front().parts.front()->name.first_sequence);
    EXPECT_TRUE(std::string(b["oldest_time"]).starts_with("2023-11-14T22:13:"));
    EXPECT_EQ(b["removed_parts"], 0);
    EXPECT_EQ(b["removed_rows"], 0);
    EXPECT_EQ(b["removed_bytes"], 0);
    std::uint64_t rows = 0;
    std::uint64_t count = 0;
    std::uint64_t of_classes = 0;
    for (const auto& [name, one] : parts["classes"].items()) {
        rows += std::uint64_t{one["rows"]};
        count += std::uint64_t{one["parts"]};
        of_classes += std::uint64_t{one["bytes"]};
    }
    EXPECT_EQ(rows, 30U);
    EXPECT_EQ(count, hub().parts()->size());
    EXPECT_EQ(of_classes, bytes);
    // What was removed is counted by class too, also where nothing is left.
    store::RetentionOptions retention = seal.retention;
    retention.bytes_max = 1;
    daemon->pipeline().set_retention(retention);
    pass(seconds(1));
    const Json removed = status()["parts"];
    EXPECT_EQ(removed["rows"], 0);
    EXPECT_EQ(removed["count"], 0);
    for (const store::RemovedOfClass& one : hub().parts()->state.removed) {
        const Json& told = removed["classes"][one.class_name];
        EXPECT_EQ(told["parts"], 0);
        EXPECT_FALSE(told.contains("oldest_sequence"));
        EXPECT_EQ(told["removed_parts"], one.parts);
        EXPECT_EQ(told["removed_rows"], one.rows);
        EXPECT_EQ(told["removed_bytes"], one.bytes);
    }
    EXPECT_EQ(removed["classes"].size(), 2U);
}

TEST_F(StatusValueTest, EachCounterOfAListenerIsItsOwn) {
    start();
    listeners::ListenerReport report;
    report.messages = 1;
    report.connections = 2;
    report.connections_open = 3;
    report.connections_refused = 4;
    report.bytes = 5;
    report.files = 6;
    report.files_refused = 7;
    report.records = 8;
    report.records_lost = 9;
    report.losses_reported = 10;
    report.intake = {.records = 11, .malformed = 12, .dropped_fields = 13, .cut = 14};
    report.senders = 15;
    report.processes.read = 16;
    report.processes.gone = 17;
    report.processes.late = 18;
    report.connections_waiting = 19;
    std::vector<listeners::ListenerReport> reports(2, report);
    reports[0].name = "datagrams";
    reports[1].name = "streams";
    reports[1].protocol = listeners::Protocol::json;
    const Json json = status(reports)["listeners"];
    const std::string rest =
        R"("bytes":5,"records":8,"records_lost":9,"losses_reported":10,"malformed":12,"dropped_fields":13,"cut":14,)"
        R"("senders":{"remembered":15,"read":16,"gone":17,"late":18}})";
    EXPECT_EQ(json["datagrams"].dump(), R"({"protocol":"journal","messages":1,"files":6,"files_refused":7,)" + rest);
    EXPECT_EQ(
        json["streams"].dump(),
        R"({"protocol":"json","connections":2,"connections_open":3,"connections_waiting":19,"connections_refused":4,)" +
            rest);
}

}  // namespace
}  // namespace sluice::server::test
