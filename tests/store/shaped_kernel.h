// A simulated kernel whose operations a test sees, and may change, before they are asked for.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "io/sim_kernel.h"

namespace sluice::store::test {

class ShapedKernel final : public io::Kernel {
 public:
    explicit ShapedKernel(io::SimWorld& world) : inner_(world, io::SimKernel::Options{}) {}

    std::function<void(io::OpRequest&)> on_submit = [](io::OpRequest&) {};

    coro::Loop& loop() noexcept override { return inner_.loop(); }
    Result<io::Handle> listen_unix(const std::string& path, mode_t mode, io::SocketKind kind) override {
        return inner_.listen_unix(path, mode, kind);
    }
    Result<io::PeerCredentials> peer_credentials(const io::Handle& socket) override {
        return inner_.peer_credentials(socket);
    }
    Result<std::vector<gid_t>> peer_groups(const io::Handle& socket) override { return inner_.peer_groups(socket); }
    Result<> receive_senders(const io::Handle& socket, io::PassedFiles files) override {
        return inner_.receive_senders(socket, files);
    }
    bool receive_pidfds(const io::Handle& socket, bool on) override { return inner_.receive_pidfds(socket, on); }
    Result<std::size_t> receive(const io::Handle& socket, std::span<io::Message> into) override {
        return inner_.receive(socket, into);
    }
    std::shared_ptr<const io::FileReader> blocking_reader(io::Handle file) override {
        return inner_.blocking_reader(std::move(file));
    }
    void submit(io::Op& op) override {
        on_submit(op);
        inner_.submit(op);
    }
    void cancel(io::Op& op) noexcept override { inner_.cancel(op); }
    void close_now(int fd) noexcept override { inner_.close_now(fd); }
    void return_buffer(std::uint16_t id) noexcept override { inner_.return_buffer(id); }
    Result<> turn() override { return inner_.turn(); }

 private:
    io::SimKernel inner_;
};

}  // namespace sluice::store::test
