// sluice get: a file to standard output.
#include <unistd.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "wire/escape.h"

namespace sluice::cli {
namespace {

constexpr const char* kHelp =
    "Write a file to standard output, or a part of it.\n"
    "\n"
    "Examples:\n"
    "  sluice get files:notes/today.txt\n"
    "  sluice get files:backup.tar >backup.tar\n"
    "  sluice get files:app.log --offset 4096 --length 512\n"
    "\n"
    "ROOT is a root of the daemon's configuration ('files' for a private daemon), PATH a path beneath it.\n";

struct Options {
    std::string file;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

int run_get(const Context& context, const Options& options) {
    const auto file = parse_root_path(options.file);
    if (!file) {
        return report_usage("get", file.error().text());
    }
    auto client = connect(context, "get");
    if (!client) {
        return report_no_daemon("get", context.socket_path(), client.error());
    }
    Progress progress;
    const wire::GetRequest request{
        .offset = options.offset, .length = options.length, .root = file->root, .path = file->path};
    auto got = client->get(request, [&progress](ByteView data) {
        progress.add(data.size());
        return write_all(STDOUT_FILENO, as_text(data));
    });
    progress.hide();
    if (!got && !reader_gone(got.error())) {
        return report("get", std::move(got).error().during("{}", wire::quoted(options.file)));
    }
    return kExitDone;
}

}  // namespace

void add_get(args::Program& program, Context& context) {
    args::Command command = program.command("get", kHelp);
    auto options = std::make_shared<Options>();
    command.option("file", options->file).type_name("ROOT:PATH").required();
    command.option("--offset", options->offset, "First byte to read").not_negative();
    command.option("--length", options->length, "Bytes to read; 0: to the end").not_negative();
    command.action([&context, options] { return run_get(context, *options); });
}

}  // namespace sluice::cli
