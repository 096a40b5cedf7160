#include "files/policy.h"

#include <functional>

#include "environment.h"

namespace sluice::files::test {
namespace {

TEST(Rights, NamesGoBothWays) {
    for (const Right right : kAllRights) {
        EXPECT_EQ(right_of_name(right_name(right)), right);
    }
    EXPECT_EQ(right_of_name("execute"), std::nullopt);
    EXPECT_EQ(right_of_name(""), std::nullopt);
}

TEST(Rights, EachIsItsOwn) {
    for (const Right right : kAllRights) {
        for (const Right other : kAllRights) {
            EXPECT_EQ(Rights({right}).has(other), right == other);
        }
    }
}

TEST(Rule, UserRuleIsForThatUserOnly) {
    const Rule rule{.who = Rule::Who::user, .id = 1000, .rights = Rights::all()};
    EXPECT_TRUE(rule.matches({.uid = 1000, .gid = 1, .groups = {}}));
    EXPECT_FALSE(rule.matches({.uid = 1001, .gid = 1000, .groups = {1000}}));
}

TEST(Rule, GroupRuleIsForMembersOnly) {
    const Rule rule{.who = Rule::Who::group, .id = 50, .rights = Rights::all()};
    EXPECT_TRUE(rule.matches({.uid = 1, .gid = 50, .groups = {}}));
    EXPECT_TRUE(rule.matches({.uid = 1, .gid = 1, .groups = {7, 50}}));
    EXPECT_FALSE(rule.matches({.uid = 50, .gid = 51, .groups = {7, 52}}));
}

TEST(Rule, RootHasNoRightOfItsOwn) {
    const std::vector<Rule> rules{{.who = Rule::Who::user, .id = 1000, .rights = Rights::all()}};
    EXPECT_TRUE(rights_of(rules, identity(0)).empty());
    EXPECT_TRUE(rights_of({}, identity(0)).empty());
}

TEST(Rule, RightsOfAllMatchingRulesAddUp) {
    const std::vector<Rule> rules{
        {.who = Rule::Who::anyone, .id = 0, .rights = {Right::read}},
        {.who = Rule::Who::group, .id = 50, .rights = {Right::append}},
        {.who = Rule::Who::user, .id = 1000, .rights = {Right::write}},
    };
    EXPECT_EQ(rights_of(rules, {.uid = 1000, .gid = 50, .groups = {}}),
              Rights({Right::read, Right::append, Right::write}));
    EXPECT_EQ(rights_of(rules, identity(7)), Rights({Right::read}));
}

// What a client may ask for, and the rights that it takes.
struct Request {
    const char* name;
    Rights needs;
    std::function<Result<>(Service&)> ask;
};

template <class T>
Result<> outcome(Result<T> result) {
    if (!result) {
        return std::unexpected(std::move(result).error());
    }
    return {};
}

Result<> open_as(Service& service, std::string_view path, OpenFlags flags) {
    return outcome(service.open(path, flags));
}

std::vector<Request> all_requests() {
    return {
        {"open to read", {Right::read}, [](Service& s) { return open_as(s, "old", {.read = true}); }},
        {"open to write", {Right::write}, [](Service& s) { return open_as(s, "old", {.write = true}); }},
        {"open to truncate",
         {Right::write},
         [](Service& s) { return open_as(s, "old", {.write = true, .truncate = true}); }},
        {"open to append", {Right::append}, [](Service& s) { return open_as(s, "old", {.append = true}); }},
        {"open to read and write",
         {Right::read, Right::write},
         [](Service& s) { return open_as(s, "old", {.read = true, .write = true}); }},
        {"create to write",
         {Right::create, Right::write},
         [](Service& s) { return open_as(s, "new1", {.write = true, .create = true}); }},
        {"create to append",
         {Right::create, Right::append},
         [](Service& s) { return open_as(s, "new2", {.create = true, .append = true}); }},
        {"replace", {Right::write}, [](Service& s) { return open_as(s, "old", {.replace = true}); }},
        {"replace a new file", {Right::create}, [](Service& s) { return open_as(s, "new3", {.replace = true}); }},
        {"replace and read",
         {Right::write, Right::read},
         [](Service& s) { return open_as(s, "old", {.read = true, .replace = true}); }},
        {"get", {Right::read}, [](Service& s) { return outcome(s.get("old")); }},
        {"put over a file", {Right::write}, [](Service& s) { return outcome(s.put("old", "x")); }},
        {"put a new file", {Right::create}, [](Service& s) { return outcome(s.put("new4", "x")); }},
        {"stat a file",
         {Right::read},
         [](Service& s) { return outcome(s.environment.run(s.files.stat(identity(), "files", "old"))); }},
        {"stat a directory",
         {Right::list},
         [](Service& s) { return outcome(s.environment.run(s.files.stat(identity(), "files", "sub"))); }},
    };
}

bool covers(Rights granted, Rights needed) {
    return (granted | needed) == granted;
}

class Policy : public OnBothKernels {};
SLUICE_ON_BOTH_KERNELS(Policy);

// Every request with each of the 64 sets of rights: it succeeds exactly where all that it needs is granted.
TEST_P(Policy, EveryRequestNeedsExactlyItsRights) {
    for (unsigned bits = 0; bits < 64; ++bits) {
        Rights granted;
        for (const Right right : kAllRights) {
            if ((bits & static_cast<unsigned>(right)) != 0) {
                granted.add(right);
            }
        }
        const std::string directory = fmt::format("r{}", bits);
        environment->write_file(directory + "/old", "content");
        environment->make_directory(directory + "/sub");
        RootOptions root = open_root(*environment);
        root.path = environment->absolute(directory);
        root.rules = {{.who = Rule::Who::user, .id = kUid, .rights = granted}};
        Service service(*environment, std::move(root));
        for (const Request& request : all_requests()) {
            const Result<> done = request.ask(service);
            EXPECT_EQ(code_of(done), covers(granted, request.needs) ? Errc{} : Errc::permission_denied)
                << request.name << " with rights " << bits << ": " << (done ? "allowed" : done.error().text());
        }
    }
}

// A client that can only create must not overwrite what appears while it writes.
TEST_P(Policy, CreateWithoutWriteDoesNotReplaceAtCommit) {
    RootOptions root = open_root(*environment);
    root.rules = {{.who = Rule::Who::anyone, .id = 0, .rights = {Right::create}}};
    Service service(*environment, std::move(root));
    const auto opened = service.open("a", {.replace = true});
    ASSERT_TRUE(opened) << opened.error();
    ASSERT_TRUE(service.write(opened->handle, 0, "mine"));
    environment->write_file("a", "theirs");
    const auto committed = environment->run(service.table.commit(opened->handle, Durability::none));
    EXPECT_EQ(code_of(committed), Errc::already_exists);
    EXPECT_EQ(environment->content("a"), "theirs");
    EXPECT_EQ(environment->names(""), std::vector<std::string>{"a"});
}

TEST_P(Policy, AnotherUserIsRefused) {
    RootOptions root = open_root(*environment);
    root.rules = {{.who = Rule::Who::user, .id = kUid + 1, .rights = Rights::all()}};
    environment->write_file("old", "content");
    environment->make_directory("sub");
    Service service(*environment, std::move(root));
    for (const Request& request : all_requests()) {
        EXPECT_EQ(code_of(request.ask(service)), Errc::permission_denied) << request.name;
    }
}

// Without any right the answer is the same whether a file exists or not.
TEST_P(Policy, RefusalDoesNotTellWhatExists) {
    RootOptions root = open_root(*environment);
    root.rules.clear();
    environment->write_file("there", "x");
    Service service(*environment, std::move(root));
    for (const char* path : {"there", "missing"}) {
        EXPECT_EQ(code_of(service.put(path, "x")), Errc::permission_denied) << path;
        EXPECT_EQ(code_of(service.get(path)), Errc::permission_denied) << path;
        EXPECT_EQ(code_of(environment->run(service.files.stat(identity(), "files", path))), Errc::permission_denied);
    }
}

}  // namespace
}  // namespace sluice::files::test
