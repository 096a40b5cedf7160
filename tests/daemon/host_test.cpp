#include "daemon/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/support.h"

namespace sluice::daemon {
namespace {

using ::testing::HasSubstr;

TEST(StoreLock, IsHeldByOneAndNamesItsHolder) {
    const testing::TemporaryDirectory directory;
    {
        const auto held = StoreLock::take(directory.path());
        ASSERT_TRUE(held) << held.error();
        EXPECT_EQ(testing::read_file(directory.path() + "/lock"), fmt::format("{}\n", getpid()));
        const auto second = StoreLock::take(directory.path());
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().code(), Errc::already_exists);
        EXPECT_EQ(second.error().text(),
                  fmt::format("'{}' is in use by another sluiced (pid {})", directory.path(), getpid()));
    }
    EXPECT_TRUE(StoreLock::take(directory.path()));
}

// A holder with a longer number may have left its lines there.
TEST(StoreLock, ReplacesWhatAnEarlierHolderWrote) {
    const testing::TemporaryDirectory directory;
    const std::string path = directory.file("lock", "4294967295 and more\n");
    const auto held = StoreLock::take(directory.path());
    ASSERT_TRUE(held) << held.error();
    EXPECT_EQ(testing::read_file(path), fmt::format("{}\n", getpid()));
}

TEST(StoreLock, GoesWithTheObjectThatHasIt) {
    const testing::TemporaryDirectory directory;
    auto held = StoreLock::take(directory.path());
    ASSERT_TRUE(held) << held.error();
    {
        const StoreLock moved(std::move(*held));
        EXPECT_FALSE(StoreLock::take(directory.path()));
    }
    EXPECT_TRUE(StoreLock::take(directory.path()));
}

TEST(StoreLock, DirectoryThatIsNotThereIsNamed) {
    const testing::TemporaryDirectory directory;
    const auto lock = StoreLock::take(directory.path() + "/missing");
    ASSERT_FALSE(lock);
    EXPECT_EQ(lock.error().code(), Errc::not_found);
    EXPECT_THAT(lock.error().text(), HasSubstr(fmt::format("open '{}/missing/lock'", directory.path())));
}

TEST(MakeDirectory, MakesOneAndAcceptsOneThatIsThere) {
    const testing::TemporaryDirectory directory;
    const std::string path = directory.path() + "/made";
    ASSERT_TRUE(make_directory(path, 0700));
    struct stat status{};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_TRUE(S_ISDIR(status.st_mode));
    EXPECT_EQ(status.st_mode & 0777, 0700U);
    EXPECT_TRUE(make_directory(path, 0750));
    const auto deep = make_directory(directory.path() + "/a/b", 0700);
    ASSERT_FALSE(deep);
    EXPECT_EQ(deep.error().code(), Errc::not_found);
    EXPECT_THAT(deep.error().text(), HasSubstr(fmt::format("make directory '{}/a/b'", directory.path())));
}

TEST(MakeOwnDirectory, AcceptsOnlyWhatNobodyElsePrepared) {
    const testing::TemporaryDirectory directory;
    const std::string path = directory.path() + "/made";
    EXPECT_TRUE(make_own_directory(path, 0750, Links::refused));
    EXPECT_TRUE(make_own_directory(path, 0750, Links::refused));
    const std::string link = directory.path() + "/link";
    ASSERT_EQ(symlink(path.c_str(), link.c_str()), 0);
    EXPECT_TRUE(make_own_directory(link, 0750, Links::followed));
    const auto followed = make_own_directory(link, 0750, Links::refused);
    ASSERT_FALSE(followed);
    EXPECT_EQ(followed.error().code(), Errc::permission_denied);
    EXPECT_THAT(followed.error().text(), HasSubstr("is a link"));
    const auto file = make_own_directory(directory.file("file", ""), 0750, Links::followed);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code(), Errc::wrong_type);
    ASSERT_EQ(chmod(path.c_str(), 0757), 0);
    const auto open = make_own_directory(path, 0750, Links::refused);
    ASSERT_FALSE(open);
    EXPECT_EQ(open.error().code(), Errc::permission_denied);
    EXPECT_THAT(open.error().text(), HasSubstr("others may write"));
}

TEST(MakeOwnDirectory, SaysWhereALinkLeadsNowhere) {
    const testing::TemporaryDirectory directory;
    const std::string link = directory.path() + "/link";
    ASSERT_EQ(symlink("nowhere", link.c_str()), 0);
    const auto made = make_own_directory(link, 0750, Links::followed);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code(), Errc::not_found);
    EXPECT_THAT(made.error().text(), HasSubstr(fmt::format("look at directory '{}'", link)));
}

TEST(MakeOwnDirectory, RefusesThatOfAnotherUser) {
    const std::string directory = geteuid() == 0 ? "" : "/";
    const testing::TemporaryDirectory own;
    if (directory.empty()) {
        ASSERT_EQ(chown(own.path().c_str(), 65534, 65534), 0);
    }
    const auto refused = make_own_directory(directory.empty() ? own.path() : directory, 0750, Links::followed);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::permission_denied);
    EXPECT_THAT(refused.error().text(), HasSubstr("belongs to uid"));
}

TEST(Host, TellsTheBootAndHasRandomNumbers) {
    std::string text = testing::read_file("/proc/sys/kernel/random/boot_id");
    std::erase_if(text, [](char c) { return c == '-' || c == '\n'; });
    std::string hex;
    for (const std::byte byte : boot_id()) {
        hex += fmt::format("{:02x}", static_cast<unsigned>(byte));
    }
    EXPECT_EQ(hex, text);
    EXPECT_NE(random_number(), random_number());
}

TEST(Host, FindsHowManyDatagramsASocketHolds) {
    std::string limit = testing::read_file("/proc/sys/net/unix/max_dgram_qlen");
    if (limit.empty()) {
        GTEST_SKIP() << "net.unix.max_dgram_qlen cannot be read here";
    }
    EXPECT_EQ(datagram_queue_length(), std::min<std::size_t>(std::stoul(limit) + 1, 4096));
}

}  // namespace
}  // namespace sluice::daemon
