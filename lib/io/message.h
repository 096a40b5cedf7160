// Messages of sockets with what the kernel says of their senders.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/fd.h"

namespace sluice::io {

struct PeerCredentials {
    pid_t pid = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    friend bool operator==(const PeerCredentials&, const PeerCredentials&) = default;
};

enum class SocketKind : std::uint8_t { stream, datagram };

// Whether a message may carry files of the sender.  The kernel refuses them where it can (SO_PASSRIGHTS, Linux 6.16);
// elsewhere they come all the same.
enum class PassedFiles : std::uint8_t { refused, accepted };

struct Message {
    // Where the kernel does not say who sent.  pid 0 with another uid: a process that cannot be seen from here.
    static constexpr PeerCredentials kUnknown{.pid = 0, .uid = 65534, .gid = 65534};
    std::span<std::byte> room;  // Set by the caller: where the bytes go.

    std::size_t bytes = 0;              // Received.  On a stream 0 is its end.
    std::size_t whole_bytes = 0;        // Of a datagram; where it is more than `bytes`, the rest is gone.
    PeerCredentials sender = kUnknown;  // Of a stream: of who wrote these bytes.
    WallNs time_ns = 0;                 // When a datagram was sent.  0: the kernel does not say.
    Fd pidfd;                           // The sender, if asked for by receive_pidfds(); also one that has ended.
    // All that came.  Closing a stranger's file can block: take them before the message is used again or destroyed.
    std::vector<Fd> files;
    // More came, and the kernel closed them: it had no descriptor left for them.
    bool files_cut = false;

    ByteView content() const noexcept { return room.first(bytes); }
};

}  // namespace sluice::io
