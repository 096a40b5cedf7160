// Asks the service manager for more time while a start or a stop takes long.
#pragma once

#include "coro/task.h"
#include "daemon/log_output.h"
#include "daemon/systemd_notify.h"

namespace sluice::daemon {

// A request for kMoreTime every kAskInterval: a few may come late.
inline constexpr Duration kAskInterval = std::chrono::seconds(10);
inline constexpr Duration kMoreTime = std::chrono::seconds(60);

// Asks at once and then again and again, until cancelled.  From the loop itself: one that hangs asks no more.
// Borrows both.
Task<> ask_for_time(ServiceManager& manager, LogOutput& log);

}  // namespace sluice::daemon
