#include "coro/pool.h"

#include <unistd.h>

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
        lock.unlock();
        job->work();
        job->complete();
        lock.lock();
    }
}

}  // namespace sluice::coro
