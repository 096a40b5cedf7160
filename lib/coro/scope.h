// Scope: the owner of concurrently running tasks (a nursery; asyncio's TaskGroup).  No task outlives its scope.
//
//     Task<Result<>> serve(Scope& scope, Listener& listener) {
//         for (;;) { ... scope.spawn("session", session, std::move(connection)); }
//     }
//     co_await with_scope(serve, std::ref(listener));      // leaving serve() cancels and awaits every session
//
// A child that returns an error cancels the scope, and with_scope() returns that error.  Errc::cancelled from a child
// of a cancelled scope is the answer to that, and no error. Threads: those of its loop.
#pragma once

#include <functional>
#include <optional>
#include <tuple>
#include <utility>

#include "base/result.h"
#include "coro/task.h"

namespace sluice::coro {

namespace detail {
template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<Result<T>> = true;

// The coroutine around a spawned task: frees itself at its end.
struct Child {
    struct promise_type : PromiseBase {
        Child get_return_object() noexcept { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
    };
    std::coroutine_handle<promise_type> handle;
};
}  // namespace detail

class Scope {
 public:
    // `parent` (nullptr: none) is borrowed and outlives the scope; cancelling it cancels the scope.
    Scope(Loop& loop, CancelNode* parent) noexcept : loop_(loop), node_(parent) {}
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { SLUICE_ASSERT(running_ == 0, "a scope is destroyed with {} tasks running", running_); }

    // Runs fn(args...), a Task<void> or Task<Result<void>>, concurrently.  It starts at once and runs until its first
    // suspension.  `fn` and `args` are moved or copied into the task's frame and passed on as rvalues; use std::ref for
    // a reference, to something that outlives the scope.  `name` is a string literal, shown by the stall detector.
    template <class F, class... Args>
    void spawn(const char* name, F fn, Args... args) {
        detail::Child child = run<F, Args...>(*this, std::move(fn), std::move(args)...);
        child.handle.promise().context = Context{&loop_, &node_, name};
        ++running_;
        const char* spawner = loop_.switch_to(name);
        child.handle.resume();
        loop_.switch_to(spawner);
    }

    // Asks every child to stop.  Idempotent; children spawned later start cancelled.
    void cancel() noexcept { node_.cancel(); }
    bool cancelled() const noexcept { return node_.cancelled(); }
    CancelNode& node() noexcept { return node_; }
    std::size_t running() const noexcept { return running_; }
    // The first error of a child, if any.
    const std::optional<Error>& error() const noexcept { return error_; }

    // co_await scope.join(): until no child runs.  Not ended by cancellation; children are, and then join is.
    // At most one coroutine joins at a time.
    Task<> join() {
        while (running_ != 0) {  // Again, because a stranger may have spawned between the last end and this turn.
            co_await JoinAwaiter(*this);
        }
    }

 private:
    class JoinAwaiter {
     public:
        explicit JoinAwaiter(Scope& scope) noexcept : scope_(scope) {}
        bool await_ready() const noexcept { return false; }
        template <PromiseType P>
        void await_suspend(std::coroutine_handle<P> handle) noexcept {
            SLUICE_ASSERT(!scope_.joiner_.handle);
            scope_.joiner_ = handle.promise().resumption(handle);
        }
        void await_resume() const noexcept {}

     private:
        Scope& scope_;
    };
    template <class F, class... Args>
    static detail::Child run(Scope& scope, F fn, Args... args) {
        using T = typename std::invoke_result_t<F, Args...>::value_type;
        if constexpr (std::is_void_v<T>) {
            co_await std::invoke(std::move(fn), std::move(args)...);
        } else {
            static_assert(detail::is_result<T>, "a child returns Task<> or Task<Result<>>");
            T result = co_await std::invoke(std::move(fn), std::move(args)...);
            if (!result) {
                scope.child_failed(std::move(result).error());
            }
        }
        scope.child_finished();
    }
    void child_failed(Error error) {
        if (error.code() == Errc::cancelled && cancelled()) {
            return;
        }
        if (!error_) {
            error_.emplace(std::move(error));
        }
        cancel();
    }
    void child_finished() {
        if (--running_ == 0 && joiner_.handle) {
            loop_.post(std::exchange(joiner_, {}));
        }
    }

    Loop& loop_;
    CancelNode node_;
    std::size_t running_ = 0;
    Resumption joiner_;
    std::optional<Error> error_;
};

// Runs body(scope, args...) with a scope of its own; when the body returns, the children that still run are cancelled
// and awaited.  A failed child cancels the body too, and its error is the result; where the body failed first, the
// body's is.
template <class T, class... Params, class... Args>
Task<Result<T>> with_scope(Task<Result<T>> (*body)(Scope&, Params...), Args... args) {
    Context& context = co_await this_context();
    Scope scope(*context.loop, context.cancel);
    context.cancel = &scope.node();
    Result<T> result = co_await body(scope, static_cast<Args&&>(args)...);
    const bool body_failed_first = !result && result.error().code() != Errc::cancelled && !scope.error();
    scope.cancel();
    co_await scope.join();
    if (scope.error() && !body_failed_first) {
        co_return std::unexpected(*scope.error());
    }
    co_return std::move(result);
}

// A root task with a place for its result: for main(), for threads and for tests, which poll done().
template <class T>
class Job {
 public:
    template <class F, class... Args>
    Job(Loop& loop, const char* name, F fn, Args... args) : scope_(loop, nullptr) {
        scope_.spawn(name, &Job::run<F, Args...>, this, std::move(fn), std::move(args)...);
    }
    bool done() const noexcept { return scope_.running() == 0; }
    void cancel() noexcept { scope_.cancel(); }
    // Precondition: done().
    T& result() noexcept { return *result_; }

 private:
    template <class F, class... Args>
    static Task<> run(Job* job, F fn, Args... args) {
        job->result_.emplace(co_await std::invoke(std::move(fn), static_cast<Args&&>(args)...));
    }
    Scope scope_;
    std::optional<T> result_;
};

}  // namespace sluice::coro
