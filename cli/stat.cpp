// sluice stat: what a file is.
#include <fmt/chrono.h>
#include <sys/stat.h>

#include "base/format.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "wire/escape.h"
#include "wire/json.h"
#include "wire/time_text.h"

namespace sluice::cli {
namespace {

constexpr const char* kHelp =
    "Show the size, time, owner and mode of a file.\n"
    "\n"
    "Examples:\n"
    "  sluice stat files:notes/today.txt\n"
    "  sluice stat files:notes/today.txt -o json\n";

std::string_view type_of(std::uint32_t mode) noexcept {
    switch (mode & S_IFMT) {
        case S_IFREG:
            return "file";
        case S_IFDIR:
            return "directory";
        case S_IFLNK:
            return "symbolic link";
        default:
            return "special file";
    }
}

int run_stat(const Context& context, const std::string& name, const std::string& output) {
    const auto file = parse_root_path(name);
    if (!file) {
        return report_usage("stat", file.error().text());
    }
    auto client = connect(context, "stat");
    if (!client) {
        return report_no_daemon("stat", context.socket_path(), client.error());
    }
    auto found = client->stat(file->root, file->path);
    if (!found) {
        return report("stat", std::move(found).error().during("{}", wire::quoted(name)));
    }
    std::string modified;
    wire::append_rfc3339(modified, found->mtime_ns);
    const std::string mode = fmt::format("{:04o}", found->mode & 07777U);
    if (output == "json") {
        std::string names = R"("root":)";
        wire::append_json_string(names, file->root);
        names += R"(,"path":)";
        wire::append_json_string(names, file->path);
        fmt::print(R"({{{},"type":"{}","size":{},"mode":"{}","uid":{},"gid":{},"modified":"{}"}})"
                   "\n",
                   names, type_of(found->mode), found->size, mode, found->uid, found->gid, modified);
        return kExitDone;
    }
    fmt::print("{:9} {}\n{:9} {}\n", "name", wire::escaped(name), "type", type_of(found->mode));
    fmt::print("{:9} {} ({})\n", "size", found->size, human_bytes(static_cast<double>(found->size)));
    fmt::print("{:9} {}\n{:9} uid {}, gid {}\n{:9} {}\n", "mode", mode, "owner", found->uid, found->gid, "modified",
               modified);
    return kExitDone;
}

}  // namespace

void add_stat(args::Program& program, Context& context) {
    args::Command command = program.command("stat", kHelp);
    auto file = std::make_shared<std::string>();
    auto output = std::make_shared<std::string>("short");
    command.option("file", *file).type_name("ROOT:PATH").required();
    command.option("-o,--output", *output, "short or json").one_of({"short", "json"});
    command.action([&context, file, output] { return run_stat(context, *file, *output); });
}

}  // namespace sluice::cli
