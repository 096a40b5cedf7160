#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/standard_fds.h"
#include "daemon/service.h"

namespace {

using namespace sluice::daemon;

int finish(const EarlyExit& exit) {
    errno = 0;
    std::fputs(exit.standard_output.c_str(), stdout);
    std::fputs(exit.standard_error.c_str(), stderr);
    if ((std::fflush(stdout) != 0 || std::ferror(stdout) != 0) && exit.code == ExitCode::ok) {
        std::fprintf(stderr, "sluiced: %s\n",
                     sluice::Error::from_errno(errno, "write to standard output").text().c_str());
        return static_cast<int>(ExitCode::failed);
    }
    return static_cast<int>(exit.code);
}

}  // namespace

// Read by jemalloc before main() (jemalloc(3), TUNING; without it nobody reads it).  What is freed goes back to the
// system within a tenth of a second, by a thread of its own: not while a client waits, and while an attack comes and
// goes it does not add up.  With a heap for each thread, as is the default, what one gives back is of no use to others.
extern "C" {
extern const char* const malloc_conf;
const char* const malloc_conf = "background_thread:true,narenas:2,dirty_decay_ms:100,muzzy_decay_ms:0";
}

int main(int argc, char** argv) {
    if (const auto filled = sluice::open_missing_standard_fds(); !filled) {
        std::fprintf(stderr, "sluiced: %s\n", filled.error().text().c_str());
        return static_cast<int>(ExitCode::failed);
    }
    const auto parsed = parse_command_line(argc, argv);
    if (const auto* exit = std::get_if<EarlyExit>(&parsed)) {
        return finish(*exit);
    }
    const auto& command = std::get<CommandLine>(parsed);
    const SystemIdentities identities;
    if (command.check_config) {
        return finish(check_config(command, identities, geteuid()));
    }
    ConfigResult config = load_config(command, identities, geteuid());
    if (!config) {
        std::fputs(problems_text(config.error()).c_str(), stderr);
        return static_cast<int>(ExitCode::usage);
    }
    auto signals = SignalFd::create();  // Before the first thread, which the log output starts.
    if (!signals) {
        std::fprintf(stderr, "sluiced: %s\n", signals.error().text().c_str());
        return static_cast<int>(ExitCode::failed);
    }
    LogOutput log(config->log.level, config->log.target);
    return static_cast<int>(run_service(command, std::move(*config), *signals, log));
}
