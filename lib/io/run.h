// Running one coroutine to its end from ordinary code: main(), threads, tests.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "coro/scope.h"
#include "io/kernel.h"

namespace sluice::io {

// Runs fn(args...) (a Task<T>) on `kernel` until it has ended, and returns what it returned.  `fn` and `args` are
// copied or moved; use std::ref for a reference.  `name` is a string literal, for the stall detector. If the kernel
// itself fails: its error where T is a Result, else an assertion.  The task then stays suspended for ever and its
// memory is leaked on purpose, because the kernel may still write to it.
template <class F, class... Args>
auto block_on(Kernel& kernel, const char* name, F fn, Args... args) {
    using T = typename std::invoke_result_t<F, Args...>::value_type;
    static_assert(!std::is_void_v<T>, "return a Result<>");
    auto job = std::make_unique<coro::Job<T>>(kernel.loop(), name, std::move(fn), std::move(args)...);
    Result<> driven = run_until(kernel, [&job] { return job->done(); });
    if (!driven) {
        static_cast<void>(job.release());
        if constexpr (coro::detail::is_result<T>) {
            return T(std::unexpected(std::move(driven).error()));
        } else {
            SLUICE_ASSERT(false, "{}", driven.error());
        }
    }
    return T(std::move(job->result()));
}

}  // namespace sluice::io
