// Turns what the store and the server tell into lines of sluiced's own log.
#pragma once

#include "coro/sync.h"
#include "daemon/line_limit.h"
#include "daemon/log_output.h"
#include "listeners/events.h"
#include "server/events.h"
#include "store/catalog.h"

namespace sluice::daemon {

// What clients can cause is limited to a few lines a second of each kind, and a summary.
// Threads: those of the loop.
class LoggedEvents final : public store::StoreEvents, public server::ServerEvents, public listeners::ListenerEvents {
 public:
    // Borrows both until destroyed.
    LoggedEvents(LogOutput& log, const Clock& clock) noexcept : log_(log), clock_(clock) {}

    // Writes the summaries of what was withheld, until cancelled.
    Task<> summarise();

    void on_damage(const store::Damage& damage) override;
    void on_set_aside(const std::string& file, const Error& why) override;
    void on_identity_made_again(const store::StoreId& id, std::size_t files, const Error& why) override;
    void on_segment_failed(const std::string& file, const Error& why) override;
    void on_store_gone(const Error& why) override;
    void on_segment_opened(const store::SegmentInfo& info) override;
    void on_segment_removed(const store::SegmentInfo& info) override;
    void on_segment_sealed(const store::SegmentInfo& info) override;
    void on_part_sealed(const std::string& file, std::uint64_t rows, std::uint64_t bytes) override;
    void on_parts_merged(const std::string& file, std::size_t inputs, std::uint64_t rows, std::uint64_t bytes) override;
    void on_part_removed(const std::string& file, std::uint64_t rows, std::uint64_t bytes) override;
    void on_clock_step(Duration step) override;
    void on_seal_failed(const Error& why) override;
    void on_spare_failed(const Error& why) override;

    void on_connected(const server::Peer& peer) override;
    void on_refused(const server::Peer& peer, const Error& why) override;
    void on_disconnected(const server::Peer& peer, const Error* why) override;
    void on_accept_failed(const Error& why) override;

    void on_connection_refused(std::string_view listener, const io::PeerCredentials& peer) override;
    void on_not_kept(std::string_view listener, std::size_t connections, const Error& why) override;
    void on_connections_waiting(std::string_view listener, std::size_t open) override;
    void on_file_refused(std::string_view listener, const io::PeerCredentials& sender, const Error& why) override;
    void on_trouble(std::string_view listener, const Error& why) override;
    void on_failed(std::string_view listener, const Error& why) override;

 private:
    bool may_write(LineLimit& limit);
    void write_summaries();

    LogOutput& log_;
    const Clock& clock_;
    LineLimit refused_;
    LineLimit closed_;
    LineLimit accept_failed_;
    coro::Event withheld_;
};

}  // namespace sluice::daemon
