// sluice verify: checks a store on the disk, without a daemon.
#include "store/verify.h"

#include <unistd.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "wire/escape.h"

namespace sluice::cli {
namespace {

constexpr const char* kHelp =
    "Check every checksum and every sequence number of a store.\n"
    "Needs no daemon; it only reads, and may run while a daemon writes.\n"
    "\n"
    "Examples:\n"
    "  sluice verify --store /var/lib/sluice/store\n"
    "  sluice verify --store DIR/store            for 'sluiced --private DIR'\n"
    "\n"
    "Exit status: 0 clean, 1 problems were found or the store cannot be read.\n";

void print_report(const store::VerifyReport& found) {
    fmt::print("{} segments, {} frames, {} records, {}\n", found.segments, found.frames, found.records,
               human_bytes(static_cast<double>(found.bytes)));
    if (found.parts > 0) {
        fmt::print("{} parts, {} records, {}\n", found.parts, found.part_rows,
                   human_bytes(static_cast<double>(found.part_bytes)));
    }
    if (found.next_sequence > found.oldest_sequence) {
        fmt::print("sequences {} to {}, epoch {}\n", found.oldest_sequence, found.next_sequence - 1, found.epoch);
    } else {
        fmt::print("no records, epoch {}\n", found.epoch);
    }
    for (const store::VerifyProblem& problem : found.problems) {
        fmt::print("{} at {}: {}", wire::escaped(problem.file), problem.offset, wire::escaped(problem.what));
        if (problem.bytes > 0) {
            fmt::print(" ({} bytes)", problem.bytes);
        }
        if (problem.end_sequence > problem.first_sequence) {
            fmt::print(", sequences {} to {}", problem.first_sequence, problem.end_sequence - 1);
        }
        fmt::print("\n");
    }
    fmt::print("{}\n", found.problems.empty() ? "clean" : fmt::format("{} problems", found.problems.size()));
}

int run_verify(const std::string& path) {
    const auto found = store::verify_store(path);
    if (!found) {
        report("verify", found.error());
        return kExitFailed;
    }
    print_report(*found);
    return found->problems.empty() ? kExitDone : kExitFailed;
}

}  // namespace

void add_verify(args::Program& program, Context&) {
    args::Command command = program.command("verify", kHelp);
    auto path = std::make_shared<std::string>();
    command.option("--store", *path, "Directory of the store").type_name("DIR").required();
    command.action([path] { return run_verify(*path); });
}

}  // namespace sluice::cli
