// The documents that are made from the table of settings.
#pragma once

#include <string>

namespace sluice::daemon {

// A complete commented configuration with every default: `sluiced --print-defaults`, and byte for byte
// etc/sluiced.yaml.
std::string render_defaults();

// The list of settings as mdoc(7), which stands between the two marker comments in docs/man/sluiced.yaml.5.
std::string render_man_settings();

}  // namespace sluice::daemon
