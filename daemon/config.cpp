#include "daemon/config.h"

#include <algorithm>
#include <tuple>

#include "base/format.h"
#include "daemon/settings.h"

namespace sluice::daemon {

bool GroupRef::matches(uid_t peer_uid, gid_t peer_gid) const noexcept {
    return gid == peer_gid || std::ranges::binary_search(members, peer_uid);
}

bool Grant::matches(uid_t peer_uid, gid_t peer_gid) const noexcept {
    if (!user.empty()) {
        return user.front().uid == peer_uid;
    }
    return group.empty() || group.front().matches(peer_uid, peer_gid);
}

Rights Root::rights_of(uid_t peer_uid, gid_t peer_gid) const noexcept {
    Rights all = 0;
    for (const Grant& grant : rights) {
        all = static_cast<Rights>(all | (grant.matches(peer_uid, peer_gid) ? grant.rights : 0));
    }
    return all;
}

bool ListenConfig::admits(uid_t peer_uid, gid_t peer_gid, uid_t own_uid) const noexcept {
    if (peer_uid == 0 || peer_uid == own_uid || (allowed_users.empty() && allowed_groups.empty())) {
        return true;
    }
    return std::ranges::any_of(allowed_users, [&](const UserRef& allowed) { return allowed.uid == peer_uid; }) ||
           std::ranges::any_of(allowed_groups,
                               [&](const GroupRef& allowed) { return allowed.matches(peer_uid, peer_gid); });
}

ListenerConfig standard_listener(listeners::Protocol protocol) {
    ListenerConfig listener;
    listener.name = listeners::protocol_name(protocol);
    std::ranges::replace(listener.name, '_', '-');
    listener.protocol = protocol;
    listener.socket = "/run/sluice/" + listener.name;
    if (protocol == listeners::Protocol::stdout_stream) {
        listener.connections_max = 1024;
        listener.connections_per_uid_max = 512;
    }
    return listener;
}

Config private_config(const std::string& directory, uid_t uid) {
    Config config;
    config.store.directory = directory + "/store";
    config.store.segment_bytes = 16ULL << 20U;
    config.store.log_bytes_max = 1ULL << 30U;
    config.retention.bytes_max = 1ULL << 30U;
    config.retention.keep_free = 0;
    config.listen.socket = directory + "/sluice.sock";
    config.listen.mode = 0600;
    const UserRef self{fmt::format("{}", uid), uid};
    config.listen.allowed_users.push_back(self);
    Root root;
    root.name = "files";
    root.path = directory + "/files";
    for (const uid_t user : {uid_t{0}, uid}) {
        Grant grant;
        grant.user.push_back(UserRef{fmt::format("{}", user), user});
        grant.rights = kAllRights;
        root.rights.push_back(std::move(grant));
        if (uid == 0) {
            break;
        }
    }
    config.roots.push_back(std::move(root));
    for (const auto& [word, protocol] : listeners::kProtocolNames) {
        ListenerConfig listener = standard_listener(protocol);
        listener.socket = fmt::format("{}/{}", directory, listener.name);
        listener.mode = 0600;
        config.listeners.push_back(std::move(listener));
    }
    return config;
}

namespace {

// What of a listener only a restart can change.
auto socket_of(const ListenerConfig& one) {
    return std::tie(one.name, one.enabled, one.protocol, one.socket, one.mode, one.owner, one.group);
}

bool same_sockets(const std::vector<ListenerConfig>& a, const std::vector<ListenerConfig>& b) {
    return std::ranges::equal(a, b, {}, socket_of, socket_of);
}

bool applies_live(const Setting& setting, const Config& current, const Config& wanted) {
    return setting.key == "listeners" ? same_sockets(current.listeners, wanted.listeners)
                                      : setting.apply == Apply::live;
}

}  // namespace

ConfigChanges compare(const Config& current, const Config& wanted) {
    ConfigChanges changes;
    for (const Setting& setting : settings()) {
        const bool differs =
            std::visit([&](const auto& f) { return f.view(current) != f.view(wanted); }, setting.field);
        if (!differs) {
            continue;
        }
        std::string before = value_text(setting, current);
        std::string after = value_text(setting, wanted);
        // The same names can stand for other ids or members than before.
        std::string line = before == after ? fmt::format("{}: same text, other users or groups", setting.key)
                                           : fmt::format("{}: {} -> {}", setting.key, before, after);
        const bool live = applies_live(setting, current, wanted);
        (live ? changes.live : changes.need_restart).push_back(std::move(line));
    }
    return changes;
}

Config with_live_changes(const Config& current, const Config& wanted) {
    Config next = current;
    for (const Setting& setting : settings()) {
        if (applies_live(setting, current, wanted)) {
            std::visit([&](const auto& field) { field.edit(next) = field.view(wanted); }, setting.field);
        }
    }
    for (ListenerConfig& listener : next.listeners) {
        const auto same = [&](const ListenerConfig& other) { return socket_of(other) == socket_of(listener); };
        if (const auto found = std::ranges::find_if(wanted.listeners, same); found != wanted.listeners.end()) {
            listener = *found;
        }
    }
    return next;
}

std::string ConfigProblem::to_string() const {
    std::string out = file;
    if (line > 0) {
        out += fmt::format(":{}", line);
        if (column > 0) {
            out += fmt::format(":{}", column);
        }
    }
    if (!key.empty()) {
        out += fmt::format("{}{}", out.empty() ? "" : ": ", key);
    }
    return fmt::format("{}{}{}", out, out.empty() ? "" : ": ", text);
}

}  // namespace sluice::daemon
