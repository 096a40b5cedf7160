Task<int> one() {
    m[key()] = co_await f();  // EXPECT subscript
    this->slots_[i] += co_await f();  // EXPECT subscript
    m[key()].field = co_await f();  // EXPECT subscript
    co_return 1;
}
