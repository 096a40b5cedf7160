// Runs functions that strangers can make block for as long as they like (reading memory that a process holds locked,
// closing a file of its choice), on threads that nobody waits for.  Whoever gives up, by a deadline or because the
// program stops, leaves the function behind: it must own everything that it touches.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "base/result.h"
#include "coro/sync.h"

namespace sluice::coro {

// Threads: those of its loop.
class Aside {
 public:
    struct Options {
        std::size_t threads_max = 2;  // Made when needed.  0: functions run at once, for simulations.
        std::size_t queued_max = 64;  // That wait for a thread.
    };
    // Borrows `loop` until destroyed.
    Aside(Loop& loop, Options options);
    Aside(const Aside&) = delete;
    Aside& operator=(const Aside&) = delete;
    // Waits for nothing: what runs is left behind.
    ~Aside();

    // Errors: limit_exceeded, too much hangs already and `fn` will not run; cancelled, `fn` may run still.
    // `fn` is destroyed on the thread that ran it.
    template <class F, class T = std::invoke_result_t<F&>>
    Task<Result<T>> run(F fn) {
        auto call = std::make_shared<CallOf<F, T>>(std::move(fn));
        if (!submit(call)) {
            co_return fail(Errc::limit_exceeded, "too many calls hang");
        }
        SLUICE_CO_CHECK(co_await call->done.wait());
        co_return std::move(*call->result);
    }
    // False: too much hangs, and `fn` is as it was.
    template <class F>
    bool start(F& fn) {
        if (!has_room()) {
            return false;
        }
        auto body = [fn = std::move(fn)]() mutable {
            fn();
            return 0;
        };
        return submit(std::make_shared<CallOf<decltype(body), int>>(std::move(body)));
    }
    bool has_room() const noexcept;

 private:
    struct Shared;
    struct Call : RemoteNode {
        Event done;
        std::shared_ptr<Call> self;  // While it is on its way to the loop.
        virtual ~Call() = default;
        virtual void work() = 0;
        void run_remote() noexcept override {
            done.set();
            const std::shared_ptr<Call> last = std::move(self);
        }
    };
    template <class F, class T>
    struct CallOf final : Call {
        explicit CallOf(F f) : fn(std::in_place, std::move(f)) {}
        void work() override {
            result.emplace((*fn)());
            fn.reset();
        }
        std::optional<F> fn;
        std::optional<T> result;
    };
    bool submit(std::shared_ptr<Call> call);
    static void serve(std::shared_ptr<Shared> shared);

    Options options_;
    std::shared_ptr<Shared> shared_;
};

}  // namespace sluice::coro
