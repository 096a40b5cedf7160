#include "daemon/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <sstream>

#include "coro/test_loop.h"

namespace sluice::daemon {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Events : public ::testing::Test {
 protected:
    ~Events() override {
        tasks_.cancel();
        loop_.run_until_idle();
    }
    // What was written since the last call.
    std::vector<std::string> written() {
        log_.flush();
        std::string text(100'000, '\0');
        const ssize_t n = pread(fileno(file_.get()), text.data(), text.size(), seen_);
        text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
        seen_ += n;
        std::vector<std::string> lines;
        std::istringstream all(text);
        for (std::string line; std::getline(all, line);) {
            lines.push_back(line);
        }
        return lines;
    }
    void refuse(int times) {
        for (int i = 0; i < times; ++i) {
            events_.on_refused(server::Peer{}, Error(Errc::permission_denied, "no"));
        }
        loop_.run_until_idle();
    }

    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_{std::tmpfile(), std::fclose};
    off_t seen_ = 0;
    LogOutput log_{LogLevel::debug, LogTarget::standard_error, file_.get()};
    coro::TestLoop loop_;
    LoggedEvents events_{log_, loop_.clock()};
    coro::Scope tasks_{loop_.loop(), nullptr};
};

TEST_F(Events, RefusedConnectionsAreAFewLinesASecondAndASummary) {
    tasks_.spawn("summaries", &LoggedEvents::summarise, &events_);
    refuse(1000);
    EXPECT_EQ(written().size(), LineLimit::kLinesMax);
    loop_.advance(LineLimit::kInterval);
    const std::vector<std::string> summary = written();
    ASSERT_EQ(summary.size(), 1U);
    EXPECT_THAT(summary[0], HasSubstr("995 more connections were refused"));
    refuse(1);
    EXPECT_EQ(written().size(), 1U);
    loop_.advance(std::chrono::hours(1));
    EXPECT_TRUE(written().empty());
}

TEST_F(Events, WhatIsWithheldAtTheEndIsToldToo) {
    tasks_.spawn("summaries", &LoggedEvents::summarise, &events_);
    refuse(10);
    (void)written();
    tasks_.cancel();
    loop_.run_until_idle();
    const std::vector<std::string> summary = written();
    ASSERT_EQ(summary.size(), 1U);
    EXPECT_THAT(summary[0], HasSubstr("5 more"));
}

TEST_F(Events, ConnectionsThatAreClosedForWhatTheyDidAreLimitedByThemselves) {
    refuse(1000);
    (void)written();
    const Error why(Errc::malformed, "no frame");
    events_.on_disconnected(server::Peer{}, &why);
    const std::vector<std::string> lines = written();
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_THAT(lines[0], HasSubstr("no frame"));
}

TEST_F(Events, ConnectionsThatAreNotKeptAreToldWithTheReason) {
    events_.on_not_kept("stdout", 3, Error(Errc::limit_exceeded, "the store is full"));
    const std::vector<std::string> lines = written();
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_THAT(lines[0], HasSubstr("listener stdout: 3 connections will not outlive this run of sluiced: "));
    EXPECT_THAT(lines[0], HasSubstr("the store is full"));
}

TEST_F(Events, DamageSaysWhichRecordsAreLostOrThatNoneIs) {
    events_.on_damage({.file = "a", .offset = 1, .bytes = 512, .first_sequence = 3, .end_sequence = 5});
    events_.on_damage({.file = "a", .offset = 1, .bytes = 512, .first_sequence = 1, .end_sequence = 1});
    events_.on_damage({.file = "a", .offset = 1, .bytes = 512, .first_sequence = 0, .end_sequence = 0});
    const std::vector<std::string> lines = written();
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_THAT(lines[0], HasSubstr("records 3 to 4 are lost"));
    for (const std::size_t none : {1U, 2U}) {
        EXPECT_THAT(lines[none], HasSubstr("no record is lost"));
        EXPECT_THAT(lines[none], Not(HasSubstr("records")));
    }
}

}  // namespace
}  // namespace sluice::daemon
