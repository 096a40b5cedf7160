// The daemon of daemon/service.cpp on a simulated machine: the same pieces, wired the same way, without configuration,
// signals and systemd.  One object is one life: from start to a clean stop, a failure, or a crash of the world.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coro/pool.h"
#include "coro/scope.h"
#include "files/files.h"
#include "io/sim_kernel.h"
#include "server/server.h"

namespace sluice::sim {

inline const std::string kStorePath = "/store";
inline const std::string kRootPath = "/files";
inline const std::string kSocketPath = "/run/sluice.sock";

struct DaemonOptions {
    server::LogPipeline::Options pipeline;
    store::WriterOptions writer;
    bool calibrate = false;  // Choose the way of committing as the daemon does with store.io: auto.
    server::SessionLimits session;
    server::ServerOptions server;                      // Its `session` is not used.
    files::Rights root_rights = files::Rights::all();  // Of anyone.
    coro::Pool* pool = nullptr;                        // Of the server; borrowed.  Null: the loop does it.
};

// What the store reported.
struct StoreReport final : store::StoreEvents {
    std::vector<store::Damage> damage;
    std::vector<std::string> set_aside;
    std::vector<std::string> gone;
    unsigned segments_failed = 0;
    unsigned segments_removed = 0;
    unsigned parts_sealed = 0;
    unsigned parts_merged = 0;
    unsigned parts_removed = 0;
    unsigned seals_failed = 0;
    std::vector<Duration> clock_steps;

    void on_damage(const store::Damage& found) override { damage.push_back(found); }
    void on_set_aside(const std::string& file, const Error& why) override {
        set_aside.push_back(fmt::format("{}: {}", file, why));
    }
    void on_store_gone(const Error& why) override { gone.push_back(fmt::format("{}", why)); }
    void on_segment_failed(const std::string&, const Error&) override { ++segments_failed; }
    void on_segment_removed(const store::SegmentInfo&) override { ++segments_removed; }
    void on_part_sealed(const std::string&, std::uint64_t, std::uint64_t) override { ++parts_sealed; }
    void on_parts_merged(const std::string&, std::size_t, std::uint64_t, std::uint64_t) override { ++parts_merged; }
    void on_part_removed(const std::string&, std::uint64_t, std::uint64_t) override { ++parts_removed; }
    void on_seal_failed(const Error&) override { ++seals_failed; }
    void on_clock_step(Duration step) override { clock_steps.push_back(step); }
};

// What the server told its owner.
struct ServerReport final : server::ServerEvents {
    std::vector<std::string> connected;      // "session of uid", likewise below.
    std::vector<std::string> refused;        // And why.
    std::vector<std::string> disconnected;   // And why; "in good order".
    std::vector<std::string> accept_failed;  // Why.

    static std::string who(const server::Peer& peer) {
        return fmt::format("{} of {}", peer.session, peer.credentials.uid);
    }
    void on_connected(const server::Peer& peer) override { connected.push_back(who(peer)); }
    void on_refused(const server::Peer& peer, const Error& why) override {
        refused.push_back(fmt::format("{}: {}", who(peer), why));
    }
    void on_disconnected(const server::Peer& peer, const Error* why) override {
        disconnected.push_back(who(peer) + ": " + (why == nullptr ? "in good order" : fmt::format("{}", *why)));
    }
    void on_accept_failed(const Error& why) override { accept_failed.push_back(fmt::format("{}", why)); }
};

class TestDaemon {
 public:
    // Borrows `world` until destroyed.  `life` is told to clients as the server version.  Starts at once.
    TestDaemon(io::SimWorld& world, const DaemonOptions& options, unsigned life, std::uint64_t seed);

    // Clean: as on SIGTERM.
    void stop() { stop_.set(); }
    // After SimWorld::crash(): lets what is left unwind.
    void killed() {
        killed_ = true;
        stop_.set();
    }
    bool ended() const noexcept { return service_.done(); }
    bool serving() const noexcept { return serving_; }
    // Precondition: ended().
    const Result<>& outcome() noexcept { return service_.result(); }

    // As recovered.
    std::uint64_t first_sequence() const noexcept { return first_sequence_; }
    // Precondition: serving().
    server::Server& server() noexcept { return *server_; }
    server::LogPipeline& pipeline() noexcept { return pipeline_; }
    files::Files& files() noexcept { return files_; }
    const StoreReport& report() const noexcept { return report_; }
    const ServerReport& served() const noexcept { return events_; }
    io::SimKernel& kernel() noexcept { return kernel_; }

 private:
    Task<Result<>> run_service();
    Task<Result<>> start();
    Task<Result<>> serve();
    Task<Result<>> open_log();

    DaemonOptions options_;
    unsigned life_;
    io::SimRandom random_;
    std::string boot_id_;
    coro::InlinePool pool_;
    io::SimKernel kernel_;
    StoreReport report_;
    ServerReport events_;
    server::LogPipeline pipeline_;
    files::Roots roots_;
    std::uint64_t instance_;
    files::Files files_;
    io::Handle store_directory_;
    io::Handle listener_;
    std::optional<server::Server> server_;
    coro::Event stop_;
    bool killed_ = false;
    bool serving_ = false;
    std::uint64_t first_sequence_ = 0;
    coro::Job<Result<>> service_;
};

}  // namespace sluice::sim
