// sluice append: standard input to the end of a file.
#include <unistd.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "wire/escape.h"

namespace sluice::cli {
namespace {

constexpr const char* kHelp =
    "Append standard input to a file.\n"
    "The file is created if it is not there. Each piece read is one append, whole.\n"
    "\n"
    "Examples:\n"
    "  echo done | sluice append files:journal.txt\n"
    "  sluice append --durable files:audit.csv <new-rows.csv\n"
    "\n"
    "When the daemon goes away in the middle the command fails and says how many bytes are certainly there; it does\n"
    "not try again, because a repeated append would double data.\n";

constexpr std::size_t kPieceBytes = 256U << 10U;

struct Options {
    std::string file;
    bool durable = false;
};

int run_append(const Context& context, const Options& options) {
    const auto file = parse_root_path(options.file);
    if (!file) {
        return report_usage("append", file.error().text());
    }
    auto client = connect(context, "append");
    if (!client) {
        return report_no_daemon("append", context.socket_path(), client.error());
    }
    auto opened = client->open(
        {.flags = wire::kOpenCreate | wire::kOpenAppend, .mode = 0, .root = file->root, .path = file->path});
    if (!opened) {
        return report("append", std::move(opened).error().during("{}", wire::quoted(options.file)));
    }
    const std::uint32_t handle = opened->handle;
    Progress progress;
    Bytes buffer(std::min(kPieceBytes, client->data_bytes_max()));
    std::uint64_t total = 0;
    for (;;) {
        auto received = read_some(STDIN_FILENO, buffer);
        if (!received) {
            return report("append", received.error());
        }
        if (*received == 0) {
            break;
        }
        const wire::AppendRequest request{
            .handle = handle, .sync = options.durable, .data = ByteView(buffer).first(*received)};
        auto appended = client->append(request);
        if (!appended) {
            progress.hide();
            return report("append", std::move(appended).error().during("{}: {} bytes are appended, the next {} may be",
                                                                       wire::quoted(options.file), total, *received));
        }
        total += *received;
        progress.add(*received);
    }
    if (auto closed = client->close(handle); !closed) {
        progress.hide();
        return report("append", std::move(closed).error().during("close {}", wire::quoted(options.file)));
    }
    return kExitDone;
}

}  // namespace

void add_append(args::Program& program, Context& context) {
    args::Command command = program.command("append", kHelp);
    auto options = std::make_shared<Options>();
    command.option("file", options->file).type_name("ROOT:PATH").required();
    command.flag("--durable", options->durable, "Each piece survives loss of power before the next is sent");
    command.action([&context, options] { return run_append(context, *options); });
}

}  // namespace sluice::cli
