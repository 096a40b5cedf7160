// --stream, --severity, --field and --grep: which records a tail or an export shows.
#pragma once

#include <string>
#include <vector>

#include "args/program.h"
#include "wire/tail_messages.h"

namespace sluice::cli {

struct FilterOptions {
    std::vector<std::string> streams;
    std::string severity = "debug";
    std::vector<std::string> fields;
    std::vector<std::string> greps;
};

// `options` live as long as the program.
void add_filter_options(args::Command& command, FilterOptions& options);
// Errors: invalid_argument, saying what is possible.
Result<wire::TailFilter> filter_of(const FilterOptions& options);

}  // namespace sluice::cli
