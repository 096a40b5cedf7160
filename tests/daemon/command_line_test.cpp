#include "daemon/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/support.h"

namespace sluice::daemon {
namespace {

using ::testing::HasSubstr;

std::variant<CommandLine, EarlyExit> parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "sluiced");
    return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

CommandLine run(const std::vector<const char*>& arguments) {
    auto result = parse(arguments);
    EXPECT_TRUE(std::holds_alternative<CommandLine>(result));
    return std::holds_alternative<CommandLine>(result) ? std::get<CommandLine>(result) : CommandLine{};
}

EarlyExit early(const std::vector<const char*>& arguments) {
    auto result = parse(arguments);
    EXPECT_TRUE(std::holds_alternative<EarlyExit>(result));
    return std::holds_alternative<EarlyExit>(result) ? std::get<EarlyExit>(result) : EarlyExit{};
}

TEST(CommandLine, DefaultsToTheSystemConfiguration) {
    const CommandLine command = run({});
    EXPECT_EQ(command.config_path, "/etc/sluice/sluiced.yaml");
    EXPECT_FALSE(command.config_given);
    EXPECT_TRUE(command.private_directory.empty());
}

TEST(CommandLine, TakesAConfigurationOrAPrivateDirectoryButNotBoth) {
    EXPECT_TRUE(run({"--config", "x.yaml"}).config_given);
    EXPECT_TRUE(run({"-c", "x.yaml", "--check-config"}).check_config);
    EXPECT_EQ(run({"--private", "/tmp/a/../b/"}).private_directory, "/tmp/b");
    EXPECT_EQ(run({"--private", "b"}).private_directory, std::filesystem::current_path().string() + "/b");
    EXPECT_EQ(early({"--private", "b", "--config", "x"}).code, ExitCode::usage);
}

TEST(CommandLine, UsageErrorsExitWithTwo) {
    for (const auto* argument : {"--privat", "stray", "--config", "--private", "--private="}) {
        const EarlyExit exit = early({argument});
        EXPECT_EQ(exit.code, ExitCode::usage) << argument;
        EXPECT_THAT(exit.standard_error, ::testing::EndsWith("; see 'sluiced --help'\n")) << argument;
        EXPECT_THAT(exit.standard_error, ::testing::StartsWith("sluiced: ")) << argument;
        EXPECT_EQ(exit.standard_output, "") << argument;
    }
    EXPECT_EQ(early({"--privat"}).standard_error,
              "sluiced: there is no option '--privat'; did you mean '--private'?; see 'sluiced --help'\n");
}

TEST(CommandLine, HelpTeachesByExample) {
    const EarlyExit exit = early({"--help"});
    EXPECT_EQ(exit.code, ExitCode::ok);
    for (const auto* text : {"--private DIR", "--check-config", "--print-defaults",
                             "Examples:", "sluiced --private ~/scratch", "Exit codes: 0"}) {
        EXPECT_THAT(exit.standard_output, HasSubstr(text));
    }
}

TEST(CommandLine, PrintsVersionAndDefaults) {
    EXPECT_THAT(early({"--version"}).standard_output, ::testing::MatchesRegex("sluiced [0-9]+\\.[0-9]+\\.[0-9]+\n"));
    EXPECT_EQ(early({"--print-defaults"}).standard_output, testing::read_file(SLUICE_SOURCE_DIR "/etc/sluiced.yaml"));
}

TEST(CheckConfig, ReportsEveryProblemOrOk) {
    const testing::TemporaryDirectory directory;
    const testing::FakeIdentities identities;
    const std::string bad = directory.file("bad.yaml", "log:\n  level: loud\n  colour: yes\n");
    EarlyExit exit = check_config(run({"--check-config", "--config", bad.c_str()}), identities, 1000);
    EXPECT_EQ(exit.code, ExitCode::usage);
    EXPECT_EQ(exit.standard_error, "sluiced: " + bad +
                                       ":2:10: log.level: unknown word 'loud'; use one of error, warning, info, debug\n"
                                       "sluiced: " +
                                       bad + ":3:3: log: unknown setting 'colour'\n");
    const std::string good = directory.file("good.yaml", "log: {level: debug}\n");
    exit = check_config(run({"--check-config", "--config", good.c_str()}), identities, 1000);
    EXPECT_EQ(exit.code, ExitCode::ok);
    EXPECT_EQ(exit.standard_output, "sluiced: " + good + ": ok\n");
}

TEST(CheckConfig, TellsWhatAStartWouldFind) {
    const testing::TemporaryDirectory directory;
    const testing::FakeIdentities identities;
    const std::string file = directory.file(
        "a.yaml",
        fmt::format("store: {{directory: {0}/store}}\nlisten: {{socket: {0}/s}}\nroots: [{{name: a, path: {0}/a}}]\n",
                    directory.path()));
    const EarlyExit exit = check_config(run({"--check-config", "--config", file.c_str()}), identities, 1000);
    EXPECT_EQ(exit.code, ExitCode::usage);
    EXPECT_EQ(exit.standard_error,
              fmt::format("sluiced: {}: roots[0].path: '{}/a' is not there\n", file, directory.path()));
    EXPECT_TRUE(load_config(run({"--config", file.c_str()}), identities, 1000));
}

TEST(LoadConfig, RefusesARootThatContainsTheStore) {
    const testing::TemporaryDirectory directory;
    const testing::FakeIdentities identities;
    const std::string file = directory.file(
        "a.yaml", fmt::format("store: {{directory: {0}/store}}\nroots: [{{name: a, path: {0}}}]\n", directory.path()));
    const ConfigResult refused = load_config(run({"--config", file.c_str()}), identities, 1000);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error()[0].to_string(), HasSubstr(file + ": roots[0].path"));
}

TEST(LoadConfig, OnlyTheSystemConfigurationMayBeMissing) {
    const testing::FakeIdentities identities;
    CommandLine command;
    command.config_path = "/nonexistent/sluiced.yaml";
    const ConfigResult defaults = load_config(command, identities, 1000);
    ASSERT_TRUE(defaults);
    EXPECT_EQ(*defaults, Config{});
    EXPECT_EQ(check_config(command, identities, 1000).standard_output,
              "sluiced: /nonexistent/sluiced.yaml: not there; the built-in defaults are used\n");
    command.config_given = true;
    EXPECT_FALSE(load_config(command, identities, 1000));
}

TEST(LoadConfig, PrivateDirectoryMustFitIntoASocketAddress) {
    const testing::FakeIdentities identities;
    CommandLine command;
    command.private_directory = "/tmp/p";
    const ConfigResult config = load_config(command, identities, 1000);
    ASSERT_TRUE(config);
    EXPECT_EQ(*config, private_config("/tmp/p", 1000));
    command.private_directory = "/tmp/" + std::string(100, 'p');
    const ConfigResult refused = load_config(command, identities, 1000);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error()[0].to_string(), HasSubstr("the kernel takes at most 107 for a socket"));
}

TEST(SystemIdentities, KnowNamesAndNumbers) {
    const SystemIdentities identities;
    EXPECT_EQ(identities.user("root").value().uid, 0U);
    EXPECT_EQ(identities.user("4242").value().uid, 4242U);
    EXPECT_EQ(identities.group("root").value().gid, 0U);
    EXPECT_EQ(identities.group("4242").value().gid, 4242U);
    EXPECT_EQ(identities.user("no such user"), std::nullopt);
    EXPECT_EQ(identities.user("4294967295"), std::nullopt);
    EXPECT_EQ(identities.group(""), std::nullopt);
}

}  // namespace
}  // namespace sluice::daemon
