struct Message {
    std::string text;
    int number = 0;
    void send() const;
};
struct Envelope {
    Message message;
};
struct Plain {
    int fd = -1;
    int flags = 0;
};
struct Constructed {
    explicit Constructed(std::string t) : text(std::move(t)) {}
    std::string text;
};
Task<int> one() {
    co_await f(Message("text", 1));  // EXPECT aggregate
    co_await f(ns::Envelope(Message("text")));  // EXPECT aggregate
    co_await f(Message(), Plain(1, 2), Constructed("text"));
    auto named = Message("text", 1);
    co_await f(std::move(named));
}
