// Result<T>: a value or an Error.  SLUICE_TRY and SLUICE_CO_TRY return the error to the caller.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "base/error.h"

namespace sluice {

template <class T = void>
using Result = std::expected<T, Error>;

// fail(Errc::too_large, "{} bytes exceeds {}", n, limit)
template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(Errc code, fmt::format_string<Args...> format, Args&&... args) {
    return std::unexpected(Error(code, fmt::format(format, std::forward<Args>(args)...)));
}

// fail_errno(ENOSPC, "write '{}'", path)
template <class... Args>
[[nodiscard]] std::unexpected<Error> fail_errno(int sys_errno, fmt::format_string<Args...> format, Args&&... args) {
    return std::unexpected(Error::from_errno(sys_errno, fmt::format(format, std::forward<Args>(args)...)));
}

}  // namespace sluice

#define SLUICE_CONCAT_INNER(a, b) a##b
#define SLUICE_CONCAT(a, b) SLUICE_CONCAT_INNER(a, b)
#define SLUICE_TRY_INNER(name, keyword, declaration, expression) \
    auto name = (expression);                                    \
    if (!name) [[unlikely]] {                                    \
        keyword std::unexpected(std::move(name).error());        \
    }                                                            \
    declaration = *std::move(name)
#define SLUICE_CHECK_INNER(name, keyword, expression)     \
    auto name = (expression);                             \
    if (!name) [[unlikely]] {                             \
        keyword std::unexpected(std::move(name).error()); \
    }                                                     \
    static_assert(true)

// SLUICE_TRY(auto file, open_it());     in functions that return Result
#define SLUICE_TRY(declaration, expression) \
    SLUICE_TRY_INNER(SLUICE_CONCAT(sluice_try_, __COUNTER__), return, declaration, expression)
// SLUICE_CO_TRY(auto file, co_await open_it());     in coroutines
#define SLUICE_CO_TRY(declaration, expression) \
    SLUICE_TRY_INNER(SLUICE_CONCAT(sluice_try_, __COUNTER__), co_return, declaration, expression)
// The same for Result<void>.
#define SLUICE_CHECK(expression) SLUICE_CHECK_INNER(SLUICE_CONCAT(sluice_try_, __COUNTER__), return, expression)
#define SLUICE_CO_CHECK(expression) SLUICE_CHECK_INNER(SLUICE_CONCAT(sluice_try_, __COUNTER__), co_return, expression)
