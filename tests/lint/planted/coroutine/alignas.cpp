Task<int> one() {
    alignas(64) char buffer[64];  // EXPECT alignas
    while (true) {
        alignas(32) char inner[32];  // EXPECT alignas
        co_await f(buffer, inner);
    }
}
