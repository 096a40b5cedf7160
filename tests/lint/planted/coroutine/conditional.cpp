Task<std::string> one(bool c) {
    std::string x = c ? co_await a() : co_await b();  // EXPECT conditional
    co_await f(c ? x : "none");  // EXPECT conditional
    co_return c ? co_await a() : "other";  // EXPECT conditional
}
