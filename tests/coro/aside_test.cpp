#include "coro/aside.h"

#include <semaphore>
#include <thread>

#include "coro/test_loop.h"

namespace sluice::coro {
namespace {

// Until `job` is done, as other threads finish.
template <class Job>
void wait_for(TestLoop& loop, Job& job) {
    for (int i = 0; i < 10'000 && !job.done(); ++i) {
        loop.run_until_idle();
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    ASSERT_TRUE(job.done());
}

Task<Result<int>> answer(Aside* aside) {
    const auto fn = [] { return 42; };
    co_return co_await aside->run(fn);
}

// Lives until both sides are done with it.
struct Held {
    std::binary_semaphore go{0};
    std::binary_semaphore begun{0};
};

Task<Result<int>> hang(Aside* aside, std::shared_ptr<Held> held) {
    auto fn = [held] {
        held->begun.release();
        held->go.acquire();
        return 1;
    };
    co_return co_await aside->run(std::move(fn));
}

TEST(Aside, ResultComesBack) {
    TestLoop loop;
    Aside aside(loop.loop(), {});
    Job<Result<int>> job(loop.loop(), "answer", answer, &aside);
    wait_for(loop, job);
    EXPECT_EQ(*job.result(), 42);
}

TEST(Aside, WithoutThreadsItRunsAtOnce) {
    TestLoop loop;
    Aside aside(loop.loop(), {.threads_max = 0});
    Job<Result<int>> job(loop.loop(), "answer", answer, &aside);
    EXPECT_TRUE(job.done());
}

TEST(Aside, CallThatHangsCanBeLeftAndOthersGoOn) {
    TestLoop loop;
    const auto held = std::make_shared<Held>();
    Aside aside(loop.loop(), {.threads_max = 2, .queued_max = 4});
    Job<Result<int>> hanging(loop.loop(), "hang", hang, &aside, held);
    held->begun.acquire();
    Job<Result<int>> other(loop.loop(), "answer", answer, &aside);
    wait_for(loop, other);
    EXPECT_FALSE(hanging.done());
    hanging.cancel();
    loop.run_until_idle();
    ASSERT_TRUE(hanging.done());
    EXPECT_EQ(code_of(hanging.result()), Errc::cancelled);
    held->go.release();
}

// The end of the program does not wait for what hangs.
TEST(Aside, EndsWhileCallsHang) {
    TestLoop loop;
    const auto held = std::make_shared<Held>();
    {
        Aside aside(loop.loop(), {.threads_max = 1, .queued_max = 1});
        Job<Result<int>> hanging(loop.loop(), "hang", hang, &aside, held);
        held->begun.acquire();
        Job<Result<int>> queued(loop.loop(), "answer", answer, &aside);
        EXPECT_FALSE(aside.has_room());
        Job<Result<int>> refused(loop.loop(), "answer", answer, &aside);
        ASSERT_TRUE(refused.done());
        EXPECT_EQ(code_of(refused.result()), Errc::limit_exceeded);
        hanging.cancel();
        queued.cancel();
        loop.run_until_idle();
    }
    held->go.release();
}

}  // namespace
}  // namespace sluice::coro
