// What only a real kernel has: links, FIFOs, devices, sockets, mounts, /proc.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "environment.h"

namespace sluice::files::test {
namespace {

class Host : public testing::Test {
 protected:
    void SetUp() override {
        Result<std::unique_ptr<Environment>> real = make_real();
        if (!real) {
            GTEST_SKIP() << real.error();
        }
        environment = std::move(*real);
        environment->write_file("secret", "outside");
        environment->write_file("in/a", "inside");
        environment->make_directory("in/d");
    }
    RootOptions root(std::string path) const {
        RootOptions options = open_root(*environment);
        options.path = std::move(path);
        return options;
    }
    RootOptions inner() const { return root(environment->absolute("in")); }
    void link(const std::string& to, std::string_view name) const {
        ASSERT_EQ(::symlink(to.c_str(), environment->absolute(name).c_str()), 0);
    }
    // Every request on `path` is refused with `code`, and changes nothing.
    void expect_refused(Service& service, std::string_view path, Errc code) const {
        EXPECT_EQ(code_of(service.get(path)), code) << path;
        EXPECT_EQ(code_of(service.open(path, {.read = true})), code) << path;
        EXPECT_EQ(code_of(service.open(path, {.read = true, .write = true, .append = true})), code) << path;
        EXPECT_EQ(code_of(service.open(path, {.write = true})), code) << path;
        EXPECT_EQ(code_of(service.open(path, {.write = true, .create = true, .truncate = true})), code) << path;
        EXPECT_EQ(code_of(environment->run(service.files.stat(identity(), "files", path))), code) << path;
        EXPECT_EQ(service.files.ledger().total(), 0U);
    }
    void expect_not_replaced(Service& service, std::string_view path, Errc code) const {
        EXPECT_EQ(code_of(service.put(path, "x")), code) << path;
        EXPECT_EQ(code_of(service.open(path, {.replace = true})), code) << path;
    }
    std::unique_ptr<Environment> environment;
};

TEST_F(Host, SymbolicLinksAreRefusedByDefault) {
    link("a", "in/inward");
    link("../secret", "in/outward");
    link(environment->absolute("secret"), "in/absolute");
    link(".", "in/here");
    link("nowhere", "in/dangling");
    Service service(*environment, inner());
    for (const char* path : {"inward", "outward", "absolute", "here/a", "dangling"}) {
        expect_refused(service, path, Errc::permission_denied);
    }
    for (const char* path : {"inward", "outward", "absolute", "dangling"}) {
        expect_not_replaced(service, path, Errc::wrong_type);
    }
    expect_not_replaced(service, "here/a", Errc::permission_denied);
    EXPECT_EQ(environment->content("secret"), "outside");
    EXPECT_EQ(environment->content("in/a"), "inside");
    EXPECT_FALSE(environment->content("in/nowhere"));
}

TEST_F(Host, FollowedLinksStayInTheRoot) {
    link("a", "in/inward");
    link("../in/d/../a", "in/around");
    link("../secret", "in/outward");
    link(environment->absolute("secret"), "in/absolute");
    link("..", "in/d/up");
    link("../..", "in/d/out");
    RootOptions options = inner();
    options.follow_symlinks = true;
    Service service(*environment, std::move(options));
    EXPECT_EQ(service.get("inward"), "inside");
    EXPECT_EQ(service.get("d/up/a"), "inside");
    for (const char* path : {"outward", "absolute", "around", "d/out/secret"}) {
        expect_refused(service, path, Errc::permission_denied);
    }
    expect_not_replaced(service, "d/out/secret", Errc::permission_denied);
    // The last component is never followed by a replacement: it would replace the link, not the file.
    expect_not_replaced(service, "inward", Errc::wrong_type);
    EXPECT_EQ(environment->content("secret"), "outside");
}

TEST_F(Host, LongestPathIsTheLongestOfTheKernel) {
    Service service(*environment, inner());
    std::string path(kPathBytesMax, 'x');
    for (std::size_t i = 1; i < path.size(); i += 2) {
        path[i] = i + 1 < path.size() ? '/' : 'x';
    }
    EXPECT_EQ(code_of(service.get(path)), Errc::not_found);
    const Result<std::string> longer = service.get(path + "x");
    ASSERT_FALSE(longer);
    EXPECT_EQ(longer.error().text(), fmt::format("a path of {} bytes exceeds {}", path.size() + 1, path.size()));
}

TEST_F(Host, UmaskIsTakenFromTheModeOfANewFile) {
    Service service(*environment, inner());
    const auto mode_of = [&](std::string_view path) {
        return environment->run(service.files.stat(identity(), "files", path))->mode & 07777U;
    };
    const mode_t before = ::umask(027);
    ASSERT_TRUE(service.put("put", "x", {.mode = 0666}));
    ASSERT_TRUE(service.put("default", "x"));
    ::umask(077);
    const auto opened = service.open("opened", {.write = true, .create = true});
    ::umask(before);
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_EQ(mode_of("put"), 0640U);
    EXPECT_EQ(mode_of("default"), 0640U);
    EXPECT_EQ(mode_of("opened"), 0600U);
}

TEST_F(Host, MagicLinksAreNeverFollowed) {
    RootOptions options = root("/proc/self");
    options.follow_symlinks = true;
    options.cross_devices = true;
    Service service(*environment, std::move(options));
    for (const char* path : {"exe", "fd/0", "root/etc/passwd", "cwd/anything"}) {
        EXPECT_EQ(code_of(service.get(path)), Errc::permission_denied) << path;
        EXPECT_EQ(code_of(service.open(path, {.read = true})), Errc::permission_denied) << path;
    }
    EXPECT_TRUE(service.get("status"));  // The root itself is in order.
}

TEST_F(Host, OtherMountsAreRefusedByDefault) {
    Service service(*environment, root("/"));
    expect_refused(service, "proc/version", Errc::permission_denied);
    EXPECT_EQ(code_of(service.put("proc/version", "x")), Errc::permission_denied);
    RootOptions crossing = root("/");
    crossing.cross_devices = true;
    Service allowed(*environment, std::move(crossing));
    EXPECT_TRUE(allowed.get("proc/version"));
}

TEST_F(Host, FifosAreRefusedWithoutBlocking) {
    ASSERT_EQ(::mkfifo(environment->absolute("in/fifo").c_str(), 0600), 0);
    Service service(*environment, inner());
    expect_refused(service, "fifo", Errc::wrong_type);
    expect_not_replaced(service, "fifo", Errc::wrong_type);
}

TEST_F(Host, SocketsAreRefused) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_GE(fd, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = environment->absolute("in/socket");
    ASSERT_LT(path.size(), sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    Service service(*environment, inner());
    expect_refused(service, "socket", Errc::wrong_type);
    expect_not_replaced(service, "socket", Errc::wrong_type);
    ::close(fd);
}

TEST_F(Host, DevicesAreRefused) {
    Service service(*environment, root("/dev"));
    expect_refused(service, "null", Errc::wrong_type);
    expect_refused(service, "zero", Errc::wrong_type);
}

// A second name of a file is the same file: appends through both are in one order.
TEST_F(Host, AppendsThroughTwoNamesShareOneOrder) {
    ASSERT_EQ(::link(environment->absolute("in/a").c_str(), environment->absolute("in/b").c_str()), 0);
    Service service(*environment, inner());
    const auto a = service.open("a", {.append = true});
    const auto b = service.open("b", {.append = true});
    ASSERT_TRUE(a && b);
    EXPECT_EQ(service.files.inodes().size(), 1U);
}

}  // namespace
}  // namespace sluice::files::test
