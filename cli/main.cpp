// sluice: the command people type.  sluice(1).
#include <signal.h>

#include <cerrno>
#include <cstdio>
#include <exception>

#include "cli/commands.h"
#include "cli/console.h"
#include "wire/escape.h"

namespace {

constexpr const char* kAbout =
    "Send log records and files through sluiced, and read them back.\n"
    "\n"
    "Examples:\n"
    "  sluice log 'disk replaced'             one record\n"
    "  make 2>&1 | sluice log --stream build  a record per line\n"
    "  sluice tail -f                         the last ten records, and new ones as they come\n"
    "  sluice put files:notes.txt <notes.txt  store a file, atomically\n"
    "  sluice get files:notes.txt             read it\n"
    "  sluice status                          how the daemon is\n";

constexpr const char* kFooter =
    "\nThe daemon's socket is --socket PATH, else $SLUICE_SOCKET, else $XDG_RUNTIME_DIR/sluice/sluice.sock if there is "
    "one,\nelse /run/sluice/sluice.sock.\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused by policy or by a limit.\n"
    "'sluice COMMAND --help' explains each command.";

// In the list of commands only the first line of each one's explanation is shown.
class ShortListFormatter final : public CLI::Formatter {
 public:
    std::string make_subcommand(const CLI::App* command) const override {
        const std::string text = command->get_description();
        return fmt::format("  {:<8}  {}\n", command->get_name(), text.substr(0, text.find('\n')));
    }
};

int parse_and_run(int argc, char** argv) {
    CLI::App app(kAbout, "sluice");
    app.formatter(std::make_shared<ShortListFormatter>());
    app.footer(kFooter);
    app.set_version_flag("--version", "sluice " SLUICE_VERSION);
    app.require_subcommand(1);
    app.fallthrough();
    sluice::cli::Context context;
    app.add_option("--socket", context.socket_option, "Socket of the daemon")
        ->envname("SLUICE_SOCKET")
        ->type_name("PATH");
    sluice::cli::Run run;
    sluice::cli::add_log(app, context, run);
    sluice::cli::add_tail(app, context, run);
    sluice::cli::add_import(app, context, run);
    sluice::cli::add_export(app, context, run);
    sluice::cli::add_get(app, context, run);
    sluice::cli::add_put(app, context, run);
    sluice::cli::add_cat(app, context, run);
    sluice::cli::add_stat(app, context, run);
    sluice::cli::add_append(app, context, run);
    sluice::cli::add_status(app, context, run);
    sluice::cli::add_verify(app, context, run);
    sluice::cli::add_bench(app, context, run);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != 0 && app.get_subcommands().empty() && !app.remaining().empty()) {
            fmt::print(stderr, "sluice: there is no command {}; see 'sluice --help'\n",
                       sluice::wire::quoted(app.remaining().front()));
            return sluice::cli::kExitUsage;
        }
        return app.exit(error) == 0 ? sluice::cli::kExitDone : sluice::cli::kExitUsage;
    }
    return run();
}

// What is still buffered reaches standard output, or the command has failed.  A reader that is gone is no failure.
int flush_output(int exit_code) {
    errno = 0;
    const bool flushed = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
    if (flushed || errno == EPIPE || exit_code != sluice::cli::kExitDone) {
        return exit_code;
    }
    fmt::print(stderr, "sluice: {}\n", sluice::cli::local_error(errno, "write to standard output").text());
    return sluice::cli::kExitFailed;
}

}  // namespace

int main(int argc, char** argv) {
    ::signal(SIGPIPE, SIG_IGN);  // A reader that is gone is an error of write(2).
    try {
        return flush_output(parse_and_run(argc, argv));
    } catch (const std::exception& error) {
        fmt::print(stderr, "sluice: {}\n", error.what());
        return sluice::cli::kExitFailed;
    }
}
