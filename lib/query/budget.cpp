#include "query/budget.h"

namespace sluice::query {

std::unexpected<Error> Budget::exceeded(std::string_view what) const {
    return fail(
        Errc::limit_exceeded,
        "{} needs more than the {:.1f} MiB {} may use; narrow the time, filter more, or ask for fewer groups or "
        "a limit",
        what, static_cast<double>(bytes_max()) / (1U << 20U), whose_);
}

}  // namespace sluice::query
