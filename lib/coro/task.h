// Task<T>: a lazy coroutine, awaited once, in the expression that creates it:
//
//     Result<Page> page = co_await fetch(url);
//
// A task starts when it is awaited, inherits the context (loop, cancellation, name) of the coroutine that awaits it,
// and ends before that one goes on.  It is immovable, so arguments passed by reference are safe.  Exceptions do not
// cross it: a task that throws ends the program.
//
// No symmetric transfer: without tail calls (g++ -O0 and -O1, ASan, TSan) it overflows the stack in a loop of awaits
// that finish at once.  A start that finishes at once is reported by a flag and await_suspend returns false; a later
// finish is handed to the loop (Loop::post_next), which resumes the awaiting coroutine from a flat loop.
//
// What g++ 12 compiles wrongly around co_await is in docs/style.md, COROUTINES; a lint checks it.
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/assert.h"
#include "coro/cancel.h"
#include "coro/loop.h"

namespace sluice::coro {

// What a task passes down to the tasks it awaits.
struct Context {
    Loop* loop = nullptr;
    CancelNode* cancel = nullptr;
    const char* name = "";
};

struct PromiseBase {
    Context context;
    std::coroutine_handle<> continuation;
    bool starting = false;  // Within the await_suspend that started this coroutine.
    bool finished = false;

    Resumption resumption(std::coroutine_handle<> handle) const noexcept { return {handle, context.name}; }
    [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
};

template <class P>
concept PromiseType = std::derived_from<P, PromiseBase>;

namespace detail {

struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <PromiseType P>
    void await_suspend(std::coroutine_handle<P> finished) const noexcept {
        P& promise = finished.promise();
        promise.finished = true;
        if (!promise.starting) {
            promise.context.loop->post_next(promise.resumption(promise.continuation));
        }
    }
    void await_resume() const noexcept {}
};

template <class T>
struct TaskPromiseValue : PromiseBase {
    std::optional<T> value;
    template <class U>
        requires std::convertible_to<U&&, T>
    void return_value(U&& result) {
        value.emplace(std::forward<U>(result));
    }
    T take() { return std::move(*value); }
};

template <>
struct TaskPromiseValue<void> : PromiseBase {
    void return_void() const noexcept {}
    void take() const noexcept {}
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
 public:
    using value_type = T;
    struct promise_type : detail::TaskPromiseValue<T> {
        Task get_return_object() noexcept { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        detail::FinalAwaiter final_suspend() const noexcept { return {}; }
    };

    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    ~Task() {
        SLUICE_ASSERT(!handle_.promise().context.loop || handle_.promise().finished,
                      "a task is destroyed while it waits; leave its scope instead");
        handle_.destroy();
    }

    struct Awaiter {
        std::coroutine_handle<promise_type> handle;
        bool await_ready() const noexcept { return false; }
        template <PromiseType P>
        bool await_suspend(std::coroutine_handle<P> parent) noexcept {
            promise_type& promise = handle.promise();
            promise.context = parent.promise().context;
            promise.continuation = parent;
            promise.starting = true;
            handle.resume();
            promise.starting = false;
            return !promise.finished;
        }
        T await_resume() { return handle.promise().take(); }
    };
    Awaiter operator co_await() noexcept { return Awaiter{handle_}; }

 private:
    explicit Task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
    std::coroutine_handle<promise_type> handle_;
};

// co_await this_context(): the context of the running coroutine.  Changes apply to what it awaits from then on.
struct ThisContext {
    Context* context = nullptr;
    bool await_ready() const noexcept { return false; }
    template <PromiseType P>
    bool await_suspend(std::coroutine_handle<P> handle) noexcept {
        context = &handle.promise().context;
        return false;
    }
    Context& await_resume() const noexcept { return *context; }
};
inline ThisContext this_context() noexcept {
    return {};
}

}  // namespace sluice::coro

namespace sluice {
using coro::Task;
}
