// Everything that sluiced can be told, as plain values with their defaults.  The YAML key of a field is its path here:
// config.store.segment_bytes is `store.segment_bytes`.  settings.h is the table that reading, --print-defaults,
// etc/sluiced.yaml and sluiced.yaml(5) share; a test holds it equal to these structs.
// Names end with unit and bound.  Sizes are bytes, durations std::chrono, 0 means "none" only where it says so.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "listeners/options.h"

namespace sluice::daemon {

using Milliseconds = std::chrono::milliseconds;

enum class StoreIo : std::uint8_t {
    automatic,  // Measure at the first start, remember the answer in the store.
    direct,     // O_DIRECT; refused at start where the file system does not have it.
    buffered,   // write + fdatasync.
};
enum class LogTarget : std::uint8_t {
    automatic,  // journal if standard error is connected to the journal, else standard_error.
    standard_error,
    journal,  // "<N>" priority prefixes, no time.
};
enum class LogLevel : std::uint8_t { error, warning, info, debug };

struct UserRef {
    std::string name;  // As written: a name or a decimal uid.
    uid_t uid = 0;
    friend bool operator==(const UserRef&, const UserRef&) = default;
};

struct GroupRef {
    std::string name;  // As written: a name or a decimal gid.
    gid_t gid = 0;
    std::vector<uid_t> members;  // By the group database when the config was read, ascending.  A user whose *primary*
                                 // group this is need not be among them.
    friend bool operator==(const GroupRef&, const GroupRef&) = default;
    // True for a peer with this primary group or a supplementary member.
    bool matches(uid_t peer_uid, gid_t peer_gid) const noexcept;
};

enum class Right : std::uint8_t {
    read = 1U << 0U,
    write = 1U << 1U,  // Overwrite at any offset, truncate; includes append.
    append = 1U << 2U,
    create = 1U << 3U,
    list = 1U << 4U,
};
using Rights = std::uint8_t;  // Bits of Right.
inline constexpr Rights kAllRights = 0x1F;
constexpr bool has(Rights rights, Right right) noexcept {
    return (rights & static_cast<Rights>(right)) != 0;
}

// Rights for one user, one group, or (both empty) everyone who may connect.  What a peer may do is the union of the
// grants that match it.
struct Grant {
    std::vector<UserRef> user;    // Zero or one.
    std::vector<GroupRef> group;  // Zero or one; never with `user`.
    Rights rights = 0;
    friend bool operator==(const Grant&, const Grant&) = default;
    bool matches(uid_t peer_uid, gid_t peer_gid) const noexcept;
};

struct Root {
    std::string name;                  // 1 to 64 of [A-Za-z0-9._-]; unique.  What clients write before the colon.
    std::string path;                  // Absolute directory; must exist at start, else it is reported and left out.
    bool follow_symlinks = false;      // true: links may be followed while they stay beneath the root.
    bool cross_devices = false;        // true: paths may enter other mounts.
    std::uint64_t file_bytes_max = 0;  // A write that would end beyond it: Errc::no_space.  0: none.
    std::vector<Grant> rights;
    friend bool operator==(const Root&, const Root&) = default;
    Rights rights_of(uid_t peer_uid, gid_t peer_gid) const noexcept;
};

struct StoreConfig {
    std::string directory = "/var/lib/sluice/store";  // Absolute; created with mode 0750 if its parent exists.
    std::uint64_t segment_bytes = 64ULL << 20U;       // Size of one log file.  1 MiB to 4 GiB, multiple of 4 KiB.
    std::uint64_t log_bytes_max = 4ULL << 30U;  // All segments; full: records wait for the sealing.  >= 3 segments.
    std::uint64_t commit_bytes_max = 512ULL << 10U;  // Soft cap of a commit group: closed when it reaches it.
    Milliseconds sync_interval{1000};                // Longest time that written records stay un-synced.  10 ms to 1 h.
    std::uint64_t unsynced_bytes_max = 8ULL << 20U;  // Written bytes that force a sync before the interval is over.
    StoreIo io = StoreIo::automatic;
    // Durable records that start a seal: so many, so many bytes, or the oldest this old.
    std::uint32_t seal_rows_max = 65536;  // 0: nothing is sealed, and the oldest segment is recycled at log_bytes_max.
    std::uint64_t seal_bytes_max = 16ULL << 20U;
    Milliseconds seal_delay_max{300'000};
    std::uint32_t merge_rows_max = 262'144;       // Of a part made of smaller ones.  0: they stay as they are.
    std::uint64_t open_bytes_max = 16ULL << 20U;  // Memory for what is not sealed; beyond it the log is read again.
    std::uint64_t part_cache_bytes_max = 32ULL << 20U;  // Memory for what was read of parts.
    friend bool operator==(const StoreConfig&, const StoreConfig&) = default;
};

// Streams whose records have parts of their own, and are kept for another time than the rest.
struct RetentionClass {
    std::string name;                  // 1 to 32 of a-z, 0-9 and _; unique, and not "default".
    std::vector<std::string> streams;  // Exact, or a prefix ending in '*'.  At least one.
    Milliseconds age_max{0};           // 0: as for all.
    std::uint64_t bytes_max = 0;       // 0: no limit of its own.
    friend bool operator==(const RetentionClass&, const RetentionClass&) = default;
};

// When sealed records are removed, oldest first.
struct RetentionConfig {
    Milliseconds age_max{0};                // 0: never for their age.
    std::uint64_t bytes_max = 4ULL << 30U;  // Of all parts.  0: no limit.
    std::uint64_t keep_free = 1ULL << 30U;  // Bytes that the file system keeps free.  0: no limit.
    std::vector<RetentionClass> classes;    // At most 16; the first that wants a stream has it.
    friend bool operator==(const RetentionConfig&, const RetentionConfig&) = default;
};

struct QueueConfig {
    std::uint64_t bytes_max = 16ULL << 20U;     // Records between sessions and writer; full: connections are not read.
    std::uint32_t producer_share_percent = 50;  // Of bytes_max, per uid; beyond it that uid's connections are not read.
    std::uint64_t tail_memory_bytes_max = 4ULL << 20U;  // Newest batches; a tail that is behind them reads files.
    friend bool operator==(const QueueConfig&, const QueueConfig&) = default;
};

struct ListenConfig {
    std::string socket = "/run/sluice/sluice.sock";  // Absolute, at most 107 bytes.  Ignored with socket activation,
    std::uint32_t mode = 0660;                       // and so are mode,
    std::vector<UserRef> owner;                      // owner (zero or one; none: as created)
    std::vector<GroupRef> group;                     // and group (zero or one; none: as created).
    // Who may connect, by SO_PEERCRED.  Both empty: whoever the socket's mode lets in.  uid 0 and the daemon's own uid
    // always may.  Others: the connection is closed after an error frame, Errc::permission_denied.
    std::vector<UserRef> allowed_users;
    std::vector<GroupRef> allowed_groups;
    friend bool operator==(const ListenConfig&, const ListenConfig&) = default;
    // `own_uid`: the daemon's.
    bool admits(uid_t peer_uid, gid_t peer_gid, uid_t own_uid) const noexcept;
};

// A socket for programs that speak a logging protocol of their own.
struct ListenerConfig {
    std::string name;  // 1 to 32 of a-z, 0-9, _ and -; unique.  Also the FileDescriptorName of a socket that systemd
                       // passes, which then has its path, mode, owner and group from there.
    bool enabled = true;
    listeners::Protocol protocol = listeners::Protocol::journal;
    std::string socket;           // Absolute, at most 107 bytes.
    std::uint32_t mode = 0666;    // Whoever may log.
    std::vector<UserRef> owner;   // Zero or one; none: as created.
    std::vector<GroupRef> group;  // The same.
    std::string stream = listeners::StreamPattern::standard().text();
    listeners::Overflow overflow = listeners::Overflow::block;
    wire::Severity keep_severity = wire::Severity::warning;  // With drop_by_severity.
    std::uint64_t message_bytes_max = 1ULL << 20U;           // A longer message is split, or cut.
    std::uint32_t connections_max = 256;                     // Of stream sockets; see standard_listener().
    std::uint32_t connections_per_uid_max = 64;              // The same, by user.
    std::uint32_t rate_burst = 0;                            // Records of one process in rate_interval.  0: no limit.
    Milliseconds rate_interval{30'000};
    friend bool operator==(const ListenerConfig&, const ListenerConfig&) = default;
};

// At /run/sluice/NAME, with the defaults of its protocol: each service has a stdout stream, and nothing of it is held
// but a line, so there may be more of those (1024, 512 of one user).
ListenerConfig standard_listener(listeners::Protocol protocol);

struct LimitsConfig {
    std::uint64_t frame_bytes_max = (1ULL << 20U) + (64ULL << 10U);  // One frame; larger: error, connection closed.
    std::uint32_t session_requests_max = 64;        // In flight per connection; beyond it the connection is not read.
    std::uint32_t log_records_max = 65536;          // Records in one LOG request; more: Errc::too_large.
    std::uint32_t session_handles_max = 256;        // Open files per connection; beyond: Errc::limit_exceeded.
    std::uint32_t record_fields_max = 1024;         // Fields in one record; more: Errc::too_large.
    std::uint64_t message_bytes_max = 1ULL << 20U;  // Message of one record; longer: Errc::too_large.
    std::uint32_t connections_max = 1024;           // Beyond: closed after an error frame, Errc::limit_exceeded.
    std::uint32_t connections_per_uid_max = 256;    // The same, counted per uid.
    std::uint64_t session_output_bytes_max = 4ULL << 20U;   // Large replies of a connection; beyond: they wait.
    std::uint64_t user_memory_bytes_max = 32ULL << 20U;     // Requests and replies of a uid; beyond: they wait.
    std::uint64_t clients_memory_bytes_max = 64ULL << 20U;  // The same of all users; beyond: they wait.
    std::uint32_t queries_max = 8;                          // At a time, half of them of one uid; beyond: they wait.
    Milliseconds query_wait_timeout{10'000};                // For a place; then: Errc::limit_exceeded.
    Milliseconds query_idle_timeout{300'000};               // No row taken for so long: Errc::deadline_exceeded.
    std::uint64_t query_memory_bytes_max = 32ULL << 20U;    // Of one query or tail; above: Errc::limit_exceeded.
    std::uint64_t queries_memory_bytes_max = 64ULL << 20U;  // Of all of them; above: the same.
    Milliseconds idle_timeout{0};            // Connection without a request for so long is closed.  0: never.
    Milliseconds hello_timeout{10'000};      // Connection without a complete HELLO for so long is closed.
    std::uint32_t open_handles_max = 16384;  // Open files of all connections; beyond: Errc::limit_exceeded.
    friend bool operator==(const LimitsConfig&, const LimitsConfig&) = default;
};

struct ProducersConfig {
    // Numbered producers whose last batch is known; beyond it the longest unused is forgotten.
    std::uint32_t remembered_max = 4096;
    friend bool operator==(const ProducersConfig&, const ProducersConfig&) = default;
};

struct ThreadsConfig {
    std::uint32_t pool = 4;            // Workers for calls that io_uring does not have.  1 to 64.
    std::uint32_t seal = 2;            // Workers that seal and merge, at a lower priority.  1 to 16.
    Milliseconds stall_threshold{25};  // One step of the loop that takes longer is logged with its name.  0: never.
    friend bool operator==(const ThreadsConfig&, const ThreadsConfig&) = default;
};

struct LogConfig {
    LogLevel level = LogLevel::info;
    LogTarget target = LogTarget::automatic;
    friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

struct ShutdownConfig {
    Milliseconds drain_timeout{10'000};  // From SIGTERM until what is left is cancelled.  0: at once.  At most 5 min.
    friend bool operator==(const ShutdownConfig&, const ShutdownConfig&) = default;
};

struct Config {
    StoreConfig store;
    RetentionConfig retention;
    QueueConfig queue;
    ListenConfig listen;
    std::vector<ListenerConfig> listeners;  // At most 16.
    LimitsConfig limits;
    std::vector<Root> roots;  // At most 64.
    ProducersConfig producers;
    ThreadsConfig threads;
    LogConfig log;
    ShutdownConfig shutdown;
    friend bool operator==(const Config&, const Config&) = default;
};

// `--private DIR`: socket DIR/sluice.sock (mode 0600), store DIR/store in segments of 16 MiB, log and parts at most 1
// GiB each and no space kept free, one root `files` at DIR/files with all rights for `uid` and root, and nobody else
// may connect.  A listener for each protocol: DIR/journal, syslog, syslog-stream, stdout and json, mode 0600.
Config private_config(const std::string& directory, uid_t uid);

// What a reload would do.  Each entry reads "store.segment_bytes: 64 MiB -> 16 MiB".
struct ConfigChanges {
    std::vector<std::string> live;          // Take effect at once.
    std::vector<std::string> need_restart;  // Stay as they are until then.
};
ConfigChanges compare(const Config& current, const Config& wanted);
// `current` with those changes that take effect at once; of listeners too, each by its name.  Settings that fit
// together in `wanted` need not do so here: check_together().
Config with_live_changes(const Config& current, const Config& wanted);

// One thing that is wrong with a configuration, and where.
struct ConfigProblem {
    std::string file{};  // Empty: not from a file (then neither line nor column).
    int line = 0;        // From 1; 0: unknown.
    int column = 0;      // From 1; 0: unknown.
    std::string key{};   // "limits.frame_bytes_max"; may be empty.
    std::string text{};  // Untrusted bytes are quoted and escaped.
    // "FILE:LINE:COLUMN: KEY: TEXT"
    std::string to_string() const;
};
using ConfigProblems = std::vector<ConfigProblem>;           // In the order of the file.
using ConfigResult = std::expected<Config, ConfigProblems>;  // Problems are never empty.

}  // namespace sluice::daemon
