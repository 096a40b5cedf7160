// Running several tasks at once and waiting for them.  In each form every task has ended when the call returns.
//
//   when_all(a(), b())           the results as a tuple; the first error cancels the others and is returned
//   when_all_results(a(), b())   every result, errors included
//   when_any(a(), b())           the first success; the others are cancelled and awaited; all failed: the error of a()
//   for_each(items, n, fn)       fn(item) for each, at most n at a time; the first error cancels the rest
//   map_each(items, n, fn)       likewise, and the results in the order of the items
// A task without a value (Task<Result<>>) has std::monostate in the place of one.
#pragma once

#include <optional>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "coro/scope.h"
#include "coro/sync.h"

namespace sluice::coro {

namespace detail {

template <class T>
using ValueOf = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

// Precondition: a success.
template <class T>
ValueOf<T> take_value(Result<T>& result) {
    if constexpr (std::is_void_v<T>) {
        return {};
    } else {
        return std::move(*result);
    }
}

template <class T>
Task<> collect(Task<Result<T>>* task, std::optional<Result<T>>* slot, Scope* scope, std::optional<std::size_t>* first,
               std::size_t index, bool end_on_success, bool end_on_error) {
    Result<T> result = co_await *task;
    const bool ends = result ? end_on_success : end_on_error;
    if (ends && !*first) {
        *first = index;
        scope->cancel();
    }
    slot->emplace(std::move(result));
}

enum class EndOn { never, error, success };

template <class... T, std::size_t... I>
Task<std::tuple<std::optional<Result<T>>...>> run_all(std::optional<std::size_t>& first, EndOn end_on,
                                                      std::index_sequence<I...>, Task<Result<T>>&... tasks) {
    Context& context = co_await this_context();
    Scope scope(*context.loop, context.cancel);
    std::tuple<std::optional<Result<T>>...> slots;
    (scope.spawn(context.name, collect<T>, &tasks, &std::get<I>(slots), &scope, &first, I, end_on == EndOn::success,
                 end_on == EndOn::error),
     ...);
    co_await scope.join();
    co_return std::move(slots);
}

}  // namespace detail

template <class... T>
Task<Result<std::tuple<detail::ValueOf<T>...>>> when_all(Task<Result<T>>&&... tasks) {
    std::optional<std::size_t> first;
    auto slots = co_await detail::run_all(first, detail::EndOn::error, std::index_sequence_for<T...>(), tasks...);
    if (first) {
        std::optional<Error> error;
        std::apply(
            [&](auto&... slot) {
                std::size_t index = 0;
                ((index++ == *first ? (void)error.emplace(std::move(slot->error())) : (void)0), ...);
            },
            slots);
        co_return std::unexpected(std::move(*error));
    }
    co_return std::apply([](auto&... slot) { return std::tuple<detail::ValueOf<T>...>(detail::take_value(*slot)...); },
                         slots);
}

template <class... T>
Task<std::tuple<Result<T>...>> when_all_results(Task<Result<T>>&&... tasks) {
    std::optional<std::size_t> first;
    auto slots = co_await detail::run_all(first, detail::EndOn::never, std::index_sequence_for<T...>(), tasks...);
    co_return std::apply([](auto&... slot) { return std::tuple<Result<T>...>(std::move(*slot)...); }, slots);
}

// All tasks have one type.  The result tells which one won by its index.
template <class T, class... Rest>
Task<Result<std::pair<std::size_t, detail::ValueOf<T>>>> when_any(Task<Result<T>>&& task,
                                                                  Task<Result<Rest>>&&... rest) {
    static_assert((std::is_same_v<T, Rest> && ...));
    std::optional<std::size_t> first;
    auto slots = co_await detail::run_all(first, detail::EndOn::success,
                                          std::make_index_sequence<1 + sizeof...(rest)>(), task, rest...);
    std::vector<Result<T>> results;
    std::apply([&](auto&... slot) { (results.push_back(std::move(*slot)), ...); }, slots);
    if (!first) {
        co_return std::unexpected(std::move(results.front()).error());
    }
    co_return std::pair<std::size_t, detail::ValueOf<T>>(*first, detail::take_value(results[*first]));
}

namespace detail {
template <class Item, class F>
Task<Result<>> limited(F* fn, Item item, [[maybe_unused]] Units units, std::size_t* succeeded) {
    Result<> result = co_await (*fn)(std::move(item));
    *succeeded += result ? 1 : 0;
    co_return std::move(result);
}
}  // namespace detail

// fn(item) -> Task<Result<void>>, at most `at_once` (at least 1) running.  Each item is copied.  Errc::cancelled only
// if an item was left undone.
template <class Items, class F>
Task<Result<>> for_each(const Items& items, std::size_t at_once, F fn) {
    SLUICE_ASSERT(at_once > 0);
    Context& context = co_await this_context();
    Scope scope(*context.loop, context.cancel);
    Semaphore limit(at_once);
    context.cancel = &scope.node();
    std::size_t visited = 0;
    std::size_t succeeded = 0;
    for (const auto& item : items) {
        ++visited;
        Result<> turn = co_await limit.acquire();
        if (!turn || scope.cancelled()) {
            if (turn) {
                limit.release();
            }
            break;
        }
        using Item = std::remove_cvref_t<decltype(item)>;
        scope.spawn(context.name, detail::limited<Item, F>, &fn, Item(item), Units(limit, 1), &succeeded);
    }
    co_await scope.join();
    if (scope.error()) {
        co_return std::unexpected(*scope.error());
    }
    if (succeeded != visited) {
        co_return fail(Errc::cancelled, "for_each was cancelled");
    }
    co_return Result<>{};
}

namespace detail {
// Puts the result of fn(item) into the item's slot.
template <class T, class Item, class F>
struct FillSlot {
    F* fn;
    std::vector<std::optional<T>>* slots;

    Task<Result<>> operator()(std::pair<std::size_t, Item> item) {
        Result<T> result = co_await (*fn)(std::move(item.second));
        if (!result) {
            co_return std::unexpected(std::move(result).error());
        }
        (*slots)[item.first].emplace(std::move(*result));
        co_return Result<>{};
    }
};
}  // namespace detail

// fn(item) -> Task<Result<T>>, at most `at_once` (at least 1) running.  The results in the order of the items, or the
// first error.
template <class Items, class F, class Item = std::remove_cvref_t<decltype(*std::begin(std::declval<const Items&>()))>,
          class T = typename std::invoke_result_t<F&, Item>::value_type::value_type>
Task<Result<std::vector<T>>> map_each(const Items& items, std::size_t at_once, F fn) {
    std::vector<std::pair<std::size_t, Item>> numbered;
    for (const auto& item : items) {
        numbered.emplace_back(numbered.size(), item);
    }
    std::vector<std::optional<T>> slots(numbered.size());
    detail::FillSlot<T, Item, F> fill{&fn, &slots};
    SLUICE_CO_CHECK(co_await for_each(numbered, at_once, fill));
    std::vector<T> results;
    results.reserve(slots.size());
    for (std::optional<T>& slot : slots) {
        results.push_back(std::move(*slot));
    }
    co_return std::move(results);
}

}  // namespace sluice::coro
