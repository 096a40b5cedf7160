// Blocking work off the loop: offload() runs a function on a worker thread and resumes the coroutine on its loop
// (asyncio's to_thread).  The number of jobs in flight is bounded; the others wait their turn, first in, first out.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>
#include <vector>

#include "coro/sync.h"

namespace sluice::coro {

// One job.  Lives in its owner until it has been posted back to `home`.
class PoolJob : public RemoteNode {
 public:
    explicit PoolJob(Loop& home) noexcept : home_(&home) {}
    // On a worker thread.  Must not touch anything of the loop.
    virtual void work() noexcept = 0;
    void complete() noexcept { home_->post_remote(*this); }
    // A literal: the task that waits for it.
    const char* name() const noexcept { return name_; }

 protected:
    ~PoolJob() = default;
    void set_name(const char* name) noexcept { name_ = name; }

 private:
    Loop* home_;
    const char* name_ = "";
};

class Pool {
 public:
    virtual ~Pool() = default;
    // Threads: any.  `job` is borrowed until it is posted back to its home loop.
    virtual void submit(PoolJob& job) = 0;
};

// Threads that live as long as the pool; the destructor finishes what was submitted.
class ThreadPool final : public Pool {
 public:
    // `nice`: how much less urgent than the rest of the program its threads are, 0 to 19.
    explicit ThreadPool(std::size_t threads, int nice = 0);
    ~ThreadPool() override;
    void submit(PoolJob& job) override;

    struct JobState {
        const char* name;  // PoolJob::name().
        bool running;      // Else it waits for a thread.
    };
    // What is not done.  Threads: any.
    std::vector<JobState> jobs() const;

 private:
    void serve(int nice);
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<PoolJob*> jobs_;
    std::vector<const char*> running_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

// Runs jobs at once on the calling thread: for simulations and tests.
class InlinePool final : public Pool {
 public:
    void submit(PoolJob& job) override {
        job.work();
        job.complete();
    }
};

// The way of one loop to a pool.
class Offload {
 public:
    // Borrows both until destroyed.
    Offload(Pool& pool, Loop& loop, std::size_t in_flight_max) noexcept
        : pool_(pool), loop_(loop), slots_(in_flight_max) {}

    // Runs `fn` (returns T or nothing, noexcept in effect) on the pool.  Cancellation while waiting for a turn:
    // Errc::cancelled and `fn` does not run; once it runs it is awaited to its end.
    template <class F, class T = std::invoke_result_t<F&>>
    Task<Result<T>> run(F fn) {
        SLUICE_CO_CHECK(co_await slots_.acquire());
        Units slot(slots_, 1);
        JobAwaiter<F, T> job(loop_, pool_, fn);
        if constexpr (std::is_void_v<T>) {
            co_await job;
            co_return Result<>{};
        } else {
            co_return co_await job;
        }
    }

 private:
    template <class F, class T>
    class JobAwaiter final : public PoolJob {
     public:
        JobAwaiter(Loop& loop, Pool& pool, F& fn) noexcept : PoolJob(loop), loop_(loop), pool_(pool), fn_(fn) {}
        bool await_ready() const noexcept { return false; }
        template <PromiseType P>
        void await_suspend(std::coroutine_handle<P> handle) {
            resumption_ = handle.promise().resumption(handle);
            set_name(resumption_.name);
            pool_.submit(*this);
        }
        T await_resume() {
            if constexpr (!std::is_void_v<T>) {
                return std::move(*result_);
            }
        }

     private:
        void work() noexcept override {
            if constexpr (std::is_void_v<T>) {
                fn_();
            } else {
                result_.emplace(fn_());
            }
        }
        void run_remote() noexcept override { loop_.post(resumption_); }
        Loop& loop_;
        Pool& pool_;
        F& fn_;
        Resumption resumption_;
        std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> result_;
    };
    Pool& pool_;
    Loop& loop_;
    Semaphore slots_;
};

}  // namespace sluice::coro
