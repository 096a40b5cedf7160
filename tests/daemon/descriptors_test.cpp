#include "daemon/descriptors.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

namespace sluice::daemon {
namespace {

using ::testing::HasSubstr;

Config with_connections(std::uint32_t connections, std::uint32_t handles) {
    Config config;
    config.limits.connections_max = connections;
    config.limits.open_handles_max = handles;
    return config;
}

TEST(Descriptors, WhatFitsStaysAsItIs) {
    Config config = with_connections(100, 300);
    const auto fits = fit_descriptors(config, kOwnDescriptors + 400);
    ASSERT_TRUE(fits) << fits.error();
    EXPECT_EQ(*fits, "");
    EXPECT_EQ(config.limits.open_handles_max, 300U);
}

TEST(Descriptors, FilesOfClientsGetWhatConnectionsAndTheLogLeave) {
    Config config = with_connections(100, 301);
    const auto lowered = fit_descriptors(config, kOwnDescriptors + 400);
    ASSERT_TRUE(lowered) << lowered.error();
    EXPECT_EQ(config.limits.open_handles_max, 300U);
    EXPECT_THAT(*lowered, HasSubstr("limits.open_handles_max is 300 instead of 301"));
    EXPECT_THAT(*lowered, HasSubstr("may have 912 descriptors"));
    EXPECT_THAT(*lowered, HasSubstr("connections may take 100"));
}

TEST(Descriptors, ConnectionsOfListenersCount) {
    Config config = with_connections(100, 300);
    config.listeners.push_back(standard_listener(listeners::Protocol::journal));
    config.listeners.push_back(standard_listener(listeners::Protocol::json));
    config.listeners.back().connections_max = 50;
    config.listeners.push_back(config.listeners.back());
    config.listeners.back().enabled = false;
    ASSERT_TRUE(fit_descriptors(config, kOwnDescriptors + 400));
    EXPECT_EQ(config.limits.open_handles_max, 249U);
}

TEST(Descriptors, AConfigurationThatCannotFitIsRefused) {
    Config config = with_connections(100, 300);
    const auto least = fit_descriptors(config, kOwnDescriptors + 100 + kHandlesLeast);
    ASSERT_TRUE(least) << least.error();
    EXPECT_EQ(config.limits.open_handles_max, kHandlesLeast);
    const auto refused = fit_descriptors(config, kOwnDescriptors + 100 + kHandlesLeast - 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::limit_exceeded);
    EXPECT_THAT(refused.error().text(), HasSubstr("raise the one or lower the others"));
}

TEST(Descriptors, TheSoftLimitIsRaisedToTheHardOne) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit low = before;
    low.rlim_cur = 64;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    EXPECT_EQ(raise_descriptor_limit(), before.rlim_max);
    rlimit after{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
    EXPECT_EQ(after.rlim_cur, before.rlim_max);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace sluice::daemon
