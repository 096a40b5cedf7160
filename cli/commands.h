// The subcommands.  Each function declares one and, when the command line names it, sets `run`.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/context.h"

namespace sluice::cli {

// What main() calls after parsing; returns the exit code.
using Run = std::function<int()>;

// For unsigned options: "-1" would be read as a very large number.
inline CLI::Validator not_negative() {
    const auto check = [](const std::string& text) {
        return text.starts_with('-') ? fmt::format("{} is below 0", text) : std::string();
    };
    return {check, "", "not negative"};
}

void add_log(CLI::App& app, Context& context, Run& run);
void add_import(CLI::App& app, Context& context, Run& run);
void add_export(CLI::App& app, Context& context, Run& run);
void add_tail(CLI::App& app, Context& context, Run& run);
void add_get(CLI::App& app, Context& context, Run& run);
void add_put(CLI::App& app, Context& context, Run& run);
void add_cat(CLI::App& app, Context& context, Run& run);
void add_stat(CLI::App& app, Context& context, Run& run);
void add_append(CLI::App& app, Context& context, Run& run);
void add_status(CLI::App& app, Context& context, Run& run);
void add_verify(CLI::App& app, Context& context, Run& run);
void add_bench(CLI::App& app, Context& context, Run& run);

}  // namespace sluice::cli
