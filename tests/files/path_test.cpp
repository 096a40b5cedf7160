#include "files/path.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace sluice::files {
namespace {

Errc parse_error(std::string_view text) {
    const Result<RelativePath> path = RelativePath::parse(text);
    return path ? Errc{} : path.error().code();
}

TEST(RelativePath, SplitsParentAndLeaf) {
    const auto deep = RelativePath::parse("a/b/c");
    ASSERT_TRUE(deep) << deep.error();
    EXPECT_EQ(deep->parent(), "a/b");
    EXPECT_EQ(deep->leaf(), "c");
    const auto flat = RelativePath::parse("name");
    ASSERT_TRUE(flat) << flat.error();
    EXPECT_EQ(flat->parent(), "");
    EXPECT_EQ(flat->leaf(), "name");
}

TEST(RelativePath, DropsEmptyAndDotComponents) {
    const auto path = RelativePath::parse("./a//./b");
    ASSERT_TRUE(path) << path.error();
    EXPECT_EQ(path->text(), "a/b");
}

TEST(RelativePath, RefusesEscapes) {
    EXPECT_EQ(parse_error(".."), Errc::permission_denied);
    EXPECT_EQ(parse_error("../a"), Errc::permission_denied);
    EXPECT_EQ(parse_error("a/../b"), Errc::permission_denied);
    EXPECT_EQ(parse_error("a/.."), Errc::permission_denied);
    EXPECT_EQ(parse_error("/etc/passwd"), Errc::permission_denied);
    EXPECT_EQ(parse_error("/"), Errc::permission_denied);
}

TEST(RelativePath, AcceptsNamesThatOnlyLookLikeEscapes) {
    EXPECT_TRUE(RelativePath::parse("..."));
    EXPECT_TRUE(RelativePath::parse("..a/b.."));
    EXPECT_TRUE(RelativePath::parse(".hidden"));
}

TEST(RelativePath, RefusesWhatIsNotAFileName) {
    EXPECT_EQ(parse_error(""), Errc::invalid_argument);
    EXPECT_EQ(parse_error(std::string_view("a\0b", 3)), Errc::invalid_argument);
    EXPECT_EQ(parse_error("a/"), Errc::wrong_type);
    EXPECT_EQ(parse_error("."), Errc::wrong_type);
    EXPECT_EQ(parse_error("a/."), Errc::wrong_type);
}

TEST(RelativePath, BoundsLengths) {
    EXPECT_TRUE(RelativePath::parse(std::string(255, 'a')));
    EXPECT_EQ(parse_error(std::string(256, 'a')), Errc::too_large);
    std::string longest;
    while (longest.size() < 4094) {
        longest += "a/";
    }
    longest += "b";
    ASSERT_EQ(longest.size(), 4095U);
    EXPECT_TRUE(RelativePath::parse(longest));
    EXPECT_EQ(parse_error(longest + "c"), Errc::too_large);
}

TEST(RelativePath, ReservesTheNamesOfTemporaries) {
    EXPECT_EQ(parse_error(temporary_name(1, 2)), Errc::permission_denied);
    EXPECT_EQ(parse_error("a/.sluice-x.tmp/b"), Errc::permission_denied);
    EXPECT_TRUE(RelativePath::parse(".sluice-notes"));
}

TEST(TemporaryName, TellsInstancesApart) {
    const std::string name = temporary_name(0xabc, 7);
    EXPECT_EQ(name, ".sluice-0000000000000abc-7.tmp");
    EXPECT_TRUE(is_temporary_name(name));
    EXPECT_TRUE(is_temporary_name_of(name, 0xabc));
    EXPECT_FALSE(is_temporary_name_of(name, 0xab));
    EXPECT_FALSE(is_temporary_name("sluice.tmp"));
}

TEST(Escaped, EscapesWhatATerminalWouldObey) {
    EXPECT_EQ(escaped("plain name"), "'plain name'");
    EXPECT_EQ(escaped("a\n\x1b[31m'\\"), "'a\\x0a\\x1b[31m\\x27\\x5c'");
    EXPECT_EQ(escaped("\xe2\x80\xae"), "'\\xe2\\x80\\xae'");
}

TEST(Escaped, CutsLongText) {
    const std::string text = escaped(std::string(5000, 'x'));
    EXPECT_EQ(text.size(), 256U + 5U);
    EXPECT_TRUE(text.ends_with("'..."));
}

TEST(Explain, NamesTheFileEscapedAndKeepsTheErrno) {
    const Error raw = Error::from_errno(ENOENT, "open 'a\nb'");
    const Error told = explain(raw, "open", shown("files", "a\nb"));
    EXPECT_EQ(told.code(), Errc::not_found);
    EXPECT_EQ(told.sys_errno(), ENOENT);
    EXPECT_EQ(told.text(), "open files:'a\\x0ab': No such file or directory");
}

TEST(Explain, ToldWhatTheKernelMeansByAnOpenError) {
    EXPECT_EQ(explain_open(Error::from_errno(EXDEV, ""), "x").code(), Errc::permission_denied);
    EXPECT_EQ(explain_open(Error::from_errno(ELOOP, ""), "x").code(), Errc::permission_denied);
    EXPECT_EQ(explain_open(Error::from_errno(ENXIO, ""), "x").code(), Errc::wrong_type);
}

}  // namespace
}  // namespace sluice::files
