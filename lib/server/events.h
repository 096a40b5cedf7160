// Who is connected, and what a server tells its owner.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "io/message.h"

namespace sluice::server {

struct Peer {
    std::uint64_t session = 0;  // A number, for messages.
    io::PeerCredentials credentials;
    std::vector<gid_t> groups{};  // Supplementary.
};

// What a server tells its owner.  Called on the service loop.
class ServerEvents {
 public:
    virtual ~ServerEvents() = default;
    virtual void on_connected(const Peer&) {}
    virtual void on_refused(const Peer&, const Error&) {}
    // `why`: nullptr if the client closed the connection in good order.
    virtual void on_disconnected(const Peer&, const Error* /*why*/) {}
    virtual void on_accept_failed(const Error&) {}
};

}  // namespace sluice::server
