// A simulated kernel whose operations a test sees, and may change, before they are asked for.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "io/sim_kernel.h"

namespace sluice::io::test {

class ShapedKernel final : public Kernel {
 public:
    explicit ShapedKernel(SimWorld& world) : inner_(world, SimKernel::Options{}) {}

    std::function<void(OpRequest&)> on_submit = [](OpRequest&) {};

    coro::Loop& loop() noexcept override { return inner_.loop(); }
    Result<Handle> listen_unix(const std::string& path, mode_t mode, SocketKind kind) override {
        return inner_.listen_unix(path, mode, kind);
    }
    Result<PeerCredentials> peer_credentials(const Handle& socket) override { return inner_.peer_credentials(socket); }
    Result<std::vector<gid_t>> peer_groups(const Handle& socket) override { return inner_.peer_groups(socket); }
    Result<> receive_senders(const Handle& socket, PassedFiles files) override {
        return inner_.receive_senders(socket, files);
    }
    bool receive_pidfds(const Handle& socket, bool on) override { return inner_.receive_pidfds(socket, on); }
    Result<std::size_t> receive(const Handle& socket, std::span<Message> into) override {
        return inner_.receive(socket, into);
    }
    std::shared_ptr<const FileReader> blocking_reader(Handle file) override {
        return inner_.blocking_reader(std::move(file));
    }
    void submit(Op& op) override {
        on_submit(op);
        inner_.submit(op);
    }
    void cancel(Op& op) noexcept override { inner_.cancel(op); }
    void close_now(int fd) noexcept override { inner_.close_now(fd); }
    void return_buffer(std::uint16_t id) noexcept override { inner_.return_buffer(id); }
    Result<> turn() override { return inner_.turn(); }

 private:
    SimKernel inner_;
};

}  // namespace sluice::io::test
