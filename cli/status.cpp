// sluice status: the daemon about itself.
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/console.h"
#include "wire/escape.h"

namespace sluice::cli {
namespace {

constexpr const char* kHelp =
    "Show how the daemon is: version, store, queue, connections, counters.\n"
    "\n"
    "Examples:\n"
    "  sluice status\n"
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

int run_status(const Context& context, const std::string& output) {
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
    if (output == "json") {
        // Not as it came: a terminal may be what reads it.
        fmt::print("{}\n", json->dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace));
        return kExitDone;
    }
    std::string table;
    append_table(table, *json, 0);
    fmt::print("{}", table);
    return kExitDone;
}

}  // namespace

void add_status(args::Program& program, Context& context) {
    args::Command command = program.command("status", kHelp);
    auto output = std::make_shared<std::string>("short");
    command.option("--output", *output, "short or json").one_of({"short", "json"});
    command.action([&context, output] { return run_status(context, *output); });
}

}  // namespace sluice::cli
