// The subcommands.  Each function declares one, and what it does.
#pragma once

#include "args/program.h"
#include "cli/context.h"

namespace sluice::cli {

void add_log(args::Program& program, Context& context);
void add_query(args::Program& program, Context& context);
void add_import(args::Program& program, Context& context);
void add_export(args::Program& program, Context& context);
void add_tail(args::Program& program, Context& context);
void add_get(args::Program& program, Context& context);
void add_put(args::Program& program, Context& context);
void add_cat(args::Program& program, Context& context);
void add_stat(args::Program& program, Context& context);
void add_append(args::Program& program, Context& context);
void add_status(args::Program& program, Context& context);
void add_verify(args::Program& program, Context& context);
void add_bench(args::Program& program, Context& context);

}  // namespace sluice::cli
