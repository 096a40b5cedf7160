// sluice cat: several files to standard output, one after another.
#include <unistd.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "wire/escape.h"

namespace sluice::cli {
namespace {

constexpr const char* kHelp =
    "Write files to standard output, one after another.\n"
    "A file that cannot be read is reported; the others follow.\n"
    "\n"
    "Examples:\n"
    "  sluice cat files:a.txt files:b.txt\n"
    "  sluice cat files:today.log | grep error\n";

int run_cat(const Context& context, const std::vector<std::string>& names) {
    std::vector<RootPath> files;
    for (const std::string& name : names) {
        auto file = parse_root_path(name);
        if (!file) {
            return report_usage("cat", file.error().text());
        }
        files.push_back(std::move(*file));
    }
    auto client = connect(context, "cat");
    if (!client) {
        return report_no_daemon("cat", context.socket_path(), client.error());
    }
    int exit_code = kExitDone;
    Progress progress;
    for (std::size_t i = 0; i < files.size(); ++i) {
        auto got = client->get({.root = files[i].root, .path = files[i].path}, [&progress](ByteView data) {
            progress.add(data.size());
            return write_all(STDOUT_FILENO, as_text(data));
        });
        if (!got) {
            if (reader_gone(got.error())) {
                return kExitDone;
            }
            const bool fatal = got.error().code() == Errc::closed;
            progress.hide();
            exit_code = report("cat", std::move(got).error().during("{}", wire::quoted(names[i])));
            if (fatal) {
                break;
            }
        }
    }
    return exit_code;
}

}  // namespace

void add_cat(args::Program& program, Context& context) {
    args::Command command = program.command("cat", kHelp);
    auto files = std::make_shared<std::vector<std::string>>();
    command.option("files", *files).type_name("ROOT:PATH").required();
    command.action([&context, files] { return run_cat(context, *files); });
}

}  // namespace sluice::cli
