#include "server/status.h"

#include <nlohmann/json.hpp>

#include "wire/escape.h"

namespace sluice::server {
namespace {

constexpr std::size_t kShownMax = 32;  // Users, and connections.

nlohmann::ordered_json users(const Server& server) {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    for (const auto& [uid, connections] : server.connections_by_uid(kShownMax)) {
        json[fmt::format("{}", uid)] = connections;
    }
    return json;
}

nlohmann::ordered_json sessions(const Server& server) {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const Session* session : server.busiest(kShownMax)) {
        json.push_back({{"session", session->peer().session},
                        {"name", wire::escaped(session->client_name())},
                        {"uid", session->peer().credentials.uid},
                        {"pid", session->peer().credentials.pid},
                        {"requests", session->requests()},
                        {"in_flight", session->in_flight()}});
    }
    return json;
}

}  // namespace

std::string status_json(const StatusFacts& facts, const Server& server, LogPipeline& log) {
    const LogHub& hub = log.hub();
    const ingest::IngestCounters& queue = log.ingest().counters();
    const ServerCounters& counters = server.counters();
    std::uint64_t log_bytes = 0;
    for (const store::SegmentInfo& segment : hub.catalog()) {
        log_bytes += segment.file_bytes;
    }
    nlohmann::ordered_json json;
    json["version"] = facts.version;
    json["uptime_s"] = std::chrono::duration_cast<std::chrono::seconds>(facts.now - facts.started).count();
    json["io"] = facts.io;
    json["store"] = {{"id", wire::format_id(hub.store_id())},
                     {"epoch", hub.epoch()},
                     {"mode", facts.store_mode},
                     {"oldest_sequence", hub.oldest_sequence()},
                     {"end_sequence", hub.end_sequence()},
                     {"durable_sequence", hub.durable_sequence()},
                     {"segments", hub.catalog().size()},
                     {"bytes", log_bytes}};
    json["queue"] = {{"bytes", log.ingest().queued_bytes()},       {"batches", queue.batches},
                     {"records_received", queue.records_received}, {"records_stored", queue.records_stored},
                     {"records_lost", queue.records_lost},         {"records_refused", queue.records_refused},
                     {"losses_reported", queue.losses_reported},   {"duplicate_batches", queue.duplicates},
                     {"dropped_fields", queue.dropped_fields},     {"groups", queue.groups},
                     {"groups_failed", queue.groups_failed},       {"waits", queue.waits}};
    json["connections"] = {{"open", server.connections()},
                           {"accepted", counters.connections},
                           {"refused", counters.connections_refused},
                           {"requests", counters.requests},
                           {"requests_failed", counters.requests_failed},
                           {"tails", counters.tails},
                           {"by_uid", users(server)}};
    json["sessions"] = sessions(server);
    return json.dump();
}

}  // namespace sluice::server
