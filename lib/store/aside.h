// Files of a store that could not be used: they get another name, and nothing is deleted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/kernel.h"

namespace sluice::store {

// "aside-NAME"; the second file of that name is "aside-NAME.2", and so on.
inline constexpr std::string_view kAside = "aside-";

// The name that such a file had; empty: it is none.
std::string_view name_before_aside(std::string_view file) noexcept;

// Renames `file` beneath `directory` to a name that no other file has; that name.  Errors: io errors.
Task<Result<std::string>> set_file_aside(io::Kernel& kernel, const io::Handle& directory, std::string file);

}  // namespace sluice::store
