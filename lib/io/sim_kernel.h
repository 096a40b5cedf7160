// The Kernel of one loop of a simulated machine (sim_world.h).  Offload goes to a coro::InlinePool in simulations.
// Threads: one, for the whole world.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "coro/loop.h"
#include "io/kernel.h"
#include "io/sim_world.h"

namespace sluice::io {

class SimKernel final : public Kernel, private coro::Waker {
 public:
    struct Options {
        std::string name = "kernel";  // For the trace.
        bool crashes = true;          // SimWorld::crash() kills it; false: a test client, which sees its sockets cut.
        // What peers of its sockets see, and the owner of what it creates.
        PeerCredentials credentials{.pid = 1000, .uid = 1000, .gid = 1000};
        std::vector<gid_t> groups;  // Supplementary ones, which peers see too.
        std::size_t buffers = 16;   // Of recv_pooled(); when all are out, it waits for one to come back.
        std::size_t buffer_bytes = 16384;
        coro::Loop::Options loop;
    };
    // Borrows `world` until destroyed.
    SimKernel(SimWorld& world, Options options);
    // No operation is in flight any more.  Closes what is open.
    ~SimKernel() override;

    SimWorld& world() noexcept { return world_; }
    const std::string& name() const noexcept { return options_.name; }
    bool crashed() const noexcept { return crashed_; }
    // For connections made from now on.
    void set_credentials(PeerCredentials credentials) noexcept { options_.credentials = credentials; }
    void set_groups(std::vector<gid_t> groups) noexcept { options_.groups = std::move(groups); }
    const std::vector<gid_t>& groups() const noexcept { return options_.groups; }
    const PeerCredentials& credentials() const noexcept { return options_.credentials; }

    // A connected Unix stream socket, at once.  ENOENT: no such path; ECONNREFUSED: nobody listens (any more);
    // EAGAIN: the backlog is full.
    Result<Handle> connect_unix(const std::string& path);
    // Sends one datagram, at once, without a socket of its own.  Also EAGAIN: the receiver's queue is full.
    Result<> send_datagram(const std::string& path, ByteView bytes);
    // The same open file once more, as somebody has it who was sent it.
    Result<Handle> duplicate(int fd);
    // A socket to connect() with a sockaddr_un.
    Result<Handle> make_socket();

    coro::Loop& loop() noexcept override { return loop_; }
    using Kernel::listen_unix;
    Result<Handle> listen_unix(const std::string& path, mode_t mode, SocketKind kind) override;
    Result<PeerCredentials> peer_credentials(const Handle& socket) override;
    Result<std::vector<gid_t>> peer_groups(const Handle& socket) override;
    Result<> receive_senders(const Handle& socket, PassedFiles files) override;
    bool receive_pidfds(const Handle& socket, bool on) override;  // Never: it has no processes.
    // Without faults, and no step of the world.
    Result<std::size_t> receive(const Handle& socket, std::span<Message> into) override;
    // Reads at once, past the faults and without a step of the world.  Goes before the world does.
    std::shared_ptr<const FileReader> blocking_reader(Handle file) override;
    void submit(Op& op) override;
    void cancel(Op& op) noexcept override;
    void close_now(int fd) noexcept override;
    void return_buffer(std::uint16_t id) noexcept override;
    // One step of the whole world.  Errc::internal, with what waits, if nothing can ever happen.
    Result<> turn() override;

 private:
    friend class SimWorld;
    void wake() noexcept override { remote_ = true; }
    bool runnable() noexcept;
    std::span<std::byte> buffer(std::uint16_t id) noexcept;

    SimWorld& world_;
    Options options_;
    coro::Loop loop_;
    std::size_t index_ = 0;
    bool crashed_ = false;
    bool remote_ = false;
    std::unique_ptr<std::byte[]> buffers_;
    std::vector<std::uint16_t> free_buffers_;
    std::vector<std::uint32_t> waiting_for_buffer_;  // Slots of the world.
};

}  // namespace sluice::io
