#include "daemon/settings.h"

#include <algorithm>
#include <type_traits>

namespace sluice::daemon {
namespace {

constexpr std::uint64_t kKiB = 1ULL << 10U;
constexpr std::uint64_t kMiB = 1ULL << 20U;
constexpr std::uint64_t kGiB = 1ULL << 30U;
constexpr std::uint64_t kSecond = 1000;  // Durations are in milliseconds.
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;

template <class Wrapper, auto Section, auto Member>
constexpr Wrapper field_as() {
    Wrapper wrapper;
    wrapper.edit = [](Config& config) -> auto& { return config.*Section.*Member; };
    wrapper.view = [](const Config& config) -> const auto& { return config.*Section.*Member; };
    return wrapper;
}
template <auto Section, auto Member>
constexpr auto field() {
    using T = std::remove_cvref_t<decltype(std::declval<Config&>().*Section.*Member)>;
    return field_as<Field<T>, Section, Member>();
}
template <auto Member>
constexpr auto store() {
    return field<&Config::store, Member>();
}
template <auto Member>
constexpr auto keep() {
    return field<&Config::retention, Member>();
}
template <auto Member>
constexpr auto limit() {
    return field<&Config::limits, Member>();
}
constexpr Field<std::vector<Root>> kRoots{.edit = [](Config& config) -> auto& { return config.roots; },
                                          .view = [](const Config& config) -> const auto& { return config.roots; }};

constexpr Field<std::vector<ListenerConfig>> kListeners{
    .edit = [](Config& config) -> auto& { return config.listeners; },
    .view = [](const Config& config) -> const auto& { return config.listeners; }};

constexpr Field<std::vector<RetentionClass>> kClasses{
    .edit = [](Config& config) -> auto& { return config.retention.classes; },
    .view = [](const Config& config) -> const auto& { return config.retention.classes; }};

using enum Apply;

constexpr Setting kSettings[] = {
    {"store.directory", field_as<PathField, &Config::store, &StoreConfig::directory>(), 1, 4000, restart,
     "Directory of the log. It is created with mode 0750 if its parent exists. One sluiced at a time uses it."},
    {"store.segment_bytes",
     store<&StoreConfig::segment_bytes>(),
     kMiB,
     4 * kGiB,
     restart,
     "Size of one log file. Files are filled with zeros ahead of need and recycled.",
     {},
     4 * kKiB},
    {"store.log_bytes_max", store<&StoreConfig::log_bytes_max>(), 3 * kMiB, 64 * 1024 * kGiB, live,
     "Size of all log files together, at least three segments. They hold what is not sealed yet, and are recycled when "
     "it "
     "is. When they are full, records wait until the sealing has caught up; if it fails, they are refused. Without "
     "sealing the oldest segment is recycled: its records are gone, and a tail that had not read them is told so."},
    {"store.commit_bytes_max", store<&StoreConfig::commit_bytes_max>(), 64 * kKiB, 16 * kMiB, restart,
     "Soft limit of what is written in one commit. Records that arrive during a commit form the next one; larger "
     "commits add latency without adding throughput. At most a quarter of a segment."},
    {"store.sync_interval", store<&StoreConfig::sync_interval>(), 10, kHour, live,
     "Longest time that records may stay written but not durable when nobody asked for durable. It bounds what a power "
     "loss can take from such records."},
    {"store.unsynced_bytes_max", store<&StoreConfig::unsynced_bytes_max>(), 64 * kKiB, kGiB, restart,
     "Written bytes that start a sync before the interval is over."},
    {"store.io", store<&StoreConfig::io>(), 0, 0, restart,
     "How the log is written. direct: O_DIRECT, refused at start where the file system does not have it. buffered: "
     "through the page cache. auto: direct, or buffered where it is clearly faster, as measured at the first start and "
     "remembered in the store."},

    {"store.seal_rows_max", store<&StoreConfig::seal_rows_max>(), 1024, 1'048'576, restart,
     "Records that are sealed at once: when so many are durable they become a part, a compressed file with columns "
     "that "
     "queries read quickly.",
     "nothing is sealed, and log_bytes_max limits the store"},
    {"store.seal_bytes_max", store<&StoreConfig::seal_bytes_max>(), 256 * kKiB, kGiB, restart,
     "The same, in bytes of the log."},
    {"store.seal_delay_max", store<&StoreConfig::seal_delay_max>(), kSecond, 24 * kHour, restart,
     "Durable records are sealed at the latest when the oldest of them is this old."},
    {"store.merge_rows_max", store<&StoreConfig::merge_rows_max>(), 1024, 1'048'576, restart,
     "Neighbouring parts are merged while there is little to do, up to so many records, which makes them smaller.",
     "they stay as they are"},
    {"store.open_bytes_max", store<&StoreConfig::open_bytes_max>(), kMiB, 16 * kGiB, restart,
     "Memory for records that are not sealed yet. Beyond it they are read from the log again when they are needed."},
    {"store.part_cache_bytes_max", store<&StoreConfig::part_cache_bytes_max>(), kMiB, 16 * kGiB, restart,
     "Memory for what was read from parts lately.", "nothing is kept"},

    {"retention.age_max", keep<&RetentionConfig::age_max>(), kMinute, 87'600 * kHour, live,
     "Sealed records are removed when they are older, counted from when they were received. Whole parts go, each when "
     "its newest record is that old. A clock that is set forward counts once it has been so for 24 h.",
     "no limit"},
    {"retention.bytes_max", keep<&RetentionConfig::bytes_max>(), kMiB, 64 * 1024 * kGiB, live,
     "Size of all parts together. Beyond it the oldest are removed. The log comes on top, see store.log_bytes_max.",
     "no limit"},
    {"retention.keep_free", keep<&RetentionConfig::keep_free>(), kMiB, 64 * 1024 * kGiB, live,
     "Space that the file system of the store keeps free: the oldest parts are removed when it has less.", "no limit"},
    {"retention.classes", kClasses, 0, 16, live,
     "Streams with parts and limits of their own. Each class has a name (1 to 32 of a-z, 0-9 and _; default is taken), "
     "streams (at most 256 names, or prefixes ending in *; 'default' are the records without a stream), and optionally "
     "age_max, which replaces the one for all (0: as for all), and bytes_max for its own parts (0: no limit), within "
     "the same limits. A stream belongs to the first class that wants it. Records that are sealed already stay in the "
     "class that they were sealed in."},

    {"queue.bytes_max", field<&Config::queue, &QueueConfig::bytes_max>(), 2 * kMiB, 16 * kGiB, restart,
     "Memory for records between the connections and the writer. When it is full, connections are not read until "
     "there is room; nothing is dropped. The last eighth is for users who have at most 64 KiB in it. At least two "
     "frames."},
    {"queue.producer_share_percent", field<&Config::queue, &QueueConfig::producer_share_percent>(), 1, 100, live,
     "Percent of the queue that the connections of one user may hold while others have records in it. Beyond it they "
     "are not read until the writer has caught up; other users are not affected."},
    {"queue.tail_memory_bytes_max", field<&Config::queue, &QueueConfig::tail_memory_bytes_max>(), 0, 16 * kGiB, restart,
     "Newest records that are kept in memory for tails. A tail that is further behind reads the log files.",
     "always read the files"},

    {"listen.socket", field_as<PathField, &Config::listen, &ListenConfig::socket>(), 1, 107, restart,
     "Path of the socket. Ignored, like mode, owner and group, when systemd passes the socket (sluiced.socket)."},
    {"listen.mode", field_as<ModeField, &Config::listen, &ListenConfig::mode>(), 0, 0777, restart,
     "Permission bits of the socket. Who may write to it may connect."},
    {"listen.owner", field<&Config::listen, &ListenConfig::owner>(), 0, 1, restart,
     "Owner of the socket. Empty: the user that sluiced runs as."},
    {"listen.group", field<&Config::listen, &ListenConfig::group>(), 0, 1, restart,
     "Group of the socket. Empty: the group that sluiced runs as."},
    {"listen.allowed_users", field<&Config::listen, &ListenConfig::allowed_users>(), 0, 1024, live,
     "Users that may use the daemon, as the kernel identifies them at connect; others get permission_denied and are "
     "disconnected. With this list and allowed_groups both empty the socket's mode alone decides. Root and the "
     "daemon's own user are always allowed. A reload that withdraws it ends the connections that a user has."},
    {"listen.allowed_groups", field<&Config::listen, &ListenConfig::allowed_groups>(), 0, 1024, live,
     "Groups whose users may use the daemon, beside allowed_users. A process is in the groups that it has, primary and "
     "supplementary, and its user in those that the group database says at start "
     "and at each reload."},

    {"listeners", kListeners, 0, 16, restart,
     "Sockets for programs that log in a way of their own; each is a list entry. name: 1 to 32 of a-z, 0-9, _ and -. "
     "protocol: journal (journald's datagrams, as sd_journal_send makes them), syslog (datagrams, as to /dev/log), "
     "syslog_stream, stdout (journald's stdout streams, as systemd-cat makes them) or json (JSON lines on a stream "
     "socket). socket: its path; a socket that systemd passes under the listener's name takes its place. enabled: no "
     "turns it off. mode (default 0666), owner, group: of the socket. stream: the name of the stream that records go "
     "to, where {a|b} stands for the first of identifier (what the message says of its program), comm, unit, "
     "container, uid and listener that is not empty; default {identifier|comm|listener}. overflow: what happens to "
     "records while the queue is full: block (default; senders wait), drop (they are lost, counted and told in the "
     "log), or drop_by_severity (those less severe than keep_severity are, default warning; the others wait). "
     "message_bytes_max (64 B to 1 MiB): longer messages are split or cut. connections_max (default 256, stdout 1024) "
     "and connections_per_uid_max (64, stdout 512), of stream sockets: beyond them connections wait with what they "
     "have sent (overflow: block), or are closed at once, counted and told; the last eighth of connections_max is for "
     "users who have fewer than 8. rate_burst: "
     "so many records of one process are taken in rate_interval (default 30 s), the rest is lost, counted and told; 0, "
     "the default: no limit. A reload applies stream, overflow, keep_severity and the limits; the rest needs a "
     "restart."},

    {"limits.frame_bytes_max", limit<&LimitsConfig::frame_bytes_max>(), 64 * kKiB, 31 * kMiB, restart,
     "Largest frame on a connection, told to clients at HELLO. A larger one: too_large, and the connection is closed."},
    {"limits.session_requests_max", limit<&LimitsConfig::session_requests_max>(), 1, 4096, live,
     "Requests in flight on one connection, told to clients at HELLO. Beyond it one more waits, and no other is read."},
    {"limits.log_records_max", limit<&LimitsConfig::log_records_max>(), 1, 1'000'000, live,
     "Records in one log request. More: too_large, nothing is stored."},
    {"limits.session_handles_max", limit<&LimitsConfig::session_handles_max>(), 1, 65'536, live,
     "Open files of one connection. Beyond it an open gets limit_exceeded."},
    {"limits.record_fields_max", limit<&LimitsConfig::record_fields_max>(), 1, 65'535, live,
     "Fields of one record. More: too_large, nothing of the request is stored."},
    {"limits.message_bytes_max", limit<&LimitsConfig::message_bytes_max>(), 1 * kKiB, 31 * kMiB, live,
     "Message of one record. Longer: too_large, nothing of the request is stored. Less than frame_bytes_max."},
    {"limits.connections_max", limit<&LimitsConfig::connections_max>(), 1, 100'000, live,
     "Connections of all users. Beyond it a new one gets limit_exceeded and is closed; the last eighth is for users "
     "who "
     "have fewer than 8."},
    {"limits.connections_per_uid_max", limit<&LimitsConfig::connections_per_uid_max>(), 1, 100'000, live,
     "Connections of one user. Beyond it a new one gets limit_exceeded and is closed. At most connections_max."},
    {"limits.session_output_bytes_max", limit<&LimitsConfig::session_output_bytes_max>(), 256 * kKiB, kGiB, live,
     "Memory for the requests of one connection that are being served, and for its replies until they are sent, each. "
     "Beyond it they wait for each other. At least two frames."},
    {"limits.user_memory_bytes_max", limit<&LimitsConfig::user_memory_bytes_max>(), 2 * kMiB, 64 * kGiB, live,
     "The same of all connections of one user together, half of it for requests and half for replies. It applies to "
     "users who have no connection yet. At least four frames."},
    {"limits.clients_memory_bytes_max", limit<&LimitsConfig::clients_memory_bytes_max>(), 2 * kMiB, 64 * kGiB, live,
     "The same of all users together, likewise. A user may hold as much of it as is left free, so that there is always "
     "some for others."},
    {"limits.queries_max", limit<&LimitsConfig::queries_max>(), 1, 1024, live,
     "Queries that run at a time, of all connections; one user may have half of them. One more waits. Where the place "
     "of "
     "a query whose client takes no rows is needed for another user's, it gets limit_exceeded."},
    {"limits.query_wait_timeout", limit<&LimitsConfig::query_wait_timeout>(), 0, kHour, live,
     "A query that has found no place for so long gets limit_exceeded.", "at once"},
    {"limits.query_idle_timeout", limit<&LimitsConfig::query_idle_timeout>(), kSecond, 24 * kHour, live,
     "A query whose client has taken no row for so long gets deadline_exceeded, and its place and memory are free."},
    {"limits.query_memory_bytes_max", limit<&LimitsConfig::query_memory_bytes_max>(), 1 * kMiB, 64 * kGiB, live,
     "Memory that one query may need for its compiled filter, groups, sorting and the like, or a tail for its filter. "
     "Beyond it the query or tail gets limit_exceeded."},
    {"limits.queries_memory_bytes_max", limit<&LimitsConfig::queries_memory_bytes_max>(), 1 * kMiB, 64 * kGiB, live,
     "The same of all queries and tails together. A user may hold as much of it as is left free, so that there is "
     "always "
     "some for others. Beyond it the query or tail that asks for more gets limit_exceeded."},
    {"limits.idle_timeout", limit<&LimitsConfig::idle_timeout>(), kSecond, 720 * kHour, live,
     "A connection that has no request in flight and sends none for so long is closed.", "never"},
    {"limits.hello_timeout", limit<&LimitsConfig::hello_timeout>(), 100, kHour, live,
     "A new connection that has not sent its HELLO after this time is closed."},
    {"limits.open_handles_max", limit<&LimitsConfig::open_handles_max>(), 1, 1'000'000, live,
     "Open files of all connections; one user may have a quarter of them, and the last eighth is for users who have "
     "fewer than 64. Beyond it an open gets limit_exceeded. Less where the process may not have so many descriptors, "
     "beside 512 and one for each connection: see LimitNOFILE."},

    {"roots", kRoots, 0, 64, live,
     "Directories whose files clients may use. Nothing outside of them can be reached. Each root has a name (what "
     "clients write before the colon, as in 'spool:a/b.txt'), a path, and rights: a list of grants, each for a user, a "
     "group or everyone, which allow some of read, write, append, create and list. What a client may do is the "
     "union of the grants that match it; without a grant, nothing. follow_symlinks: follow links that stay beneath the "
     "root. cross_devices: enter other mounts. file_bytes_max: a write that would end beyond it gets no_space; 0: no "
     "limit. The file system's own permissions apply as well: they are checked for the user that sluiced runs as."},

    {"producers.remembered_max", field<&Config::producers, &ProducersConfig::remembered_max>(), 16, 1'000'000, restart,
     "Producers of numbered batches whose last number is remembered, across restarts too. Beyond it, of the user that "
     "has "
     "most of them, the one that has been silent for longest is forgotten; a batch that it sends again is stored "
     "again."},

    {"threads.pool", field<&Config::threads, &ThreadsConfig::pool>(), 1, 64, restart,
     "Threads for the calls that io_uring does not have, and for reading parts."},
    {"threads.seal", field<&Config::threads, &ThreadsConfig::seal>(), 1, 16, restart,
     "Threads that seal and merge, at a lower priority than the rest."},
    {"threads.stall_threshold", field<&Config::threads, &ThreadsConfig::stall_threshold>(), 1, kMinute, restart,
     "A step of the service loop that takes longer is reported with its name.", "no report"},

    {"log.level", field<&Config::log, &LogConfig::level>(), 0, 0, live,
     "Least important level of sluiced's own messages that are shown."},
    {"log.target", field<&Config::log, &LogConfig::target>(), 0, 0, restart,
     "Where sluiced's own messages go. stderr: lines with time and level. journal: lines with a priority prefix for "
     "systemd-journald, also on standard error. auto: journal if standard error is connected to it, else stderr."},

    {"shutdown.drain_timeout", field<&Config::shutdown, &ShutdownConfig::drain_timeout>(), 100, 5 * kMinute, live,
     "Time that requests in flight have after SIGTERM before they are cancelled. What was acknowledged is kept in any "
     "case.",
     "cancel at once"},
};

}  // namespace

std::span<const Setting> settings() {
    return kSettings;
}

const Setting* find_setting(std::string_view key) {
    const auto* found = std::ranges::find(kSettings, key, &Setting::key);
    return found == std::end(kSettings) ? nullptr : found;
}

std::string_view section_of(const Setting& setting) {
    return setting.key.substr(0, setting.key.find('.'));
}

std::string_view name_of(const Setting& setting) {
    return setting.key.substr(setting.key.find('.') + 1);  // npos + 1 is 0: all of a key without a dot.
}

}  // namespace sluice::daemon
