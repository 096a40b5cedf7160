// A quote in a comment ' or " must not swallow the code behind it.
Task<int> one() {
    const char* raw = R"x(co_await f({1}); ")x";
    const int n = 1'000'000;
    const char quote = '"';
    co_await f({n}, '\'', "\"");  // EXPECT brace
    /* co_await g({1}); */ co_await f({raw, quote});  // EXPECT brace
    co_return 1;
}
