// Whether an open file still has its name.
#pragma once

#include <string>

#include "io/kernel.h"

namespace sluice::store {

// Does `path` lead to `file`?  Errors: not_found, where nothing is there any more, or another file.  A kernel that does
// not say has not said no: that is a success.
Task<Result<>> check_leads_to(io::Kernel& kernel, std::string path, const io::Handle& file);
// Is anything there?  Errors and successes as above.
Task<Result<>> check_is_there(io::Kernel& kernel, std::string path);

}  // namespace sluice::store
