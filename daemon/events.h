// Turns what the store and the server tell into lines of sluiced's own log.
#pragma once

#include "daemon/log_output.h"
#include "server/shared.h"
#include "store/catalog.h"

namespace sluice::daemon {

// Threads: those of the loop.
class LoggedEvents final : public store::StoreEvents, public server::ServerEvents {
 public:
    explicit LoggedEvents(LogOutput& log) noexcept : log_(log) {}

    void on_damage(const store::Damage& damage) override;
    void on_set_aside(const std::string& file, const Error& why) override;
    void on_segment_failed(const std::string& file, const Error& why) override;
    void on_segment_opened(const store::SegmentInfo& info) override;
    void on_segment_removed(const store::SegmentInfo& info) override;
    void on_segment_sealed(const store::SegmentInfo& info) override;
    void on_part_sealed(const std::string& file, std::uint64_t rows, std::uint64_t bytes) override;
    void on_parts_merged(const std::string& file, std::size_t inputs, std::uint64_t rows, std::uint64_t bytes) override;
    void on_part_removed(const std::string& file, std::uint64_t rows, std::uint64_t bytes) override;
    void on_seal_failed(const Error& why) override;
    void on_spare_failed(const Error& why) override;

    void on_connected(const server::Peer& peer) override;
    void on_refused(const server::Peer& peer, const Error& why) override;
    void on_disconnected(const server::Peer& peer, const Error* why) override;
    void on_accept_failed(const Error& why) override;

 private:
    LogOutput& log_;
};

}  // namespace sluice::daemon
