#include "query/budget.h"

#include <algorithm>

#include "base/fair_share.h"
#include "base/format.h"

namespace sluice::query {
namespace {

double mib(std::uint64_t bytes) noexcept {
    return static_cast<double>(bytes) / (1U << 20U);
}

}  // namespace

Result<> UserBudget::charge(std::uint64_t bytes, std::string_view what) {
    const std::uint64_t mine = used_.fetch_add(bytes, std::memory_order_relaxed);
    const std::uint64_t held = common_.used_.fetch_add(bytes, std::memory_order_relaxed);
    const std::uint64_t total = common_.bytes_max_.load(std::memory_order_relaxed);
    if (fits_share(total, held, mine, bytes)) {
        return {};
    }
    return fail(Errc::limit_exceeded,
                "{} needs {:.1f} MiB beside the {:.1f} MiB that queries and tails of uid {} hold; of the {:.1f} MiB of "
                "limits.queries_memory_bytes_max {:.1f} MiB are free, and one user may hold as much as is left free; "
                "end some of them or ask again later, narrow the time, filter more, or ask for fewer groups or a limit",
                what, mib(bytes), mib(mine), uid_, mib(total), mib(total - std::min(held, total)));
}

Result<> Budget::charge(std::uint64_t bytes, std::string_view what) {
    const std::uint64_t now = used_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    std::uint64_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
    Result<> of_user;
    if (user_ != nullptr) {
        of_user = user_->charge(bytes, what);
    }
    if (now <= bytes_max_) {
        return of_user;
    }
    return fail(Errc::limit_exceeded,
                "{} needs more than the {:.1f} MiB a query may use; narrow the time, filter more, or ask for fewer "
                "groups or a limit",
                what, mib(bytes_max_));
}

}  // namespace sluice::query
