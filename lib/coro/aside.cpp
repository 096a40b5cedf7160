#include "coro/aside.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace sluice::coro {

struct Aside::Shared {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::shared_ptr<Call>> queue;
    std::size_t threads = 0;
    std::size_t idle = 0;
    Loop* loop = nullptr;  // Null: nobody is interested any more.
};

Aside::Aside(Loop& loop, Options options) : options_(options), shared_(std::make_shared<Shared>()) {
    shared_->loop = &loop;
}

Aside::~Aside() {
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->loop = nullptr;
        shared_->queue.clear();
    }
    shared_->wake.notify_all();
}

bool Aside::has_room() const noexcept {
    const std::lock_guard lock(shared_->mutex);
    return shared_->queue.size() < options_.queued_max;
}

bool Aside::submit(std::shared_ptr<Call> call) {
    if (options_.threads_max == 0) {
        call->work();
        call->done.set();
        return true;
    }
    const std::lock_guard lock(shared_->mutex);
    if (shared_->queue.size() >= options_.queued_max) {
        return false;
    }
    shared_->queue.push_back(std::move(call));
    if (shared_->idle < shared_->queue.size() && shared_->threads < options_.threads_max) {
        ++shared_->threads;
        std::thread(&Aside::serve, shared_).detach();
    }
    shared_->wake.notify_one();
    return true;
}

void Aside::serve(std::shared_ptr<Shared> shared) {
    std::unique_lock lock(shared->mutex);
    for (;;) {
        ++shared->idle;
        shared->wake.wait(lock, [&] { return shared->loop == nullptr || !shared->queue.empty(); });
        --shared->idle;
        if (shared->loop == nullptr) {
            return;
        }
        std::shared_ptr<Call> call = std::move(shared->queue.front());
        shared->queue.pop_front();
        lock.unlock();
        call->work();
        lock.lock();
        const bool awaited = call.use_count() > 1;  // Else nobody can come to wait for it any more.
        if (shared->loop != nullptr && awaited) {   // Under the lock: the loop is there while Aside is.
            Call& posted = *call;
            posted.self = std::move(call);
            shared->loop->post_remote(posted);
        }
    }
}

}  // namespace sluice::coro
