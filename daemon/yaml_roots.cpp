// The `roots` section of a configuration: a list of maps.
#include <set>

#include "daemon/yaml_document.h"

namespace sluice::daemon::detail {

void YamlReader::read_value(const Setting& setting, const Entry& entry, std::vector<Root>& to) {
    to.clear();
    if (entry.value.IsNull()) {
        return;
    }
    if (!entry.value.IsSequence()) {
        problem(entry.value.Mark(), setting.key, "expected a list: each root starts with '- name: ...'");
        return;
    }
    if (entry.value.size() > setting.most) {
        problem(entry.value.Mark(), setting.key,
                fmt::format("{} roots; the limit is {}", entry.value.size(), setting.most));
        return;
    }
    std::set<std::string> names;
    for (const YAML::Node& element : entry.value) {
        Root root;
        read_root(Entry{"", element.IsNull() ? entry.key_mark : element.Mark(), element},
                  fmt::format("roots[{}]", to.size()), root);
        if (!root.name.empty() && !names.insert(root.name).second) {
            problem(element.Mark(), fmt::format("roots[{}].name", to.size()),
                    fmt::format("a second root named {}", quote(root.name)));
        }
        to.push_back(std::move(root));
    }
}

void YamlReader::read_root(const Entry& element, const std::string& key, Root& root) {
    const std::size_t before = problems_.size();
    bool has_name = false;
    bool has_path = false;
    for (const Entry& entry : entries(element.value, key)) {
        has_name = has_name || entry.key == "name";
        has_path = has_path || entry.key == "path";
        read_root_entry(entry, key, root);
    }
    if ((!has_name || !has_path) && problems_.size() == before) {
        problem(element.key_mark, key, fmt::format("{} is missing", has_name ? "path" : "name"));
    }
}

void YamlReader::read_root_entry(const Entry& entry, const std::string& key, Root& root) {
    const std::string path = fmt::format("{}.{}", key, entry.key);
    if (entry.key == "name") {
        read_root_name(entry, path, root);
    } else if (entry.key == "path") {
        read_path(entry, path, 4000, root.path);
    } else if (entry.key == "follow_symlinks") {
        read_yes_no(entry, path, root.follow_symlinks);
    } else if (entry.key == "cross_devices") {
        read_yes_no(entry, path, root.cross_devices);
    } else if (entry.key == "file_bytes_max") {
        if (const std::string* text = scalar(entry, path, "a size such as '64 MiB'")) {
            auto value = parse_size(*text);
            if (value) {
                root.file_bytes_max = *value;
            } else {
                value_problem(entry.value, path, std::move(value).error());
            }
        }
    } else if (entry.key == "rights") {
        read_grants(entry, path, root.rights);
    } else {
        NearestWord nearest(entry.key);
        for (const auto* name : {"name", "path", "follow_symlinks", "cross_devices", "file_bytes_max", "rights"}) {
            nearest.offer(name);
        }
        problem(entry.key_mark, key, fmt::format("unknown setting {}{}", quote(entry.key), nearest.question()));
    }
}

void YamlReader::read_root_name(const Entry& entry, const std::string& key, Root& root) {
    const std::string* text = scalar(entry, key, "a name");
    if (text == nullptr) {
        return;
    }
    const auto is_good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
               c == '-';
    };
    const auto bad = std::ranges::find_if_not(*text, is_good);
    if (bad != text->end() || text->empty() || text->size() > 64) {
        value_problem(entry.value, key,
                      {bad != text->end() ? static_cast<std::size_t>(bad - text->begin()) : 0,
                       fmt::format("{} is not a root name; use 1 to 64 of A-Z a-z 0-9 . _ -", quote(*text))});
        return;
    }
    root.name = *text;
}

void YamlReader::read_yes_no(const Entry& entry, const std::string& key, bool& to) {
    const std::string* text = scalar(entry, key, "yes or no");
    if (text == nullptr) {
        return;
    }
    auto value = parse_yes_no(*text);
    if (value) {
        to = *value;
    } else {
        value_problem(entry.value, key, std::move(value).error());
    }
}

void YamlReader::read_grants(const Entry& entry, const std::string& key, std::vector<Grant>& to) {
    if (!entry.value.IsSequence() || entry.value.size() > 1024) {
        problem(entry.value.IsNull() ? entry.key_mark : entry.value.Mark(), key,
                "expected a list of at most 1024 grants such as {user: alice, allow: [read, list]}");
        return;
    }
    for (const YAML::Node& element : entry.value) {
        Grant grant;
        read_grant(Entry{"", element.IsNull() ? entry.key_mark : element.Mark(), element},
                   fmt::format("{}[{}]", key, to.size()), grant);
        to.push_back(std::move(grant));
    }
}

void YamlReader::read_grant(const Entry& element, const std::string& key, Grant& grant) {
    const std::size_t before = problems_.size();
    int subjects = 0;
    bool has_allow = false;
    for (const Entry& entry : entries(element.value, key)) {
        const std::string path = fmt::format("{}.{}", key, entry.key);
        const bool is_subject = entry.key == "user" || entry.key == "group" || entry.key == "everyone";
        subjects += is_subject ? 1 : 0;
        if (entry.key == "user") {
            read_name(entry, path, grant.user, "user", [&](const std::string& name) { return identities_.user(name); });
        } else if (entry.key == "group") {
            read_name(entry, path, grant.group, "group",
                      [&](const std::string& name) { return identities_.group(name); });
        } else if (entry.key == "everyone") {
            bool yes = true;
            read_yes_no(entry, path, yes);
            if (!yes) {
                problem(entry.value.Mark(), path, "can only be yes; leave the grant out instead");
            }
        } else if (entry.key == "allow") {
            has_allow = true;
            read_allow(entry, path, grant.rights);
        } else {
            NearestWord nearest(entry.key);
            for (const auto* name : {"user", "group", "everyone", "allow"}) {
                nearest.offer(name);
            }
            problem(entry.key_mark, key, fmt::format("unknown setting {}{}", quote(entry.key), nearest.question()));
        }
    }
    if (problems_.size() == before && (subjects != 1 || !has_allow)) {
        problem(element.key_mark, key,
                subjects != 1 ? "needs exactly one of user, group and everyone: yes" : "allow is missing");
    }
}

void YamlReader::read_allow(const Entry& entry, const std::string& key, Rights& to) {
    if (!entry.value.IsSequence()) {
        problem(entry.value.IsNull() ? entry.key_mark : entry.value.Mark(), key,
                "expected a list of rights such as [read, list]");
        return;
    }
    for (const YAML::Node& element : entry.value) {
        Right right{};
        if (read_word(Entry{"", element.IsNull() ? entry.key_mark : element.Mark(), element}, key, right)) {
            to = static_cast<Rights>(to | static_cast<Rights>(right));
        }
    }
}

}  // namespace sluice::daemon::detail
