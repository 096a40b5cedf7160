// What a client is told: the code and the words of refusals that need a machine which behaves oddly.
#include <gmock/gmock.h>

#include "environment_sim.h"

namespace sluice::files::test {
namespace {

using io::OpCode;
using testing::AllOf;
using testing::HasSubstr;

template <class T>
std::string refusal(const Result<T>& result) {
    return result ? "taken" : fmt::format("{}", result.error());
}

class Refusal : public testing::Test {
 protected:
    io::SimFaults& faults() { return environment.world().faults(); }
    SimEnvironment environment{1};
};

TEST_F(Refusal, OpenTellsWhatIsInTheWay) {
    environment.write_file("a", "x");
    environment.world().disk().make_symlink(environment.absolute("link"));
    Service service(environment);
    EXPECT_EQ(refusal(service.get("link")), "permission_denied: open files:'link': a symbolic link is in the way");
    const auto failing = [&](int error) {
        faults().clear_rules();
        faults().add(io::fail_nth(OpCode::open, "*", 1, error));
        return refusal(service.get("a"));
    };
    EXPECT_EQ(failing(EXDEV), "permission_denied: open files:'a': leads out of its root or to another mount");
    EXPECT_EQ(failing(ENXIO), "wrong_type: open files:'a': not a regular file");
    EXPECT_EQ(failing(ENODEV), "wrong_type: open files:'a': not a regular file");
    EXPECT_THAT(failing(EIO), HasSubstr("io_error: open files:'a': "));
}

// A rename elsewhere races with the resolution of the path.
TEST_F(Refusal, OpenIsTriedEightTimesWhereThePathChanges) {
    environment.write_file("a", "x");
    Service service(environment);
    for (std::uint64_t times : {7U, 8U}) {
        faults().clear_rules();
        for (std::uint64_t nth = 1; nth <= times; ++nth) {
            faults().add(io::fail_nth(OpCode::open, "*", nth, EAGAIN));
        }
        const auto got = service.get("a");
        EXPECT_EQ(got.has_value(), times == 7) << times;
        EXPECT_THAT(refusal(got), HasSubstr(times == 7 ? "taken" : "open files:'a': "));
    }
}

TEST_F(Refusal, TemporaryIsTriedSixteenNames) {
    for (const std::uint64_t taken : {15U, 16U}) {
        SimEnvironment here(taken);
        for (std::uint64_t number = 0; number < taken; ++number) {
            here.write_file(temporary_name(kInstance, number), "left");
        }
        Service service(here);
        const auto put = service.put("a", "x");
        EXPECT_EQ(put.has_value(), taken == 15) << refusal(put);
        if (!put) {
            EXPECT_THAT(refusal(put), HasSubstr("already_exists: make a temporary for files:'a': "));
        }
        EXPECT_EQ(here.names("").size(), taken + (put ? 1 : 0));
    }
}

TEST_F(Refusal, TemporaryThatCannotBeLookedAtIsTaken) {
    Service service(environment);
    faults().add(io::fail_nth(OpCode::stat, "*", 2, EIO));  // The first is that of the target.
    EXPECT_THAT(refusal(service.open("a", {.replace = true})),
                HasSubstr("io_error: stat the temporary for files:'a': "));
    EXPECT_TRUE(environment.names("").empty());
    EXPECT_EQ(service.files.ledger().total(), 0U);
}

TEST_F(Refusal, AppendThatOthersHaveWrittenBehindIsNotCutOff) {
    environment.write_file("a", "whole|");
    Service service(environment);
    const auto opened = service.open("a", {.write = true, .append = true});
    ASSERT_TRUE(opened) << opened.error();
    faults().add({.codes = {OpCode::write}, .nth = 1, .fault = {.length_max = 3}});
    io::FaultRule late = io::fail_nth(OpCode::write, "*", 2, ENOSPC);
    late.fault.delay = std::chrono::seconds(1);
    faults().add(late);
    const std::string line = "a long line|";
    const auto append = [](FileTable* table, std::uint32_t to, const std::string* text) -> Task<Result<Appended>> {
        co_return co_await table->append(to, as_bytes(*text), Durability::none);
    };
    coro::Job<Result<Appended>> job(environment.kernel().loop(), "append", append, &service.table, opened->handle,
                                    &line);
    ASSERT_TRUE(environment.world().run_for(std::chrono::milliseconds(500)));
    ASSERT_FALSE(job.done());
    ASSERT_TRUE(service.write(opened->handle, 50, "behind"));
    ASSERT_TRUE(environment.world().run_until([&] { return job.done(); }));
    EXPECT_THAT(refusal(job.result()), AllOf(HasSubstr("no_space: "), HasSubstr("may be left at offset 6"),
                                             HasSubstr("others have written behind it")));
    EXPECT_EQ(environment.content("a")->size(), 56U);
}

TEST_F(Refusal, CommitThatAWriteHoldsUpEndsWithTheHandle) {
    environment.write_file("a", "old");
    Service service(environment);
    const auto opened = service.open("a", {.replace = true});
    ASSERT_TRUE(opened) << opened.error();
    io::FaultRule slow = io::fail_nth(OpCode::write, "*", 1, 0);
    slow.fault.delay = std::chrono::seconds(1);
    faults().add(slow);
    const auto write = [](FileTable* table, std::uint32_t to) -> Task<Result<std::uint64_t>> {
        co_return co_await table->write(to, 0, as_bytes("new"), Durability::none);
    };
    const auto commit = [](FileTable* table, std::uint32_t to) -> Task<Result<>> {
        co_return co_await table->commit(to, Durability::none);
    };
    coro::Loop& loop = environment.kernel().loop();
    coro::Job<Result<std::uint64_t>> writing(loop, "write", write, &service.table, opened->handle);
    coro::Job<Result<>> committing(loop, "commit", commit, &service.table, opened->handle);
    ASSERT_TRUE(environment.world().run_for(std::chrono::milliseconds(500)));
    ASSERT_FALSE(committing.done());
    EXPECT_TRUE(environment.run(service.table.close(opened->handle)));
    ASSERT_TRUE(environment.world().run_until([&] { return writing.done() && committing.done(); }));
    EXPECT_TRUE(writing.result());
    EXPECT_EQ(refusal(committing.result()), "closed: commit files:'a': the handle was closed");
    EXPECT_EQ(environment.content("a"), "old");
    EXPECT_EQ(environment.names(""), std::vector<std::string>{"a"});
}

TEST_F(Refusal, RootsAreRefusedWithTheirNameAndTheOldOnesStay) {
    environment.make_directory("d");
    Roots roots(environment.kernel());
    const auto load = [&](const std::vector<std::pair<std::string, std::string>>& wanted) {
        std::vector<RootOptions> all;
        for (const auto& [name, path] : wanted) {
            all.push_back({.name = name, .path = path, .rules = {}});
        }
        return refusal(environment.run(roots.load(std::move(all))));
    };
    const std::string good = environment.absolute("d");
    ASSERT_EQ(load({{"stays", good}}), "taken");
    EXPECT_EQ(load({{"a b", good}}), "invalid_argument: root 'a b': a name is 1 to 64 of A-Z a-z 0-9 . _ -");
    EXPECT_THAT(load({{"", good}}), HasSubstr("root '': a name is 1 to 64"));
    EXPECT_THAT(load({{std::string(65, 'n'), good}}), HasSubstr("a name is 1 to 64"));
    EXPECT_EQ(load({{"a", "d"}}), "invalid_argument: root a: 'd' is not an absolute path");
    EXPECT_THAT(load({{"a", good + std::string(1, '\0')}}), HasSubstr("is not an absolute path"));
    EXPECT_EQ(load({{"a", good}, {"a", good}}), "invalid_argument: root a: the name is used twice");
    EXPECT_THAT(load({{"a", "/missing"}}), HasSubstr("not_found: root a: open '/missing': "));
    EXPECT_TRUE(roots.find("stays"));
    EXPECT_EQ(load({{std::string(64, 'n'), good}}), "taken");
    EXPECT_EQ(refusal(roots.find("stays")), "not_found: there is no root 'stays'");
}

TEST_F(Refusal, FlagsAndLengthsAreNamed) {
    environment.write_file("a", "x");
    Service service(environment);
    EXPECT_EQ(refusal(service.open("a", {})), "invalid_argument: open flags: none of read, write, append and replace");
    EXPECT_EQ(refusal(service.open("a", {.read = true, .create = true})),
              "invalid_argument: open flags: create needs write, append or replace");
    EXPECT_EQ(refusal(service.open("a", {.write = true, .exclusive = true})),
              "invalid_argument: open flags: exclusive needs create or replace");
    EXPECT_EQ(refusal(service.open("a", {.truncate = true, .append = true})),
              "invalid_argument: open flags: truncate needs write");
    EXPECT_EQ(refusal(service.put("a", "x", {.mode = 04755})),
              "invalid_argument: mode 4755 has more than permission bits (0777)");
    EXPECT_EQ(refusal(service.get(std::string(256, 'n'))).find("too_large: path '"), 0U);
    EXPECT_THAT(refusal(service.get(std::string(256, 'n'))), HasSubstr("a name of 256 bytes exceeds 255"));
    EXPECT_EQ(refusal(service.get(std::string(4096, 'p'))), "too_large: a path of 4096 bytes exceeds 4095");
    EXPECT_THAT(refusal(service.get(temporary_name(1, 2))), HasSubstr("the name is reserved for temporary files"));
    const auto opened = service.open("a", {.read = true});
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_EQ(refusal(service.read(opened->handle, 0, kReadBytesMax + 1)),
              "too_large: a read of 1048577 bytes exceeds 1048576");
    EXPECT_THAT(refusal(service.read(opened->handle, ~0ULL, 1)), HasSubstr("is beyond the end of any file"));
}

}  // namespace
}  // namespace sluice::files::test
