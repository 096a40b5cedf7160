#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "coro/combine.h"
#include "io/uring_fixture.h"

namespace sluice::io {
namespace {

using UringLoop = UringTest;

// An operation that no awaitable of Kernel makes.
class NopAwaiter final : public Op {
 public:
    explicit NopAwaiter(Kernel& k) : Op(k, {.code = OpCode::nop}) {}
    bool await_ready() const noexcept { return false; }
    template <coro::PromiseType P>
    void await_suspend(std::coroutine_handle<P> handle) {
        waiter = handle.promise().resumption(handle);
        kernel->submit(*this);
    }
    Result<> await_resume() const { return result < 0 ? Result<>(fail_errno(-result, "nop")) : Result<>(); }
};

Task<Result<>> nop(Kernel& kernel) {
    NopAwaiter awaiter(kernel);
    co_return co_await awaiter;
}

// Defence in depth: not even this process can make its ring do what is not on the list.
TEST_F(UringLoop, RestrictedRingRefusesAnOpcodeNotInUse) {
    auto refused = run(nop);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().sys_errno(), EACCES) << refused.error();
    EXPECT_GT(kernel().probe().opcodes_allowed, 0U);
    UringOptions options;
    options.restrict_opcodes = false;
    start(options);
    auto allowed = run(nop);
    EXPECT_TRUE(allowed) << allowed.error();
    EXPECT_EQ(kernel().probe().opcodes_allowed, 0U);
}

// ---- waking ----

struct Flag final : coro::RemoteNode {
    bool set = false;
    void run_remote() noexcept override { set = true; }
};

// The state letter of a thread of this process: S while it sleeps.
char thread_state(pid_t thread) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string line;
    std::getline(file, line);
    const auto name_end = line.rfind(')');
    return name_end == std::string::npos ? '?' : line[name_end + 2];
}

TEST_F(UringLoop, RemotePostWakesASleepingTurn) {
    const auto loop_thread = static_cast<pid_t>(syscall(SYS_gettid));
    for (int i = 0; i < 20; ++i) {
        Flag flag;
        std::thread poster([&] {
            while (thread_state(loop_thread) != 'S') {
                std::this_thread::yield();
            }
            kernel().loop().post_remote(flag);
        });
        auto driven = run_until(kernel(), [&flag] { return flag.set; });
        poster.join();
        ASSERT_TRUE(driven) << driven.error();
    }
}

TEST_F(UringLoop, RemotePostBeforeTheTurnIsNotMissed) {
    for (int i = 0; i < 2000; ++i) {
        Flag flag;
        std::thread poster([&] { kernel().loop().post_remote(flag); });
        auto driven = run_until(kernel(), [&flag] { return flag.set; });
        poster.join();
        ASSERT_TRUE(driven) << driven.error();
    }
}

TEST_F(UringLoop, WaitForATimerTakesFewTurns) {
    coro::Job<Result<>> job(kernel().loop(), "sleep", coro::sleep_for, Duration(std::chrono::milliseconds(20)));
    const MonotonicTime before = kernel().clock().now();
    int turns = 0;
    while (!job.done()) {
        ASSERT_TRUE(kernel().turn());
        ++turns;
    }
    EXPECT_GE(kernel().clock().now() - before, Duration(std::chrono::milliseconds(20)));
    EXPECT_LE(turns, 4) << "an idle loop must sleep";
}

// ---- more operations than the queues hold ----

Task<Result<>> read_own_byte(Kernel& kernel, const Handle& file, std::size_t i, std::vector<char>& bytes) {
    const std::span<std::byte> into(reinterpret_cast<std::byte*>(&bytes[i]), 1);
    SLUICE_CO_TRY(const std::size_t got, co_await kernel.read_at(file, i, into));
    EXPECT_EQ(got, 1U);
    co_return Result<>{};
}
Task<Result<>> read_all_at_once(coro::Scope& scope, Kernel& kernel, const Handle& file, std::vector<char>& bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        scope.spawn("read", read_own_byte, std::ref(kernel), std::cref(file), i, std::ref(bytes));
    }
    co_await scope.join();
    co_return Result<>{};
}
Task<Result<>> read_bytes(Kernel& kernel, std::string path, std::vector<char>& bytes) {
    OpenOptions options;
    SLUICE_CO_TRY(Handle file, co_await kernel.open(-1, path, options));
    co_return co_await coro::with_scope(read_all_at_once, std::ref(kernel), std::cref(file), std::ref(bytes));
}

// The path strings and option blocks of many opens at once must each stay with their own entry.
Task<Result<>> open_own_file(Kernel& kernel, int directory, std::size_t i, std::vector<Handle>& files) {
    OpenOptions options{
        .flags = O_RDWR | O_CREAT | O_EXCL, .mode = static_cast<mode_t>(0600 | (i & 077)), .resolve = RESOLVE_BENEATH};
    const std::string name = std::to_string(i);
    SLUICE_CO_TRY(files[i], co_await kernel.open(directory, name, options));
    co_return Result<>{};
}
Task<Result<>> open_all_at_once(coro::Scope& scope, Kernel& kernel, int directory, std::vector<Handle>& files) {
    for (std::size_t i = 0; i < files.size(); ++i) {
        scope.spawn("open", open_own_file, std::ref(kernel), directory, i, std::ref(files));
    }
    co_await scope.join();
    co_return Result<>{};
}
Task<Result<>> open_files(Kernel& kernel, int directory, std::vector<Handle>& files) {
    co_return co_await coro::with_scope(open_all_at_once, std::ref(kernel), directory, std::ref(files));
}

TEST_F(UringLoop, TwoThousandOperationsPassThroughAQueueOfFour) {
    UringOptions options;
    options.sq_entries = 4;
    options.cq_entries = 8;
    start(options);
    std::vector<char> expected(2000);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        expected[i] = static_cast<char>('a' + i * 7 % 26);
    }
    std::ofstream(folder_.file("a")).write(expected.data(), static_cast<std::streamsize>(expected.size()));
    std::vector<char> bytes(expected.size());
    auto done = run(read_bytes, folder_.file("a"), std::ref(bytes));
    ASSERT_TRUE(done) << done.error();
    EXPECT_EQ(bytes, expected);
}

TEST_F(UringLoop, ManyOpensAtOnceKeepTheirOwnOptions) {
    UringOptions options;
    options.sq_entries = 8;
    start(options);
    std::vector<Handle> files(200);
    Handle directory(kernel(), ::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const mode_t before = umask(0);
    auto done = run(open_files, directory.fd(), std::ref(files));
    umask(before);
    ASSERT_TRUE(done) << done.error();
    for (std::size_t i = 0; i < files.size(); ++i) {
        struct stat found{};
        ASSERT_EQ(::stat(folder_.file(std::to_string(i)).c_str(), &found), 0);
        EXPECT_EQ(found.st_mode & 07777, 0600 | (i & 077)) << i;
    }
}

// ---- older kernels' ways ----

class UringFlags : public UringTest, public testing::WithParamInterface<std::uint32_t> {};

Task<Result<>> exchange(Kernel& kernel, const SocketPair& pair) {
    for (int i = 0; i < 100; ++i) {
        SLUICE_CO_TRY(const std::size_t sent, co_await kernel.send(pair.near, as_bytes("ping")));
        EXPECT_EQ(sent, 4U);
        SLUICE_CO_TRY(PooledBuffer buffer, co_await kernel.recv_pooled(pair.far));
        EXPECT_EQ(as_text(buffer.bytes()), "ping");
    }
    co_return co_await coro::sleep_for(std::chrono::milliseconds(1));
}

TEST_P(UringFlags, ExchangeWorksWithoutTheFlag) {
    UringOptions options;
    options.setup_flags_off = GetParam();
    start(options);
    EXPECT_EQ(kernel().probe().setup_flags & GetParam(), 0U);
    SocketPair pair(kernel());
    auto done = run(exchange, std::cref(pair));
    EXPECT_TRUE(done) << done.error();
    Flag flag;
    std::thread poster([&] { kernel().loop().post_remote(flag); });
    auto driven = run_until(kernel(), [&flag] { return flag.set; });
    poster.join();
    EXPECT_TRUE(driven) << driven.error();
}

constexpr std::uint32_t kSubmitAll = 1U << 7U;
constexpr std::uint32_t kCoop = 1U << 8U;
constexpr std::uint32_t kSingleIssuer = 1U << 12U;
constexpr std::uint32_t kDefer = 1U << 13U;
INSTANTIATE_TEST_SUITE_P(Setup, UringFlags,
                         testing::Values(kDefer, kDefer | kSingleIssuer, kDefer | kSingleIssuer | kCoop,
                                         kDefer | kSingleIssuer | kCoop | kSubmitAll));

// ---- stalls ----

Task<Result<>> hold_the_loop(Kernel& kernel) {
    const MonotonicTime end = kernel.clock().now() + std::chrono::milliseconds(5);
    co_await coro::yield();
    while (kernel.clock().now() < end) {
    }
    co_return Result<>{};
}

TEST_F(UringLoop, StallIsReportedWithTheNameOfItsTask) {
    std::vector<std::string> stalls;
    UringOptions options;
    options.loop.stall_threshold = std::chrono::milliseconds(1);
    options.loop.on_stall = [&stalls](const coro::Loop::Stall& stall) { stalls.emplace_back(stall.name); };
    start(options);
    ASSERT_TRUE(block_on(kernel(), "greedy", hold_the_loop, std::ref<Kernel>(kernel())));
    ASSERT_FALSE(stalls.empty());
    EXPECT_EQ(stalls.front(), "greedy");
}

}  // namespace
}  // namespace sluice::io
