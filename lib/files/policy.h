// Who may do what in a root.  Rules only allow; what no rule allows is refused, for every uid alike (0 included).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::files {

// Each right stands for itself: `write` does not include `append`, nor `create`.
enum class Right : std::uint8_t {
    read = 1,
    write = 2,   // Overwrite, truncate and replace existing files.
    append = 4,  // Add at the end; what is there cannot be changed.
    create = 8,  // Make files that do not exist.
    list = 16,   // See directories.
};
inline constexpr Right kAllRights[] = {Right::read, Right::write, Right::append, Right::create, Right::list};

// The name in the configuration and in messages.
std::string_view right_name(Right right) noexcept;
std::optional<Right> right_of_name(std::string_view name) noexcept;

class Rights {
 public:
    constexpr Rights() noexcept = default;
    constexpr Rights(std::initializer_list<Right> rights) noexcept {
        for (const Right right : rights) {
            add(right);
        }
    }
    static constexpr Rights all() noexcept {
        Rights rights;
        for (const Right right : kAllRights) {
            rights.add(right);
        }
        return rights;
    }
    constexpr void add(Right right) noexcept { bits_ |= static_cast<std::uint8_t>(right); }
    constexpr bool has(Right right) const noexcept { return (bits_ & static_cast<std::uint8_t>(right)) != 0; }
    constexpr bool empty() const noexcept { return bits_ == 0; }
    friend constexpr Rights operator|(Rights a, Rights b) noexcept {
        a.bits_ |= b.bits_;
        return a;
    }
    friend constexpr bool operator==(Rights, Rights) noexcept = default;

 private:
    std::uint8_t bits_ = 0;
};

// A client, as the kernel described it at connect.
struct Identity {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> groups;  // Supplementary.

    bool in_group(std::uint32_t group) const noexcept;
};

struct Rule {
    enum class Who : std::uint8_t { anyone, user, group };
    Who who = Who::anyone;
    std::uint32_t id = 0;  // uid or gid; unused with anyone.
    Rights rights;

    bool matches(const Identity& identity) const noexcept;
};

// The union of all rules that match.
Rights rights_of(const std::vector<Rule>& rules, const Identity& identity) noexcept;

}  // namespace sluice::files
