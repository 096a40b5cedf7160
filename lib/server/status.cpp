#include "server/status.h"

#include <nlohmann/json.hpp>

namespace sluice::server {

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
                           {"queries", counters.queries},
                           {"queries_running", server.queries_running()}};
    return json.dump();
}

}  // namespace sluice::server
