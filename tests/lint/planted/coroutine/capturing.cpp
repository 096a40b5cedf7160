void spawn_all(Scope& scope, int x) {
    auto a = [x]() -> Task<> { co_await f(x); };  // EXPECT capturing-coroutine
    auto b = [&](int y) -> Task<int> {  // EXPECT capturing-coroutine
        if (y > 0) {
            co_return x;
        }
        co_return 0;
    };
    scope.spawn("c", [this] -> Task<> { co_return; });  // EXPECT capturing-coroutine
    auto d = []<class T>(T t) { return [t]() -> Task<> { co_await t.f(); }; };  // EXPECT capturing-coroutine
}
