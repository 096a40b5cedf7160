// Settings as text: their values, types and bounds, as the documents and messages have them.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/format.h"
#include "daemon/config_values.h"
#include "daemon/settings.h"

namespace sluice::daemon {
namespace {

constexpr std::array<std::pair<std::string_view, StoreIo>, 3> kStoreIoWords{
    {{"auto", StoreIo::automatic}, {"direct", StoreIo::direct}, {"buffered", StoreIo::buffered}}};
constexpr std::array<std::pair<std::string_view, LogTarget>, 3> kLogTargetWords{
    {{"auto", LogTarget::automatic}, {"stderr", LogTarget::standard_error}, {"journal", LogTarget::journal}}};
constexpr std::array<std::pair<std::string_view, LogLevel>, 4> kLogLevelWords{
    {{"error", LogLevel::error}, {"warning", LogLevel::warning}, {"info", LogLevel::info}, {"debug", LogLevel::debug}}};
constexpr std::array<std::pair<std::string_view, Right>, 5> kRightWords{{{"read", Right::read},
                                                                         {"write", Right::write},
                                                                         {"append", Right::append},
                                                                         {"create", Right::create},
                                                                         {"list", Right::list}}};

constexpr std::array<std::pair<std::string_view, listeners::Overflow>, 3> kOverflowWords{
    {{"block", listeners::Overflow::block},
     {"drop", listeners::Overflow::drop},
     {"drop_by_severity", listeners::Overflow::drop_by_severity}}};
constexpr std::array<std::pair<std::string_view, wire::Severity>, 8> kSeverityWords{
    {{"emerg", wire::Severity::emerg},
     {"alert", wire::Severity::alert},
     {"crit", wire::Severity::crit},
     {"err", wire::Severity::err},
     {"warning", wire::Severity::warning},
     {"notice", wire::Severity::notice},
     {"info", wire::Severity::info},
     {"debug", wire::Severity::debug}}};

template <class E>
std::string words_text(E value) {
    std::string text = "one of";
    for (const auto& [word, meaning] : words_of(value)) {
        text += fmt::format("{} {}", text == "one of" ? "" : ",", word);
    }
    return text;
}

// Plain where YAML and our reader take it as it is, else in double quotes.
std::string yaml_string(const std::string& text) {
    const bool plain = !text.empty() &&
                       std::ranges::all_of(text,
                                           [](char c) {
                                               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                                      (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '.' ||
                                                      c == '-';
                                           }) &&
                       text.front() != '-' && text.front() != '.';
    if (plain) {
        return text;
    }
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
            out += c;
        }
    }
    return out + '"';
}

template <class Ref>
std::string names_text(const std::vector<Ref>& refs, bool single) {
    if (single) {
        return refs.empty() ? "''" : yaml_string(refs.front().name);
    }
    std::vector<std::string> names;
    for (const Ref& ref : refs) {
        names.push_back(yaml_string(ref.name));
    }
    return fmt::format("[{}]", fmt::join(names, ", "));
}

std::string rights_text(Rights rights) {
    std::vector<std::string_view> words;
    for (const auto& [word, right] : words_of(Right{})) {
        if (has(rights, right)) {
            words.push_back(word);
        }
    }
    return fmt::format("[{}]", fmt::join(words, ", "));
}

std::string grant_text(const Grant& grant) {
    const std::string who = !grant.user.empty()    ? "user: " + yaml_string(grant.user.front().name)
                            : !grant.group.empty() ? "group: " + yaml_string(grant.group.front().name)
                                                   : "everyone: yes";
    return fmt::format("{{{}, allow: {}}}", who, rights_text(grant.rights));
}

std::string root_text(const Root& root) {
    std::vector<std::string> grants;
    for (const Grant& grant : root.rights) {
        grants.push_back(grant_text(grant));
    }
    return fmt::format(
        "{{name: {}, path: {}, follow_symlinks: {}, cross_devices: {}, file_bytes_max: {}, rights: [{}]}}",
        yaml_string(root.name), yaml_string(root.path), root.follow_symlinks ? "yes" : "no",
        root.cross_devices ? "yes" : "no", format_size(root.file_bytes_max), fmt::join(grants, ", "));
}

std::string class_text(const RetentionClass& one) {
    std::vector<std::string> streams;
    for (const std::string& stream : one.streams) {
        streams.push_back(yaml_string(stream));
    }
    return fmt::format("{{name: {}, streams: [{}], age_max: {}, bytes_max: {}}}", one.name, fmt::join(streams, ", "),
                       format_duration(one.age_max), format_size(one.bytes_max));
}

std::string listener_text(const ListenerConfig& one) {
    return fmt::format(
        "{{name: {}, protocol: {}, enabled: {}, socket: {}, mode: {}, owner: {}, group: {}, stream: {}, overflow: {}, "
        "keep_severity: {}, message_bytes_max: {}, connections_max: {}, connections_per_uid_max: {}, rate_burst: {}, "
        "rate_interval: {}}}",
        yaml_string(one.name), word_for(one.protocol), one.enabled ? "yes" : "no", yaml_string(one.socket),
        format_mode(one.mode), names_text(one.owner, true), names_text(one.group, true), yaml_string(one.stream),
        word_for(one.overflow), word_for(one.keep_severity), format_size(one.message_bytes_max), one.connections_max,
        one.connections_per_uid_max, one.rate_burst, format_duration(one.rate_interval));
}

struct ValueText {
    const Setting& setting;
    const Config& config;
    std::string operator()(const Field<std::uint64_t>& f) const { return format_size(f.view(config)); }
    std::string operator()(const Field<std::uint32_t>& f) const { return fmt::format("{}", f.view(config)); }
    std::string operator()(const Field<Milliseconds>& f) const { return format_duration(f.view(config)); }
    std::string operator()(const ModeField& f) const { return format_mode(f.view(config)); }
    std::string operator()(const PathField& f) const { return yaml_string(f.view(config)); }
    std::string operator()(const Field<StoreIo>& f) const { return std::string(word_for(f.view(config))); }
    std::string operator()(const Field<LogTarget>& f) const { return std::string(word_for(f.view(config))); }
    std::string operator()(const Field<LogLevel>& f) const { return std::string(word_for(f.view(config))); }
    std::string operator()(const Field<std::vector<UserRef>>& f) const {
        return names_text(f.view(config), setting.most == 1);
    }
    std::string operator()(const Field<std::vector<GroupRef>>& f) const {
        return names_text(f.view(config), setting.most == 1);
    }
    std::string operator()(const Field<std::vector<Root>>& f) const {
        std::vector<std::string> roots;
        for (const Root& root : f.view(config)) {
            roots.push_back(root_text(root));
        }
        return fmt::format("[{}]", fmt::join(roots, ", "));
    }
    std::string operator()(const Field<std::vector<ListenerConfig>>& f) const {
        std::vector<std::string> texts;
        for (const ListenerConfig& one : f.view(config)) {
            texts.push_back(listener_text(one));
        }
        return fmt::format("[{}]", fmt::join(texts, ", "));
    }
    std::string operator()(const Field<std::vector<RetentionClass>>& f) const {
        std::vector<std::string> classes;
        for (const RetentionClass& one : f.view(config)) {
            classes.push_back(class_text(one));
        }
        return fmt::format("[{}]", fmt::join(classes, ", "));
    }
};

struct TypeText {
    const Setting& setting;
    std::string operator()(const Field<std::uint64_t>&) const { return "size"; }
    std::string operator()(const Field<std::uint32_t>&) const { return "number"; }
    std::string operator()(const Field<Milliseconds>&) const { return "duration"; }
    std::string operator()(const ModeField&) const { return "octal mode"; }
    std::string operator()(const PathField&) const { return "absolute path"; }
    std::string operator()(const Field<StoreIo>&) const { return words_text(StoreIo{}); }
    std::string operator()(const Field<LogTarget>&) const { return words_text(LogTarget{}); }
    std::string operator()(const Field<LogLevel>&) const { return words_text(LogLevel{}); }
    std::string operator()(const Field<std::vector<UserRef>>&) const {
        return setting.most == 1 ? "user name or number" : "list of user names or numbers";
    }
    std::string operator()(const Field<std::vector<GroupRef>>&) const {
        return setting.most == 1 ? "group name or number" : "list of group names or numbers";
    }
    std::string operator()(const Field<std::vector<Root>>&) const { return "list of roots"; }
    std::string operator()(const Field<std::vector<ListenerConfig>>&) const { return "list of listeners"; }
    std::string operator()(const Field<std::vector<RetentionClass>>&) const { return "list of classes"; }
};

struct BoundsText {
    const Setting& setting;
    std::string operator()(const Field<std::uint64_t>&) const {
        return range(format_size(setting.least), format_size(setting.most)) +
               (setting.multiple > 1 ? fmt::format(", a multiple of {}", format_size(setting.multiple)) : "");
    }
    std::string operator()(const Field<std::uint32_t>&) const {
        return range(fmt::format("{}", setting.least), fmt::format("{}", setting.most));
    }
    std::string operator()(const Field<Milliseconds>&) const {
        return range(format_duration(Milliseconds(setting.least)), format_duration(Milliseconds(setting.most)));
    }
    std::string operator()(const PathField&) const { return fmt::format("at most {} bytes", setting.most); }
    std::string operator()(const Field<std::vector<Root>>&) const { return fmt::format("at most {}", setting.most); }
    std::string operator()(const Field<std::vector<RetentionClass>>&) const {
        return fmt::format("at most {}", setting.most);
    }
    std::string operator()(const Field<std::vector<ListenerConfig>>&) const {
        return fmt::format("at most {}", setting.most);
    }
    std::string operator()(const auto&) const { return {}; }

 private:
    static std::string range(const std::string& least, const std::string& most) {
        return fmt::format("{} to {}", least, most);
    }
};

}  // namespace

Words<StoreIo> words_of(StoreIo) {
    return kStoreIoWords;
}
Words<LogTarget> words_of(LogTarget) {
    return kLogTargetWords;
}
Words<LogLevel> words_of(LogLevel) {
    return kLogLevelWords;
}
Words<Right> words_of(Right) {
    return kRightWords;
}
Words<listeners::Protocol> words_of(listeners::Protocol) {
    return listeners::kProtocolNames;
}
Words<listeners::Overflow> words_of(listeners::Overflow) {
    return kOverflowWords;
}
Words<wire::Severity> words_of(wire::Severity) {
    return kSeverityWords;
}

std::string type_text(const Setting& setting) {
    return std::visit(TypeText{setting}, setting.field);
}

std::string bounds_text(const Setting& setting) {
    const std::string bounds = std::visit(BoundsText{setting}, setting.field);
    return setting.zero.empty() ? bounds : fmt::format("{}; 0: {}", bounds, setting.zero);
}

std::string value_text(const Setting& setting, const Config& config) {
    return std::visit(ValueText{setting, config}, setting.field);
}

}  // namespace sluice::daemon
