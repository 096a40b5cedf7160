// One end of a simulated Unix stream connection, a listening socket, or one that receives datagrams.  Part of SimWorld.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "io/kernel.h"

namespace sluice::io {

class SimWorld;

class SimSocket {
 public:
    static constexpr std::size_t kBufferBytes = 208 * 1024;  // net.core.wmem_default of Linux.
    static constexpr std::size_t kBacklogMax = 4096;

    static constexpr std::size_t kDatagramsMax = 11;  // net.unix.max_dgram_qlen of Linux is 10, and one more fits.

    enum class State : std::uint8_t { idle, listening, connected, receiving };
    struct Datagram {
        Bytes bytes;
        PeerCredentials sender;
        WallNs time_ns = 0;
    };

    explicit SimSocket(SimWorld& world) noexcept : world_(world) {}
    SimSocket(const SimSocket&) = delete;
    SimSocket& operator=(const SimSocket&) = delete;
    ~SimSocket();  // Closes: the peer sees the end of the stream, or a reset if bytes were left unread.

    static void connect(SimSocket& a, SimSocket& b, PeerCredentials of_a, PeerCredentials of_b) noexcept;
    void listen(std::uint64_t inode, PeerCredentials own, SocketKind kind) noexcept;
    void shut_down();

    State state() const noexcept { return state_; }
    bool ended() const noexcept { return read_ended_; }
    // Of a listening socket: its own.
    const PeerCredentials& peer_credentials() const noexcept { return peer_credentials_; }
    const std::vector<gid_t>& peer_groups() const noexcept { return peer_groups_; }
    void set_peer_groups(std::vector<gid_t> groups) noexcept { peer_groups_ = std::move(groups); }
    std::size_t readable() const noexcept { return in_.size() - head_; }
    // Bytes taken; precondition: readable() > 0.
    std::size_t take(std::span<std::byte> into);
    // -ECONNRESET once after a reset, else 0.  For a receive when nothing is readable.
    std::int32_t end_result() noexcept;
    // -EPIPE or -ENOTCONN: nothing can be sent; else the room at the peer.
    std::int64_t room() const noexcept;
    void push(ByteView bytes);

    std::deque<std::unique_ptr<SimSocket>>& backlog() noexcept { return backlog_; }
    std::deque<Datagram>& datagrams() noexcept { return datagrams_; }
    std::vector<std::uint32_t>& parked() noexcept { return parked_; }
    void wake();

 private:
    SimWorld& world_;
    State state_ = State::idle;
    bool read_ended_ = false;
    bool write_ended_ = false;
    bool reset_ = false;
    SimSocket* peer_ = nullptr;
    PeerCredentials peer_credentials_;
    std::vector<gid_t> peer_groups_;
    std::vector<std::byte> in_;
    std::size_t head_ = 0;
    std::uint64_t inode_ = 0;
    std::deque<std::unique_ptr<SimSocket>> backlog_;
    std::deque<Datagram> datagrams_;
    std::vector<std::uint32_t> parked_;  // Operations of the world that wait for this socket.
};

}  // namespace sluice::io
