// sluice: the command people type.  sluice(1).
#include <signal.h>

#include <cerrno>
#include <cstdio>
#include <exception>

#include "base/standard_fds.h"
#include "cli/commands.h"
#include "cli/console.h"

namespace {

constexpr const char* kAbout =
    "Send log records and files through sluiced, and read them back.\n"
    "\n"
    "Examples:\n"
    "  sluice log 'disk replaced'             one record\n"
    "  make 2>&1 | sluice log --stream build  a record per line\n"
    "  sluice tail -f                         the last ten records, and new ones as they come\n"
    "  sluice query 'severity:err | top 5 by (stream)'   where the errors are\n"
    "  sluice put files:notes.txt <notes.txt  store a file, atomically\n"
    "  sluice get files:notes.txt             read it\n"
    "  sluice status                          how the daemon is\n";

constexpr const char* kFooter =
    "\nThe daemon's socket is --socket PATH, else $SLUICE_SOCKET, else $XDG_RUNTIME_DIR/sluice/sluice.sock if there is "
    "one,\nelse /run/sluice/sluice.sock.\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused by policy or by a limit.\n"
    "'sluice COMMAND --help' explains each command.";

int parse_and_run(int argc, char** argv) {
    sluice::args::Program program(kAbout, "sluice");
    program.footer(kFooter);
    program.version("sluice " SLUICE_VERSION);
    sluice::cli::Context context;
    program.option("--socket", context.socket_option, "Socket of the daemon")
        .environment("SLUICE_SOCKET")
        .type_name("PATH");
    sluice::cli::add_log(program, context);
    sluice::cli::add_query(program, context);
    sluice::cli::add_tail(program, context);
    sluice::cli::add_import(program, context);
    sluice::cli::add_export(program, context);
    sluice::cli::add_get(program, context);
    sluice::cli::add_put(program, context);
    sluice::cli::add_cat(program, context);
    sluice::cli::add_stat(program, context);
    sluice::cli::add_append(program, context);
    sluice::cli::add_status(program, context);
    sluice::cli::add_verify(program, context);
    sluice::cli::add_bench(program, context);
    if (const auto ended = program.parse(argc, argv)) {
        return ended->print() == 0 ? sluice::cli::kExitDone : sluice::cli::kExitUsage;
    }
    return program.run();
}

// What is still buffered reaches standard output, or the command has failed.  A reader that is gone is no failure.
int flush_output(int exit_code) {
    errno = 0;
    const bool flushed = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
    if (flushed || errno == EPIPE || exit_code != sluice::cli::kExitDone) {
        return exit_code;
    }
    sluice::cli::tell("sluice: {}\n", sluice::cli::local_error(errno, "write to standard output").text());
    return sluice::cli::kExitFailed;
}

}  // namespace

int main(int argc, char** argv) {
    if (const auto filled = sluice::open_missing_standard_fds(); !filled) {
        sluice::cli::tell("sluice: {}\n", filled.error().text());
        return sluice::cli::kExitFailed;
    }
    ::signal(SIGPIPE, SIG_IGN);  // A reader that is gone is an error of write(2).
    try {
        return flush_output(parse_and_run(argc, argv));
    } catch (const std::exception& error) {
        sluice::cli::tell("sluice: {}\n", error.what());
        return sluice::cli::kExitFailed;
    }
}
