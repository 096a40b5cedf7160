// Reads one YAML document into a Config, remembering where each value stood.  Private to yaml_reader.cpp and
// yaml_roots.cpp.
#pragma once

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <string>
#include <vector>

#include "base/format.h"
#include "daemon/config_values.h"
#include "daemon/identities.h"
#include "daemon/settings.h"

namespace sluice::daemon::detail {

// Threads: one.  yaml-cpp throws; parse_config() catches.
class YamlReader {
 public:
    YamlReader(const std::string& file, const Identities& identities) : file_(file), identities_(identities) {}

    // Throws YAML::Exception.
    void read(const std::string& yaml);
    void syntax_error(const YAML::Mark& mark, const std::string& what) { problem(mark, "", "not valid YAML: " + what); }
    ConfigResult finish();

 private:
    // One key of a map, checked to be a plain string that is there once.
    struct Entry {
        std::string key;
        YAML::Mark key_mark;
        YAML::Node value;
    };

    void problem(const YAML::Mark& mark, std::string_view key, std::string text, std::size_t offset = 0);
    // For a scalar: at the byte of its text.
    void value_problem(const YAML::Node& node, std::string_view key, ValueError error);
    void out_of_range(const YAML::Node& node, const Setting& setting);

    std::vector<Entry> entries(const YAML::Node& map, const std::string& key);
    // The text of a scalar, or a problem and null.
    const std::string* scalar(const Entry& entry, std::string_view key, std::string_view expected);

    void read_section(const Entry& section);
    void unknown_setting(const std::string& section, const Entry& entry);
    void read_setting(const Setting& setting, const Entry& entry);

    void read_value(const Setting& setting, const Entry& entry, std::uint64_t& to);
    void read_value(const Setting& setting, const Entry& entry, std::uint32_t& to);
    void read_value(const Setting& setting, const Entry& entry, Milliseconds& to);
    void read_value(const Setting& setting, const Entry& entry, std::vector<UserRef>& to);
    void read_value(const Setting& setting, const Entry& entry, std::vector<GroupRef>& to);
    void read_value(const Setting& setting, const Entry& entry, std::vector<Root>& to);
    void read_value(const Setting& setting, const Entry& entry, std::vector<RetentionClass>& to);
    void read_value(const Setting& setting, const Entry& entry, std::vector<ListenerConfig>& to);
    template <class E>
    void read_value(const Setting& setting, const Entry& entry, E& to)
        requires std::is_enum_v<E>
    {
        read_word(entry, setting.key, to);
    }
    void read_mode(const Setting& setting, const Entry& entry, std::uint32_t& to);
    void read_path(const Entry& entry, std::string_view key, std::uint64_t bytes_max, std::string& to);
    template <class E>
    bool read_word(const Entry& entry, std::string_view key, E& to);
    bool in_range(const Setting& setting, std::uint64_t value) const;
    template <class Ref, class LookUp>
    void read_names(const Setting& setting, const Entry& entry, std::vector<Ref>& to, std::string_view what,
                    LookUp look_up);
    template <class Ref, class LookUp>
    void read_name(const Entry& entry, std::string_view key, std::vector<Ref>& to, std::string_view what,
                   LookUp look_up);

    void read_class(const Entry& element, const std::string& key, RetentionClass& one);
    void read_class_entry(const Entry& entry, const std::string& key, RetentionClass& one);
    void read_class_name(const Entry& entry, const std::string& key, RetentionClass& one);
    void read_streams(const Entry& entry, const std::string& key, std::vector<std::string>& to);

    void read_listener(const Entry& element, const std::string& key, ListenerConfig& one);
    void read_listener_entry(const Entry& entry, const std::string& key, ListenerConfig& one);
    void read_listener_name(const Entry& entry, const std::string& key, ListenerConfig& one);
    void read_stream_pattern(const Entry& entry, const std::string& key, ListenerConfig& one);

    void read_root(const Entry& element, const std::string& key, Root& root);
    void read_root_entry(const Entry& entry, const std::string& key, Root& root);
    void read_root_name(const Entry& entry, const std::string& key, Root& root);
    void read_yes_no(const Entry& entry, const std::string& key, bool& to);
    void read_grants(const Entry& entry, const std::string& key, std::vector<Grant>& to);
    void read_grant(const Entry& element, const std::string& key, Grant& grant);
    void read_allow(const Entry& entry, const std::string& key, Rights& to);

    const std::string& file_;
    const Identities& identities_;
    Config config_;
    ConfigProblems problems_;
    std::map<std::string, YAML::Mark, std::less<>> where_;  // Of the values that were read.
};

template <class E>
bool YamlReader::read_word(const Entry& entry, std::string_view key, E& to) {
    std::string choices;
    for (const auto& [word, meaning] : words_of(E{})) {
        choices += fmt::format("{}{}", choices.empty() ? "" : ", ", word);
    }
    const std::string* text = scalar(entry, key, fmt::format("one of {}", choices));
    if (text == nullptr) {
        return false;
    }
    NearestWord nearest(*text);
    for (const auto& [word, meaning] : words_of(E{})) {
        nearest.offer(word);
        if (word == *text) {
            to = meaning;
            return true;
        }
    }
    value_problem(entry.value, key,
                  {0, fmt::format("unknown word {}; use one of {}{}", quote(*text), choices, nearest.question())});
    return false;
}

template <class Ref, class LookUp>
void YamlReader::read_name(const Entry& entry, std::string_view key, std::vector<Ref>& to, std::string_view what,
                           LookUp look_up) {
    const std::string* text = scalar(entry, key, fmt::format("a {} name or number", what));
    if (text == nullptr) {
        return;
    }
    if (auto ref = look_up(*text)) {
        to.push_back(*std::move(ref));
    } else {
        value_problem(entry.value, key, {0, fmt::format("there is no {} {} on this machine", what, quote(*text))});
    }
}

}  // namespace sluice::daemon::detail
