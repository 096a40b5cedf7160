// The simulated kernel, with what it does not simulate: calls that fail, and messages that carry files.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/sim_kernel.h"

namespace sluice::listeners::test {

class ScriptedKernel final : public io::Kernel {
 public:
    // The calls that go through no operation of the simulated world, and so past its faults.
    enum class Call : std::uint8_t { receive, receive_senders, peer_credentials };

    // Borrows `below` until destroyed.
    explicit ScriptedKernel(io::SimKernel& below) noexcept : below_(below) {}

    // The nth such call from now on, counted from 1, fails with `error`.
    void fail(Call call, std::uint64_t nth, int error);
    bool has_failed(Call call) const noexcept { return failed_.contains(call); }
    // Comes with the next receive() of a datagram, before what is in the socket.
    void pass(std::string_view bytes, std::vector<Fd> files, io::PeerCredentials sender);
    // The same of a message whose files the kernel had no descriptors for, or not for all.
    void pass_cut(std::string_view bytes, std::vector<Fd> files, io::PeerCredentials sender);
    // What is received of a stream was written by this process, whoever has connected.
    void write_as(io::PeerCredentials writer) { writer_ = writer; }
    // As asked for last.
    io::PassedFiles passed_files() const noexcept { return passed_files_; }

    coro::Loop& loop() noexcept override { return below_.loop(); }
    using Kernel::listen_unix;
    Result<io::Handle> listen_unix(const std::string& path, mode_t mode, io::SocketKind kind) override;
    Result<io::PeerCredentials> peer_credentials(const io::Handle& socket) override;
    Result<std::vector<gid_t>> peer_groups(const io::Handle& socket) override { return below_.peer_groups(socket); }
    Result<> receive_senders(const io::Handle& socket, io::PassedFiles files) override;
    bool receive_pidfds(const io::Handle& socket, bool on) override { return below_.receive_pidfds(socket, on); }
    Result<std::size_t> receive(const io::Handle& socket, std::span<io::Message> into) override;
    std::shared_ptr<const io::FileReader> blocking_reader(io::Handle file) override;
    void submit(io::Op& op) override { below_.submit(op); }
    void cancel(io::Op& op) noexcept override { below_.cancel(op); }
    void close_now(int fd) noexcept override { below_.close_now(fd); }
    void return_buffer(std::uint16_t id) noexcept override { below_.return_buffer(id); }
    Result<> turn() override { return below_.turn(); }

 private:
    struct Passed {
        std::string bytes;
        std::vector<Fd> files;
        io::PeerCredentials sender;
        bool files_cut = false;
    };
    struct Failure {
        std::uint64_t calls_left;
        int error;
    };
    Result<> check(Call call);

    io::SimKernel& below_;
    std::map<Call, Failure> failures_;
    std::map<Call, int> failed_;
    std::deque<Passed> passed_;
    std::optional<io::PeerCredentials> writer_;
    io::PassedFiles passed_files_ = io::PassedFiles::refused;
};

}  // namespace sluice::listeners::test
