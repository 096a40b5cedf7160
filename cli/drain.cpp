#include "cli/drain.h"

#include <poll.h>

#include <algorithm>
#include <array>

namespace sluice::cli {
namespace {

constexpr Duration kStopPatience = std::chrono::seconds(5);

}  // namespace

int poll_milliseconds(Duration wait) noexcept {
    return wait > std::chrono::hours(1) ? -1
                                        : static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
}

void drain(client::LogWriter& writer, const StopSignals& stop, const WaitingNotice& notice) {
    const SystemClock clock;
    const bool was_stopped = stop.raised();
    const MonotonicTime give_up = clock.now() + (was_stopped ? kStopPatience : client::kForever);
    (void)writer.send();
    while (!writer.idle() && !writer.failed()) {
        if (stop.raised() && (!was_stopped || notice.shown() || clock.now() >= give_up)) {
            return;
        }
        std::array<pollfd, 2> entries{{{.fd = writer.fd(), .events = writer.wanted_events(), .revents = 0},
                                       {.fd = was_stopped ? -1 : stop.fd(), .events = POLLIN, .revents = 0}}};
        const Duration left = was_stopped ? give_up - clock.now() : client::kForever;
        ::poll(entries.data(), entries.size(), poll_milliseconds(std::min(writer.wait_max(), left)));
        (void)writer.process();
    }
}

}  // namespace sluice::cli
