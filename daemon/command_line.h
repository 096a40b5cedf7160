// The command line of sluiced, and the actions that end before anything is started.
#pragma once

#include <string>
#include <variant>

#include "daemon/config.h"
#include "daemon/identities.h"

namespace sluice::daemon {

enum class ExitCode : int {
    ok = 0,
    failed = 1,   // Something went wrong while running or starting.
    usage = 2,    // The command line or the configuration is wrong; systemd does not restart after it.
    refused = 3,  // The kernel or a permission refuses what sluiced needs; systemd does not restart after it.
};

inline constexpr const char* kDefaultConfigPath = "/etc/sluice/sluiced.yaml";

struct CommandLine {
    std::string config_path = kDefaultConfigPath;
    bool config_given = false;      // --config was written: then the file must exist.
    std::string private_directory;  // --private, made absolute, without a final slash; empty: not private.
    bool check_config = false;
};

// Print and exit.
struct EarlyExit {
    ExitCode code = ExitCode::ok;
    std::string standard_output;
    std::string standard_error;
};

// Handles --help, --version, --print-defaults and usage errors itself.
std::variant<CommandLine, EarlyExit> parse_command_line(int argc, const char* const* argv);

// The configuration that the command line asks for; used at start and at each reload.  Blocks on files.  Without
// --config a missing kDefaultConfigPath means the built-in defaults; with --private no file is read and `own_uid` is
// served.
ConfigResult load_config(const CommandLine& command, const Identities& identities, uid_t own_uid);

// --check-config: "FILE: ok", or every problem.
EarlyExit check_config(const CommandLine& command, const Identities& identities, uid_t own_uid);

// "sluiced: FILE:LINE:COLUMN: KEY: TEXT\n" for each.
std::string problems_text(const ConfigProblems& problems);

}  // namespace sluice::daemon
