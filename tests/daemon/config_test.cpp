#include "daemon/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "daemon/settings.h"
#include "daemon/yaml_reader.h"

namespace sluice::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Stands for a value of any type; only its type is used.
struct Anything {
    template <class T>
    operator T() const;
};
template <std::size_t>
using AnythingAt = Anything;

template <class T, class... Fields>
constexpr std::size_t count_fields() {
    if constexpr (requires { T{Fields{}..., Anything{}}; }) {
        return count_fields<T, Fields..., Anything>();
    } else {
        return sizeof...(Fields);
    }
}

std::size_t rows_of(std::string_view section) {
    return static_cast<std::size_t>(
        std::ranges::count_if(settings(), [&](const Setting& setting) { return section_of(setting) == section; }));
}

// A field without a row could not be set; g++ and clang both count the fields of an aggregate.
TEST(Settings, HaveARowForEachFieldOfConfig) {
    EXPECT_EQ(rows_of("store"), count_fields<StoreConfig>());
    EXPECT_EQ(rows_of("retention"), count_fields<RetentionConfig>());
    EXPECT_EQ(rows_of("queue"), count_fields<QueueConfig>());
    EXPECT_EQ(rows_of("listen"), count_fields<ListenConfig>());
    EXPECT_EQ(rows_of("listeners"), 1U);
    EXPECT_EQ(rows_of("limits"), count_fields<LimitsConfig>());
    EXPECT_EQ(rows_of("roots"), 1U);
    EXPECT_EQ(rows_of("producers"), count_fields<ProducersConfig>());
    EXPECT_EQ(rows_of("threads"), count_fields<ThreadsConfig>());
    EXPECT_EQ(rows_of("log"), count_fields<LogConfig>());
    EXPECT_EQ(rows_of("shutdown"), count_fields<ShutdownConfig>());
    EXPECT_EQ(count_fields<ListenerConfig>(), 15U) << "yaml_listeners.cpp reads fifteen settings of a listener";
    EXPECT_EQ(count_fields<Config>(), 11U) << "a new section needs a line above";
    EXPECT_EQ(count_fields<RetentionClass>(), 4U) << "yaml_retention.cpp reads four settings of a class";
    EXPECT_EQ(count_fields<Root>(), 6U) << "yaml_reader.cpp reads six settings of a root";
}

// Two rows for one field would let the second be forgotten silently: each row must move a value of its own.
TEST(Settings, NameEachFieldOnce) {
    const Config config;
    std::vector<const void*> fields;
    for (const Setting& setting : settings()) {
        fields.push_back(std::visit([&](const auto& f) -> const void* { return &f.view(config); }, setting.field));
        EXPECT_EQ(find_setting(setting.key), &setting) << setting.key;
    }
    std::ranges::sort(fields);
    EXPECT_EQ(std::ranges::adjacent_find(fields), fields.end());
}

TEST(Settings, DefaultsAreWithinTheirLimits) {
    EXPECT_THAT(check_together(Config{}), IsEmpty());
}

TEST(PrivateConfig, ServesTheUserAndRootBeneathTheDirectory) {
    const Config config = private_config("/tmp/x", 1000);
    EXPECT_EQ(config.listen.socket, "/tmp/x/sluice.sock");
    EXPECT_EQ(config.listen.mode, 0600U);
    EXPECT_EQ(config.store.directory, "/tmp/x/store");
    EXPECT_EQ(config.store.segment_bytes, 16ULL << 20U);
    ASSERT_EQ(config.roots.size(), 1U);
    EXPECT_EQ(config.roots[0].name, "files");
    EXPECT_EQ(config.roots[0].path, "/tmp/x/files");
    EXPECT_EQ(config.roots[0].rights_of(1000, 1000), kAllRights);
    EXPECT_EQ(config.roots[0].rights_of(0, 0), kAllRights);
    EXPECT_EQ(config.roots[0].rights_of(1001, 1000), 0);
    ASSERT_EQ(config.listeners.size(), listeners::kProtocolNames.size());
    EXPECT_EQ(config.listeners[2].socket, "/tmp/x/syslog-stream");
    EXPECT_EQ(config.listeners[2].protocol, listeners::Protocol::syslog_stream);
    EXPECT_EQ(config.listeners[2].mode, 0600U);
    EXPECT_EQ(config.listeners[3].connections_per_uid_max, 512U) << "each service has a stdout stream";
    EXPECT_TRUE(config.listen.admits(1000, 1000, 1000));
    EXPECT_TRUE(config.listen.admits(0, 0, 1000));
    EXPECT_FALSE(config.listen.admits(1001, 1000, 1000));
    EXPECT_THAT(check_together(config), IsEmpty());
}

// Run by root it must not turn into a daemon for everyone.
TEST(PrivateConfig, OfRootServesRootOnly) {
    const Config config = private_config("/tmp/x", 0);
    EXPECT_TRUE(config.listen.admits(0, 0, 0));
    EXPECT_FALSE(config.listen.admits(1000, 1000, 0));
    EXPECT_EQ(config.roots[0].rights_of(1000, 1000), 0);
    EXPECT_EQ(config.roots[0].rights.size(), 1U);
}

TEST(ListenConfig, WithoutListsAdmitsWhoeverTheModeLetsIn) {
    EXPECT_TRUE(ListenConfig{}.admits(4242, 4242, 990));
}

TEST(ListenConfig, AdmitsByUserPrimaryGroupAndMembership) {
    ListenConfig listen;
    listen.allowed_users.push_back({"alice", 1000});
    listen.allowed_groups.push_back({"adm", 4, {1001, 1005}});
    EXPECT_TRUE(listen.admits(1000, 1000, 990));
    EXPECT_TRUE(listen.admits(1001, 1001, 990));  // A member.
    EXPECT_TRUE(listen.admits(7, 4, 990));        // Primary group.
    EXPECT_TRUE(listen.admits(990, 990, 990));    // The daemon's own user.
    EXPECT_FALSE(listen.admits(1002, 1002, 990));
    EXPECT_FALSE(listen.admits(4, 1000, 990));  // A uid is not a gid.
}

TEST(Root, RightsAreTheUnionOfMatchingGrants) {
    Root root;
    const auto bit = [](Right right) { return static_cast<Rights>(right); };
    root.rights.resize(3);
    root.rights[0].user.push_back({"alice", 1000});
    root.rights[0].rights = bit(Right::write);
    root.rights[1].group.push_back({"adm", 4, {1000}});
    root.rights[1].rights = bit(Right::list);
    root.rights[2].rights = bit(Right::append);
    EXPECT_EQ(root.rights_of(1000, 1000), bit(Right::write) | bit(Right::list) | bit(Right::append));
    EXPECT_EQ(root.rights_of(1, 4), bit(Right::list) | bit(Right::append));
    EXPECT_EQ(root.rights_of(1, 1), bit(Right::append));
    EXPECT_EQ(Root{}.rights_of(0, 0), 0);
}

// Each rule that joins two settings: what breaks it is refused under the setting's name, with the other one's.
TEST(CheckTogether, EachRuleIsBrokenByOneChange) {
    EXPECT_THAT(check_together(Config()), IsEmpty());
    struct Case {
        const char* key;
        const char* other;
        void (*breaks)(Config&);
    };
    const Case cases[] = {
        {"store.log_bytes_max", "store.segment_bytes",
         [](Config& c) { c.store.log_bytes_max = 3 * c.store.segment_bytes - 1; }},
        {"store.commit_bytes_max", "store.segment_bytes",
         [](Config& c) { c.store.commit_bytes_max = c.store.segment_bytes / 4 + 1; }},
        {"limits.frame_bytes_max", "store.segment_bytes",
         [](Config& c) {
             c.store.segment_bytes = 4ULL << 20U;
             c.limits.frame_bytes_max = (2ULL << 20U) - c.store.commit_bytes_max;
         }},
        {"producers.remembered_max", "store.segment_bytes",
         [](Config& c) {
             c.producers.remembered_max = static_cast<std::uint32_t>(c.store.segment_bytes / 6 / 40) + 1;
         }},
        {"queue.bytes_max", "limits.frame_bytes_max",
         [](Config& c) { c.queue.bytes_max = 2 * c.limits.frame_bytes_max - 1; }},
        {"limits.message_bytes_max", "limits.frame_bytes_max",
         [](Config& c) { c.limits.message_bytes_max = c.limits.frame_bytes_max; }},
        {"limits.session_output_bytes_max", "limits.frame_bytes_max",
         [](Config& c) { c.limits.session_output_bytes_max = 2 * c.limits.frame_bytes_max - 1; }},
        {"limits.connections_per_uid_max", "limits.connections_max",
         [](Config& c) { c.limits.connections_per_uid_max = c.limits.connections_max + 1; }},
        {"listen.socket", "107", [](Config& c) { c.listen.socket = "/" + std::string(107, 'a'); }},
    };
    for (const Case& each : cases) {
        Config config;
        each.breaks(config);
        const ConfigProblems problems = check_together(config);
        ASSERT_EQ(problems.size(), 1U) << each.key;
        EXPECT_EQ(problems[0].key, each.key);
        EXPECT_THAT(problems[0].text, ::testing::HasSubstr(each.other));
    }
}

TEST(Compare, SaysNothingAboutEqualConfigs) {
    const ConfigChanges changes = compare(private_config("/a", 7), private_config("/a", 7));
    EXPECT_THAT(changes.live, IsEmpty());
    EXPECT_THAT(changes.need_restart, IsEmpty());
}

TEST(Compare, TellsLiveChangesFromThoseThatNeedARestart) {
    Config wanted;
    wanted.store.segment_bytes = 16ULL << 20U;
    wanted.store.sync_interval = Milliseconds(200);
    wanted.listen.mode = 0666;
    wanted.listen.allowed_groups.push_back({"adm", 4, {}});
    wanted.log.level = LogLevel::debug;
    const ConfigChanges changes = compare(Config{}, wanted);
    EXPECT_THAT(changes.live, ElementsAre("store.sync_interval: 1 s -> 200 ms", "listen.allowed_groups: [] -> [adm]",
                                          "log.level: info -> debug"));
    EXPECT_THAT(changes.need_restart,
                ElementsAre("store.segment_bytes: 64 MiB -> 16 MiB", "listen.mode: '0660' -> '0666'"));
}

TEST(Compare, SeesThatANameMeansSomebodyElseNow) {
    Config before;
    before.listen.allowed_groups.push_back({"adm", 4, {}});
    Config after = before;
    after.listen.allowed_groups[0].members.push_back(1000);
    EXPECT_THAT(compare(before, after).live, ElementsAre("listen.allowed_groups: same text, other users or groups"));
}

TEST(Compare, ShowsRootsInFull) {
    Config before;
    Config after;
    Root root;
    root.name = "spool";
    root.path = "/srv/spool";
    Grant grant;
    grant.user.push_back({"alice", 1000});
    grant.rights = static_cast<Rights>(Right::read) | static_cast<Rights>(Right::list);
    root.rights.push_back(grant);
    after.roots.push_back(root);
    EXPECT_THAT(compare(before, after).live,
                ElementsAre("roots: [] -> [{name: spool, path: /srv/spool, follow_symlinks: no, cross_devices: no, "
                            "file_bytes_max: 0, rights: [{user: alice, allow: [read, list]}]}]"));
}

TEST(Compare, SocketsOfListenersNeedARestartAndTheirPolicyDoesNot) {
    Config before;
    before.listeners.emplace_back();
    before.listeners[0].name = "syslog";
    Config after = before;
    after.listeners[0].overflow = listeners::Overflow::drop;
    EXPECT_THAT(compare(before, after).live, ElementsAre(::testing::StartsWith("listeners: [{name: syslog")));
    EXPECT_THAT(compare(before, after).need_restart, IsEmpty());
    after.listeners[0].socket = "/run/other";
    EXPECT_THAT(compare(before, after).live, IsEmpty());
    EXPECT_THAT(compare(before, after).need_restart, ElementsAre(::testing::StartsWith("listeners: ")));
}

TEST(WithLiveChanges, LeavesWhatNeedsARestartAndTakesTheRest) {
    Config before;
    before.listeners.resize(2);
    before.listeners[0].name = "syslog";
    before.listeners[1].name = "json";
    Config after = before;
    after.log.level = LogLevel::debug;
    after.store.segment_bytes = 16ULL << 20U;
    after.listeners[0].overflow = listeners::Overflow::drop;
    after.listeners[1].socket = "/run/other";
    after.listeners[1].overflow = listeners::Overflow::drop;
    Config expected = before;
    expected.log.level = LogLevel::debug;
    expected.listeners[0].overflow = listeners::Overflow::drop;
    EXPECT_EQ(with_live_changes(before, after), expected);
    EXPECT_EQ(with_live_changes(before, before), before);
}

}  // namespace
}  // namespace sluice::daemon
