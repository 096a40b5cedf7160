// The sending end of a connection by itself: what waits, when it is too much, and what a lost connection does to who
// waits.
#include "server/output.h"

#include <gtest/gtest.h>

#include "coro/scope.h"
#include "io/sim_kernel.h"
#include "wire/messages.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class OutputTest : public testing::Test {
 protected:
    OutputTest() {
        auto listener = kernel_.listen_unix("/run/output.sock", 0600);
        EXPECT_TRUE(listener) << listener.error();
        auto peer = kernel_.connect_unix("/run/output.sock");
        EXPECT_TRUE(peer) << peer.error();
        peer_ = *std::move(peer);
        coro::Job<Result<io::Handle>> accepting(kernel_.loop(), "accept", accept, &kernel_, &*listener);
        EXPECT_TRUE(world_.run_until([&] { return accepting.done(); }));
        socket_ = *std::move(accepting.result());
        output_.emplace(kernel_, socket_, user_, Output::Options{.bytes_max = 1000, .stall_timeout = seconds(3)});
    }
    ~OutputTest() override {
        for (auto* job : {&sending_, &waiting_}) {
            if (*job) {
                (*job)->cancel();
            }
        }
        pass(seconds(1));
    }
    static Task<Result<io::Handle>> accept(io::SimKernel* kernel, const io::Handle* listener) {
        co_return co_await kernel->accept(*listener);
    }
    void pass(Duration time) { EXPECT_TRUE(world_.run_for(time)); }
    void run() { sending_.emplace(kernel_.loop(), "send", &Output::run, &*output_); }
    void wait_for_room() { waiting_.emplace(kernel_.loop(), "wait", &Output::room, &*output_); }
    // A frame of so many bytes.
    void append(std::size_t bytes) { output_->append(Bytes(bytes, std::byte{'x'}), {}); }
    static std::string outcome(std::optional<coro::Job<Result<>>>& job) {
        if (!job->done()) {
            return "not done";
        }
        return job->result() ? "" : fmt::format("{}", job->result().error());
    }

    io::SimWorld world_{1};
    io::SimKernel kernel_{world_, {}};
    UserRoom user_{100'000};
    io::Handle peer_;
    io::Handle socket_;
    std::optional<Output> output_;
    std::optional<coro::Job<Result<>>> sending_;
    std::optional<coro::Job<Result<>>> waiting_;
};

TEST_F(OutputTest, IsCrowdedAboveHalfOfItsBytes) {
    EXPECT_FALSE(output_->crowded());
    append(500);
    EXPECT_FALSE(output_->crowded());
    append(1);
    EXPECT_TRUE(output_->crowded());
    EXPECT_EQ(output_->waiting_bytes(), 501U);
    wait_for_room();
    EXPECT_EQ(outcome(waiting_), "not done");
    run();
    pass(milliseconds(1));
    EXPECT_EQ(outcome(waiting_), "");
    EXPECT_EQ(output_->waiting_bytes(), 0U);
    EXPECT_FALSE(output_->crowded());
}

TEST_F(OutputTest, ReplyTellsTheBytesOfItsFrame) {
    EXPECT_EQ(output_->reply(7, wire::PingReply()), wire::kFrameHeaderSize);
    const std::size_t second = output_->reply(8, wire::StatusReply{.json = "12345"});
    EXPECT_EQ(second, output_->waiting_bytes() - wire::kFrameHeaderSize);
}

// What was charged is given back when it is sent, and not before.
TEST_F(OutputTest, ChargeIsHeldUntilItsBytesAreSent) {
    for (int i = 0; i < 2; ++i) {
        std::optional<Charge> charge = output_->try_reserve(300);
        ASSERT_TRUE(charge);
        output_->append(Bytes(300), std::move(*charge));
    }
    EXPECT_EQ(user_.held_bytes(), 600U);
    EXPECT_FALSE(output_->try_reserve(401));
    run();
    pass(milliseconds(1));
    EXPECT_EQ(user_.held_bytes(), 0U);
    EXPECT_EQ(output_->waiting_bytes(), 0U);
    EXPECT_TRUE(output_->try_reserve(1000));
}

TEST_F(OutputTest, FinishSendsWhatWaitsAndEnds) {
    append(300);
    run();
    pass(milliseconds(1));
    EXPECT_EQ(outcome(sending_), "not done");
    append(300);
    output_->finish();
    pass(milliseconds(1));
    EXPECT_EQ(outcome(sending_), "");
    EXPECT_EQ(output_->waiting_bytes(), 0U);
}

TEST_F(OutputTest, LostConnectionIsNotWaitedFor) {
    append(501);
    wait_for_room();
    world_.faults().add(io::fail_nth(io::OpCode::send, "*", 1, ECONNRESET));
    run();
    pass(milliseconds(1));
    EXPECT_EQ(sending_->result().error().code(), Errc::closed) << outcome(sending_);
    append(501);
    EXPECT_TRUE(output_->crowded());
    wait_for_room();
    EXPECT_EQ(outcome(waiting_), "closed: the connection is lost");
}

TEST_F(OutputTest, PeerThatReadsNothingIsLostAfterTheTimeout) {
    append(300'000);  // More than a socket holds.
    run();
    pass(milliseconds(2900));
    EXPECT_EQ(outcome(sending_), "not done");
    EXPECT_EQ(output_->waiting_bytes(), 300'000U);
    pass(milliseconds(200));
    EXPECT_EQ(outcome(sending_), "closed: the client has read nothing for 3 s while 300000 bytes wait for it");
}

}  // namespace
}  // namespace sluice::server::test
