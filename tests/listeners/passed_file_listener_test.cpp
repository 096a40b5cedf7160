// Files that come instead of a datagram: which are read, what becomes of the others, and in which order.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>

#include "listeners/listeners_fixture.h"
#include "listeners/passed_file.h"

namespace sluice::listeners::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class PassedFileListenerTest : public ListenersTest {
 protected:
    static constexpr io::PeerCredentials kSender{.pid = 1000, .uid = 1000, .gid = 1000};

    void start_journal() {
        ListenerOptions options;
        options.name = "journal";
        start(std::move(options));
    }
    static Fd memory(std::string_view text, int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) {
        Fd fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        EXPECT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
        EXPECT_EQ(fcntl(fd.get(), F_ADD_SEALS, seals), 0);
        return fd;
    }
    void pass_file(Fd file, std::string_view beside = "", io::PeerCredentials sender = kSender) {
        std::vector<Fd> files;
        files.push_back(std::move(file));
        scripted().pass(beside, std::move(files), sender);
    }
    // The listener looks into its socket.
    void knock() {
        ASSERT_TRUE(send(""));
        settle();
    }
    // The one file was refused with this reason: told, counted, and in the log.
    void expect_refused(std::string_view why) {
        write_all();
        pass(std::chrono::seconds(1));
        write_all();
        EXPECT_THAT(told.files_refused, ElementsAre(HasSubstr(std::string(why))));
        EXPECT_EQ(report().files, 1U);
        EXPECT_EQ(report().files_refused, 1U);
        EXPECT_EQ(report().records, 0U);
        EXPECT_EQ(report().records_lost, 1U);
        EXPECT_THAT(records, ElementsAre(HasSubstr("1 records lost on listener journal: a passed file that is not "
                                                   "accepted")));
    }
};

TEST_F(PassedFileListenerTest, SealedMemoryBecomesItsEntries) {
    start_journal();
    pass_file(memory("MESSAGE=one\nPRIORITY=3\n\nMESSAGE=two\n"));
    knock();
    write_all();
    EXPECT_THAT(records, ElementsAre("tester err one", "tester info two"));
    EXPECT_EQ(report().files, 1U);
    EXPECT_EQ(report().files_refused, 0U);
}

TEST_F(PassedFileListenerTest, SealedMemoryKeepsItsPlaceAmongTheDatagrams) {
    start_journal();
    scripted().pass("MESSAGE=before\n", {}, kSender);
    pass_file(memory("MESSAGE=in memory\n"));
    scripted().pass("MESSAGE=behind\n", {}, kSender);
    knock();
    write_all();
    EXPECT_THAT(records, ElementsAre("tester info before", "tester info in memory", "tester info behind"));
}

TEST_F(PassedFileListenerTest, PlainFileOfATemporaryFolderIsRead) {
    start_journal();
    std::string path = "/tmp/sluice-passed-XXXXXX";
    Fd file(mkstemp(path.data()));
    ASSERT_TRUE(file);
    ASSERT_EQ(::write(file.get(), "MESSAGE=plain\n", 14), 14);
    pass_file(std::move(file));
    knock();
    write_all();
    EXPECT_EQ(::unlink(path.c_str()), 0);
    EXPECT_THAT(records, ElementsAre("tester info plain"));
    EXPECT_EQ(report().records, 1U);
}

TEST_F(PassedFileListenerTest, FileThatMayNotBeReadIsRefusedAndTold) {
    start_journal();
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    const Fd writer(pipes[1]);
    pass_file(Fd(pipes[0]));
    knock();
    expect_refused("permission_denied");
}

TEST_F(PassedFileListenerTest, SealedMemoryThatIsTooLargeIsRefusedAndTold) {
    start_journal();
    Fd large(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(ftruncate(large.get(), static_cast<off_t>(kPassedFileBytesMax) + 1), 0);
    ASSERT_EQ(fcntl(large.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL), 0);
    pass_file(std::move(large));
    knock();
    expect_refused("too_large");
}

TEST_F(PassedFileListenerTest, FileBesideAPayloadIsRefusedAndTold) {
    start_journal();
    pass_file(memory("MESSAGE=no\n"), "MESSAGE=beside\n");
    knock();
    expect_refused("files beside a payload, or more than one");
}

TEST_F(PassedFileListenerTest, TwoFilesAreRefusedAndTold) {
    start_journal();
    std::vector<Fd> files;
    files.push_back(memory("MESSAGE=no\n"));
    files.push_back(memory("MESSAGE=no\n"));
    scripted().pass("", std::move(files), kSender);
    knock();
    expect_refused("files beside a payload, or more than one");
}

// The daemon is at its limit of descriptors.
TEST_F(PassedFileListenerTest, FilesThatTheKernelHadNoDescriptorForAreRefusedAndTold) {
    start_journal();
    std::vector<Fd> one;
    one.push_back(memory("MESSAGE=one of two\n"));
    scripted().pass_cut("", {}, kSender);
    scripted().pass_cut("", std::move(one), kSender);
    scripted().pass("MESSAGE=behind\n", {}, kSender);
    knock();
    pass(std::chrono::seconds(1));
    write_all();
    EXPECT_THAT(told.files_refused, ElementsAre(HasSubstr("no file descriptor left"), HasSubstr("no file descriptor")));
    EXPECT_EQ(report().files, 2U);
    EXPECT_EQ(report().files_refused, 2U);
    EXPECT_EQ(report().records_lost, 2U);
    EXPECT_THAT(records,
                testing::UnorderedElementsAre("tester info behind", HasSubstr("2 records lost on listener journal")));
}

TEST_F(PassedFileListenerTest, SyslogTakesNoFiles) {
    ListenerOptions options;
    options.name = "syslog";
    options.protocol = Protocol::syslog;
    start(std::move(options));
    EXPECT_EQ(scripted().passed_files(), io::PassedFiles::refused);
    pass_file(memory("<14>no\n"));
    knock();
    EXPECT_EQ(report().files_refused, 1U);
    EXPECT_EQ(report().records_lost, 1U);
}

// Of one round: what cannot be read at once is refused, not held.
TEST_F(PassedFileListenerTest, FilesBeyondThoseBeingReadAreRefused) {
    constexpr std::uint64_t kMost = 16;
    start_journal();
    for (std::uint64_t i = 0; i < kMost + 3; ++i) {
        std::string path = "/tmp/sluice-passed-XXXXXX";
        Fd file(mkstemp(path.data()));
        ASSERT_TRUE(file);
        ASSERT_EQ(::write(file.get(), "MESSAGE=plain\n", 14), 14);
        EXPECT_EQ(::unlink(path.c_str()), 0);
        pass_file(std::move(file));
    }
    knock();
    write_all();
    EXPECT_EQ(report().files, kMost + 3);
    EXPECT_EQ(report().files_refused, 3U);
    EXPECT_EQ(report().records, kMost);
    EXPECT_THAT(told.files_refused, testing::Each(HasSubstr("too many files at once")));
}

TEST_F(PassedFileListenerTest, NoMoreFilesAreLetInWhereTooManyHang) {
    aside.queued_max = 0;
    start_journal();
    EXPECT_EQ(scripted().passed_files(), io::PassedFiles::accepted);
    pass_file(memory("MESSAGE=no\n"), "MESSAGE=beside\n");
    knock();
    EXPECT_EQ(report().files_refused, 1U);
    EXPECT_EQ(scripted().passed_files(), io::PassedFiles::refused);
}

TEST_F(PassedFileListenerTest, DatagramThatIsCutIsALossOfOneRecord) {
    start_journal();
    scripted().pass(std::string(1'500'000, 'x'), {}, kSender);
    scripted().pass("MESSAGE=behind\n", {}, kSender);
    knock();
    pass(std::chrono::seconds(1));
    write_all();
    EXPECT_EQ(report().records_lost, 1U);
    EXPECT_THAT(records, Contains(HasSubstr("1 records lost on listener journal: a datagram longer than 1.25 MiB")));
    EXPECT_THAT(records, Contains("tester info behind"));
    EXPECT_THAT(told.files_refused, IsEmpty());
}

// ---- the end ----

// The queue is full and stays so; the listener is cancelled with a part of the file taken.
TEST_F(PassedFileListenerTest, WhatIsLeftOfAFileWhenTheListenerIsCancelledIsTold) {
    queue.queue_bytes_max = 400;
    for (const bool sealed : {true, false}) {
        start_journal();
        constexpr std::uint64_t kEntries = 40;
        std::string text;
        for (std::uint64_t i = 0; i < kEntries; ++i) {
            text += "MESSAGE=" + std::string(5000, 'x') + "\n\n";
        }
        if (sealed) {
            pass_file(memory(text));
        } else {
            std::string path = "/tmp/sluice-passed-XXXXXX";
            Fd file(mkstemp(path.data()));
            ASSERT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
            EXPECT_EQ(::unlink(path.c_str()), 0);
            pass_file(std::move(file));
        }
        knock();
        end();
        const ListenerReport last = report();
        ASSERT_LT(last.intake.records, kEntries);
        // Those that were not decoded yet have no number: they are one loss.
        EXPECT_EQ(last.records + last.records_lost, last.intake.records + 1) << sealed;
        EXPECT_EQ(last.files_refused, 0U);
    }
}

}  // namespace
}  // namespace sluice::listeners::test
