#include "daemon/yaml_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "daemon/config_values.h"
#include "daemon/defaults.h"
#include "daemon/settings.h"
#include "daemon/support.h"

namespace sluice::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

ConfigResult parse(std::string_view yaml) {
    return parse_config(yaml, "f.yaml", testing::FakeIdentities{});
}

std::vector<std::string> problems_of(std::string_view yaml) {
    std::vector<std::string> lines;
    const ConfigResult result = parse(yaml);
    if (!result) {
        for (const ConfigProblem& problem : result.error()) {
            lines.push_back(problem.to_string());
        }
    }
    return lines;
}

TEST(YamlReader, EmptyFileMeansDefaults) {
    for (const auto* yaml : {"", "# nothing\n", "---\n", "store:\nlimits:\n  # all commented out\n"}) {
        const ConfigResult config = parse(yaml);
        ASSERT_TRUE(config) << yaml << problems_of(yaml)[0];
        EXPECT_EQ(*config, Config{}) << yaml;
    }
}

TEST(YamlReader, ReadsEveryKindOfSetting) {
    const ConfigResult config = parse(R"(
store: {directory: /s, segment_bytes: 8 MiB, log_bytes_max: 24MiB, sync_interval: 200 ms, io: direct}
listen:
  mode: '0600'
  owner: alice
  group: adm
  allowed_users: [alice, 1234]
  allowed_groups:
    - adm
limits:
  connections_max: 2000
  idle_timeout: 5 min
log: {level: debug, target: journal}
)");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->store.directory, "/s");
    EXPECT_EQ(config->store.segment_bytes, 8ULL << 20U);
    EXPECT_EQ(config->store.log_bytes_max, 24ULL << 20U);
    EXPECT_EQ(config->store.sync_interval, Milliseconds(200));
    EXPECT_EQ(config->store.io, StoreIo::direct);
    EXPECT_EQ(config->listen.mode, 0600U);
    EXPECT_THAT(config->listen.owner, ElementsAre(UserRef{"alice", 1000}));
    EXPECT_THAT(config->listen.group, ElementsAre(GroupRef{"adm", 4, {1001}}));
    EXPECT_THAT(config->listen.allowed_users, ElementsAre(UserRef{"alice", 1000}, UserRef{"1234", 1234}));
    EXPECT_THAT(config->listen.allowed_groups, SizeIs(1));
    EXPECT_EQ(config->limits.connections_max, 2000U);
    EXPECT_EQ(config->limits.idle_timeout, Milliseconds(300'000));
    EXPECT_EQ(config->log.level, LogLevel::debug);
    EXPECT_EQ(config->log.target, LogTarget::journal);
    EXPECT_EQ(config->queue, QueueConfig{});
}

TEST(YamlReader, ReadsListeners) {
    const ConfigResult config = parse(R"(
listeners:
  - {name: dev-log, protocol: syslog, socket: /run/log, mode: 0622, owner: alice, group: adm, enabled: no,
     stream: "sys/{identifier|comm}", overflow: drop_by_severity, keep_severity: err, message_bytes_max: 8 KiB,
     rate_burst: 100, rate_interval: 5 s}
  - {name: json, protocol: json, socket: /run/json, connections_max: 10}
)");
    ASSERT_TRUE(config);
    ASSERT_EQ(config->listeners.size(), 2U);
    const ListenerConfig& first = config->listeners[0];
    EXPECT_EQ(first.name, "dev-log");
    EXPECT_FALSE(first.enabled);
    EXPECT_EQ(first.mode, 0622U);
    EXPECT_EQ(first.owner.at(0).uid, 1000U);
    EXPECT_EQ(first.stream, "sys/{identifier|comm}");
    EXPECT_EQ(first.overflow, listeners::Overflow::drop_by_severity);
    EXPECT_EQ(first.keep_severity, wire::Severity::err);
    EXPECT_EQ(first.message_bytes_max, 8192U);
    EXPECT_EQ(first.rate_burst, 100U);
    EXPECT_EQ(first.rate_interval, Milliseconds(5000));
    EXPECT_EQ(config->listeners[1].connections_per_uid_max, 10U) << "never more than all of them";
    // What is printed is read back as the same.
    const ConfigResult again = parse("listeners: " + value_text(*find_setting("listeners"), *config) + "\n");
    ASSERT_TRUE(again) << again.error()[0].to_string();
    EXPECT_EQ(again->listeners, config->listeners);
}

TEST(YamlReader, MistakesInListenersAreNamed) {
    const auto of = [](const std::string& text) { return problems_of("listeners:\n  - " + text + "\n"); };
    EXPECT_THAT(of("{name: a, protocol: syslog}"), ElementsAre("f.yaml:2:5: listeners[0]: socket is missing"));
    EXPECT_THAT(of("{name: A, protocol: syslog, socket: /a}"),
                ElementsAre("f.yaml:2:12: listeners[0].name: 'A' is not a listener name; use 1 to 32 of a-z 0-9 _ -"));
    EXPECT_THAT(of("{name: a, protocol: sislog, socket: /a}"),
                ElementsAre("f.yaml:2:25: listeners[0].protocol: unknown word 'sislog'; use one of journal, syslog, "
                            "syslog_stream, stdout, json; did you mean 'syslog'?"));
    EXPECT_THAT(of("{name: a, protocol: json, socket: /a, stream: '{pid}'}"),
                ElementsAre("f.yaml:2:52: listeners[0].stream: '{pid}': column 2: expected identifier, comm, unit, "
                            "container, uid or listener, then '|' or '}'"));
    EXPECT_THAT(of("{name: a, protocol: json, socket: /a, overflow: block, overflw: drop}"),
                ElementsAre("f.yaml:2:60: listeners[0]: unknown setting 'overflw'; did you mean 'overflow'?"));
    EXPECT_THAT(of("{name: a, protocol: json, socket: /a}\n  - {name: a, protocol: json, socket: /a}"),
                ElementsAre("f.yaml:3:5: listeners[1].name: a second listener named 'a'",
                            "f.yaml:3:5: listeners[1].socket: a second listener at '/a'"));
}

TEST(YamlReader, ReadsRoots) {
    const ConfigResult config = parse(R"(
roots:
  - name: spool
    path: /srv/spool
    follow_symlinks: yes
    file_bytes_max: 1 GiB
    rights:
      - {user: alice, allow: [read, write, append, create, list]}
      - {group: adm, allow: [read]}
      - {everyone: yes, allow: [append]}
  - {name: ro, path: /srv/ro}
)");
    ASSERT_TRUE(config);
    ASSERT_EQ(config->roots.size(), 2U);
    const Root& root = config->roots[0];
    EXPECT_TRUE(root.follow_symlinks);
    EXPECT_FALSE(root.cross_devices);
    EXPECT_EQ(root.file_bytes_max, 1ULL << 30U);
    EXPECT_EQ(root.rights_of(1000, 1000), kAllRights);
    EXPECT_EQ(root.rights_of(1001, 1001), static_cast<Rights>(Right::read) | static_cast<Rights>(Right::append));
    EXPECT_EQ(config->roots[1].rights_of(0, 0), 0);
}

// The exact text is what people see and what other programs may parse.
TEST(YamlReader, PointsAtTheUnit) {
    std::string yaml(12, '\n');
    yaml += "limits:\n  frame_bytes_max: 512 MBit\n";
    const ConfigResult config = parse_config(yaml, "/etc/sluice/sluiced.yaml", testing::FakeIdentities{});
    ASSERT_FALSE(config);
    ASSERT_THAT(config.error(), SizeIs(1));
    EXPECT_EQ(config.error()[0].to_string(),
              "/etc/sluice/sluiced.yaml:14:24: limits.frame_bytes_max: unknown unit 'MBit'; use KiB, MiB, GiB or TiB");
}

TEST(YamlReader, PointsIntoQuotedValuesToo) {
    EXPECT_THAT(problems_of("store:\n  segment_bytes: '8 MBit'\n"),
                ElementsAre("f.yaml:2:21: store.segment_bytes: unknown unit 'MBit'; use KiB, MiB, GiB or TiB"));
}

TEST(YamlReader, ReportsAllProblemsInTheOrderOfTheFile) {
    EXPECT_THAT(
        problems_of("log:\n  level: loud\nstore:\n  segment_byte: 8 MiB\n  sync_interval: 5\nthreads:\n  pool: 0\n"),
        ElementsAre("f.yaml:2:10: log.level: unknown word 'loud'; use one of error, warning, info, debug",
                    "f.yaml:4:3: store: unknown setting 'segment_byte'; did you mean 'segment_bytes'?",
                    "f.yaml:5:19: store.sync_interval: a unit is missing; use ms, s, min, h, d or w",
                    "f.yaml:7:9: threads.pool: '0' is out of range: 1 to 64"));
}

TEST(YamlReader, SuggestsTheSectionASettingBelongsTo) {
    EXPECT_THAT(
        problems_of("limits:\n  segment_bytes: 8 MiB\n"),
        ElementsAre("f.yaml:2:3: limits: unknown setting 'segment_bytes'; did you mean 'store.segment_bytes'?"));
    EXPECT_THAT(problems_of("limit: {}\n"), ElementsAre("f.yaml:1:1: unknown section 'limit'; did you mean 'limits'?"));
    EXPECT_THAT(problems_of("segment_bytes: 8 MiB\n"),
                ElementsAre("f.yaml:1:1: unknown section 'segment_bytes'; did you mean 'store.segment_bytes'?"));
    EXPECT_THAT(problems_of("colours: 3\n"), ElementsAre("f.yaml:1:1: unknown section 'colours'"));
    EXPECT_THAT(problems_of("store.io: auto\n"), ElementsAre(StartsWith("f.yaml:1:1: unknown section 'store.io'")));
}

TEST(YamlReader, RefusesASettingThatIsGivenTwice) {
    EXPECT_THAT(problems_of("log:\n  level: info\n  level: debug\n"),
                ElementsAre("f.yaml:3:3: log: 'level' is given twice"));
    EXPECT_THAT(problems_of("log: {}\nlog: {}\n"), ElementsAre("f.yaml:2:1: 'log' is given twice"));
}

TEST(YamlReader, ChecksLimits) {
    EXPECT_THAT(problems_of("store:\n  segment_bytes: 5000001\n"),
                ElementsAre("f.yaml:2:18: store.segment_bytes: '5000001' is out of range: 1 MiB to 4 GiB, a multiple "
                            "of 4 KiB"));
    EXPECT_THAT(problems_of("limits:\n  idle_timeout: 1 ms\n"),
                ElementsAre("f.yaml:2:17: limits.idle_timeout: '1 ms' is out of range: 1 s to 720 h; 0: never"));
    EXPECT_TRUE(parse("limits:\n  idle_timeout: 0\n"));
    EXPECT_THAT(problems_of("limits:\n  hello_timeout: 0\n"), SizeIs(1));
    EXPECT_THAT(problems_of("listen:\n  mode: '01777'\n"),
                ElementsAre("f.yaml:2:9: listen.mode: '01777' is out of range: 0000 to 0777"));
    EXPECT_THAT(problems_of("threads:\n  pool: 4294967297\n"), SizeIs(1));
    EXPECT_THAT(problems_of("listen:\n  socket: /" + std::string(107, 'a') + "\n"),
                ElementsAre("f.yaml:2:11: listen.socket: the path has 108 bytes; the limit is 107"));
}

TEST(YamlReader, RefusesValuesOfTheWrongShape) {
    EXPECT_THAT(problems_of("store: 3\n"), ElementsAre("f.yaml:1:8: store: expected 'name: value' lines"));
    EXPECT_THAT(problems_of("- a\n"), ElementsAre("f.yaml:1:1: expected 'name: value' lines"));
    EXPECT_THAT(problems_of("store:\n  segment_bytes: [1]\n"),
                ElementsAre("f.yaml:2:18: store.segment_bytes: expected a size such as '64 MiB', not a list or map"));
    EXPECT_THAT(problems_of("store:\n  io:\n"),
                ElementsAre("f.yaml:2:3: store.io: has no value; expected one of auto, direct, buffered"));
    EXPECT_THAT(problems_of("listen:\n  allowed_users: alice\n"),
                ElementsAre("f.yaml:2:18: listen.allowed_users: expected a list of user names, for example [user1, "
                            "user2]"));
    EXPECT_THAT(problems_of("listen:\n  mode: 660\n"),
                ElementsAre("f.yaml:2:9: listen.mode: expected an octal mode such as '0660', not '660'"));
    EXPECT_THAT(problems_of("store:\n  directory: var\n"),
                ElementsAre("f.yaml:2:14: store.directory: expected an absolute path, not 'var'"));
    EXPECT_THAT(problems_of("store:\n  [a]: 1\n"), ElementsAre("f.yaml:2:3: store: a key must be a word"));
}

TEST(YamlReader, RefusesNamesThatTheMachineDoesNotKnow) {
    EXPECT_THAT(problems_of("listen:\n  allowed_users: [alice, mallory]\n  group: wheel\n"),
                ElementsAre("f.yaml:2:26: listen.allowed_users: there is no user 'mallory' on this machine",
                            "f.yaml:3:10: listen.group: there is no group 'wheel' on this machine"));
}

TEST(YamlReader, ChecksRoots) {
    EXPECT_THAT(problems_of("roots:\n  - path: /a\n  - {name: 'a b', path: b}\n  - 7\n"),
                ElementsAre("f.yaml:2:5: roots[0]: name is missing",
                            "f.yaml:3:14: roots[1].name: 'a b' is not a root name; use 1 to 64 of A-Z a-z 0-9 . _ -",
                            "f.yaml:3:25: roots[1].path: expected an absolute path, not 'b'",
                            "f.yaml:4:5: roots[2]: expected 'name: value' lines"));
    EXPECT_THAT(problems_of("roots:\n  - {name: a, path: /a}\n  - {name: a, path: /b}\n"),
                ElementsAre("f.yaml:3:5: roots[1].name: a second root named 'a'"));
    EXPECT_THAT(
        problems_of("roots:\n  - {name: a, path: /a, folow_symlinks: yes}\n"),
        ElementsAre("f.yaml:2:25: roots[0]: unknown setting 'folow_symlinks'; did you mean 'follow_symlinks'?"));
}

// A grant that is read differently from how it was meant opens files to strangers.
TEST(ParseConfig, ReadsClassesOfStreams) {
    const ConfigResult config = parse(
        "retention:\n  age_max: 720 h\n  classes:\n    - {name: debug, streams: [debug, 'trace-*'], age_max: 2 h, "
        "bytes_max: 64 MiB}\n    - name: audit\n      streams: [audit]\n");
    ASSERT_TRUE(config);
    ASSERT_EQ(config->retention.classes.size(), 2U);
    const RetentionClass& debug = config->retention.classes[0];
    EXPECT_EQ(debug.name, "debug");
    EXPECT_THAT(debug.streams, ElementsAre("debug", "trace-*"));
    EXPECT_EQ(debug.age_max, std::chrono::hours(2));
    EXPECT_EQ(debug.bytes_max, 64U << 20U);
    EXPECT_EQ(config->retention.classes[1].age_max.count(), 0);
}

TEST(ParseConfig, SaysWhatIsWrongWithAClass) {
    const auto problems = [](const std::string& text) {
        return problems_of("retention:\n  classes:\n    - " + text + "\n");
    };
    EXPECT_THAT(problems("{name: a}"), ElementsAre("f.yaml:3:7: retention.classes[0]: streams is missing"));
    EXPECT_THAT(
        problems("{name: A, streams: [a]}"),
        ElementsAre("f.yaml:3:14: retention.classes[0].name: 'A' is not a class name; use 1 to 32 of a-z 0-9 _"));
    EXPECT_THAT(
        problems("{name: default, streams: [a]}"),
        ElementsAre("f.yaml:3:14: retention.classes[0].name: 'default' is the class of what no other class wants"));
    EXPECT_THAT(problems("{name: a, streams: []}"),
                ElementsAre("f.yaml:3:26: retention.classes[0].streams: expected a list of 1 to 256 streams such as "
                            "[debug, 'trace-*']"));
    EXPECT_THAT(problems("{name: a, streams: [b], age: 1 h}"),
                ElementsAre("f.yaml:3:31: retention.classes[0]: unknown setting 'age'"));
    EXPECT_THAT(problems("{name: a, streams: [b], age_max: 1 ms}"),
                ElementsAre(StartsWith("f.yaml:3:40: retention.classes[0].age_max: '1 ms' is out of range: ")));
    EXPECT_THAT(problems("{name: a, streams: [b], bytes_max: 1}"),
                ElementsAre(StartsWith("f.yaml:3:42: retention.classes[0].bytes_max: '1' is out of range: ")));
    EXPECT_THAT(problems("{name: a, streams: [b]}\n    - {name: a, streams: [c]}"),
                ElementsAre("f.yaml:4:7: retention.classes[1].name: a second class named 'a'"));
}

TEST(YamlReader, RefusesAmbiguousGrants) {
    const auto grant = [](const std::string& text) {
        return problems_of("roots:\n- name: a\n  path: /a\n  rights:\n  - " + text + "\n");
    };
    EXPECT_THAT(grant("{user: alice, group: adm, allow: [read]}"),
                ElementsAre("f.yaml:5:5: roots[0].rights[0]: needs exactly one of user, group and everyone: yes"));
    EXPECT_THAT(grant("{allow: [read]}"),
                ElementsAre("f.yaml:5:5: roots[0].rights[0]: needs exactly one of user, group and everyone: yes"));
    EXPECT_THAT(grant("{everyone: no, allow: [read]}"),
                ElementsAre(HasSubstr("everyone: can only be yes; leave the grant out instead")));
    EXPECT_THAT(grant("{user: alice}"), ElementsAre("f.yaml:5:5: roots[0].rights[0]: allow is missing"));
    EXPECT_THAT(grant("{user: alice, allow: [raed]}"),
                ElementsAre("f.yaml:5:27: roots[0].rights[0].allow: unknown word 'raed'; use one of read, write, "
                            "append, create, list; did you mean 'read'?"));
    EXPECT_THAT(grant("{user: alice, allow: read}"), ElementsAre(HasSubstr("expected a list of rights")));
    EXPECT_THAT(grant("{user: '', allow: [read]}"), ElementsAre(HasSubstr("there is no user '' on this machine")));
}

TEST(YamlReader, ChecksSettingsAgainstEachOther) {
    EXPECT_THAT(problems_of("store:\n  segment_bytes: 1 GiB\n  log_bytes_max: 2 GiB\n"),
                ElementsAre("f.yaml:3:18: store.log_bytes_max: 2 GiB is not at least 3 GiB, because "
                            "store.segment_bytes is 1 GiB"));
    // The other one of the two may be a default: then there is no line to point at.
    EXPECT_THAT(problems_of("limits:\n  connections_max: 8\n"),
                ElementsAre("f.yaml: limits.connections_per_uid_max: 256 is more than limits.connections_max, which "
                            "is 8"));
}

TEST(YamlReader, ReportsSyntaxErrorsWithTheirPlace) {
    EXPECT_THAT(problems_of("store:\n  io: [auto\nlog: x\n"), ElementsAre(HasSubstr(": not valid YAML: ")));
    EXPECT_THAT(problems_of("a: b: c\n"), ElementsAre(StartsWith("f.yaml:1:5: not valid YAML: ")));
    EXPECT_THAT(problems_of("log: {}\n---\nlog: {}\n"),
                ElementsAre(HasSubstr("a second YAML document; there must be only one")));
    EXPECT_THAT(problems_of("a: *nowhere\n"), ElementsAre(HasSubstr("not valid YAML: ")));
    EXPECT_THAT(problems_of(","), ElementsAre("f.yaml:1:1: not valid YAML: nothing can begin like this"));
    EXPECT_THAT(problems_of("log: {}\n...\n ,x"),
                ElementsAre("f.yaml:3:2: not valid YAML: nothing can begin like this"));
    EXPECT_THAT(problems_of(std::string(100'000, '[')), SizeIs(1));
}

TEST(YamlReader, EscapesWhatItQuotes) {
    EXPECT_THAT(problems_of("\"\\e[31m\": 1\n"), ElementsAre("f.yaml:1:1: unknown section '\\x1b[31m'"));
}

TEST(YamlReader, ReportsFilesItCannotRead) {
    const testing::FakeIdentities identities;
    const testing::TemporaryDirectory directory;
    const auto text = [&](const std::string& path) {
        const ConfigResult result = read_config_file(path, identities);
        return result ? std::string("no problem") : result.error()[0].to_string();
    };
    EXPECT_EQ(text(directory.path() + "/none"),
              directory.path() + "/none: cannot be opened: No such file or directory");
    EXPECT_EQ(text(directory.path()), directory.path() + ": cannot be read: Is a directory");
    EXPECT_EQ(text(directory.file("large", std::string(kConfigFileBytesMax + 1, '#'))),
              directory.path() + "/large: is larger than 1 MiB");
    EXPECT_EQ(text(directory.file("good", "log: {level: debug}\n")), "no problem");
}

// No input may crash the reader, however it was damaged; the seed makes a failure repeatable.
TEST(YamlReader, SurvivesDamagedFiles) {
    const std::string whole =
        render_defaults() + "\n# end\n" + "roots: [{name: a, path: /a, rights: [{user: alice, allow: [read]}]}]\n";
    std::size_t refused = 0;
    for (unsigned seed = 0; seed < 400; ++seed) {
        std::mt19937 random(seed);
        std::string text = whole;
        for (unsigned i = 0; i < 1 + seed % 8; ++i) {
            const std::size_t at = random() % text.size();
            switch (random() % 3) {
                case 0:
                    text[at] = static_cast<char>(random());
                    break;
                case 1:
                    text.erase(at, random() % 64);
                    break;
                default:
                    text.insert(at, 1, "[]{}:-?*&!|>'\"%@`\t\n"[random() % 19]);
            }
        }
        const ConfigResult result = parse(text);
        refused += result ? 0 : 1;
        if (!result) {
            EXPECT_FALSE(result.error().empty()) << "seed " << seed;
        }
    }
    EXPECT_GT(refused, 100U);
}

}  // namespace
}  // namespace sluice::daemon
