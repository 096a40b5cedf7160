#include "listeners/passed_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <filesystem>

namespace sluice::listeners {
namespace {

constexpr uid_t kSomebody = 1000;

Fd memory_file(std::string_view text, int seals) {
    Fd fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    EXPECT_EQ(fcntl(fd.get(), F_ADD_SEALS, seals), 0);
    return fd;
}
constexpr int kAllSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

Fd plain_file(const std::string& path, int flags = O_RDONLY) {
    Fd made(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    EXPECT_EQ(write(made.get(), "content", 7), 7);
    return Fd(open(path.c_str(), flags | O_CLOEXEC));
}

std::string outcome(Fd file, uid_t sender) {
    const auto content = read_passed_file(std::move(file), sender);
    return content ? std::string(as_text(*content)) : std::string(errc_name(content.error().code()));
}

TEST(PassedFile, SealedMemoryIsAccepted) {
    EXPECT_EQ(outcome(memory_file("sealed", kAllSeals), kSomebody), "sealed");
    EXPECT_EQ(outcome(memory_file("", kAllSeals), kSomebody), "");
}

TEST(PassedFile, MemoryThatCanStillChangeIsRefusedUnlessItIsRoots) {
    EXPECT_EQ(outcome(memory_file("open", F_SEAL_SHRINK), kSomebody), "permission_denied");
    EXPECT_EQ(outcome(memory_file("open", F_SEAL_SHRINK), 0), "open");
}

TEST(PassedFile, PlainFilesAreAcceptedFromTheTemporaryFoldersOnly) {
    const std::string name = fmt::format("sluice-passed-{}", getpid());
    for (const std::string folder : {"/tmp/", "/var/tmp/", "/dev/shm/"}) {
        EXPECT_EQ(outcome(plain_file(folder + name), kSomebody), "content") << folder;
        std::filesystem::remove(folder + name);
    }
    std::filesystem::create_directory("/tmp/" + name);
    EXPECT_EQ(outcome(plain_file("/tmp/" + name + "/f"), kSomebody), "permission_denied");
    EXPECT_EQ(outcome(plain_file("/tmp/" + name + "/f"), 0), "content");
    EXPECT_EQ(outcome(plain_file("/tmp/" + name + "/f", O_WRONLY), 0), "permission_denied");
    std::filesystem::remove_all("/tmp/" + name);
}

TEST(PassedFile, WhatIsNoPlainFileIsRefused) {
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    const Fd writer(pipes[1]);
    EXPECT_EQ(outcome(Fd(pipes[0]), kSomebody), "permission_denied");
    EXPECT_EQ(outcome(Fd(open("/", O_RDONLY | O_DIRECTORY)), 0), "wrong_type");
    EXPECT_EQ(outcome(Fd(open("/dev/null", O_RDONLY)), 0), "wrong_type");
}

TEST(PassedFile, WhatIsNoFileIsAnErrorOfTheSystem) {
    for (const auto& [sender, words] : {std::pair<uid_t, const char*>{kSomebody, "find the path of a passed file: "},
                                        {0, "look at a passed file: "}}) {
        const auto content = read_passed_file(Fd(), sender);
        ASSERT_FALSE(content);
        EXPECT_NE(content.error().sys_errno(), 0);
        EXPECT_TRUE(content.error().text().starts_with(words)) << content.error();
    }
}

TEST(PassedFile, LargerThanTheLimitIsRefusedUnread) {
    Fd file(memfd_create("test", MFD_CLOEXEC));
    ASSERT_EQ(ftruncate(file.get(), static_cast<off_t>(kPassedFileBytesMax) + 1), 0);
    EXPECT_EQ(outcome(std::move(file), 0), "too_large");
}

}  // namespace
}  // namespace sluice::listeners
