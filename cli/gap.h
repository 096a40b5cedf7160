// What a tail says in place of records that are lost to damage.
#pragma once

#include <string_view>

#include "wire/tail_messages.h"

namespace sluice::cli {

// It is no record.
inline bool is_gap(const wire::TailEntry& entry) noexcept {
    return (entry.flags & wire::kBatchGap) != 0;
}
// On standard error.  Precondition: is_gap(entry).
void tell_gap(std::string_view command, const wire::TailEntry& entry);

}  // namespace sluice::cli
