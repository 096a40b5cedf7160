#include "listeners/cgroup_name.h"

#include <algorithm>

namespace sluice::listeners {
namespace {

constexpr std::size_t kContainerIdBytes = 64;
constexpr std::size_t kUnitNameMax = 255;  // systemd's UNIT_NAME_MAX.

std::string_view next_component(std::string_view& path) noexcept {
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    const std::string_view component = path.substr(0, path.find('/'));
    path.remove_prefix(component.size());
    return component.starts_with('_') ? component.substr(1) : component;
}

bool is_unit(std::string_view name) noexcept {
    constexpr std::string_view kSuffixes[] = {".service", ".scope", ".socket", ".mount", ".swap"};
    return name.size() <= kUnitNameMax && std::ranges::any_of(kSuffixes, [&](std::string_view suffix) {
               return name.size() > suffix.size() && name.ends_with(suffix);
           });
}

// "docker-<id>.scope", "cri-containerd-<id>.scope", "crio-<id>", "libpod-<id>", "<id>".
std::string_view container_id(std::string_view name) noexcept {
    if (name.ends_with(".scope")) {
        name.remove_suffix(6);
    }
    if (const std::size_t separator = name.find_last_of("-:"); separator != std::string_view::npos) {
        name.remove_prefix(separator + 1);
    }
    const bool hex = std::ranges::all_of(name, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    return hex && name.size() == kContainerIdBytes ? name : std::string_view();
}

// What is below a unit is its own affair, and can have any name; but these make containers there.
bool is_container_runtime(std::string_view unit) noexcept {
    return unit == "containerd.service" || unit == "docker.service" || unit == "crio.service";
}

// The units of a user's own manager.
std::string_view user_unit_in(std::string_view path) noexcept {
    while (!path.empty()) {
        const std::string_view component = next_component(path);
        if (!component.ends_with(".slice")) {
            return is_unit(component) && component != "init.scope" ? component : std::string_view();
        }
    }
    return {};
}

}  // namespace

CgroupName parse_cgroup(std::string_view path) {
    CgroupName name;
    std::string_view component = next_component(path);
    while (component.ends_with(".slice")) {
        component = next_component(path);
    }
    if (is_unit(component)) {
        name.unit = component;
        name.container = container_id(component);
        if (component.starts_with("user@")) {
            name.user_unit = user_unit_in(path);
        }
        if (!is_container_runtime(component)) {
            return name;
        }
    }
    // Without systemd's driver: "/docker/<id>", "/kubepods/pod.../<id>", or below the runtime's own unit.
    while (name.container.empty() && !component.empty()) {
        name.container = container_id(component);
        component = next_component(path);
    }
    return name;
}

std::string_view cgroup_path(std::string_view file) noexcept {
    std::string_view found;
    while (!file.empty()) {
        const std::string_view line = file.substr(0, file.find('\n'));
        file.remove_prefix(std::min(line.size() + 1, file.size()));
        const std::size_t first = line.find(':');
        const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
        if (second == std::string_view::npos) {
            continue;
        }
        const std::string_view controllers = line.substr(first + 1, second - first - 1);
        const std::string_view path = line.substr(second + 1);
        if (controllers == "name=systemd" && path != "/") {
            return path;
        }
        if (controllers.empty()) {
            found = path;
        }
    }
    return found;
}

}  // namespace sluice::listeners
