// Never compiled: violations planted for coroutine_lint.py.  "EXPECT rule" marks the line that must be found.
Task<int> one() {
    std::string s = "text";
    co_await f([s] { return s.size(); });  // EXPECT lambda
    co_await f([&s] { return s.size(); });  // EXPECT lambda
    int n = co_await g(1, [=]() mutable noexcept -> int { return 1; });  // EXPECT lambda
    if (co_await f([s] { return true; })) {  // EXPECT lambda
        n = 2;
    }
    for (int i = 0; i < co_await f([s] { return 3; }); ++i) {  // EXPECT lambda
    }
    co_return co_await f([copy = s] { return copy.size(); });  // EXPECT lambda
}
