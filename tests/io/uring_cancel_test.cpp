#include <sys/socket.h>

#include "coro/combine.h"
#include "io/uring_fixture.h"

namespace sluice::io {
namespace {

using UringCancel = UringTest;

Task<Result<>> receive(Kernel& kernel, const Handle& socket, std::string* into) {
    into->resize(64);
    const std::span<std::byte> bytes(reinterpret_cast<std::byte*>(into->data()), into->size());
    SLUICE_CO_TRY(const std::size_t got, co_await kernel.recv(socket, bytes));
    into->resize(got);
    co_return Result<>{};
}
Task<Result<>> receive_a_buffer(Kernel& kernel, const Handle& socket) {
    SLUICE_CO_TRY(PooledBuffer buffer, co_await kernel.recv_pooled(socket));
    co_return Result<>{};
}
Task<Result<>> accept_one(Kernel& kernel, const Handle& listener) {
    SLUICE_CO_TRY(Handle session, co_await kernel.accept(listener));
    co_return Result<>{};
}
Task<Result<>> poll_one(Kernel& kernel, const Handle& handle) {
    co_return co_await kernel.poll_in(handle);
}

// Runs a job until it can only wait, cancels it, and returns its result.
template <class F, class... Args>
Result<> cancelled_after_start(UringKernel& kernel, F fn, Args... args) {
    coro::Job<Result<>> job(kernel.loop(), "job", std::move(fn), std::ref<Kernel>(kernel), std::move(args)...);
    // A timer ends the first wait, so that the operation has surely reached the kernel.
    auto waited = block_on(kernel, "wait", coro::sleep_for, Duration(std::chrono::milliseconds(1)));
    EXPECT_TRUE(waited) << waited.error();
    EXPECT_FALSE(job.done());
    job.cancel();
    EXPECT_FALSE(job.done()) << "a cancelled operation is awaited, not dropped";
    auto driven = run_until(kernel, [&job] { return job.done(); });
    EXPECT_TRUE(driven) << driven.error();
    return job.result();
}

TEST_F(UringCancel, ReceiveEndsWithCancelledAndTakesNothing) {
    SocketPair pair(kernel());
    std::string text;
    auto ended = cancelled_after_start(kernel(), receive, std::cref(pair.near), &text);
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code(), Errc::cancelled) << ended.error();
    // What is sent afterwards is there for the next receive: the cancelled one has really left the kernel.
    ASSERT_EQ(::send(pair.far.fd(), "late", 4, 0), 4);
    auto received = run(receive, std::cref(pair.near), &text);
    ASSERT_TRUE(received) << received.error();
    EXPECT_EQ(text, "late");
}

TEST_F(UringCancel, OperationsInFlightAreCountedByKind) {
    SocketPair pair(kernel());
    coro::Job<Result<>> job(kernel().loop(), "job", poll_one, std::ref<Kernel>(kernel()), std::cref(pair.near));
    EXPECT_EQ(kernel().in_flight(OpCode::poll_in), 1U);
    EXPECT_EQ(kernel().in_flight(OpCode::write), 0U);
    job.cancel();
    ASSERT_TRUE(run_until(kernel(), [&job] { return job.done(); }));
    EXPECT_EQ(kernel().in_flight(OpCode::poll_in), 0U);
}

TEST_F(UringCancel, PooledReceiveEndsWithCancelled) {
    SocketPair pair(kernel());
    auto ended = cancelled_after_start(kernel(), receive_a_buffer, std::cref(pair.near));
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code(), Errc::cancelled) << ended.error();
}

TEST_F(UringCancel, AcceptEndsWithCancelled) {
    auto listener = kernel().listen_unix(folder_.file("s"), 0600);
    ASSERT_TRUE(listener) << listener.error();
    auto ended = cancelled_after_start(kernel(), accept_one, std::cref(*listener));
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code(), Errc::cancelled) << ended.error();
}

TEST_F(UringCancel, PollEndsWithCancelled) {
    SocketPair pair(kernel());
    auto ended = cancelled_after_start(kernel(), poll_one, std::cref(pair.near));
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code(), Errc::cancelled) << ended.error();
}

Task<Result<>> receive_within(Kernel& kernel, const Handle& socket, std::string* into, Duration timeout) {
    co_return co_await coro::with_timeout(timeout, receive(kernel, socket, into));
}

TEST_F(UringCancel, DeadlineEndsAReceiveInTheKernel) {
    SocketPair pair(kernel());
    std::string text;
    auto ended = run(receive_within, std::cref(pair.near), &text, Duration(std::chrono::milliseconds(3)));
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code(), Errc::deadline_exceeded) << ended.error();
    ASSERT_EQ(::send(pair.far.fd(), "late", 4, 0), 4);
    auto received = run(receive_within, std::cref(pair.near), &text, Duration(std::chrono::seconds(60)));
    ASSERT_TRUE(received) << received.error();
    EXPECT_EQ(text, "late");
}

// The data is there before the cancellation: either answer is right, but bytes must not vanish.
TEST_F(UringCancel, ReceiveThatRacesWithCancellationLosesNoByte) {
    for (int i = 0; i < 200; ++i) {
        SocketPair pair(kernel());
        std::string text;
        coro::Job<Result<>> job(kernel().loop(), "job", receive, std::ref<Kernel>(kernel()), std::cref(pair.near),
                                &text);
        if (i % 2 == 0) {
            ASSERT_TRUE(block_on(kernel(), "wait", coro::sleep_for, Duration(std::chrono::microseconds(10))));
        }
        ASSERT_EQ(::send(pair.far.fd(), "data", 4, 0), 4);
        job.cancel();
        ASSERT_TRUE(run_until(kernel(), [&job] { return job.done(); }));
        if (job.result()) {
            EXPECT_EQ(text, "data");
        } else {
            EXPECT_EQ(job.result().error().code(), Errc::cancelled);
            char left[8];
            EXPECT_EQ(::recv(pair.near.fd(), left, sizeof left, MSG_DONTWAIT), 4);
        }
    }
}

struct Many {
    std::vector<std::unique_ptr<SocketPair>> pairs;
    std::vector<std::string> texts;
    std::size_t cancelled = 0;
};

Task<Result<>> counted_receive(Kernel& kernel, Many& many, std::size_t i) {
    auto ended = co_await receive(kernel, many.pairs[i]->near, &many.texts[i]);
    EXPECT_FALSE(ended);
    many.cancelled += !ended && ended.error().code() == Errc::cancelled ? 1 : 0;
    co_return Result<>{};
}
Task<Result<>> spawn_and_cancel(coro::Scope& scope, Kernel& kernel, Many& many) {
    for (std::size_t i = 0; i < many.pairs.size(); ++i) {
        scope.spawn("receive", counted_receive, std::ref(kernel), std::ref(many), i);
    }
    SLUICE_CO_CHECK(co_await coro::sleep_for(std::chrono::milliseconds(1)));
    scope.cancel();
    co_await scope.join();
    co_return Result<>{};
}
Task<Result<>> run_many(Kernel& kernel, Many& many) {
    co_return co_await coro::with_scope(spawn_and_cancel, std::ref(kernel), std::ref(many));
}

TEST_F(UringCancel, CancellationsBeyondTheSubmissionQueueAllArrive) {
    UringOptions options;
    options.sq_entries = 4;
    options.cq_entries = 8;
    start(options);
    Many many;
    many.texts.resize(300);
    for (std::size_t i = 0; i < many.texts.size(); ++i) {
        many.pairs.push_back(std::make_unique<SocketPair>(kernel()));
    }
    auto done = run(run_many, std::ref(many));
    ASSERT_TRUE(done) << done.error();
    EXPECT_EQ(many.cancelled, 300U);
}

}  // namespace
}  // namespace sluice::io
