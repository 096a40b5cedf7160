#include "daemon/pending.h"

#include "base/format.h"

namespace sluice::daemon {

std::string pending_text(const PendingWork& work) {
    std::string text = fmt::format("stopping took too long, it waits for {}", work.stage);
    if (!work.operations.empty()) {
        text += "; the disk does not answer:";
        for (const auto& [name, count] : work.operations) {
            text += fmt::format(" {} {}", count, name);
        }
    }
    if (!work.jobs.empty()) {
        text += "; on threads:";
        for (const coro::ThreadPool::JobState& job : work.jobs) {
            text += fmt::format(" '{}' {}", job.name, job.running ? "(runs)" : "(waits for a thread)");
        }
    }
    if (work.operations.empty() && work.jobs.empty()) {
        text += "; nothing waits for the disk, or for a thread";
    }
    text += work.log_is_closed ? "; leaving, the log is closed and nothing is lost"
                               : "; leaving with what is not written lost";
    return text;
}

}  // namespace sluice::daemon
