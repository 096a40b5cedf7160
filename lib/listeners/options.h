// One listener: a socket for programs that speak a logging protocol of their own.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "listeners/stream_pattern.h"
#include "wire/limits.h"
#include "wire/severity.h"

namespace sluice::listeners {

enum class Protocol : std::uint8_t {
    journal,        // journald's native datagrams
    syslog,         // syslog datagrams, as to /dev/log
    syslog_stream,  // syslog on a stream socket
    stdout_stream,  // journald's stdout streams, as systemd-cat speaks them
    json,           // JSON lines on a stream socket
};
// The words of the configuration and of the field _transport.
inline constexpr std::array<std::pair<std::string_view, Protocol>, 5> kProtocolNames{{
    {"journal", Protocol::journal},
    {"syslog", Protocol::syslog},
    {"syslog_stream", Protocol::syslog_stream},
    {"stdout", Protocol::stdout_stream},
    {"json", Protocol::json},
}};
constexpr std::string_view protocol_name(Protocol protocol) noexcept {
    return kProtocolNames[static_cast<std::size_t>(protocol)].first;
}
constexpr bool uses_datagrams(Protocol protocol) noexcept {
    return protocol == Protocol::journal || protocol == Protocol::syslog;
}

// What happens to records that find the queue full.
enum class Overflow : std::uint8_t {
    block,             // They wait, and the socket is not read: senders wait, too.
    drop,              // They are lost, counted and reported; the socket is read on.
    drop_by_severity,  // Those less severe than keep_severity are lost, the others wait.
};

struct ListenerOptions {
    std::string name;  // For messages and gap records.
    Protocol protocol = Protocol::journal;
    StreamPattern stream = StreamPattern::standard();
    Overflow overflow = Overflow::block;
    wire::Severity keep_severity = wire::Severity::warning;
    wire::RecordLimits limits{};
    // Of a stream listener.  With Overflow::block one more waits until another ends: in the socket's backlog, or beyond
    // the limit of a user accepted and not read.  Else it is closed, counted, and a loss of one record.
    std::uint32_t connections_max = 256;         // The last eighth is for users who have fewer than 8.
    std::uint32_t connections_per_uid_max = 64;  // The same, by user.
    std::uint32_t rate_burst = 0;  // Records of one process in rate_interval; beyond it: lost.  0: no limit.
    Duration rate_interval = std::chrono::seconds(30);
};

}  // namespace sluice::listeners
