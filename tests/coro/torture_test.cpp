// The safe forms of what g++ 12 compiles wrongly around co_await (docs/style.md, the table; the numbers are its rows),
// and the forms that everybody uses and that must stay right.  Run under ASan: most of the wrong forms are a silent
// use-after-free or a double free without it.  tests/lint/coroutine_lint.py keeps the wrong forms out of the tree.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "coro/task.h"
#include "coro/test_loop.h"

namespace sluice::coro {
namespace {

// Knows all living objects, so that a double or a missing destruction and a bitwise copy are seen without a sanitizer.
class Tracked {
 public:
    explicit Tracked(int id) : id_(id), heap_(std::make_unique<int>(id)) { enter(); }
    Tracked(const Tracked& other) : id_(other.id()), heap_(std::make_unique<int>(other.id())) { enter(); }
    Tracked(Tracked&& other) noexcept : id_(other.id()), heap_(std::move(other.heap_)) {
        other.heap_ = std::make_unique<int>(id_);
        enter();
    }
    Tracked& operator=(const Tracked& other) {
        id_ = other.id();
        *heap_ = id_;
        return *this;
    }
    ~Tracked() { EXPECT_EQ(living().erase(this), 1U) << "destroyed twice, or never constructed"; }
    int id() const {
        EXPECT_TRUE(living().contains(this)) << "used after its end";
        EXPECT_EQ(*heap_, id_);
        return id_;
    }
    static std::set<const Tracked*>& living() {
        static std::set<const Tracked*> objects;
        return objects;
    }

 private:
    void enter() { EXPECT_TRUE(living().insert(this).second) << "constructed over a living object"; }
    int id_;
    std::unique_ptr<int> heap_;
};

const std::string kLong = "a string that is longer than the small-string buffer of the library";

Task<Tracked> make(int id) {
    co_await yield();
    co_return Tracked(id);
}
Task<int> number(int value) {
    co_await yield();
    co_return value;
}
Task<std::string> text(int length) {
    co_await yield();
    co_return std::string(static_cast<std::size_t>(length), 't');
}
template <class F>
Task<int> call(F fn) {
    co_await yield();
    co_return fn();
}
Task<Result<Tracked>> try_make(int id) {
    co_await yield();
    if (id < 0) {
        co_return fail(Errc::not_found, "no {}", id);
    }
    co_return Tracked(id);
}

class Torture : public testing::Test {
 protected:
    template <class F>
    void expect_true(F body) {
        EXPECT_TRUE(run(loop_, body));
    }
    void TearDown() override { EXPECT_TRUE(Tracked::living().empty()); }
    TestLoop loop_;
};

// Row 1: a capture with a destructor in a lambda within the co_await expression.
TEST_F(Torture, Row1NamedLambdaIsMovedIn) {
    expect_true([]() -> Task<bool> {
        const Tracked tracked(7);
        auto shared = std::make_shared<Tracked>(8);
        auto by_value = [tracked] { return tracked.id(); };
        int sum = co_await call(by_value);
        sum += co_await call(std::move(by_value));
        auto owning = [shared] { return shared->id(); };
        sum += co_await call(std::move(owning));
        std::function<int()> function = [shared] { return shared->id(); };
        sum += co_await call(std::move(function));
        auto by_reference = [&tracked] { return tracked.id(); };
        sum += co_await call(by_reference);
        co_return sum == 7 + 7 + 8 + 8 + 7 && shared.use_count() <= 3;
    });
}

TEST_F(Torture, Row1CaptureFreeCoroutineTakesParameters) {
    expect_true([]() -> Task<bool> {
        const Tracked tracked(3);
        auto body = [](Tracked copy, const Tracked& original) -> Task<int> {
            co_await yield();
            co_return copy.id() + original.id();
        };
        const int sum = co_await body(tracked, tracked);
        co_return sum == 6;
    });
}

// Row 2: a braced aggregate with a non-trivial member.
struct Aggregate {
    Tracked tracked;
    std::string text;
    int number = 0;
};
struct Constructed {
    Constructed(Tracked t, std::string s, int n) : tracked(std::move(t)), text(std::move(s)), number(n) {}
    Task<int> sum() {
        co_await yield();
        co_return tracked.id() + static_cast<int>(text.size()) + number;
    }
    Tracked tracked;
    std::string text;
    int number;
};
Task<int> use(Aggregate aggregate) {
    co_await yield();
    co_return aggregate.tracked.id() + static_cast<int>(aggregate.text.size()) + aggregate.number;
}
Task<int> use_constructed(Constructed constructed) {
    const int sum = co_await constructed.sum();
    co_return sum;
}

TEST_F(Torture, Row2NamedAggregateOrConstructorInParentheses) {
    expect_true([]() -> Task<bool> {
        const int expected = 1 + static_cast<int>(kLong.size()) + 3;
        Aggregate aggregate{.tracked = Tracked(1), .text = kLong, .number = 3};
        const int a = co_await use(std::move(aggregate));
        const int b = co_await use_constructed(Constructed(Tracked(1), kLong, 3));
        const int c = co_await Constructed(Tracked(1), kLong, 3).sum();
        co_return a == expected&& b == expected&& c == expected;
    });
}

class ParenthesisedAwaiter {
 public:
    ParenthesisedAwaiter(Tracked tracked, std::string text) : tracked_(std::move(tracked)), text_(std::move(text)) {}
    bool await_ready() const noexcept { return false; }
    template <PromiseType P>
    void await_suspend(std::coroutine_handle<P> handle) {
        EXPECT_EQ(tracked_.id(), 1);
        handle.promise().context.loop->post(handle.promise().resumption(handle));
    }
    int await_resume() const { return tracked_.id() + static_cast<int>(text_.size()); }

 private:
    Tracked tracked_;
    std::string text_;
};

TEST_F(Torture, Row2AwaiterWithMembersIsConstructedInParentheses) {
    expect_true([]() -> Task<bool> {
        const int got = co_await ParenthesisedAwaiter(Tracked(1), kLong);
        co_return got == 1 + static_cast<int>(kLong.size());
    });
}

// Row 3: a braced list in a co_await call.
Task<int> sum_of(std::span<const Tracked> list) {
    co_await yield();
    int sum = 0;
    for (const Tracked& tracked : list) {
        sum += tracked.id();
    }
    co_return sum;
}
Task<int> sum_owned(std::vector<Tracked> list) {
    const int sum = co_await sum_of(list);
    co_return sum;
}

TEST_F(Torture, Row3NamedVectorOrArray) {
    expect_true([]() -> Task<bool> {
        std::vector<Tracked> list{Tracked(1), Tracked(2), Tracked(3)};
        const std::array<Tracked, 2> pair{Tracked(4), Tracked(5)};
        int sum = co_await sum_of(pair);
        sum += co_await sum_of(list);
        sum += co_await sum_owned(std::move(list));
        co_return sum == 9 + 6 + 6;
    });
}

// Row 4: a conditional expression of class type with co_await in it.
TEST_F(Torture, Row4IfAndElse) {
    expect_true([]() -> Task<bool> {
        int sum = 0;
        for (const bool first : {true, false}) {
            std::optional<Tracked> chosen;
            if (first) {
                chosen.emplace(co_await make(1));
            } else {
                chosen.emplace(co_await make(2));
            }
            sum += chosen->id();
        }
        co_return sum == 3;
    });
}

// Row 5: a co_await inside a braced initialiser.
TEST_F(Torture, Row5AwaitIntoLocalsFirst) {
    expect_true([]() -> Task<bool> {
        Tracked tracked = co_await make(1);
        std::string words = co_await text(40);
        Aggregate aggregate{std::move(tracked), std::move(words), 2};
        Tracked one = co_await make(3);
        Tracked two = co_await make(4);
        const std::vector<Tracked> both{std::move(one), std::move(two)};
        co_return aggregate.tracked.id() == 1 && aggregate.text.size() == 40 && both[0].id() + both[1].id() == 7;
    });
}

// Row 6: new and throw with a co_await in their argument.
TEST_F(Torture, Row6AwaitIntoLocalThenNewOrThrow) {
    expect_true([]() -> Task<bool> {
        Tracked value = co_await make(3);
        const std::unique_ptr<Tracked> owned(new Tracked(std::move(value)));
        const auto made = std::make_unique<Tracked>(co_await make(4));
        std::size_t length = 0;
        try {
            std::string what = co_await text(30);
            throw std::runtime_error(what);
        } catch (const std::runtime_error& error) {
            length = std::string(error.what()).size();
        }
        co_return owned->id() == 3 && made->id() == 4 && length == 30;
    });
}

// Row 7: the subscript on the left is evaluated before the co_await on the right.
TEST_F(Torture, Row7AwaitFirstThenIndex) {
    expect_true([]() -> Task<bool> {
        std::vector<int> slots(1);
        auto grow = [](std::vector<int>& to) -> Task<int> {
            co_await yield();
            to.resize(100'000);
            co_return 7;
        };
        const int value = co_await grow(slots);
        slots[0] = value;
        std::map<int, std::string> words;
        std::string word = co_await text(33);
        words[5] = std::move(word);
        co_return slots[0] == 7 && words[5].size() == 33;
    });
}

// Row 8: a declaration macro instead of a statement expression.
TEST_F(Torture, Row8DeclarationMacroReturnsTheError) {
    auto body = [](int a, int b) -> Task<Result<int>> {
        SLUICE_CO_TRY(const Tracked first, co_await try_make(a));
        SLUICE_CO_TRY(Tracked second, co_await try_make(b));
        SLUICE_CO_CHECK(co_await sleep_for(Duration(second.id())));
        co_return first.id() + second.id();
    };
    EXPECT_EQ(run(loop_, body, 1, 2).value(), 3);
    EXPECT_EQ(code_of(run(loop_, body, 1, -2)), Errc::not_found);
    EXPECT_EQ(code_of(run(loop_, body, -1, 2)), Errc::not_found);
}

// Row 9: a macro that uses its argument twice.
TEST_F(Torture, Row9BindThenAssert) {
    expect_true([]() -> Task<bool> {
        int awaits = 0;
        auto once = [](int& count) -> Task<int> {
            co_await yield();
            co_return ++count;
        };
        const int value = co_await once(awaits);
        EXPECT_EQ(value, 1);
        SLUICE_ASSERT(value == 1);
        co_return awaits == 1;
    });
}

// Row 10: frames are aligned for max_align_t only, with clang as well.
TEST_F(Torture, Row10OverAlignedDataBehindAPointer) {
    struct alignas(64) Line {
        std::array<char, 64> bytes;
    };
    expect_true([]() -> Task<bool> {
        const auto line = std::make_unique<Line>();
        co_await yield();
        co_return reinterpret_cast<std::uintptr_t>(line.get()) % 64 == 0;
    });
}

// From here on: forms that g++ 12.2 compiles correctly and that the tree relies on.

TEST_F(Torture, TemporariesByReferenceAndDefaultArgumentsLiveLongEnough) {
    expect_true([]() -> Task<bool> {
        auto length = [](const std::string& a, const Tracked& t, std::string b = kLong) -> Task<std::size_t> {
            co_await yield();
            co_return a.size() + b.size() + static_cast<std::size_t>(t.id());
        };
        const std::size_t got = co_await length(kLong + "!", Tracked(1));
        auto with_default = [](const Tracked& t, const std::string& s) {
            return make(t.id() + static_cast<int>(s.size()));
        };
        const Tracked other = co_await with_default(Tracked(1), std::string("ab"));
        co_return got == 2 * kLong.size() + 2 && other.id() == 3;
    });
}

TEST_F(Torture, AwaitsInConditions) {
    expect_true([]() -> Task<bool> {
        int turns = 0;
        for (int i = co_await number(0); i < co_await number(3); i += co_await number(1)) {
            ++turns;
        }
        while (co_await number(turns) < 5) {
            ++turns;
        }
        if (const Result<Tracked> made = co_await try_make(4); made) {
            turns += made->id();
        }
        switch (co_await number(1)) {
            case 1:
                ++turns;
                break;
            default:
                turns = 0;
        }
        co_return turns == 10;
    });
}

TEST_F(Torture, SeveralAwaitsInOneCall) {
    expect_true([]() -> Task<bool> {
        auto join = [](Tracked a, std::string b, const Tracked& c) -> Task<int> {
            co_await yield();
            co_return a.id() + static_cast<int>(b.size()) + c.id();
        };
        const int sum = co_await join(co_await make(1), co_await text(40), co_await make(2));
        std::string words = "pre-" + co_await text(30) + "-mid-" + co_await text(31) + std::string("-post");
        co_return sum == 43 && words.size() == 4 + 30 + 5 + 31 + 5;
    });
}

TEST_F(Torture, StructuredBindingsAndMoveOnlyResults) {
    expect_true([]() -> Task<bool> {
        auto two = [](int a) -> Task<std::pair<Tracked, std::unique_ptr<Tracked>>> {
            co_await yield();
            auto owned = std::make_unique<Tracked>(a + 1);
            co_return std::pair<Tracked, std::unique_ptr<Tracked>>(Tracked(a), std::move(owned));
        };
        auto [first, second] = co_await two(1);
        auto take = [](std::unique_ptr<Tracked> owned) -> Task<int> {
            co_await yield();
            co_return owned->id();
        };
        const int taken = co_await take(std::move(second));
        const int direct = co_await take(std::make_unique<Tracked>(9));
        co_return first.id() == 1 && taken == 2 && direct == 9;
    });
}

TEST_F(Torture, AwaitsOverRangesAndContainers) {
    expect_true([]() -> Task<bool> {
        std::vector<Tracked> list;
        for (const int i : std::vector<int>(3, 2)) {
            list.push_back(co_await make(i));
            list.emplace_back(co_await make(i + 1));
        }
        int sum = 0;
        for (const Tracked& tracked : list) {
            sum += co_await number(tracked.id());
        }
        std::variant<int, std::string> value(5);
        auto visitor = [](auto& held) -> Task<int> {
            if constexpr (std::is_same_v<decltype(held), int&>) {
                return number(held);
            } else {
                return number(static_cast<int>(held.size()));
            }
        };
        sum += co_await std::visit(visitor, value);
        co_return sum == 15 + 5;
    });
}

TEST_F(Torture, ExceptionsStayWithinTheirCoroutine) {
    expect_true([]() -> Task<bool> {
        auto guarded = [](int id) -> Task<int> {
            const Tracked local(id);
            int seen = 0;
            try {
                const Tracked inner = co_await make(id + 1);
                throw inner.id();
            } catch (const int thrown) {
                seen = thrown;
            }
            co_await yield();
            co_return seen + local.id();
        };
        const int sum = co_await guarded(1);
        co_return sum == 3;
    });
}

}  // namespace
}  // namespace sluice::coro
