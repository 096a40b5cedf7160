Task<int> one() {
    EXPECT_EQ(co_await f(), 1);  // EXPECT assert
    ASSERT_TRUE(g(co_await f()));  // EXPECT assert
    SLUICE_ASSERT(co_await f());  // EXPECT assert
    assert(co_await f());  // EXPECT assert
    co_return 1;
}
