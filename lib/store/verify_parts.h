// The part of verify_store() that looks at sealed parts.
#pragma once

#include "store/seal_state.h"
#include "store/verify.h"
#include "wire/cursor.h"

namespace sluice::store {

// Adds to `report`.  Returns what `sealed` says, with the sealed end behind all parts that count: 1 if there is
// nothing. Errors: those of the directory itself.
Result<SealState> verify_parts(const std::string& directory, const wire::StoreId& store_id, VerifyReport& report);

}  // namespace sluice::store
