// What listeners tell their owner.  Called on the service loop.
#pragma once

#include <string_view>

#include "base/error.h"
#include "io/message.h"

namespace sluice::listeners {

class ListenerEvents {
 public:
    virtual ~ListenerEvents() = default;
    // Beyond connections_max or connections_per_uid_max; a loss that is counted and told in the log, too.
    virtual void on_connection_refused(std::string_view /*listener*/, const io::PeerCredentials&) {}
    // The same, where they wait: told once a minute.
    virtual void on_connections_waiting(std::string_view /*listener*/, std::size_t /*open*/) {}
    // These end with this run of the daemon: they cannot be kept.  Told once a minute.
    virtual void on_not_kept(std::string_view /*listener*/, std::size_t /*connections*/, const Error&) {}
    // A file that was passed instead of a datagram and is not read; the loss is counted and told in the log, too.
    virtual void on_file_refused(std::string_view /*listener*/, const io::PeerCredentials&, const Error&) {}
    // An accept or receive; it is tried again soon.
    virtual void on_trouble(std::string_view /*listener*/, const Error&) {}
    // The listener has ended: its socket is unusable.
    virtual void on_failed(std::string_view /*listener*/, const Error&) {}
};

}  // namespace sluice::listeners
