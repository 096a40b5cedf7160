#include "coro/loop.h"

#include <thread>
#include <utility>

#include "base/assert.h"

namespace sluice::coro {

Timer::~Timer() {
    if (armed()) {
        loop_->disarm(*this);
    }
}

Loop::Loop(const Clock& clock, Options options) : clock_(clock), options_(std::move(options)) {}

Loop::~Loop() {
    // What a thread posted may have run, and its owner may be gone, while that thread is still on its way out.
    while (posters_.load(std::memory_order_acquire) != 0) {
        std::this_thread::yield();
    }
    SLUICE_ASSERT(heap_.empty(), "{} timers outlive their loop", heap_.size());
}

void Loop::place(std::size_t position, Timer* timer) noexcept {
    heap_[position] = timer;
    timer->position_ = position;
}

void Loop::sift_up(std::size_t position) noexcept {
    Timer* timer = heap_[position];
    while (position > 0) {
        const std::size_t parent = (position - 1) / 2;
        if (heap_[parent]->deadline_ <= timer->deadline_) {
            break;
        }
        place(position, heap_[parent]);
        position = parent;
    }
    place(position, timer);
}

void Loop::sift_down(std::size_t position) noexcept {
    Timer* timer = heap_[position];
    for (;;) {
        std::size_t child = 2 * position + 1;
        if (child >= heap_.size()) {
            break;
        }
        if (child + 1 < heap_.size() && heap_[child + 1]->deadline_ < heap_[child]->deadline_) {
            ++child;
        }
        if (timer->deadline_ <= heap_[child]->deadline_) {
            break;
        }
        place(position, heap_[child]);
        position = child;
    }
    place(position, timer);
}

void Loop::arm(Timer& timer, MonotonicTime deadline) {
    SLUICE_ASSERT(!timer.armed());
    timer.loop_ = this;
    timer.deadline_ = deadline;
    heap_.push_back(&timer);
    sift_up(heap_.size() - 1);
}

void Loop::disarm(Timer& timer) noexcept {
    if (!timer.armed()) {
        return;
    }
    const std::size_t position = std::exchange(timer.position_, Timer::kIdle);
    Timer* last = heap_.back();
    heap_.pop_back();
    if (last != &timer) {
        place(position, last);
        sift_up(position);
        sift_down(last->position_);
    }
}

std::optional<MonotonicTime> Loop::next_deadline() const noexcept {
    return heap_.empty() ? std::nullopt : std::optional(heap_.front()->deadline_);
}

void Loop::expire_timers() noexcept {
    if (heap_.empty()) {
        return;
    }
    const MonotonicTime now = clock_.now();
    while (!heap_.empty() && heap_.front()->deadline_ <= now) {
        Timer* timer = heap_.front();
        disarm(*timer);
        timer->on_expire();
    }
}

// A push-only stack that the owner takes whole and reverses: one compare-exchange per post, no ABA, first in first out.
// The store of `sleeping_` in begin_sleep() and the push here are sequentially consistent, so at least one side sees
// the other: either the loop sees the node and does not sleep, or the poster sees the flag and wakes it.
void Loop::post_remote(RemoteNode& node) noexcept {
    posters_.fetch_add(1, std::memory_order_relaxed);
    RemoteNode* head = remote_.load(std::memory_order_relaxed);
    do {
        node.next_ = head;
    } while (!remote_.compare_exchange_weak(head, &node, std::memory_order_seq_cst, std::memory_order_relaxed));
    if (sleeping_.load(std::memory_order_seq_cst) && sleeping_.exchange(false) && waker_ != nullptr) {
        waker_->wake();
    }
    posters_.fetch_sub(1, std::memory_order_release);
}

bool Loop::begin_sleep() noexcept {
    sleeping_.store(true, std::memory_order_seq_cst);
    if (remote_.load(std::memory_order_seq_cst) != nullptr) {
        end_sleep();
        return false;
    }
    return true;
}

void Loop::drain_remote() noexcept {
    if (remote_.load(std::memory_order_relaxed) == nullptr) {
        return;
    }
    run_all(remote_.exchange(nullptr, std::memory_order_acquire));
}

void Loop::post_next_turn(RemoteNode& node) noexcept {
    node.next_ = std::exchange(next_turn_, &node);
}

void Loop::withdraw(RemoteNode& node) noexcept {
    for (RemoteNode** at = &next_turn_; *at != nullptr; at = &(*at)->next_) {
        if (*at == &node) {
            *at = std::exchange(node.next_, nullptr);
            return;
        }
    }
}

// In the order of posting.
void Loop::run_all(RemoteNode* newest_first) noexcept {
    RemoteNode* oldest_first = nullptr;
    while (newest_first != nullptr) {
        RemoteNode* next = std::exchange(newest_first->next_, oldest_first);
        oldest_first = newest_first;
        newest_first = next;
    }
    while (oldest_first != nullptr) {
        RemoteNode* node = oldest_first;
        oldest_first = std::exchange(node->next_, nullptr);
        node->run_remote();  // May free the node.
    }
}

// A task that starts another runs it at once, within its own resumption; each gets the time that it had itself.
const char* Loop::switch_to(const char* name) noexcept {
    if (options_.on_stall) {
        const MonotonicTime now = clock_.now();
        const Duration took = now - running_since_;
        if (took > longest_.duration) {
            longest_ = {running_name_, took};
        }
        running_since_ = now;
    }
    return std::exchange(running_name_, name);
}

void Loop::resume(Resumption resumption) {
    const bool timed = static_cast<bool>(options_.on_stall);
    const MonotonicTime before = timed ? clock_.now() : MonotonicTime();
    running_name_ = resumption.name;
    running_since_ = before;
    longest_ = {resumption.name, Duration::zero()};
    // A task that ends names the one awaiting it in next_; looping here instead of recursing keeps the stack flat.
    for (; resumption.handle; resumption = std::exchange(next_, {})) {
        resumption.handle.resume();
    }
    if (timed) {
        switch_to("");
        const Duration took = running_since_ - before;
        if (took > options_.stall_threshold) {
            options_.on_stall({longest_.name, took});
        }
    }
}

bool Loop::run_ready(std::size_t rounds_max) {
    ++turn_;
    run_all(std::exchange(next_turn_, nullptr));
    for (std::size_t round = 0; round < rounds_max; ++round) {
        drain_remote();
        expire_timers();
        if (ready_.empty()) {
            break;
        }
        running_.swap(ready_);
        for (const Resumption& resumption : running_) {
            resume(resumption);
        }
        running_.clear();
    }
    return has_work();
}

}  // namespace sluice::coro
