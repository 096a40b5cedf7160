// What the path of a cgroup says of a process: its systemd unit and its container.
#pragma once

#include <string>
#include <string_view>

namespace sluice::listeners {

struct CgroupName {
    std::string unit;       // "nginx.service", "session-3.scope", "user@1000.service"; empty: none.
    std::string user_unit;  // Of the user's own manager: "gnome-terminal.service".
    std::string container;  // The id that Docker, Podman, containerd or CRI-O gave it, 64 hexadecimal digits.
};

// `path` as in /proc/PID/cgroup: "/system.slice/nginx.service".  Names are as systemd makes them: slices first, then
// the unit; "_x" stands for "x" where x would mean something to the kernel.
CgroupName parse_cgroup(std::string_view path);

// The path of the unified hierarchy ("0::..."), or that of systemd's own ("1:name=systemd:..."), of a whole
// /proc/PID/cgroup.  Where a machine has both, the latter has the units, but not of a process that has ended: "/".
std::string_view cgroup_path(std::string_view file) noexcept;

}  // namespace sluice::listeners
