// sluice status: the daemon about itself.
#include <array>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/console.h"
#include "wire/escape.h"

namespace sluice::cli {
namespace {

constexpr const char* kHelp =
    "Show how the daemon is: version, store, queue, connections, counters.\n"
    "What is zero is left out; N/s is the average since the daemon was started.\n"
    "\n"
    "Examples:\n"
    "  sluice status\n"
    "  sluice status --all\n"
    "  sluice status --output json | jq .store.end_sequence\n";

using Json = nlohmann::ordered_json;

constexpr int kDepthMax = 16;  // Of the daemon's JSON: what shows it goes down into it.

// Errors: malformed.
Result<Json> parse_status(const std::string& text) {
    bool too_deep = false;
    const auto keep = [&too_deep](int depth, Json::parse_event_t, const Json&) {
        too_deep = too_deep || depth > kDepthMax;
        return !too_deep;
    };
    Json json = Json::parse(text, keep, /*allow_exceptions=*/false);
    if (too_deep) {
        return fail(Errc::malformed, "the daemon's status is nested more than {} deep", kDepthMax);
    }
    if (!json.is_object()) {
        return fail(Errc::malformed, "the daemon's status is not a JSON object");
    }
    return json;
}

std::string value_text(const std::string& key, const Json& value) {
    const bool is_bytes = key == "bytes" || key.ends_with("_bytes") || key.find("_bytes_") != std::string::npos;
    if (is_bytes && value.is_number()) {
        return human_bytes(value.get<double>());
    }
    if (key.ends_with("_s") && value.is_number_unsigned()) {
        const auto s = value.get<std::uint64_t>();
        return s < 60 ? fmt::format("{} s", s)
                      : fmt::format("{}{:02}:{:02}:{:02}", s < 86400 ? "" : fmt::format("{} d ", s / 86400),
                                    s / 3600 % 24, s / 60 % 60, s % 60);
    }
    return value.is_string() ? wire::escaped(value.get<std::string>())
                             : value.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

std::string label_of(std::string key) {
    std::ranges::replace(key, '_', ' ');
    return wire::escaped(key.ends_with(" s") ? key.substr(0, key.size() - 2) : key);
}

// One element of an array: "key value, key value".
std::string element_text(const Json& element) {
    if (!element.is_object()) {
        return value_text("", element);
    }
    std::string text;
    for (const auto& [key, value] : element.items()) {
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", label_of(key), value_text(key, value));
    }
    return text;
}

// Objects become indented sections, arrays too with a line for each element, everything else a line.
void append_table(std::string& to, const Json& object, std::size_t indent) {
    std::size_t width = 0;
    for (const auto& [key, value] : object.items()) {
        width = value.is_structured() ? width : std::max(width, label_of(key).size());
    }
    for (const auto& [key, value] : object.items()) {
        if (value.is_object()) {
            to += fmt::format("{:{}}{}\n", "", indent, label_of(key));
            append_table(to, value, indent + 2);
        } else if (value.is_array()) {
            to += fmt::format("{:{}}{}\n", "", indent, label_of(key));
            for (const Json& element : value) {
                to += fmt::format("{:{}}{}\n", "", indent + 2, element_text(element));
            }
        } else {
            to += fmt::format("{:{}}{:{}}  {}\n", "", indent, label_of(key), width, value_text(key, value));
        }
    }
}

// What says nothing: zeros, and sections that have nothing else.  What a section is called or made of, as a listener's
// protocol, does not count.
bool is_idle(const Json& value) {
    if (value.is_structured()) {
        return std::ranges::all_of(value, [](const Json& member) { return member.is_string() || is_idle(member); });
    }
    return value.is_null() || (value.is_number() && value.get<double>() == 0) || value == false || value == "";
}

// Counters that are also shown for a second, on average since the start.
constexpr std::array<std::string_view, 6> kRated{"records_received", "records_stored", "records",
                                                 "messages",         "requests",       "batches"};

class CompactText {
 public:
    CompactText(std::size_t columns, double uptime_s) : columns_(columns), uptime_s_(uptime_s) {}

    // The name, and behind it what there is; a line for each part of it that has parts.
    void add(const std::string& name, const Json& object, std::size_t indent) {
        const std::string head = fmt::format("{:{}}{:{}}", "", indent, label_of(name), kNameCells - indent);
        std::vector<std::string> pieces;
        for (const auto& [key, value] : object.items()) {
            if (!value.is_structured() && !is_idle(value)) {
                pieces.push_back(piece(key, value));
            }
        }
        add_wrapped(head, pieces);
        for (const auto& [key, value] : object.items()) {
            if (value.is_object() && !is_idle(value)) {
                add(key, value, indent + 2);
            } else if (value.is_array()) {
                add_elements(key, value, indent);
            }
        }
    }
    std::string& text() noexcept { return text_; }

 private:
    static constexpr std::size_t kNameCells = 15;
    static constexpr std::size_t kElementsMax = 5;

    std::string piece(const std::string& key, const Json& value) const {
        std::string shown = fmt::format("{} {}", label_of(key), value_text(key, value));
        if (std::ranges::find(kRated, key) != kRated.end() && value.is_number() && uptime_s_ > 0) {
            shown += fmt::format(" ({}/s)", human_count(value.get<double>() / uptime_s_));
        }
        return shown;
    }

    void add_elements(const std::string& key, const Json& array, std::size_t indent) {
        for (std::size_t i = 0; i < std::min(array.size(), kElementsMax); ++i) {
            std::vector<std::string> pieces;
            for (const auto& [member, value] : array[i].items()) {
                if (!is_idle(value)) {
                    pieces.push_back(array[i].is_object() ? piece(member, value) : value_text("", value));
                }
            }
            add_wrapped(fmt::format("{:{}}{:{}}", "", indent, i == 0 ? label_of(key) : "", kNameCells - indent),
                        pieces);
        }
        if (array.size() > kElementsMax) {
            text_ += fmt::format("{:{}}and {} more\n", "", kNameCells, array.size() - kElementsMax);
        }
    }

    // Wrapped between pieces where they fit into a line, else between words.
    void add_wrapped(std::string line, const std::vector<std::string>& pieces) {
        for (std::size_t i = 0; i < pieces.size(); ++i) {
            const std::string piece = pieces[i] + (i + 1 < pieces.size() ? "," : "");
            const bool fits = kNameCells + piece.size() <= columns_;
            for (std::string_view rest = piece; !rest.empty();) {  // Each turn takes a word, or all.
                const std::size_t end = fits ? rest.size() : std::min(rest.find(' '), rest.size());
                if (line.size() > kNameCells && line.size() + end + 1 > columns_) {
                    append_line(line);
                    line.assign(kNameCells, ' ');
                }
                line += line.size() > kNameCells ? " " : "";
                line += rest.substr(0, end);
                rest.remove_prefix(std::min(end + 1, rest.size()));
            }
        }
        append_line(line);
    }

    void append_line(const std::string& line) { text_ += line.substr(0, line.find_last_not_of(' ') + 1) + '\n'; }

    std::size_t columns_;
    double uptime_s_;
    std::string text_;
};

std::string compact(const Json& json, std::size_t columns) {
    const auto uptime = json.find("uptime_s");
    CompactText text(columns, uptime != json.end() && uptime->is_number() ? uptime->get<double>() : 0);
    text.add("sluiced", json, 0);
    return std::move(text.text());
}

struct Options {
    std::string output = "short";
    bool all = false;
};

int run_status(const Context& context, const Options& options) {
    auto client = connect(context, "status");
    if (!client) {
        return report_no_daemon("status", context.socket_path(), client.error());
    }
    const auto status = client->status();
    if (!status) {
        return report("status", status.error());
    }
    const auto json = parse_status(*status);
    if (!json) {
        return report("status", json.error());
    }
    if (options.output == "json") {
        // Not as it came: a terminal may be what reads it.
        fmt::print("{}\n", json->dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace));
        return kExitDone;
    }
    std::string text;
    if (options.all) {
        append_table(text, *json, 0);
    } else {
        text = compact(*json, terminal_columns());
    }
    fmt::print("{}", text);
    return kExitDone;
}

}  // namespace

void add_status(args::Program& program, Context& context) {
    args::Command command = program.command("status", kHelp);
    auto options = std::make_shared<Options>();
    command.option("-o,--output", options->output, "short or json").one_of({"short", "json"});
    command.flag("--all", options->all, "A line for each number, zeros too");
    command.action([&context, options] { return run_status(context, *options); });
}

}  // namespace sluice::cli
