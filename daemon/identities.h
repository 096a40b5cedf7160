// Names of users and groups to numbers.  Reads the user database, which may block: at start and reload only.
#pragma once

#include <optional>
#include <string>

#include "daemon/config.h"

namespace sluice::daemon {

class Identities {
 public:
    virtual ~Identities() = default;
    // Empty: no such user or group.  `name` is a name or a decimal number; a number needs no entry in the database.
    virtual std::optional<UserRef> user(const std::string& name) const = 0;
    virtual std::optional<GroupRef> group(const std::string& name) const = 0;
};

// getpwnam and getgrnam.
class SystemIdentities final : public Identities {
 public:
    std::optional<UserRef> user(const std::string& name) const override;
    std::optional<GroupRef> group(const std::string& name) const override;
};

}  // namespace sluice::daemon
