// The service manager's side of the daemon: notifications, watchdog, passed sockets.  The only user of sd-daemon.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "io/message.h"

namespace sluice::daemon {

// Threads: any, one at a time.  A call is one datagram to $NOTIFY_SOCKET; it can wait while the manager's queue is
// full. Without a service manager every call does nothing and succeeds.
class ServiceManager {
 public:
    bool present() const;  // $NOTIFY_SOCKET is set.

    Result<> ready(std::string_view status);     // READY=1; also ends reloading().
    Result<> reloading(MonotonicTime now);       // RELOADING=1 with the time, which newer managers want.
    Result<> stopping(std::string_view status);  // STOPPING=1
    Result<> status(std::string_view text);      // Shown by `systemctl status`; line breaks become spaces.
    Result<> watchdog();                         // WATCHDOG=1
    Result<> extend_timeout(Duration from_now);  // For a long recovery or drain; repeat before it is over.

    // Keeps a duplicate of `fd` in the file descriptor store of the unit, for the next run, until remove(): also where
    // its other end is closed, because what was sent before is still to be read.  The manager does not say if it has no
    // room (FileDescriptorStoreMax=): count.
    Result<> store(const std::string& name, int fd);  // FDSTORE=1
    Result<> remove(const std::string& name);         // FDSTOREREMOVE=1, of all of that name.
    // How many the store holds, from $FDSTORE; systemd 254 sets it, before that the unit has to.  0: there is no store.
    static std::size_t store_max();

    // How often the manager wants watchdog() at least; call it twice as often.  Empty: not wanted.
    static std::optional<Duration> watchdog_interval();

 private:
    static Result<> send(const std::string& message);
};

struct PassedSocket {
    std::string name;  // FileDescriptorName= of the socket unit.
    int fd = -1;       // Blocking mode, close-on-exec; the caller owns it.
    io::SocketKind kind = io::SocketKind::stream;
};

// Names in the store begin like this.
inline constexpr std::string_view kStoredPrefix = "stream-";

struct StoredSocket {
    std::string name;  // Begins with kStoredPrefix.
    Fd fd;             // A connected stream socket, close-on-exec; empty: it was something else, and is closed.
};

struct PassedSockets {
    std::vector<PassedSocket> sockets;
    std::vector<StoredSocket> stored;
};

// The sockets that the service manager passed.  Those of socket units are each checked to be a Unix socket: a listening
// stream socket, or one for datagrams; all are closed if one is not (wrong_type, with its name).  To be called once:
// the environment variables are removed.  Empty: none passed.
Result<PassedSockets> take_passed_sockets();

}  // namespace sluice::daemon
