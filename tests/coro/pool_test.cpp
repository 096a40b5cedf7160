#include "coro/pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "coro/test_loop.h"

namespace sluice::coro {
namespace {

// Lets a test drive a loop whose wake-ups come from other threads.
class BlockingWaker final : public Waker {
 public:
    void wake() noexcept override {
        const std::lock_guard lock(mutex_);
        awake_ = true;
        condition_.notify_one();
    }
    void wait() {
        std::unique_lock lock(mutex_);
        condition_.wait(lock, [this] { return awake_; });
        awake_ = false;
    }

 private:
    std::mutex mutex_;
    std::condition_variable condition_;
    bool awake_ = false;
};

template <class Done>
void drive(Loop& loop, BlockingWaker& waker, Done&& done) {
    loop.set_waker(&waker);
    for (;;) {
        while (loop.run_ready()) {
        }
        if (done()) {
            return;
        }
        if (loop.begin_sleep()) {
            waker.wait();
            loop.end_sleep();
        }
    }
}

// A pool that runs nothing until told to.
class HeldPool final : public Pool {
 public:
    void submit(PoolJob& job) override { jobs_.push_back(&job); }
    std::size_t size() const { return jobs_.size(); }
    void run_one() {
        PoolJob* job = jobs_.front();
        jobs_.pop_front();
        job->work();
        job->complete();
    }

 private:
    std::deque<PoolJob*> jobs_;
};

TEST(Offload, RunsOnAnotherThreadAndComesBack) {
    TestLoop loop;
    BlockingWaker waker;
    ThreadPool pool(2);
    Offload offload(pool, loop, 4);
    auto body = [](Offload& to) -> Task<Result<std::thread::id>> {
        const std::thread::id home = std::this_thread::get_id();
        auto work = [] { return std::this_thread::get_id(); };
        Result<std::thread::id> worker = co_await to.run(work);
        EXPECT_EQ(std::this_thread::get_id(), home);
        co_return std::move(worker);
    };
    Job<Result<std::thread::id>> job(loop.loop(), "job", body, std::ref(offload));
    drive(loop, waker, [&] { return job.done(); });
    EXPECT_NE(job.result().value(), std::this_thread::get_id());
}

TEST(Offload, RunsWhatReturnsNothing) {
    TestLoop loop;
    BlockingWaker waker;
    ThreadPool pool(1);
    Offload offload(pool, loop, 1);
    bool ran = false;
    auto body = [](Offload& to, bool& flag) -> Task<Result<>> {
        auto work = [&flag] { flag = true; };
        co_return co_await to.run(work);
    };
    Job<Result<>> job(loop.loop(), "job", body, std::ref(offload), std::ref(ran));
    drive(loop, waker, [&] { return job.done(); });
    EXPECT_TRUE(job.result());
    EXPECT_TRUE(ran);
}

TEST(Offload, ManyJobsOnManyThreadsAllComeBack) {
    TestLoop loop;
    BlockingWaker waker;
    ThreadPool pool(4);
    Offload offload(pool, loop, 8);
    std::atomic<int> at_once = 0;
    std::atomic<int> at_once_max = 0;
    long sum = 0;
    auto body = [](Offload& to, int i, std::atomic<int>& running, std::atomic<int>& most, long& total) -> Task<> {
        auto work = [&, i] {
            const int now = ++running;
            for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
            }
            --running;
            return i;
        };
        Result<int> result = co_await to.run(std::move(work));
        total += result.value();
    };
    Scope scope(loop, nullptr);
    for (int i = 1; i <= 2000; ++i) {
        scope.spawn("job", body, std::ref(offload), i, std::ref(at_once), std::ref(at_once_max), std::ref(sum));
    }
    drive(loop, waker, [&] { return scope.running() == 0; });
    EXPECT_EQ(sum, 2000L * 2001 / 2);
    EXPECT_LE(at_once_max, 4);
}

TEST(Offload, BoundsTheJobsInFlight) {
    TestLoop loop;
    HeldPool pool;
    Offload offload(pool, loop, 3);
    int ended = 0;
    auto body = [](Offload& to, int& count) -> Task<> {
        auto work = [] { return 1; };
        Result<int> result = co_await to.run(work);
        count += result.value();
    };
    Scope scope(loop, nullptr);
    for (int i = 0; i < 10; ++i) {
        scope.spawn("job", body, std::ref(offload), std::ref(ended));
    }
    for (int i = 0; i < 10; ++i) {
        loop.run_until_idle();
        EXPECT_EQ(pool.size(), static_cast<std::size_t>(std::min(3, 10 - i)));
        EXPECT_EQ(ended, i);
        pool.run_one();
    }
    loop.run_until_idle();
    EXPECT_EQ(ended, 10);
}

Task<Result<int>> count_run(Offload& offload, int& runs) {
    auto work = [&runs] { return ++runs; };
    co_return co_await offload.run(work);
}

TEST(Offload, CancelledWhileQueuedDoesNotRun) {
    TestLoop loop;
    HeldPool pool;
    Offload offload(pool, loop, 1);
    int runs = 0;
    Job<Result<int>> first(loop.loop(), "first", count_run, std::ref(offload), std::ref(runs));
    Job<Result<int>> queued(loop.loop(), "queued", count_run, std::ref(offload), std::ref(runs));
    loop.run_until_idle();
    queued.cancel();
    loop.run_until_idle();
    EXPECT_EQ(code_of(queued.result()), Errc::cancelled);
    pool.run_one();
    loop.run_until_idle();
    EXPECT_EQ(first.result().value(), 1);
    EXPECT_EQ(runs, 1);
}

TEST(Offload, CancelledWhileRunningIsAwaitedAndKeepsItsResult) {
    TestLoop loop;
    HeldPool pool;
    Offload offload(pool, loop, 1);
    int runs = 0;
    Job<Result<int>> job(loop.loop(), "job", count_run, std::ref(offload), std::ref(runs));
    loop.run_until_idle();
    job.cancel();
    loop.run_until_idle();
    EXPECT_FALSE(job.done());
    pool.run_one();
    loop.run_until_idle();
    ASSERT_TRUE(job.done());
    EXPECT_EQ(job.result().value(), 1);
}

TEST(InlinePool, RunsOnTheCallingThread) {
    TestLoop loop;
    InlinePool pool;
    Offload offload(pool, loop, 1);
    int runs = 0;
    EXPECT_EQ(run(loop, count_run, std::ref(offload), std::ref(runs)).value(), 1);
}

TEST(ThreadPool, TellsWhatIsNotDoneByTheTaskThatWaits) {
    TestLoop loop;
    BlockingWaker waker;
    ThreadPool pool(1);
    Offload offload(pool, loop, 4);
    std::promise<void> begun;
    std::promise<void> go_on;
    auto body = [](Offload& to, std::promise<void>* tell, std::promise<void>* wait) -> Task<> {
        auto work = [tell, wait] {
            if (tell != nullptr) {
                tell->set_value();
                wait->get_future().wait();
            }
        };
        (void)co_await to.run(work);
    };
    Scope scope(loop, nullptr);
    scope.spawn("first", body, std::ref(offload), &begun, &go_on);
    scope.spawn("second", body, std::ref(offload), nullptr, nullptr);
    begun.get_future().wait();
    const std::vector<ThreadPool::JobState> jobs = pool.jobs();
    go_on.set_value();
    drive(loop, waker, [&] { return scope.running() == 0; });
    ASSERT_EQ(jobs.size(), 2U);
    EXPECT_STREQ(jobs[0].name, "first");
    EXPECT_TRUE(jobs[0].running);
    EXPECT_STREQ(jobs[1].name, "second");
    EXPECT_FALSE(jobs[1].running);
}

TEST(ThreadPool, DestructorFinishesWhatWasSubmitted) {
    TestLoop loop;
    struct CountJob final : PoolJob {
        CountJob(Loop& home, std::atomic<int>& c) noexcept : PoolJob(home), count(c) {}
        void work() noexcept override { ++count; }
        void run_remote() noexcept override { ++returned; }
        std::atomic<int>& count;
        int returned = 0;
    };
    std::atomic<int> count = 0;
    std::deque<CountJob> jobs;
    {
        ThreadPool pool(3);
        for (int i = 0; i < 500; ++i) {
            jobs.emplace_back(loop.loop(), count);
            pool.submit(jobs.back());
        }
    }
    EXPECT_EQ(count, 500);
    loop.run_until_idle();
    for (const CountJob& job : jobs) {
        EXPECT_EQ(job.returned, 1);
    }
}

TEST(ThreadPool, IsLessUrgentThanWhoMadeIt) {
    TestLoop loop;
    struct AskJob final : PoolJob {
        using PoolJob::PoolJob;
        void work() noexcept override { nice = getpriority(PRIO_PROCESS, 0); }
        void run_remote() noexcept override {}
        int nice = -1;
    };
    AskJob job(loop.loop());
    int own = 0;
    std::thread maker([&] {  // Of its own, because nobody but root takes it back.
        (void)nice(2);
        own = getpriority(PRIO_PROCESS, 0);
        ThreadPool pool(1, 3);
        pool.submit(job);
    });
    maker.join();
    loop.run_until_idle();
    EXPECT_EQ(job.nice, std::min(own + 3, 19));
}

// Four threads post to one loop that sleeps whenever it can: none is lost, and each thread's order is kept.
TEST(PostRemote, FromFourThreadsKeepsTheOrderOfEach) {
    constexpr int kThreads = 4;
    constexpr int kPosts = 5000;
    struct Seen {
        std::vector<int> last = std::vector<int>(kThreads, -1);
        int total = 0;
        bool in_order = true;
    };
    struct Post final : RemoteNode {
        void run_remote() noexcept override {
            auto& last = seen->last[static_cast<std::size_t>(thread)];
            seen->in_order = seen->in_order && number == last + 1;
            last = number;
            ++seen->total;
        }
        Seen* seen = nullptr;
        int thread = 0;
        int number = 0;
    };
    TestLoop loop;
    BlockingWaker waker;
    loop.loop().set_waker(&waker);
    Seen seen;
    std::vector<std::deque<Post>> posts(kThreads);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        auto& mine = posts[static_cast<std::size_t>(t)];
        threads.emplace_back([&loop, &seen, &mine, t] {
            for (int i = 0; i < kPosts; ++i) {
                Post& post = mine.emplace_back();
                post.seen = &seen;
                post.thread = t;
                post.number = i;
                loop.loop().post_remote(post);
            }
        });
    }
    drive(loop, waker, [&] { return seen.total == kThreads * kPosts; });
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_TRUE(seen.in_order);
}

}  // namespace
}  // namespace sluice::coro
