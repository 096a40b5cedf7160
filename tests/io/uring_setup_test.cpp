// Why a ring cannot be had: the messages, from the pure function and from real refusals in child processes.
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <functional>

#include "io/uring_fixture.h"
#include "sanitizer.h"

namespace sluice::io {
namespace {

std::string text_for(int sys_errno, UringSwitches switches) {
    return fmt::format("{}", setup_error(sys_errno, switches, 256, 4096));
}

TEST(UringSetupError, NamesTheSysctlItsValueAndTheFix) {
    EXPECT_EQ(text_for(EPERM, {.io_uring_disabled = 2}),
              "permission_denied: io_uring is disabled for everyone (kernel.io_uring_disabled=2); set it to 0 (sysctl "
              "kernel.io_uring_disabled=0), or to 1 and kernel.io_uring_group to a group of this process");
    EXPECT_EQ(text_for(EPERM, {.io_uring_disabled = 1, .io_uring_group = -1, .seccomp = 2}),
              "permission_denied: io_uring is disabled for this user (kernel.io_uring_disabled=1, "
              "kernel.io_uring_group=-1); set kernel.io_uring_group to a group of this process, or "
              "kernel.io_uring_disabled to 0");
}

TEST(UringSetupError, BlamesASecurityModuleWhenNothingElseIsLeft) {
    EXPECT_EQ(text_for(EPERM, {.io_uring_disabled = 0, .seccomp = 0}),
              "permission_denied: io_uring_setup is not permitted, and neither kernel.io_uring_disabled nor a seccomp "
              "filter is the reason; a security module (SELinux, AppArmor) may be");
}

TEST(UringSetupError, TellsAnOldKernelFromAFilter) {
    EXPECT_EQ(text_for(ENOSYS, {.seccomp = 0}),
              "unsupported: this kernel has no io_uring (ENOSYS: built with CONFIG_IO_URING=n, or too old); use Linux "
              "6.1 or newer");
    EXPECT_NE(text_for(ENOSYS, {.seccomp = 2}).find("a seccomp filter hides it"), std::string::npos);
}

TEST(UringSetupError, GivesNeededAndAllowedMemory) {
    EXPECT_EQ(text_for(ENOMEM, {.memlock_bytes_max = 64U << 10U}),
              "limit_exceeded: not enough locked memory for a ring of 256/4096 entries: it needs 84 KiB, and all rings "
              "of this user together may have RLIMIT_MEMLOCK=64 KiB; raise it (systemd: LimitMEMLOCK=64M)");
}

TEST(UringSetupError, GivesTheFileLimit) {
    EXPECT_EQ(text_for(EMFILE, {.open_files_max = 1024}),
              "limit_exceeded: no file descriptor left for a ring (RLIMIT_NOFILE=1024); raise it (systemd: "
              "LimitNOFILE=)");
}

TEST(UringSetupError, TellsTheFilterTheWholeSystemAndTheSizesApart) {
    EXPECT_NE(text_for(EPERM, {.io_uring_disabled = 0, .seccomp = 2})
                  .find("permission_denied: io_uring_setup is blocked by a seccomp filter (Seccomp: 2 in "
                        "/proc/self/status, kernel.io_uring_disabled is 0); allow io_uring_setup"),
              std::string::npos);
    EXPECT_NE(text_for(EACCES, {.seccomp = 2}).find("kernel.io_uring_disabled does not exist); allow"),
              std::string::npos);
    EXPECT_EQ(text_for(ENFILE, {}),
              "limit_exceeded: the whole system has no file left for a ring; raise fs.file-max (sysctl)");
    EXPECT_EQ(text_for(EINVAL, {}),
              "unsupported: the kernel refuses a ring of 256/4096 entries (EINVAL): sizes are powers of two, the "
              "second at least the first; or it is older than Linux 6.1");
    EXPECT_EQ(text_for(EIO, {}), "io_error: io_uring_setup: Input/output error");
}

TEST(UringSetupError, NamesEachMissingOpcode) {
    EXPECT_EQ(fmt::format("{}", missing_opcodes_error({"OPENAT2", "STATX"})),
              "unsupported: this kernel's io_uring lacks OPENAT2, STATX; use Linux 6.1 or newer");
}

TEST(UringProbe, SummaryIsOneLineWithWhatWasFound) {
    const Probe probe{.features = 0x3ffff,
                      .setup_flags = (1U << 12U) | (1U << 13U) | (1U << 7U),
                      .sq_entries = 256,
                      .cq_entries = 4096,
                      .opcodes_allowed = 17,
                      .pooled_buffers = 64,
                      .pooled_buffer_bytes = 65536,
                      .ring_fd_registered = true,
                      .no_iowait = false,
                      .memlock_bytes_max = 8U << 20U};
    EXPECT_EQ(probe.summary(),
              "io_uring: SINGLE_ISSUER DEFER_TASKRUN SUBMIT_ALL (features 0x3ffff), 256/4096 entries, 64 receive "
              "buffers of 64 KiB, restricted to 17 opcodes, waiting shows as iowait, memlock 8 MiB");
}

using UringSetup = UringTest;

TEST_F(UringSetup, ProbeReportsTheRingThatWasMade) {
    const Probe& probe = kernel().probe();
    EXPECT_EQ(probe.sq_entries, 256U);
    EXPECT_EQ(probe.cq_entries, 4096U);
    EXPECT_TRUE(probe.opcodes_missing.empty());
    EXPECT_EQ(probe.pooled_buffers, 64U);
    EXPECT_GT(probe.memlock_bytes_max, 0U);
    EXPECT_EQ(probe.summary().find('\n'), std::string::npos);
    RecordProperty("summary", probe.summary());
}

TEST_F(UringSetup, BufferCountThatIsNoPowerOfTwoIsUnsupported) {
    UringOptions options;
    options.pooled_buffers = 3;
    SystemClock clock;
    coro::InlinePool pool;
    auto made = UringKernel::create(clock, pool, options);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code(), Errc::unsupported) << made.error();
}

TEST_F(UringSetup, BuffersBeyondAllMemoryAreRefusedWithTheirSize) {
    UringOptions options;
    options.pooled_buffers = 32768;
    options.pooled_buffer_bytes = UINT32_MAX;
    SystemClock clock;
    coro::InlinePool pool;
    const auto made = UringKernel::create(clock, pool, options);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().sys_errno(), ENOMEM);
    EXPECT_TRUE(made.error().text().starts_with("map 32768 receive buffers of 4294967295 bytes: ")) << made.error();
}

// Many rings one after another: what a ring holds is given back.
TEST_F(UringSetup, RingsAreGivenBackWhenDestroyed) {
    const auto files = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                             std::filesystem::directory_iterator());
    };
    start({});
    const auto before = files();
    for (int i = 0; i < 100; ++i) {
        start({});
    }
    EXPECT_EQ(files(), before);
}

// Runs create() in a child after `prepare`, and returns the text of its error ("made" if there is none).
std::string create_in_child(const std::function<bool()>& prepare, UringOptions options) {
    int fds[2] = {-1, -1};
    EXPECT_EQ(pipe(fds), 0);
    const pid_t child = fork();
    if (child == 0) {
        std::string text = "could not prepare";
        if (prepare()) {
            SystemClock clock;
            coro::InlinePool pool;
            auto made = UringKernel::create(clock, pool, options);
            text = made ? "made" : fmt::format("{}", made.error());
        }
        _exit(::write(fds[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1);
    }
    ::close(fds[1]);
    std::string text;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(fds[0], buffer, sizeof buffer)) > 0;) {
        text.append(buffer, static_cast<std::size_t>(got));
    }
    ::close(fds[0]);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    return text;
}

// What container runtimes install: io_uring_setup answers `sys_errno`.
bool filter_io_uring(int sys_errno) {
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(sys_errno)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program{.len = std::size(code), .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(UringRefusal, SeccompFilterIsNamedWithTheCallsToAllow) {
    const std::optional<int> disabled = read_uring_switches().io_uring_disabled;
    if (disabled.value_or(0) != 0) {
        GTEST_SKIP() << "kernel.io_uring_disabled is set";
    }
    EXPECT_EQ(
        create_in_child([] { return filter_io_uring(EPERM); }, {}),
        fmt::format("permission_denied: io_uring_setup is blocked by a seccomp filter (Seccomp: 2 in "
                    "/proc/self/status, kernel.io_uring_disabled {}); allow io_uring_setup, io_uring_enter and "
                    "io_uring_register there (systemd: SystemCallFilter=@system-service has them; containers: use a "
                    "seccomp profile that has them)",
                    disabled ? "is 0" : "does not exist"));
}

TEST(UringRefusal, SeccompFilterThatHidesTheCallIsNamed) {
    const std::string text = create_in_child([] { return filter_io_uring(ENOSYS); }, {});
    EXPECT_NE(text.find("a seccomp filter hides it (Seccomp: 2 in /proc/self/status)"), std::string::npos) << text;
}

TEST(UringRefusal, ShortLockedMemoryIsNamedWithNumbers) {
    const auto prepare = [] {
        const rlimit limit{.rlim_cur = 64U << 10U, .rlim_max = 64U << 10U};
        constexpr uid_t kNobody = 65534;
        // The privileged are not bound by the limit.
        const bool unprivileged =
            getuid() != 0 || (setgroups(0, nullptr) == 0 && setgid(kNobody) == 0 && setuid(kNobody) == 0);
        return setrlimit(RLIMIT_MEMLOCK, &limit) == 0 && unprivileged;
    };
    UringOptions options;
    options.sq_entries = 4096;
    options.cq_entries = 32768;
    const std::string text = create_in_child(prepare, options);
    if (text == "made") {
        GTEST_SKIP() << "this kernel does not charge rings to RLIMIT_MEMLOCK";
    }
    EXPECT_EQ(
        text,
        "limit_exceeded: not enough locked memory for a ring of 4096/32768 entries: it needs 788 KiB, and all rings of "
        "this user together may have RLIMIT_MEMLOCK=64 KiB; raise it (systemd: LimitMEMLOCK=64M)");
}

TEST(UringRefusal, FileLimitIsNamedWithItsValue) {
    const auto prepare = [] {
        // The sanitizers look at objects through a pipe: with them only the ring finds no descriptor.
        const rlim_t files = sluice::test::kAddressSanitizer ? 64 : 3;
        const rlimit limit{.rlim_cur = files, .rlim_max = files};
        return setrlimit(RLIMIT_NOFILE, &limit) == 0 && (!sluice::test::kAddressSanitizer || filter_io_uring(EMFILE));
    };
    const std::string text = create_in_child(prepare, {});
    EXPECT_NE(text.find("no file descriptor left for a ring (RLIMIT_NOFILE="), std::string::npos) << text;
}

}  // namespace
}  // namespace sluice::io
