Task<int> one() {
    std::unique_ptr<int> p(new int(co_await m()));  // EXPECT new
    co_await f(new Thing);  // EXPECT new
    throw std::runtime_error(co_await s());  // EXPECT throw
}
