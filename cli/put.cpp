// sluice put: standard input becomes a file, all of it or nothing.
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/upload.h"
#include "wire/escape.h"
#include "wire/file_messages.h"

namespace sluice::cli {
namespace {

constexpr const char* kHelp =
    "Store standard input as a file: readers see the old one or the whole new one.\n"
    "A daemon that restarts meanwhile is waited for, and the file is sent again.\n"
    "\n"
    "Examples:\n"
    "  sluice put files:today.txt <today.txt\n"
    "  sluice put --parents files:notes/today.txt <today.txt\n"
    "  pg_dump shop | sluice put --parents --durable files:backup/shop.sql\n"
    "  sluice put --mode 0600 files:secret <secret\n"
    "\n"
    "With --durable the file survives loss of power once the command has ended.\n";

struct Options {
    std::string file;
    std::string mode;  // Empty: not given.
    bool durable = false;
    bool parents = false;
};

Result<std::uint32_t> parse_mode(const std::string& text) {
    std::size_t used = 0;
    const unsigned long mode =
        text.empty() || text[0] < '0' || text[0] > '7' ? wire::kModeMax + 1 : std::stoul(text, &used, 8);
    if (used != text.size() || mode > wire::kModeMax) {
        return fail(Errc::invalid_argument, "{} is not a mode; use octal digits, at most 0777, for example 0640",
                    wire::quoted(text));
    }
    return static_cast<std::uint32_t>(mode);
}

void pause_for(Duration time) {
    const timespec wait{.tv_sec = static_cast<time_t>(time.count() / 1'000'000'000),
                        .tv_nsec = static_cast<long>(time.count() % 1'000'000'000)};
    ::nanosleep(&wait, nullptr);
}

// A daemon has answered before: one that went away is waited for.
int store_file(const Context& context, const Spool& spool, const UploadOptions& options, const std::string& name) {
    client::Backoff backoff({});
    WaitingNotice notice("put", context.socket_path());
    const SystemClock clock;
    for (;;) {
        Error error(Errc::internal, "");
        if (auto client = connect(context, "put"); !client) {
            error = client.error();
        } else {
            notice.over();
            Progress progress(spool.size());
            auto stored = upload(*client, spool, options, [&progress](std::uint64_t bytes) { progress.add(bytes); });
            progress.hide();
            if (stored) {
                return kExitDone;
            }
            error = std::move(stored).error();
            if (error.code() != Errc::closed && error.code() != Errc::shutting_down) {
                return report("put", std::move(error).during("{}", wire::quoted(name)));
            }
        }
        const MonotonicTime now = clock.now();
        const Duration delay = backoff.failed(now);
        notice.waiting({.reason = error, .since = now - backoff.since(), .next_attempt = delay});
        pause_for(delay);
    }
}

int run_put(const Context& context, const Options& options) {
    auto file = parse_root_path(options.file);
    if (!file) {
        return report_usage("put", file.error().text());
    }
    const auto mode = options.mode.empty() ? Result<std::uint32_t>(0) : parse_mode(options.mode);
    if (!mode) {
        return report_usage("put", mode.error().text());
    }
    // Before reading everything: is there a daemon at all?
    if (auto client = connect(context, "put"); !client) {
        return report_no_daemon("put", context.socket_path(), client.error());
    }
    Spool spool;
    if (auto filled = spool.fill(STDIN_FILENO); !filled) {
        return report("put", filled.error());
    }
    return store_file(context, spool,
                      {.file = std::move(*file), .durable = options.durable, .parents = options.parents, .mode = *mode},
                      options.file);
}

}  // namespace

void add_put(args::Program& program, Context& context) {
    args::Command command = program.command("put", kHelp);
    auto options = std::make_shared<Options>();
    command.option("file", options->file).type_name("ROOT:PATH").required();
    command.flag("--durable", options->durable, "End only when the file survives loss of power");
    command.flag("--parents", options->parents, "Make the directories that are not there");
    command.option("--mode", options->mode, "Permission bits, octal (those of the file that is there, else 0640)");
    command.action([&context, options] { return run_put(context, *options); });
}

}  // namespace sluice::cli
