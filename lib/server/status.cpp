#include "server/status.h"

#include <map>
#include <nlohmann/json.hpp>

#include "wire/escape.h"
#include "wire/time_text.h"

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

// What is sealed, class by class; of a class whose parts are all gone, what was removed.
nlohmann::ordered_json parts_json(const store::PartSet& parts) {
    struct OfClass {
        std::uint64_t parts = 0;
        std::uint64_t rows = 0;
        std::uint64_t bytes = 0;
        std::uint64_t oldest_sequence = 0;
        WallNs oldest_time = 0;
    };
    std::map<std::string, OfClass> classes;
    OfClass all;
    for (const store::PartSet::Class& one : parts.classes) {
        OfClass& counted = classes[one.name];
        counted.oldest_sequence = one.parts.front()->name.first_sequence;
        counted.oldest_time = one.parts.front()->part->summary().receive_min;
        for (const store::PartPointer& part : one.parts) {
            counted.parts += 1;
            counted.rows += part->part->summary().rows;
            counted.bytes += part->bytes;
        }
        all.parts += counted.parts;
        all.rows += counted.rows;
        all.bytes += counted.bytes;
    }
    for (const store::RemovedOfClass& removed : parts.state.removed) {
        classes.try_emplace(removed.class_name);
    }
    nlohmann::ordered_json json = {{"count", all.parts},
                                   {"rows", all.rows},
                                   {"bytes", all.bytes},
                                   {"sealed_end", parts.state.sealed_end},
                                   {"missing_rows", parts.state.missing_rows}};
    nlohmann::ordered_json& by_class = json["classes"] = nlohmann::ordered_json::object();
    for (const auto& [name, counted] : classes) {
        nlohmann::ordered_json& one = by_class[name];
        one = {{"parts", counted.parts}, {"rows", counted.rows}, {"bytes", counted.bytes}};
        if (counted.parts != 0) {
            std::string time;
            wire::append_rfc3339(time, counted.oldest_time);
            one["oldest_sequence"] = counted.oldest_sequence;
            one["oldest_time"] = time;
        }
        const auto removed = std::ranges::find(parts.state.removed, name, &store::RemovedOfClass::class_name);
        const bool any = removed != parts.state.removed.end();
        one["removed_parts"] = any ? removed->parts : 0;
        one["removed_rows"] = any ? removed->rows : 0;
        one["removed_bytes"] = any ? removed->bytes : 0;
    }
    return json;
}

nlohmann::ordered_json listeners_json(const std::vector<listeners::ListenerReport>& reports) {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    for (const listeners::ListenerReport& report : reports) {
        nlohmann::ordered_json& one = json[report.name];
        one["protocol"] = listeners::protocol_name(report.protocol);
        if (listeners::uses_datagrams(report.protocol)) {
            one["messages"] = report.messages;
            one["files"] = report.files;
            one["files_refused"] = report.files_refused;
        } else {
            one["connections"] = report.connections;
            one["connections_open"] = report.connections_open;
            one["connections_waiting"] = report.connections_waiting;
            one["connections_refused"] = report.connections_refused;
        }
        one["bytes"] = report.bytes;
        one["records"] = report.records;
        one["records_lost"] = report.records_lost;
        one["losses_reported"] = report.losses_reported;
        one["malformed"] = report.intake.malformed;
        one["dropped_fields"] = report.intake.dropped_fields;
        one["cut"] = report.intake.cut;
        one["senders"] = {{"remembered", report.senders},
                          {"read", report.processes.read},
                          {"gone", report.processes.gone},
                          {"late", report.processes.late}};
    }
    return json;
}

}  // namespace

std::string status_json(const StatusFacts& facts, const Server& server, LogPipeline& log,
                        const std::vector<listeners::ListenerReport>& listeners) {
    const LogHub& hub = log.hub();
    const ingest::IngestCounters& queue = log.ingest().counters();
    const ServerCounters& counters = server.counters();
    const Server::HeldBytes held = server.held_bytes();
    nlohmann::ordered_json json;
    json["version"] = facts.version;
    json["uptime_s"] = whole_seconds(facts.now - facts.started);
    json["io"] = facts.io;
    json["store"] = {{"id", wire::format_id(hub.store_id())},
                     {"epoch", hub.epoch()},
                     {"mode", facts.store_mode},
                     {"gone", log.store_gone() ? wire::escaped(log.store_gone()->text()) : ""},
                     {"oldest_sequence", hub.oldest_sequence()},
                     {"end_sequence", hub.end_sequence()},
                     {"durable_sequence", hub.durable_sequence()},
                     {"segments", hub.catalog().size()},
                     {"bytes", hub.log_bytes()},
                     {"open_rows", hub.end_sequence() - std::min(hub.end_sequence(), hub.sealed_end())},
                     {"open_bytes", hub.open_bytes()}};
    json["parts"] = parts_json(*hub.parts());
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
                           {"queries_running", server.queries_running()},
                           {"query_bytes", held.queries},
                           {"request_bytes", held.requests},
                           {"reply_bytes", held.replies},
                           {"by_uid", users(server)}};
    json["listeners"] = listeners_json(listeners);
    json["sessions"] = sessions(server);
    return json.dump();
}

}  // namespace sluice::server
