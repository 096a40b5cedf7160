#include "daemon/defaults.h"

#include <string_view>

#include "base/format.h"
#include "daemon/config.h"
#include "daemon/settings.h"

namespace sluice::daemon {
namespace {

constexpr std::size_t kColumns = 100;

constexpr std::string_view kHead = R"(# Configuration of sluiced(8), with every default; explained in sluiced.yaml(5).
# What is left out here has its default. Sizes have KiB, MiB, GiB or TiB, or KB and so on for
# powers of 1000; durations ms, s, min, h, d or w.
#   check:  sluiced --config FILE --check-config
#   apply:  systemctl reload sluiced   (settings marked [restart]: systemctl restart sluiced)
)";

constexpr std::string_view kRootExample = R"(# Example:
#   roots:
#     - name: spool
#       path: /srv/spool
#       follow_symlinks: no
#       cross_devices: no
#       file_bytes_max: 0
#       rights:
#         - {user: root, allow: [read, write, append, create, list]}
#         - {group: adm, allow: [read, list]}
#         - {everyone: yes, allow: [append]}
)";

constexpr std::string_view kListenerExample = R"(# Example:
#   listeners:
#     - {name: journal, protocol: journal, socket: /run/sluice/journal}
#     - {name: syslog, protocol: syslog, socket: /run/sluice/syslog, overflow: drop_by_severity}
#     - {name: syslog-stream, protocol: syslog_stream, socket: /run/sluice/syslog-stream}
#     - {name: stdout, protocol: stdout, socket: /run/sluice/stdout}
#     - {name: json, protocol: json, socket: /run/sluice/json, stream: "apps/{unit|comm}"}
)";

// `text` in comment lines of at most kColumns.
std::string comment(std::string_view text, std::string_view indent) {
    std::string out;
    std::string line;
    const auto end_line = [&] {
        out += fmt::format("{}#{}\n", indent, line);
        line.clear();
    };
    while (!text.empty()) {
        const std::size_t length = std::min(text.find(' '), text.size());
        if (!line.empty() && indent.size() + 2 + line.size() + length > kColumns) {
            end_line();
        }
        line += fmt::format(" {}", text.substr(0, length));
        text.remove_prefix(std::min(length + 1, text.size()));
    }
    end_line();
    return out;
}

// "Size: 1 MiB to 4 GiB." and the like; the first letter as a sentence has it.
std::string facts(const Setting& setting) {
    const std::string bounds = bounds_text(setting);
    std::string text = bounds.empty() ? type_text(setting) : fmt::format("{}, {}", type_text(setting), bounds);
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
    return text + "." + (setting.apply == Apply::restart ? " [restart]" : "");
}

std::string escape_mdoc(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '\\':
                out += "\\e";
                break;
            case '-':
                out += "\\-";
                break;
            case '\'':
                out += "\\(aq";
                break;
            default:
                out += c;
        }
    }
    return out;
}

// mdoc wants every sentence on a line of its own.
std::string sentences(std::string_view text) {
    std::string out = escape_mdoc(text);
    for (std::size_t at = out.find(". "); at != std::string::npos; at = out.find(". ", at)) {
        out.replace(at, 2, ".\n");
    }
    return out + "\n";
}

}  // namespace

std::string render_defaults() {
    const Config defaults;
    std::string out(kHead);
    std::string_view section;
    for (const Setting& setting : settings()) {
        const bool alone = section_of(setting) == setting.key;
        if (section_of(setting) != section) {
            section = section_of(setting);
            out += alone ? "\n" : fmt::format("\n{}:\n", section);
        } else {
            out += "\n";
        }
        const std::string_view indent = alone ? "" : "  ";
        out += comment(setting.doc, indent);
        if (alone) {
            out += setting.key == "roots" ? kRootExample : kListenerExample;
        }
        out += comment(facts(setting), indent);
        out += fmt::format("{}{}: {}\n", indent, name_of(setting), value_text(setting, defaults));
    }
    return out;
}

std::string render_man_settings() {
    const Config defaults;
    std::string out = ".Bl -tag -width Ds\n";
    for (const Setting& setting : settings()) {
        out += fmt::format(".It Ic {} : Ar {}\n", setting.key, escape_mdoc(type_text(setting)));
        out += sentences(setting.doc);
        if (const std::string bounds = bounds_text(setting); !bounds.empty()) {
            out += fmt::format("Limits: {}.\n", escape_mdoc(bounds));
        }
        out += fmt::format("Default: {}.\n", escape_mdoc(value_text(setting, defaults)));
        if (setting.apply == Apply::restart) {
            out += "Needs a restart.\n";
        }
    }
    return out + ".El\n";
}

}  // namespace sluice::daemon
