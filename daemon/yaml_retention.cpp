// The list `retention.classes` of a configuration.
#include <set>

#include "daemon/yaml_document.h"

namespace sluice::daemon::detail {
namespace {
constexpr std::size_t kClassNameBytesMax = 32;
constexpr std::size_t kStreamsMax = 256;
constexpr std::size_t kStreamBytesMax = 255;

// A class has what all have, within the same limits.
Setting limits_of(std::string_view setting, std::string_view key, std::string_view zero) {
    Setting limits = *find_setting(setting);
    limits.key = key;
    limits.zero = zero;
    return limits;
}

}  // namespace

void YamlReader::read_value(const Setting& setting, const Entry& entry, std::vector<RetentionClass>& to) {
    to.clear();
    if (entry.value.IsNull()) {
        return;
    }
    if (!entry.value.IsSequence()) {
        problem(entry.value.Mark(), setting.key, "expected a list: each class starts with '- name: ...'");
        return;
    }
    if (entry.value.size() > setting.most) {
        problem(entry.value.Mark(), setting.key,
                fmt::format("{} classes; the limit is {}", entry.value.size(), setting.most));
        return;
    }
    std::set<std::string> names;
    for (const YAML::Node& element : entry.value) {
        RetentionClass one;
        const std::string key = fmt::format("{}[{}]", setting.key, to.size());
        read_class(Entry{"", element.IsNull() ? entry.key_mark : element.Mark(), element}, key, one);
        if (!one.name.empty() && !names.insert(one.name).second) {
            problem(element.Mark(), key + ".name", fmt::format("a second class named {}", quote(one.name)));
        }
        to.push_back(std::move(one));
    }
}

void YamlReader::read_class(const Entry& element, const std::string& key, RetentionClass& one) {
    const std::size_t before = problems_.size();
    for (const Entry& entry : entries(element.value, key)) {
        read_class_entry(entry, key, one);
    }
    if ((one.name.empty() || one.streams.empty()) && problems_.size() == before) {
        problem(element.key_mark, key, fmt::format("{} is missing", one.name.empty() ? "name" : "streams"));
    }
}

void YamlReader::read_class_entry(const Entry& entry, const std::string& key, RetentionClass& one) {
    const std::string path = fmt::format("{}.{}", key, entry.key);
    if (entry.key == "name") {
        read_class_name(entry, path, one);
    } else if (entry.key == "streams") {
        read_streams(entry, path, one.streams);
    } else if (entry.key == "age_max") {
        read_value(limits_of("retention.age_max", path, "as for all"), entry, one.age_max);
    } else if (entry.key == "bytes_max") {
        read_value(limits_of("retention.bytes_max", path, "no limit of its own"), entry, one.bytes_max);
    } else {
        NearestWord nearest(entry.key);
        for (const auto* name : {"name", "streams", "age_max", "bytes_max"}) {
            nearest.offer(name);
        }
        problem(entry.key_mark, key, fmt::format("unknown setting {}{}", quote(entry.key), nearest.question()));
    }
}

void YamlReader::read_class_name(const Entry& entry, const std::string& key, RetentionClass& one) {
    const std::string* text = scalar(entry, key, "a name");
    if (text == nullptr) {
        return;
    }
    const auto is_good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    const auto bad = std::ranges::find_if_not(*text, is_good);
    if (bad != text->end() || text->empty() || text->size() > kClassNameBytesMax) {
        value_problem(
            entry.value, key,
            {bad != text->end() ? static_cast<std::size_t>(bad - text->begin()) : 0,
             fmt::format("{} is not a class name; use 1 to {} of a-z 0-9 _", quote(*text), kClassNameBytesMax)});
    } else if (*text == "default") {
        value_problem(entry.value, key, {0, "'default' is the class of what no other class wants"});
    } else {
        one.name = *text;
    }
}

void YamlReader::read_streams(const Entry& entry, const std::string& key, std::vector<std::string>& to) {
    if (!entry.value.IsSequence() || entry.value.size() == 0 || entry.value.size() > kStreamsMax) {
        problem(entry.value.IsNull() ? entry.key_mark : entry.value.Mark(), key,
                fmt::format("expected a list of 1 to {} streams such as [debug, 'trace-*']", kStreamsMax));
        return;
    }
    for (const YAML::Node& element : entry.value) {
        const Entry each{"", element.IsNull() ? entry.key_mark : element.Mark(), element};
        const std::string* text = scalar(each, key, "a stream");
        if (text == nullptr) {
            continue;
        }
        if (text->empty() || text->size() > kStreamBytesMax) {
            value_problem(element, key, {0, fmt::format("a stream has 1 to {} bytes", kStreamBytesMax)});
        } else {
            to.push_back(*text);
        }
    }
}

}  // namespace sluice::daemon::detail
