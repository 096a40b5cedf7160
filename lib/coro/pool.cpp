#include "coro/pool.h"

#include <unistd.h>

#include <algorithm>

namespace sluice::coro {

ThreadPool::ThreadPool(std::size_t threads, int nice) {
    threads_.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i) {
        threads_.emplace_back([this, nice] { serve(nice); });
    }
}

ThreadPool::~ThreadPool() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

void ThreadPool::submit(PoolJob& job) {
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(&job);
    }
    wake_.notify_one();
}

std::vector<ThreadPool::JobState> ThreadPool::jobs() const {
    const std::lock_guard lock(mutex_);
    std::vector<JobState> all;
    for (const char* name : running_) {
        all.push_back({.name = name, .running = true});
    }
    for (const PoolJob* job : jobs_) {
        all.push_back({.name = job->name(), .running = false});
    }
    return all;
}

void ThreadPool::serve(int nice) {
    if (nice != 0) {
        // Linux keeps it per thread.  Best effort: it only decides who waits for whom.
        (void)::nice(nice);
    }
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
        if (jobs_.empty()) {
            return;
        }
        PoolJob* job = jobs_.front();
        jobs_.pop_front();
        const char* const name = job->name();
        running_.push_back(name);
        lock.unlock();
        job->work();
        job->complete();  // From here on it may be gone.
        lock.lock();
        running_.erase(std::ranges::find(running_, name));
    }
}

}  // namespace sluice::coro
