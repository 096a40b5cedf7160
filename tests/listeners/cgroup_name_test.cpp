#include "listeners/cgroup_name.h"

#include <gtest/gtest.h>

namespace sluice::listeners {
namespace {

std::string shown(std::string_view path) {
    const CgroupName name = parse_cgroup(path);
    return name.unit + "|" + name.user_unit + "|" + name.container;
}

TEST(CgroupName, UnitIsWhatFollowsTheSlices) {
    EXPECT_EQ(shown("/system.slice/nginx.service"), "nginx.service||");
    EXPECT_EQ(shown("/system.slice/system-getty.slice/getty@tty1.service"), "getty@tty1.service||");
    EXPECT_EQ(shown("/init.scope"), "init.scope||");
    EXPECT_EQ(shown("/user.slice/user-1000.slice/session-3.scope"), "session-3.scope||");
    EXPECT_EQ(shown("/system.slice/a.service/sub/b.service"), "a.service||");
    EXPECT_EQ(shown("/"), "||");
    EXPECT_EQ(shown(""), "||");
    EXPECT_EQ(shown("/system.slice/_cgroup.service"), "cgroup.service||");
    EXPECT_EQ(shown("/.service/x.slice"), "||");
}

TEST(CgroupName, UnitsOfAUserAreBelowTheirManager) {
    EXPECT_EQ(shown("/user.slice/user-1000.slice/user@1000.service/app.slice/editor.service"),
              "user@1000.service|editor.service|");
    EXPECT_EQ(shown("/user.slice/user-1000.slice/user@1000.service/init.scope"), "user@1000.service||");
}

TEST(CgroupName, ContainersAreKnownByTheirId) {
    const std::string id(64, 'a');
    EXPECT_EQ(shown("/system.slice/docker-" + id + ".scope"), "docker-" + id + ".scope||" + id);
    EXPECT_EQ(shown("/docker/" + id), "||" + id);
    EXPECT_EQ(shown("/kubepods.slice/kubepods-pod1.slice/cri-containerd-" + id + ".scope"),
              "cri-containerd-" + id + ".scope||" + id);
    EXPECT_EQ(shown("/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" + id),
              "containerd.service||" + id);
    EXPECT_EQ(shown("/docker/" + std::string(63, 'a')), "||");
}

// What is below a unit that is delegated to a user can have any name.
TEST(CgroupName, NobodyNamesHimselfAUnitOrContainer) {
    const std::string id(64, 'a');
    const std::string user = "/user.slice/user-1000.slice/user@1000.service";
    EXPECT_EQ(shown(user + "/app.slice/docker-" + id + ".scope"), "user@1000.service|docker-" + id + ".scope|");
    EXPECT_EQ(shown("/system.slice/foo.service/" + id), "foo.service||");
    EXPECT_EQ(shown("/docker/" + id + "/nginx.service"), "||" + id);
    EXPECT_EQ(shown("/x/nginx.service"), "||");
    EXPECT_EQ(shown("/system.slice/foo.service/bar.slice/nginx.service"), "foo.service||");
}

TEST(CgroupName, PathIsThatOfSystemdsHierarchy) {
    EXPECT_EQ(cgroup_path("0::/system.slice/a.service\n"), "/system.slice/a.service");
    EXPECT_EQ(cgroup_path("9:name=systemd:/init.scope\n1:cpu:/x\n0::/\n"), "/init.scope");
    EXPECT_EQ(cgroup_path("9:name=systemd:/\n0::/system.slice/a.service\n"), "/system.slice/a.service");
    EXPECT_EQ(cgroup_path("4:memory:/x\nrubbish\n"), "");
    EXPECT_EQ(cgroup_path(""), "");
}

}  // namespace
}  // namespace sluice::listeners
