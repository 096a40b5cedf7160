#include "daemon/signals.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>

#include "no_descriptors.h"

namespace sluice::daemon {
namespace {

TEST(SignalFd, HandsOutBlockedSignalsOneByOne) {
    auto signals = SignalFd::create();
    ASSERT_TRUE(signals) << signals.error();
    EXPECT_EQ(signals->next(), std::nullopt);
    raise(SIGHUP);
    raise(SIGTERM);
    pollfd entry{signals->fd(), POLLIN, 0};
    EXPECT_EQ(poll(&entry, 1, 0), 1);
    // The lower number first: the kernel's order among pending signals.
    EXPECT_EQ(signals->next(), SIGHUP);
    EXPECT_EQ(signals->next(), SIGTERM);
    EXPECT_EQ(signals->next(), std::nullopt);
    EXPECT_EQ(poll(&entry, 1, 0), 0);
}

TEST(SignalFd, DuplicateReportsTheSameSignals) {
    auto signals = SignalFd::create();
    ASSERT_TRUE(signals) << signals.error();
    auto copy = signals->duplicate();
    ASSERT_TRUE(copy) << copy.error();
    raise(SIGINT);
    pollfd entry{*copy, POLLIN, 0};
    EXPECT_EQ(poll(&entry, 1, 0), 1);
    close(*copy);
    EXPECT_EQ(signals->next(), SIGINT);
}

TEST(SignalFd, NeedsADescriptor) {
    const auto signals = SignalFd::create();
    ASSERT_TRUE(signals) << signals.error();
    (void)fail_errno(EMFILE, "an error {}", "with a text");  // For UBSan, see there.
    const auto [another, copy] = [&] {
        const sluice::test::NoDescriptors none;
        auto created = SignalFd::create();
        return std::pair(std::move(created), signals->duplicate());
    }();
    ASSERT_FALSE(another);
    EXPECT_EQ(fmt::format("{}", another.error()), "limit_exceeded: signalfd: Too many open files");
    ASSERT_FALSE(copy);
    EXPECT_TRUE(copy.error().text().starts_with("duplicate the signalfd: ")) << copy.error();
}

TEST(SignalFd, WritesToClosedPipesFailInsteadOfKilling) {
    auto signals = SignalFd::create();
    ASSERT_TRUE(signals) << signals.error();
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    close(ends[0]);
    EXPECT_EQ(write(ends[1], "x", 1), -1);
    EXPECT_EQ(errno, EPIPE);
    close(ends[1]);
    struct sigaction action{};
    sigaction(SIGXFSZ, nullptr, &action);
    EXPECT_EQ(action.sa_handler, SIG_IGN);
}

}  // namespace
}  // namespace sluice::daemon
