// Never compiled: what coroutine_lint.py must let pass.
#define SLUICE_SOMETHING(declaration, expression) \
    auto name = (expression);                     \
    declaration = *std::move(name)

namespace sluice::store {

enum class Kind : std::uint8_t { a, b };
inline constexpr int kTable[] = {1, 2, 3};

template <class T = void>
    requires std::movable<T>
class [[nodiscard]] Holder : public Base<T> {
 public:
    Holder() noexcept : a_{1}, b_(2) {}
    Awaiter operator co_await() noexcept { return Awaiter{handle_}; }
    auto operator[](int i) const noexcept -> const int& { return values_[i]; }

 private:
    int a_{0};
};

Task<Result<int>> safe(std::map<int, int>& m, bool c) {
    auto named = [c] { return c ? 1 : 2; };
    co_await f(std::move(named));
    co_await f([](int x) { return Pair{x, x}; });  // No capture; the brace is the lambda's own.
    auto pass = [](std::string s) -> Task<int> { co_return co_await g(s); };
    Aggregate aggregate{.a = 1};
    int chosen = 0;
    if (c) {
        chosen = co_await g("a ? b : {c}");
    } else {
        chosen = co_await g(std::string(3, '?'));
    }
    auto value = co_await h();
    m[key()] = value;
    int other = m[1] + co_await h();
    auto [first, second] = co_await pair();
    const auto& [third, fourth] = co_await pair();
    for (const auto& [key, item] : co_await list()) {
        chosen += item[0];
    }
    SLUICE_CO_TRY(auto page, co_await fetch(url, Options(1, 2)));
    EXPECT_EQ(page, 1);
    auto owned = std::make_unique<int>(co_await h());
    std::vector<int> both{first, second};
    switch (co_await h()) {
        case 1: {
            both = {1, 2};
            break;
        }
        default: both[0] = c ? 1 : 2;
    }
    if (Result<int> r = co_await h(); !r) {
        throw std::runtime_error("after");
    }
    while (co_await h() < 3) {
        do {
            both.push_back(co_await h());
        } while (c);
    }
    try {
        co_await with(a(), b(co_await h(), co_await h()));
    } catch (...) {
        both = {3};
    }
    [[maybe_unused]] auto compare = [&](int x) { return x < both[0] ? x : both[1]; };
    co_return Result<int>{aggregate.a};
}

Task<> loop() {
    for (;;) {
        Message message{co_awaited, 1};
        co_await send(message);
    }
}

}  // namespace sluice::store
