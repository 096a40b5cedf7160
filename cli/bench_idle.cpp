#include <poll.h>

#include "cli/bench_modes.h"
#include "cli/bench_socket.h"
#include "cli/console.h"

namespace sluice::cli {

Result<void> bench_idle(const BenchOptions& options, Figures& figures) {
    allow_many_files();
    const StopSignals stop;
    std::vector<std::unique_ptr<client::Connection>> connections;
    const std::uint64_t started = now_ns();
    while (connections.size() < options.connections && !stop.raised()) {
        SLUICE_TRY(connections.emplace_back(),
                   client::Connection::connect(options.socket_path, {.client_name = "sluice bench idle"}));
    }
    const double seconds = static_cast<double>(now_ns() - started) / 1e9;
    figures.add("idle connections", "open", static_cast<double>(connections.size()));
    figures.add("idle connect rate", "connections/s", static_cast<double>(connections.size()) / seconds);
    tell("sluice bench: {} connections are open; Ctrl-C ends\n", connections.size());
    std::vector<pollfd> entries{{.fd = stop.fd(), .events = POLLIN, .revents = 0}};
    for (const auto& connection : connections) {
        entries.push_back({.fd = connection->fd(), .events = POLLIN, .revents = 0});
    }
    const int ms = options.seconds > 0 ? static_cast<int>(options.seconds * 1e3) : -1;
    if (::poll(entries.data(), entries.size(), ms) > 0 && entries[0].revents == 0) {
        return fail(Errc::closed, "the daemon closed an idle connection");
    }
    return {};
}

}  // namespace sluice::cli
