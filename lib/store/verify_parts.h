// The part of verify_store() that looks at sealed parts.
#pragma once

#include "store/verify.h"
#include "wire/cursor.h"

namespace sluice::store {

// Adds to `report`.  Returns up to where the log is sealed: 1 if it is not.
// Errors: those of the directory itself.
Result<std::uint64_t> verify_parts(const std::string& directory, const wire::StoreId& store_id, VerifyReport& report);

}  // namespace sluice::store
