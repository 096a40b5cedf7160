#include "files/roots.h"

#include "environment.h"

namespace sluice::files::test {
namespace {

class RootsTest : public OnBothKernels {
 protected:
    Result<> load(Roots& roots, std::vector<RootOptions> options) {
        return environment->run(roots.load(std::move(options)));
    }
    RootOptions root(std::string name, std::string_view path = "") {
        RootOptions options = open_root(*environment, std::move(name));
        options.path = environment->absolute(path);
        return options;
    }
    std::vector<RootOptions> one(RootOptions options) {
        std::vector<RootOptions> all;
        all.push_back(std::move(options));
        return all;
    }
};
SLUICE_ON_BOTH_KERNELS(RootsTest);

TEST_P(RootsTest, AreFoundByName) {
    Roots roots(environment->kernel());
    ASSERT_TRUE(load(roots, {root("a"), root("b.2-x_Y")}));
    EXPECT_TRUE(roots.find("a"));
    EXPECT_TRUE(roots.find("b.2-x_Y"));
    EXPECT_EQ(code_of(roots.find("c")), Errc::not_found);
    EXPECT_EQ(code_of(roots.find("")), Errc::not_found);
    EXPECT_EQ(roots.all().size(), 2U);
}

TEST_P(RootsTest, BadOptionsAreRefused) {
    Roots roots(environment->kernel());
    EXPECT_EQ(code_of(load(roots, one(root("")))), Errc::invalid_argument);
    EXPECT_EQ(code_of(load(roots, one(root("a/b")))), Errc::invalid_argument);
    EXPECT_EQ(code_of(load(roots, one(root(std::string(65, 'a'))))), Errc::invalid_argument);
    EXPECT_EQ(code_of(load(roots, {root("a"), root("a")})), Errc::invalid_argument);
    RootOptions relative = root("a");
    relative.path = "relative";
    EXPECT_EQ(code_of(load(roots, one(relative))), Errc::invalid_argument);
}

TEST_P(RootsTest, MissingDirectoryAndPlainFileAreErrorsThatNameTheRoot) {
    environment->write_file("plain", "x");
    Roots roots(environment->kernel());
    const Result<> missing = load(roots, one(root("logs", "missing")));
    EXPECT_EQ(code_of(missing), Errc::not_found);
    EXPECT_NE(missing.error().text().find("root logs: open"), std::string::npos) << missing.error();
    EXPECT_EQ(code_of(load(roots, one(root("logs", "plain")))), Errc::wrong_type);
}

TEST_P(RootsTest, FailedReloadKeepsTheOldSet) {
    Roots roots(environment->kernel());
    ASSERT_TRUE(load(roots, one(root("a"))));
    EXPECT_FALSE(load(roots, {root("b"), root("c", "missing")}));
    EXPECT_TRUE(roots.find("a"));
    EXPECT_EQ(code_of(roots.find("b")), Errc::not_found);
}

TEST_P(RootsTest, ReloadKeepsOpenHandlesAndAppliesNewRules) {
    environment->write_file("file", "before");
    Service service(*environment);
    const auto opened = service.open("file", {.read = true, .write = true});
    ASSERT_TRUE(opened) << opened.error();
    const auto replacing = service.open("file", {.replace = true});
    ASSERT_TRUE(replacing) << replacing.error();

    RootOptions other = root("other");
    other.rules.clear();
    ASSERT_TRUE(load(service.roots, one(other)));

    EXPECT_EQ(code_of(service.open("file", {.read = true})), Errc::not_found);
    EXPECT_EQ(code_of(environment->run(service.table.open("other", "file", {.read = true}, 0))),
              Errc::permission_denied);
    ASSERT_TRUE(service.write(opened->handle, 0, "AFTER!", Durability::durable));
    EXPECT_EQ(service.read(opened->handle, 0, 100), "AFTER!");
    ASSERT_TRUE(service.write(replacing->handle, 0, "replaced"));
    ASSERT_TRUE(environment->run(service.table.commit(replacing->handle, Durability::durable)));
    EXPECT_EQ(environment->content("file"), "replaced");
}

class Sweep : public OnBothKernels {};
SLUICE_ON_BOTH_KERNELS(Sweep);

TEST_P(Sweep, RemovesTemporariesOfEarlierRunsEverywhere) {
    environment->write_file(temporary_name(1, 0), "left");
    environment->write_file("a/b/" + temporary_name(2, 9), "left");
    environment->write_file("a/b/keep", "kept");
    environment->write_file("a/.sluice-notes", "kept");
    environment->write_file("a/" + temporary_name(kInstance, 0), "in use");
    Service service(*environment);
    const RootPointer root = *service.roots.find("files");
    const auto swept = environment->run(sweep(environment->kernel(), root, {.instance = kInstance}));
    ASSERT_TRUE(swept) << swept.error();
    EXPECT_EQ(swept->removed, 2U);
    EXPECT_EQ(swept->failed, 0U);
    EXPECT_EQ(swept->directories, 3U);
    EXPECT_TRUE(swept->complete);
    EXPECT_EQ(environment->names(""), std::vector<std::string>{"a"});
    EXPECT_EQ(environment->names("a/b"), std::vector<std::string>{"keep"});
    EXPECT_EQ(environment->names("a"), (std::vector<std::string>{temporary_name(kInstance, 0), ".sluice-notes", "b"}));
}

TEST_P(Sweep, StopsAtItsLimit) {
    environment->make_directory("a/b/c");
    Service service(*environment);
    const RootPointer root = *service.roots.find("files");
    const auto swept =
        environment->run(sweep(environment->kernel(), root, {.instance = kInstance, .directories_max = 2}));
    ASSERT_TRUE(swept) << swept.error();
    EXPECT_EQ(swept->directories, 2U);
    EXPECT_FALSE(swept->complete);
}

}  // namespace
}  // namespace sluice::files::test
