Task<int> one() {
    co_await f({.a = 1});  // EXPECT brace
    co_await Aggregate{1, "text"}.run();  // EXPECT brace
    int x{co_await f()};  // EXPECT brace
    auto y = co_await f(std::vector<int>{1, 2});  // EXPECT brace
    co_await f(Options{});  // EXPECT brace
    co_await f(
        1,
        {1, 2});  // EXPECT brace
    while (co_await f(Pair{1, 2})) {  // EXPECT brace
        if (ready) co_await f(Pair{1, 2});  // EXPECT brace
    }
    switch (kind) {
        case 1: co_await f({1}); break;  // EXPECT brace
    }
    co_return x + y;
}
