#include "daemon/command_line.h"

#include <unistd.h>

#include <filesystem>

#include "args/program.h"
#include "base/format.h"
#include "daemon/config_values.h"
#include "daemon/defaults.h"
#include "daemon/machine_checks.h"
#include "daemon/yaml_reader.h"

namespace sluice::daemon {
namespace {

constexpr const char* kDescription =
    "sluiced takes log records and file requests from local programs over a Unix socket,\n"
    "does the I/O on io_uring and answers with the promise that was asked for:\n"
    "accepted, written or durable.\n";

constexpr const char* kExamples = R"(Examples:
  sluiced --private ~/scratch           serve yourself, no root and no configuration needed:
                                        socket ~/scratch/sluice.sock, log in ~/scratch/store,
                                        files in ~/scratch/files (root 'files'); then, elsewhere,
                                          export SLUICE_SOCKET=~/scratch/sluice.sock
                                          sluice log 'hello'
                                          sluice tail -n 10 -f
  sluiced --print-defaults > my.yaml    every setting with its default and what it means
  sluiced --config my.yaml --check-config
                                        all errors of the file, with line and column
  sluiced --config my.yaml              run with it in the foreground
  systemctl enable --now sluiced.socket run as a service, configured by /etc/sluice/sluiced.yaml
  systemctl reload sluiced              read the configuration again (SIGHUP); a bad one is refused

SIGTERM and SIGINT finish what is in flight and stop; SIGHUP reloads.
Exit codes: 0 stopped as asked, 1 failed, 2 command line or configuration wrong, 3 refused by the system.
See also: sluiced(8), sluiced.yaml(5), sluice(1).)";

std::string absolute_directory(const std::string& path) {
    std::error_code error;
    std::filesystem::path absolute = std::filesystem::absolute(path, error);
    std::string text = (error ? std::filesystem::path(path) : absolute).lexically_normal().string();
    while (text.size() > 1 && text.ends_with('/')) {
        text.pop_back();
    }
    return text;
}

bool uses_built_in_defaults(const CommandLine& command) {
    return !command.config_given && command.private_directory.empty() &&
           ::access(command.config_path.c_str(), F_OK) != 0 && errno == ENOENT;
}

EarlyExit early_exit(const args::Ending& ended) {
    if (ended.exit_code == 0) {  // --help
        return {ExitCode::ok, ended.text, {}};
    }
    return {ExitCode::usage, {}, ended.text};
}

}  // namespace

std::variant<CommandLine, EarlyExit> parse_command_line(int argc, const char* const* argv) {
    CommandLine command;
    bool print_defaults = false;
    bool version = false;
    std::string directory;
    args::Program program(kDescription, "sluiced");
    program.footer(kExamples);
    const args::Option config =
        program.option("-c,--config", command.config_path, "Configuration file, see sluiced.yaml(5)")
            .type_name("FILE")
            .show_default();
    const args::Option private_option =
        program.option("--private", directory, "Serve only this user and root, with everything beneath DIR")
            .type_name("DIR")
            .excludes(config);
    const args::Option check =
        program.flag("--check-config", command.check_config, "Read the configuration, report all errors, exit");
    program.flag("--print-defaults", print_defaults, "Print a configuration with every default, exit").excludes(check);
    program.flag("-V,--version", version, "Print the version, exit");
    if (const auto ended = program.parse(argc, argv)) {
        return early_exit(*ended);
    }
    if (version) {
        return EarlyExit{ExitCode::ok, "sluiced " SLUICE_VERSION "\n", {}};
    }
    if (print_defaults) {
        return EarlyExit{ExitCode::ok, render_defaults(), {}};
    }
    command.config_given = config.given();
    if (private_option.given()) {
        if (directory.empty()) {
            return EarlyExit{ExitCode::usage, {}, "sluiced: --private needs a directory; see 'sluiced --help'\n"};
        }
        command.private_directory = absolute_directory(directory);
    }
    return command;
}

namespace {

// With the name of the file, where there is one.
std::unexpected<ConfigProblems> problems_of(ConfigProblems problems, const std::string& file) {
    for (ConfigProblem& problem : problems) {
        problem.file = file;
    }
    return std::unexpected(std::move(problems));
}

ConfigResult read_or_default(const CommandLine& command, const Identities& identities) {
    return uses_built_in_defaults(command) ? ConfigResult(Config{}) : read_config_file(command.config_path, identities);
}

}  // namespace

ConfigResult load_config(const CommandLine& command, const Identities& identities, uid_t own_uid) {
    if (!command.private_directory.empty()) {
        Config config = private_config(command.private_directory, own_uid);
        ConfigProblems problems = check_together(config);
        if (!problems.empty()) {
            return std::unexpected(std::move(problems));
        }
        return config;
    }
    ConfigResult config = read_or_default(command, identities);
    if (config) {
        if (ConfigProblems problems = check_places(*config); !problems.empty()) {
            return problems_of(std::move(problems), command.config_path);
        }
    }
    return config;
}

EarlyExit check_config(const CommandLine& command, const Identities& identities, uid_t own_uid) {
    const ConfigResult config = load_config(command, identities, own_uid);
    if (!config) {
        return {ExitCode::usage, {}, problems_text(config.error())};
    }
    if (command.private_directory.empty()) {
        if (ConfigProblems problems = check_machine(*config); !problems.empty()) {
            return {ExitCode::usage, {}, problems_text(problems_of(std::move(problems), command.config_path).error())};
        }
    }
    const std::string& what = command.private_directory.empty() ? command.config_path : command.private_directory;
    return {ExitCode::ok,
            fmt::format("sluiced: {}: {}\n", what,
                        uses_built_in_defaults(command) ? "not there; the built-in defaults are used" : "ok"),
            {}};
}

std::string problems_text(const ConfigProblems& problems) {
    std::string text;
    for (const ConfigProblem& problem : problems) {
        text += fmt::format("sluiced: {}\n", problem.to_string());
    }
    return text;
}

}  // namespace sluice::daemon
