// The service manager's side of the daemon: notifications, watchdog, passed sockets.  The only user of sd-daemon.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
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

// The sockets that the service manager passed, each checked to be a Unix socket: a listening stream socket, or one for
// datagrams; all are closed if one is not (wrong_type, with its name).  To be called once: the environment variables
// are removed.  Empty: none passed.
Result<std::vector<PassedSocket>> take_passed_sockets();

}  // namespace sluice::daemon
