Task<int> one() {
    std::vector<int> v{co_await a(), co_await b()};  // EXPECT two-awaits
    Tracked array[] = {co_await a(), co_await b()};  // EXPECT two-awaits
    auto g = co_await f({co_await a(), 1});  // EXPECT brace
    co_return Aggregate{co_await a(), co_await b()};  // EXPECT two-awaits
}
