// Configuration files.  All problems are reported, not only the first; an unknown key is one.
#pragma once

#include <string>
#include <string_view>

#include "daemon/config.h"
#include "daemon/identities.h"

namespace sluice::daemon {

inline constexpr std::size_t kConfigFileBytesMax = 1U << 20U;  // A larger file is refused.

// `file` is only used in messages.
ConfigResult parse_config(std::string_view yaml, const std::string& file, const Identities& identities);

// Blocks on the file and on the user database.
ConfigResult read_config_file(const std::string& path, const Identities& identities);

// What must hold between settings, whatever they were made from (file and position are left empty).
ConfigProblems check_together(const Config& config);

}  // namespace sluice::daemon
