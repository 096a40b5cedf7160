// Connections that outlive a run of the daemon: somebody else holds their sockets meanwhile, and what the next run has
// to know of them.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "io/kernel.h"
#include "listeners/connection_state.h"

namespace sluice::listeners {

// Of a connection, over all runs that keep it.
enum class KeptId : std::uint64_t { none = 0 };

// Called on the service loop, which it holds: nothing of it may take long.
class ConnectionKeeper {
 public:
    virtual ~ConnectionKeeper() = default;
    // Keeps a duplicate of `socket`, which stays the caller's.  `state`: ConnectionState::encode().  Errors: it is not
    // kept; limit_exceeded where there is no room.
    virtual Result<KeptId> keep(int socket, ByteView state) = 0;
    // A new state, all of it or, with an error, none.
    virtual Result<> update(KeptId id, ByteView state) = 0;
    // It has ended.
    virtual void forget(KeptId id) = 0;
};

// One of an earlier run.
struct KeptConnection {
    KeptId id = KeptId::none;
    io::Handle socket{};  // Empty: it was closed meanwhile, and what it had begun is still to be recorded.
    ConnectionState state{};
};

}  // namespace sluice::listeners
