#include "daemon/translate.h"

#include <algorithm>

#include "daemon/host.h"
#include "listeners/process_source.h"

namespace sluice::daemon {
namespace {

files::Rights to_rights(Rights rights) {
    files::Rights out;
    const auto add = [&](Right from, files::Right to) {
        if (has(rights, from)) {
            out.add(to);
        }
    };
    add(Right::read, files::Right::read);
    add(Right::write, files::Right::write);
    add(Right::write, files::Right::append);  // In the configuration, write includes append.
    add(Right::append, files::Right::append);
    add(Right::create, files::Right::create);
    add(Right::list, files::Right::list);
    return out;
}

void add_rules(const Grant& grant, std::vector<files::Rule>& rules) {
    const files::Rights rights = to_rights(grant.rights);
    if (grant.user.empty() && grant.group.empty()) {
        rules.push_back({.who = files::Rule::Who::anyone, .id = 0, .rights = rights});
    }
    for (const UserRef& user : grant.user) {
        rules.push_back({.who = files::Rule::Who::user, .id = user.uid, .rights = rights});
    }
    for (const GroupRef& group : grant.group) {
        rules.push_back({.who = files::Rule::Who::group, .id = group.gid, .rights = rights});
        for (const uid_t member : group.members) {
            rules.push_back({.who = files::Rule::Who::user, .id = member, .rights = rights});
        }
    }
}

}  // namespace

server::LogPipeline::Options pipeline_options(const Config& config) {
    ingest::IngestOptions queue;
    queue.queue_bytes_max = config.queue.bytes_max;
    queue.group_bytes_max = config.store.commit_bytes_max;
    // A record of a listener can be as large as a frame, and has the trusted fields of its sender.
    queue.batch_bytes_max =
        std::max<std::size_t>(config.limits.frame_bytes_max, wire::kFrameBytesMax) + listeners::kTrustedBytesMax;
    queue.uid_share_percent = config.queue.producer_share_percent;
    queue.producers_max = config.producers.remembered_max;
    queue.record_limits.message_bytes_max = static_cast<std::uint32_t>(config.limits.message_bytes_max);
    queue.record_limits.fields_max = config.limits.record_fields_max;
    queue.records_max = config.limits.log_records_max;
    server::LogPipeline::Options options;
    options.sync_interval = config.store.sync_interval;
    options.store_path = config.store.directory;
    options.memory_bytes_max = config.queue.tail_memory_bytes_max;
    options.ingest = queue;
    options.seal.rows_max = config.store.seal_rows_max;
    options.seal.bytes_max = config.store.seal_bytes_max;
    options.seal.delay_max = config.store.seal_delay_max;
    options.seal.open_bytes_max = config.store.open_bytes_max;
    options.seal.cache_bytes_max = config.store.part_cache_bytes_max;
    options.seal.merge.rows_max = config.store.merge_rows_max;
    options.seal.retention = retention_options(config);
    return options;
}

store::RetentionOptions retention_options(const Config& config) {
    store::RetentionOptions options;
    options.age_max = config.retention.age_max;
    options.bytes_max = config.retention.bytes_max;
    options.keep_free = config.retention.keep_free;
    for (const RetentionClass& one : config.retention.classes) {
        options.classes.push_back(
            {.name = one.name, .streams = one.streams, .age_max = one.age_max, .bytes_max = one.bytes_max});
    }
    return options;
}

store::WriterOptions writer_options(const Config& config, store::IoMode mode) {
    store::WriterOptions options;
    options.segment_bytes = config.store.segment_bytes;
    options.log_bytes_max = config.store.log_bytes_max;
    options.unsynced_bytes_max = config.store.unsynced_bytes_max;
    options.producers_max = config.producers.remembered_max;
    options.mode = mode;
    options.boot_id = boot_id();
    options.random = random_number;
    return options;
}

server::ServerOptions server_options(const Config& config, uid_t own_uid) {
    server::ServerOptions options;
    options.session.frame_bytes_max = static_cast<std::uint32_t>(config.limits.frame_bytes_max);
    options.session.requests_max = config.limits.session_requests_max;
    options.session.log_records_max = config.limits.log_records_max;
    options.session.handles_max = config.limits.session_handles_max;
    options.session.output_bytes_max = config.limits.session_output_bytes_max;
    options.session.request_bytes_max = config.limits.session_output_bytes_max;
    options.session.user_bytes_max = config.limits.user_memory_bytes_max / 2;
    options.session.clients_bytes_max = config.limits.clients_memory_bytes_max / 2;
    options.session.query = {.queries_max = config.limits.queries_max,
                             .wait_max = config.limits.query_wait_timeout,
                             .idle_max = config.limits.query_idle_timeout,
                             .memory_bytes_max = config.limits.query_memory_bytes_max,
                             .memory_bytes_total = config.limits.queries_memory_bytes_max};
    options.session.hello_timeout = config.limits.hello_timeout;
    options.session.idle_timeout = config.limits.idle_timeout;
    options.connections_max = config.limits.connections_max;
    options.connections_per_uid_max = config.limits.connections_per_uid_max;
    options.admits = [listen = config.listen, own_uid](const server::Peer& peer) {
        const uid_t uid = peer.credentials.uid;
        return listen.admits(uid, peer.credentials.gid, own_uid) ||
               std::ranges::any_of(peer.groups, [&](gid_t group) { return listen.admits(uid, group, own_uid); });
    };
    return options;
}

std::vector<files::RootOptions> root_options(const Config& config) {
    std::vector<files::RootOptions> all;
    for (const Root& root : config.roots) {
        files::RootOptions options;
        options.name = root.name;
        options.path = root.path;
        options.follow_symlinks = root.follow_symlinks;
        options.cross_devices = root.cross_devices;
        options.file_bytes_max = root.file_bytes_max;
        for (const Grant& grant : root.rights) {
            add_rules(grant, options.rules);
        }
        all.push_back(std::move(options));
    }
    return all;
}

files::HandleLimits handle_limits(const Config& config) {
    return {.session_max = config.limits.session_handles_max,
            .user_max = config.limits.open_handles_max / 4,
            .total_max = config.limits.open_handles_max};
}

}  // namespace sluice::daemon
