#include "daemon/events.h"

#include "coro/timeout.h"
#include "store/age_clock.h"
#include "wire/escape.h"

namespace sluice::daemon {
namespace {

std::string who(const server::Peer& peer) {
    return fmt::format("session {} (pid {}, uid {})", peer.session, peer.credentials.pid, peer.credentials.uid);
}

std::string shown(const Error& error) {
    return wire::escaped(fmt::format("{}", error));
}

}  // namespace

bool LoggedEvents::may_write(LineLimit& limit) {
    if (limit.allow(clock_.now())) {
        return true;
    }
    withheld_.set();
    return false;
}

void LoggedEvents::write_summaries() {
    if (const std::uint64_t count = refused_.take_withheld(); count != 0) {
        log_.warning("{} more connections were refused; `sluice status` counts all", count);
    }
    if (const std::uint64_t count = closed_.take_withheld(); count != 0) {
        log_.warning("{} more connections were closed for what their clients did", count);
    }
    if (const std::uint64_t count = accept_failed_.take_withheld(); count != 0) {
        log_.error("accept failed {} more times", count);
    }
}

Task<> LoggedEvents::summarise() {
    Result<> going;
    while (going) {
        going = co_await withheld_.wait();
        withheld_.reset();
        if (going) {
            going = co_await coro::sleep_for(LineLimit::kInterval);
        }
        write_summaries();
    }
}

void LoggedEvents::on_damage(const store::Damage& damage) {
    const std::string lost = damage.first_sequence < damage.end_sequence
                                 ? fmt::format("records {} to {} are lost, the rest stays readable",
                                               damage.first_sequence, damage.end_sequence - 1)
                                 : "no record is lost";
    log_.error("store: {}; {}", damage.reason(), lost);
}

void LoggedEvents::on_set_aside(const std::string& file, const Error& why) {
    log_.error("store: set aside as {}: {}; `sluice verify` says more", file, shown(why));
}

void LoggedEvents::on_identity_made_again(const store::StoreId& id, std::size_t files, const Error& why) {
    log_.error("store: {}; it is made again: {} other files are of store {}", shown(why), files, wire::format_id(id));
}

void LoggedEvents::on_segment_failed(const std::string& file, const Error& why) {
    log_.error("store: {} failed: {}; going on in a new segment with everything that is not durable", file, shown(why));
}

void LoggedEvents::on_store_gone(const Error& why) {
    log_.error("store: {}", shown(why));
}

void LoggedEvents::on_segment_opened(const store::SegmentInfo& info) {
    log_.debug("store: segment {:016x} from record {}", info.header.segment_id, info.header.first_sequence);
}

void LoggedEvents::on_segment_removed(const store::SegmentInfo& info) {
    log_.info("store: removed segment {:016x}, from record {}, because of store.log_bytes_max", info.header.segment_id,
              info.header.first_sequence);
}

void LoggedEvents::on_segment_sealed(const store::SegmentInfo& info) {
    log_.debug("store: segment {:016x} is sealed", info.header.segment_id);
}

void LoggedEvents::on_part_sealed(const std::string& file, std::uint64_t rows, std::uint64_t bytes) {
    log_.debug("store: sealed {} records as {}, {} bytes", rows, file, bytes);
}

void LoggedEvents::on_parts_merged(const std::string& file, std::size_t inputs, std::uint64_t rows,
                                   std::uint64_t bytes) {
    log_.debug("store: merged {} parts with {} records into {}, {} bytes", inputs, rows, file, bytes);
}

void LoggedEvents::on_part_removed(const std::string& file, std::uint64_t rows, std::uint64_t bytes) {
    log_.info("store: removed {} with {} records, {} bytes, because of retention", file, rows, bytes);
}

void LoggedEvents::on_clock_step(Duration step) {
    log_.warning("store: {}", store::clock_step_text(step));
}

void LoggedEvents::on_seal_failed(const Error& why) {
    log_.error("store: sealing: {}; trying again", shown(why));
}

void LoggedEvents::on_spare_failed(const Error& why) {
    log_.warning("store: {}; trying again when it is needed", shown(why));
}

void LoggedEvents::on_connected(const server::Peer& peer) {
    log_.debug("{}: connected", who(peer));
}

void LoggedEvents::on_refused(const server::Peer& peer, const Error& why) {
    if (may_write(refused_)) {
        log_.warning("{}: refused: {}", who(peer), shown(why));
    }
}

void LoggedEvents::on_disconnected(const server::Peer& peer, const Error* why) {
    if (why == nullptr || why->code() == Errc::closed || why->code() == Errc::cancelled ||
        why->code() == Errc::shutting_down) {
        log_.debug("{}: disconnected{}{}", who(peer), why != nullptr ? ": " : "", why != nullptr ? shown(*why) : "");
    } else if (may_write(closed_)) {
        log_.warning("{}: closed: {}", who(peer), shown(*why));
    }
}

void LoggedEvents::on_accept_failed(const Error& why) {
    if (may_write(accept_failed_)) {
        log_.error("accept: {}; trying again", shown(why));
    }
}

void LoggedEvents::on_connections_waiting(std::string_view listener, std::size_t open) {
    if (may_write(refused_)) {
        log_.warning(
            "listener {}: {} connections are open; what others send waits until one ends, connections_max or "
            "connections_per_uid_max",
            listener, open);
    }
}

void LoggedEvents::on_not_kept(std::string_view listener, std::size_t connections, const Error& why) {
    log_.warning("listener {}: {} connections will not outlive this run of sluiced: {}", listener, connections,
                 shown(why));
}

void LoggedEvents::on_connection_refused(std::string_view listener, const io::PeerCredentials& peer) {
    if (may_write(refused_)) {
        log_.warning(
            "listener {}: refused a connection of pid {} (uid {}): too many are open, connections_max or "
            "connections_per_uid_max",
            listener, peer.pid, peer.uid);
    }
}

void LoggedEvents::on_file_refused(std::string_view listener, const io::PeerCredentials& sender, const Error& why) {
    if (may_write(refused_)) {
        log_.warning("listener {}: pid {} (uid {}): {}", listener, sender.pid, sender.uid, shown(why));
    }
}

void LoggedEvents::on_trouble(std::string_view listener, const Error& why) {
    if (may_write(accept_failed_)) {
        log_.error("listener {}: {}; trying again", listener, shown(why));
    }
}

void LoggedEvents::on_failed(std::string_view listener, const Error& why) {
    log_.error("listener {}: {}; it has ended", listener, shown(why));
}

}  // namespace sluice::daemon
