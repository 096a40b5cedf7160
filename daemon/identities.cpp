#include "daemon/identities.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <vector>

namespace sluice::daemon {
namespace {

constexpr std::size_t kBufferBytesMax = 16U << 20U;  // A group of about a million members.

std::optional<std::uint32_t> as_number(const std::string& name) {
    std::uint32_t id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    const bool all = error == std::errc{} && end == name.data() + name.size();
    // -1 means "no id" to the kernel.
    return all && id != std::numeric_limits<std::uint32_t>::max() ? std::optional(id) : std::nullopt;
}

// Calls one of the get*_r functions with a buffer that is large enough.
template <class Entry, class Call>
bool look_up(Entry& entry, std::vector<char>& buffer, Call call) {
    buffer.resize(1024);
    for (;;) {
        Entry* found = nullptr;
        const int error = call(&entry, buffer.data(), buffer.size(), &found);
        if (error != ERANGE || buffer.size() >= kBufferBytesMax) {
            return error == 0 && found != nullptr;
        }
        buffer.resize(buffer.size() * 2);
    }
}

}  // namespace

std::optional<UserRef> SystemIdentities::user(const std::string& name) const {
    if (const auto uid = as_number(name)) {
        return UserRef{name, *uid};
    }
    passwd entry{};
    std::vector<char> buffer;
    const bool found = look_up(entry, buffer, [&](passwd* to, char* bytes, std::size_t size, passwd** result) {
        return getpwnam_r(name.c_str(), to, bytes, size, result);
    });
    return found ? std::optional(UserRef{name, entry.pw_uid}) : std::nullopt;
}

std::optional<GroupRef> SystemIdentities::group(const std::string& name) const {
    const auto gid = as_number(name);
    ::group entry{};
    std::vector<char> buffer;
    const bool found = look_up(entry, buffer, [&](::group* to, char* bytes, std::size_t size, ::group** result) {
        return gid ? getgrgid_r(*gid, to, bytes, size, result) : getgrnam_r(name.c_str(), to, bytes, size, result);
    });
    if (!found) {
        return gid ? std::optional(GroupRef{name, *gid, {}}) : std::nullopt;
    }
    GroupRef ref{name, entry.gr_gid, {}};
    for (char** member = entry.gr_mem; *member != nullptr; ++member) {
        if (const auto user_ref = user(*member)) {
            ref.members.push_back(user_ref->uid);
        }
    }
    std::ranges::sort(ref.members);
    return ref;
}

}  // namespace sluice::daemon
