#include "listeners/process_table.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>
#include <thread>

#include "coro/test_loop.h"
#include "listeners/listeners_fixture.h"
#include "listeners/system_processes.h"

namespace sluice::listeners {
namespace {

using coro::code_of;

// Holds jobs until they are released.
class HeldPool final : public coro::Pool {
 public:
    void submit(coro::PoolJob& job) override { held.push_back(&job); }
    void release_all() {
        for (coro::PoolJob* job : std::exchange(held, {})) {
            job->work();
            job->complete();
        }
    }
    std::vector<coro::PoolJob*> held;
};

Task<Result<>> settled(ProcessTable* table, ProcessPointer process) {
    co_await table->settle(process);
    co_return Result<>{};
}

Task<Result<>> stopped(ProcessTable* table) {
    co_await table->stop();
    co_return Result<>{};
}

class ProcessTableTest : public testing::Test {
 protected:
    ~ProcessTableTest() override {
        while (!pool.held.empty()) {
            pool.release_all();
            loop.run_through();
        }
    }
    std::string text_of(const Process& process, std::string_view name) {
        const auto field = process.trusted.fields().find(name);
        return field ? field->value_text() : "";
    }
    void stop_table() {
        coro::Job<Result<>> job(loop.loop(), "stop", stopped, &table);
        loop.run_until_idle();
        EXPECT_TRUE(job.done()) << "the end of the program waits for a stranger";
    }

    coro::TestLoop loop;
    HeldPool pool;
    coro::Aside aside{loop.loop(), {.threads_max = 1}};
    test::FakeProcesses source;
    ProcessTable table{
        loop.loop(), pool, aside, source, {.transport = "syslog", .processes_max = 3, .reads_in_flight_max = 2}};
};

io::PeerCredentials peer(pid_t pid) {
    return {.pid = pid, .uid = 5, .gid = 6};
}

TEST_F(ProcessTableTest, ProcessIsReadOnceForItsListener) {
    source.comms[7] = "seven";
    const ProcessPointer process = table.find(peer(7), Fd());
    EXPECT_FALSE(process->known.is_set());
    EXPECT_EQ(text_of(*process, "_sender"), "kernel");
    EXPECT_EQ(table.find(peer(7), Fd()), process);
    pool.release_all();
    loop.run_until_idle();
    EXPECT_TRUE(process->known.is_set());
    EXPECT_EQ(text_of(*process, "_comm"), "seven");
    EXPECT_EQ(text_of(*process, "_sender"), "pid");
    EXPECT_EQ(text_of(*process, "_uid"), "5");
    EXPECT_EQ(source.reads, 1U);
}

// Nobody becomes root by being unknown.
TEST_F(ProcessTableTest, WhatTheKernelDoesNotSayIsNotSaid) {
    const ProcessPointer unknown = table.find(io::Message::kUnknown, Fd());
    EXPECT_TRUE(unknown->known.is_set());
    EXPECT_EQ(unknown->trusted.count(), 2U);
    EXPECT_EQ(text_of(*unknown, "_sender"), "kernel");
    const ProcessPointer unseen = table.find({.pid = 0, .uid = 5, .gid = 6}, Fd());
    EXPECT_EQ(text_of(*unseen, "_uid"), "5");
    EXPECT_FALSE(unseen->trusted.fields().find("_pid"));
}

TEST_F(ProcessTableTest, OneThatChangesItsUserIsAnotherSender) {
    const ProcessPointer before = table.find(peer(7), Fd());
    const ProcessPointer after = table.find({.pid = 7, .uid = 0, .gid = 0}, Fd());
    EXPECT_NE(before, after);
}

// It may have run another program since (execve).  Its records do not wait, and one that has ended stays known.
TEST_F(ProcessTableTest, OneThatGoesOnSendingIsReadAgain) {
    source.comms[7] = "before";
    const ProcessPointer process = table.find(peer(7), Fd());
    pool.release_all();
    loop.run_until_idle();
    source.comms[7] = "after";
    for (int i = 0; i < 12; ++i) {
        loop.advance(std::chrono::milliseconds(90));
        table.begin_round();
        process->held_until = loop.clock().now();  // It still holds its number.
        EXPECT_EQ(table.find(peer(7), Fd()), process);
        EXPECT_TRUE(process->known.is_set());
    }
    ASSERT_EQ(pool.held.size(), 1U);
    pool.release_all();
    loop.run_until_idle();
    EXPECT_EQ(text_of(*process, "_comm"), "after");
    source.comms.clear();
    loop.advance(std::chrono::seconds(1));
    process->held_until = loop.clock().now();
    (void)table.find(peer(7), Fd());
    pool.release_all();
    loop.run_until_idle();
    EXPECT_EQ(text_of(*process, "_comm"), "after");
    EXPECT_EQ(text_of(*process, "_sender"), "pid");
}

// The number can be somebody else's by then.
TEST_F(ProcessTableTest, OneThatWasNotSeenForLongIsReadAgain) {
    const ProcessPointer before = table.find(peer(7), Fd());
    table.begin_round();
    EXPECT_EQ(table.find(peer(7), Fd()), before);
    loop.advance(std::chrono::seconds(1));
    table.begin_round();
    EXPECT_NE(table.find(peer(7), Fd()), before);
}

TEST_F(ProcessTableTest, LongestSilentIsForgottenFirst) {
    const ProcessPointer first = table.find(peer(1), Fd());
    const ProcessPointer second = table.find(peer(2), Fd());
    (void)table.find(peer(3), Fd());
    EXPECT_EQ(table.find(peer(1), Fd()), first);
    (void)table.find(peer(4), Fd());
    EXPECT_EQ(table.size(), 3U);
    EXPECT_EQ(table.find(peer(1), Fd()), first);
    EXPECT_NE(table.find(peer(2), Fd()), second);
}

// A process can make the reading of its command line take for ever: here a pipe that nobody writes to.
class SlowCommandLine : public ProcessTableTest {
 protected:
    SlowCommandLine() {
        source.directory = testing::TempDir() + "/slow-command-line";
        std::filesystem::create_directories(source.directory);
        pipe_ = source.directory + "/cmdline";
        EXPECT_TRUE(mkfifo(pipe_.c_str(), 0600) == 0 || errno == EEXIST);
        for (const pid_t pid : {1, 2, 3}) {
            source.comms[pid] = "slow";
        }
    }
    ~SlowCommandLine() override {
        finish();
        std::filesystem::remove_all(source.directory);
    }
    void finish() {  // Ends whoever waits for the pipe.
        const Fd end(open(pipe_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    std::string pipe_;
};

TEST_F(SlowCommandLine, RecordsWaitForItTwentyMillisecondsAndNoLonger) {
    const ProcessPointer process = table.find(peer(1), Fd());
    pool.release_all();
    loop.run_until_idle();
    EXPECT_EQ(text_of(*process, "_comm"), "slow");
    EXPECT_FALSE(process->known.is_set());
    coro::Job<Result<>> job(loop.loop(), "settle", settled, &table, process);
    loop.advance(std::chrono::milliseconds(19));
    EXPECT_FALSE(job.done());
    loop.advance(std::chrono::milliseconds(2));
    EXPECT_TRUE(job.done());
    EXPECT_EQ(table.counters().late, 1U);
    EXPECT_EQ(text_of(*process, "_sender"), "pid");
    stop_table();
}

TEST_F(SlowCommandLine, IsNotWaitedForMoreThanFiveTimesASecond) {
    for (int i = 0; i < 8; ++i) {
        const ProcessPointer process = table.find({.pid = 1, .uid = static_cast<uid_t>(i), .gid = 0}, Fd());
        pool.release_all();
        loop.run_until_idle();
        coro::Job<Result<>> job(loop.loop(), "settle", settled, &table, process);
        loop.run_until_idle();
        EXPECT_EQ(job.done(), i >= 5) << i;
        loop.advance(std::chrono::milliseconds(21));
        ASSERT_TRUE(job.done());
    }
    stop_table();
}

// ---- the real thing ----

TEST(SystemProcesses, LivingProcessIsReadWhole) {
    SystemProcesses processes;
    const Fd self = processes.open(getpid());
    ASSERT_TRUE(self) << "this kernel has no pidfds (Linux 5.3)";
    EXPECT_TRUE(processes.holds_pid(self.get()));
    FoundProcess found = processes.read(getpid(), self.get(), Proof::pidfd);
    const ProcessFacts& facts = found.facts;
    EXPECT_EQ(facts.proof, Proof::pidfd);
    EXPECT_EQ(facts.comm, "listeners_test");
    EXPECT_TRUE(facts.exe.ends_with("/listeners_test")) << facts.exe;
    const std::string line = read_command_line(std::move(found.directory));
    EXPECT_NE(line.find("listeners_test"), std::string::npos);
    EXPECT_EQ(line.find('\0'), std::string::npos);
}

// A zombie still holds its number, and /proc its name; one that was waited for does not.
TEST(SystemProcesses, ProcessThatHasEndedIsReadAsLongAsItHoldsItsNumber) {
    SystemProcesses processes;
    const pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    siginfo_t info{};
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
    const Fd pidfd = processes.open(child);
    ASSERT_TRUE(pidfd);
    EXPECT_TRUE(processes.holds_pid(pidfd.get()));
    EXPECT_EQ(processes.read(child, pidfd.get(), Proof::pidfd).facts.comm, "listeners_test");
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    EXPECT_FALSE(processes.holds_pid(pidfd.get()));
    const ProcessFacts gone = processes.read(child, pidfd.get(), Proof::pidfd).facts;
    EXPECT_EQ(gone.proof, Proof::kernel);
    EXPECT_EQ(gone.comm, "");
}

// prctl(PR_SET_NAME) takes anything; it must not look like the end of the process.
TEST(SystemProcesses, ProcessWithoutANameIsNoneThatHasEnded) {
    SystemProcesses processes;
    const Fd self = processes.open(getpid());
    for (const char* name : {"", "\n"}) {
        ASSERT_EQ(prctl(PR_SET_NAME, name), 0);
        const ProcessFacts facts = processes.read(getpid(), self.get(), Proof::pidfd).facts;
        EXPECT_EQ(facts.proof, Proof::pidfd);
        EXPECT_EQ(facts.comm, name);
        EXPECT_FALSE(facts.exe.empty());
    }
    prctl(PR_SET_NAME, "listeners_test");
}

TEST(SystemProcesses, IdentityTellsProcessesApart) {
    SystemProcesses processes;
    const Fd one = processes.open(getpid());
    const Fd again = processes.open(getpid());
    const Fd parent = processes.open(getppid());
    if (processes.identity(one.get()) == 0) {
        GTEST_SKIP() << "the kernel's pidfds have no identity (Linux 6.9)";
    }
    EXPECT_EQ(processes.identity(one.get()), processes.identity(again.get()));
    EXPECT_NE(processes.identity(one.get()), processes.identity(parent.get()));
}

TEST(CgroupIndex, FindsDirectoriesByTheirInode) {
    const std::string root = testing::TempDir() + "/cgroup-index";
    std::filesystem::create_directories(root + "/system.slice/a.service");
    CgroupIndex index(root);
    struct stat status{};
    ASSERT_EQ(stat((root + "/system.slice/a.service").c_str(), &status), 0);
    EXPECT_EQ(index.find(status.st_ino), "/system.slice/a.service");
    EXPECT_EQ(index.find(1), "");
    index.learn(1, "/x");
    EXPECT_EQ(index.find(1), "/x");
    std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace sluice::listeners
