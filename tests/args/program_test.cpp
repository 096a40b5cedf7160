// What the programs rely on; the texts are those of tests/cli and tests/daemon.
#include "args/program.h"

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace sluice::args::test {
namespace {

// Two commands; what was given is seen in the members.
struct Sample {
    Program program{"About.\n", "sample"};
    std::string socket = "default";
    std::optional<std::uint64_t> count;
    std::vector<std::string> words;
    std::vector<std::string> fields;
    double seconds = 2;
    bool all = false;
    Option count_option;

    Sample() {
        program.version("sample 7");
        program.option("--socket", socket).environment("SLUICE_ARGS_TEST");
        Command list = program.command("list", "First line.\nSecond line.\n");
        count_option = list.option("-n,--count", count).not_negative();
        list.option("words", words);
        list.option("--field", fields).one_value_each();
        list.option("--seconds", seconds).range(0.5, 3.0).show_default();
        list.flag("--all", all).excludes(count_option);
        list.action([] { return 5; });
        program.command("stop", "Stops.\n").action([] { return 6; });
    }
    std::optional<Ending> parse(std::vector<const char*> arguments) {
        arguments.insert(arguments.begin(), "sample");
        return program.parse(static_cast<int>(arguments.size()), arguments.data());
    }
    // The error of a command line that is wrong.
    std::string wrong(std::vector<const char*> arguments) {
        const auto ended = parse(std::move(arguments));
        if (!ended || ended->exit_code == 0) {
            return "not wrong";
        }
        return ended->text;
    }
};

TEST(ArgsProgram, RunsTheActionOfTheCommandThatIsGiven) {
    Sample list;
    ASSERT_FALSE(list.parse({"list"}));
    EXPECT_EQ(list.program.run(), 5);
    Sample stop;
    ASSERT_FALSE(stop.parse({"stop"}));
    EXPECT_EQ(stop.program.run(), 6);
}

TEST(ArgsProgram, SetsWhatIsGivenAndNothingElse) {
    Sample none;
    ASSERT_FALSE(none.parse({"list"}));
    EXPECT_FALSE(none.count_option.given());
    EXPECT_FALSE(none.count);
    EXPECT_EQ(none.socket, "default");
    EXPECT_EQ(none.seconds, 2);
    Sample some;
    ASSERT_FALSE(
        some.parse({"list", "-n", "3", "--field", "a", "b", "--field", "c", "--seconds=0.5", "--socket", "s"}));
    EXPECT_TRUE(some.count_option.given());
    EXPECT_EQ(some.count, 3U);
    EXPECT_EQ(some.fields, (std::vector<std::string>{"a", "c"}));
    EXPECT_EQ(some.words, (std::vector<std::string>{"b"}));
    EXPECT_EQ(some.seconds, 0.5);
    EXPECT_EQ(some.socket, "s") << "an option of the program may be given behind the command";
}

TEST(ArgsProgram, TakesFromTheEnvironmentWhatIsNotGiven) {
    ::setenv("SLUICE_ARGS_TEST", "of the environment", 1);
    Sample sample;
    ASSERT_FALSE(sample.parse({"stop"}));
    EXPECT_EQ(sample.socket, "of the environment");
    Sample given;
    ASSERT_FALSE(given.parse({"stop", "--socket", "given"}));
    EXPECT_EQ(given.socket, "given");
    ::unsetenv("SLUICE_ARGS_TEST");
}

TEST(ArgsProgram, RefusesAValueThatAnOptionDoesNotTake) {
    EXPECT_EQ(Sample().wrong({"list", "-n", "-1"}), "sample list: --count: -1 is below 0; see 'sample list --help'\n");
    EXPECT_EQ(Sample().wrong({"list", "--seconds", "4"}),
              "sample list: --seconds: Value 4 not in range 0.500000 to 3.000000; see 'sample list --help'\n");
    EXPECT_EQ(Sample().wrong({"list", "--all", "-n", "1"}),
              "sample list: --count excludes --all; see 'sample list --help'\n");
    EXPECT_EQ(Sample().wrong({}), "sample: A subcommand is required; see 'sample --help'\n");
}

TEST(ArgsProgram, NamesWhatNothingTakesAndWhatWasMeant) {
    EXPECT_EQ(Sample().wrong({"lisst"}),
              "sample: there is no command 'lisst'; did you mean 'list'?; see 'sample --help'\n");
    EXPECT_EQ(Sample().wrong({"frobnicate"}), "sample: there is no command 'frobnicate'; see 'sample --help'\n");
    EXPECT_EQ(
        Sample().wrong({"stop", "now"}),
        "sample stop: the argument 'now' is one too many; what belongs together is written in quotes; see 'sample "
        "stop --help'\n");
    EXPECT_EQ(Sample().wrong({"list", "--secods", "2"}),
              "sample list: there is no option '--secods'; did you mean '--seconds'?; see 'sample list --help'\n");
    EXPECT_EQ(Sample().wrong({"stop", "--sockt=a"}),
              "sample stop: there is no option '--sockt=a'; did you mean "
              "'--socket'?; see 'sample stop --help'\n");
    EXPECT_EQ(Sample().wrong({"-x"}), "sample: there is no option '-x'; see 'sample --help'\n");
    EXPECT_EQ(Sample().wrong({"\x1b[2J\xc2\x9b"}),
              "sample: there is no command '\\x1b[2J\\xc2\\x9b'; see 'sample --help'\n");
}

TEST(ArgsProgram, AnswersHelpAndVersionAndFindsNothingWrong) {
    const auto version = Sample().parse({"--version"});
    ASSERT_TRUE(version);
    EXPECT_EQ(version->exit_code, 0);
    EXPECT_EQ(version->text, "sample 7\n");
    EXPECT_EQ(Sample().parse({"-V"})->text, "sample 7\n");
    const auto help = Sample().parse({"--help"});
    ASSERT_TRUE(help);
    EXPECT_EQ(help->exit_code, 0);
    EXPECT_NE(help->text.find("  list      First line.\n  stop      Stops.\n"), std::string::npos) << help->text;
    const auto word = Sample().parse({"help"});
    ASSERT_TRUE(word);
    EXPECT_EQ(word->exit_code, 0);
    EXPECT_EQ(word->text, help->text);
    const auto of_command = Sample().parse({"list", "--help"});
    ASSERT_TRUE(of_command);
    EXPECT_EQ(Sample().parse({"help", "list"})->text, of_command->text);
    EXPECT_EQ(Sample().wrong({"help", "lisst"}),
              "sample: there is no command 'lisst'; did you mean 'list'?; see 'sample --help'\n");
    EXPECT_NE(of_command->text.find("--seconds FLOAT:FLOAT in [0.5 - 3]=2"), std::string::npos) << of_command->text;
}

}  // namespace
}  // namespace sluice::args::test
