// The `listeners` section of a configuration: a list of maps.
#include <set>

#include "daemon/yaml_document.h"

namespace sluice::daemon::detail {
namespace {

constexpr std::size_t kListenerNameBytesMax = 32;
constexpr std::size_t kSocketBytesMax = 107;

// For a value of a listener: what read_value() needs to know of its limits.
Setting limits_of(std::string_view key, AnyField field, std::uint64_t least, std::uint64_t most,
                  std::string_view zero = {}) {
    return {.key = key, .field = field, .least = least, .most = most, .doc = {}, .zero = zero};
}
const AnyField kSize = find_setting("limits.message_bytes_max")->field;
const AnyField kCount = find_setting("limits.connections_max")->field;
const AnyField kDuration = find_setting("store.sync_interval")->field;

}  // namespace

void YamlReader::read_value(const Setting& setting, const Entry& entry, std::vector<ListenerConfig>& to) {
    to.clear();
    if (entry.value.IsNull()) {
        return;
    }
    if (!entry.value.IsSequence()) {
        problem(entry.value.Mark(), setting.key, "expected a list: each listener starts with '- name: ...'");
        return;
    }
    if (entry.value.size() > setting.most) {
        problem(entry.value.Mark(), setting.key,
                fmt::format("{} listeners; the limit is {}", entry.value.size(), setting.most));
        return;
    }
    std::set<std::string> taken;
    for (const YAML::Node& element : entry.value) {
        ListenerConfig one;
        const std::string key = fmt::format("{}[{}]", setting.key, to.size());
        read_listener(Entry{"", element.IsNull() ? entry.key_mark : element.Mark(), element}, key, one);
        if (!one.name.empty() && !taken.insert("name " + one.name).second) {
            problem(element.Mark(), key + ".name", fmt::format("a second listener named {}", quote(one.name)));
        }
        if (one.enabled && !one.socket.empty() && !taken.insert("socket " + one.socket).second) {
            problem(element.Mark(), key + ".socket", fmt::format("a second listener at {}", quote(one.socket)));
        }
        to.push_back(std::move(one));
    }
}

void YamlReader::read_listener(const Entry& element, const std::string& key, ListenerConfig& one) {
    const std::size_t before = problems_.size();
    std::set<std::string> given;
    for (const Entry& entry : entries(element.value, key)) {
        given.insert(entry.key);
        read_listener_entry(entry, key, one);
    }
    for (const char* needed : {"name", "protocol", "socket"}) {
        if (!given.contains(needed) && problems_.size() == before) {
            problem(element.key_mark, key, fmt::format("{} is missing", needed));
        }
    }
    const ListenerConfig standard = standard_listener(one.protocol);
    if (!given.contains("connections_max")) {
        one.connections_max = standard.connections_max;
    }
    if (!given.contains("connections_per_uid_max")) {
        one.connections_per_uid_max = std::min(standard.connections_per_uid_max, one.connections_max);
    }
}

void YamlReader::read_listener_entry(const Entry& entry, const std::string& key, ListenerConfig& one) {
    const std::string path = fmt::format("{}.{}", key, entry.key);
    if (entry.key == "name") {
        read_listener_name(entry, path, one);
    } else if (entry.key == "enabled") {
        read_yes_no(entry, path, one.enabled);
    } else if (entry.key == "protocol") {
        read_word(entry, path, one.protocol);
    } else if (entry.key == "socket") {
        read_path(entry, path, kSocketBytesMax, one.socket);
    } else if (entry.key == "mode") {
        read_mode(limits_of(path, kCount, 0, 0777), entry, one.mode);
    } else if ((entry.key == "owner" || entry.key == "group") && entry.value.IsScalar() &&
               entry.value.Scalar().empty()) {
        return;  // As created.
    } else if (entry.key == "owner") {
        read_name(entry, path, one.owner, "user", [&](const std::string& name) { return identities_.user(name); });
    } else if (entry.key == "group") {
        read_name(entry, path, one.group, "group", [&](const std::string& name) { return identities_.group(name); });
    } else if (entry.key == "stream") {
        read_stream_pattern(entry, path, one);
    } else if (entry.key == "overflow") {
        read_word(entry, path, one.overflow);
    } else if (entry.key == "keep_severity") {
        read_word(entry, path, one.keep_severity);
    } else if (entry.key == "message_bytes_max") {
        read_value(limits_of(path, kSize, 64, 1U << 20U), entry, one.message_bytes_max);
    } else if (entry.key == "connections_max") {
        read_value(limits_of(path, kCount, 1, 65536), entry, one.connections_max);
    } else if (entry.key == "connections_per_uid_max") {
        read_value(limits_of(path, kCount, 1, 65536), entry, one.connections_per_uid_max);
    } else if (entry.key == "rate_burst") {
        read_value(limits_of(path, kCount, 1, 1'000'000'000, "no limit"), entry, one.rate_burst);
    } else if (entry.key == "rate_interval") {
        read_value(limits_of(path, kDuration, 100, 3'600'000), entry, one.rate_interval);
    } else {
        NearestWord nearest(entry.key);
        for (const auto* name :
             {"name", "enabled", "protocol", "socket", "mode", "owner", "group", "stream", "overflow", "keep_severity",
              "message_bytes_max", "connections_max", "connections_per_uid_max", "rate_burst", "rate_interval"}) {
            nearest.offer(name);
        }
        problem(entry.key_mark, key, fmt::format("unknown setting {}{}", quote(entry.key), nearest.question()));
    }
}

void YamlReader::read_listener_name(const Entry& entry, const std::string& key, ListenerConfig& one) {
    const std::string* text = scalar(entry, key, "a name");
    if (text == nullptr) {
        return;
    }
    const auto is_good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    const auto bad = std::ranges::find_if_not(*text, is_good);
    if (bad != text->end() || text->empty() || text->size() > kListenerNameBytesMax) {
        value_problem(entry.value, key,
                      {bad != text->end() ? static_cast<std::size_t>(bad - text->begin()) : 0,
                       fmt::format("{} is not a listener name; use 1 to {} of a-z 0-9 _ -", quote(*text),
                                   kListenerNameBytesMax)});
        return;
    }
    one.name = *text;
}

void YamlReader::read_stream_pattern(const Entry& entry, const std::string& key, ListenerConfig& one) {
    const std::string* text = scalar(entry, key, "a pattern such as '{identifier|comm}'");
    if (text == nullptr) {
        return;
    }
    if (const auto pattern = listeners::StreamPattern::parse(*text); !pattern) {
        value_problem(entry.value, key, {0, fmt::format("{}: {}", quote(*text), pattern.error().text())});
        return;
    }
    one.stream = *text;
}

}  // namespace sluice::daemon::detail
