#include "daemon/patience.h"

#include "coro/timeout.h"

namespace sluice::daemon {

Task<> ask_for_time(ServiceManager& manager, LogOutput& log) {
    for (;;) {
        if (const Result<> asked = manager.extend_timeout(kMoreTime); !asked) {
            log.warning("ask systemd for more time: {}", asked.error());
        }
        const Result<> slept = co_await coro::sleep_for(kAskInterval);
        if (!slept) {
            co_return;
        }
    }
}

}  // namespace sluice::daemon
