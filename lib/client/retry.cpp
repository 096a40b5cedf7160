#include "client/retry.h"

namespace sluice::client {

bool passes_by_itself(Errc code) noexcept {
    switch (code) {
        case Errc::cancelled:
        case Errc::deadline_exceeded:
        case Errc::no_space:
        case Errc::io_error:
        case Errc::limit_exceeded:
        case Errc::closed:
        case Errc::shutting_down:
        case Errc::link_failed:
            return true;
        default:
            return false;
    }
}

Duration Backoff::failed(MonotonicTime now) noexcept {
    if (!troubled_) {
        troubled_ = true;
        since_ = now;
    }
    delay_ = delay_ == Duration::zero() ? options_.delay_min : std::min(delay_ * 2, options_.delay_max);
    return delay_;
}

}  // namespace sluice::client
