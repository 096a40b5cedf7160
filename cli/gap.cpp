#include "cli/gap.h"

#include "cli/console.h"
#include "wire/escape.h"

namespace sluice::cli {

void tell_gap(std::string_view command, const wire::TailEntry& entry) {
    tell("sluice {}: {}\n", command, wire::escaped(entry.record.message()));
}

}  // namespace sluice::cli
