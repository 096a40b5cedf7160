#include "files/policy.h"

#include <algorithm>

namespace sluice::files {

std::string_view right_name(Right right) noexcept {
    switch (right) {
        case Right::read:
            return "read";
        case Right::write:
            return "write";
        case Right::append:
            return "append";
        case Right::create:
            return "create";
        case Right::list:
            return "list";
    }
    return "unknown";
}

std::optional<Right> right_of_name(std::string_view name) noexcept {
    for (const Right right : kAllRights) {
        if (right_name(right) == name) {
            return right;
        }
    }
    return std::nullopt;
}

bool Identity::in_group(std::uint32_t group) const noexcept {
    return gid == group || std::ranges::find(groups, group) != groups.end();
}

bool Rule::matches(const Identity& identity) const noexcept {
    switch (who) {
        case Who::anyone:
            return true;
        case Who::user:
            return identity.uid == id;
        case Who::group:
            return identity.in_group(id);
    }
    return false;
}

Rights rights_of(const std::vector<Rule>& rules, const Identity& identity) noexcept {
    Rights rights;
    for (const Rule& rule : rules) {
        if (rule.matches(identity)) {
            rights = rights | rule.rights;
        }
    }
    return rights;
}

}  // namespace sluice::files
