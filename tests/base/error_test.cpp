#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace sluice {
namespace {

TEST(Error, EveryCodeHasItsOwnName) {
    std::set<std::string_view> names;
    for (int code = 1; code <= static_cast<int>(Errc::internal); ++code) {
        const std::string_view name = errc_name(static_cast<Errc>(code));
        EXPECT_NE(name, "unknown") << code;
        EXPECT_TRUE(names.insert(name).second) << name;
    }
    EXPECT_EQ(errc_name(static_cast<Errc>(0)), "unknown");
    EXPECT_EQ(errc_name(static_cast<Errc>(static_cast<int>(Errc::internal) + 1)), "unknown");
}

// The numbers travel on the wire: a change here breaks every client there is.
TEST(Error, NumbersAreStable) {
    EXPECT_EQ(static_cast<int>(Errc::cancelled), 1);
    EXPECT_EQ(static_cast<int>(Errc::no_space), 9);
    EXPECT_EQ(static_cast<int>(Errc::closed), 14);
    EXPECT_EQ(static_cast<int>(Errc::internal), 20);
}

TEST(Error, FromErrnoKeepsTheNumberAndSaysWhatWasTried) {
    const Error error = Error::from_errno(ENOENT, "open 'a/b'");
    EXPECT_EQ(error.code(), Errc::not_found);
    EXPECT_EQ(error.sys_errno(), ENOENT);
    EXPECT_EQ(error.text(), "open 'a/b': No such file or directory");
    EXPECT_EQ(Error::from_errno(ENOSPC, "").code(), Errc::no_space);
    EXPECT_EQ(Error::from_errno(EXDEV, "").code(), Errc::permission_denied);
    EXPECT_EQ(Error::from_errno(ECANCELED, "").code(), Errc::cancelled);
    EXPECT_EQ(Error::from_errno(EIO, "").code(), Errc::io_error);
    EXPECT_EQ(Error::from_errno(99999, "").code(), Errc::io_error);
}

TEST(Error, ContextIsAddedInFront) {
    const Error error = Error(Errc::io_error, 5, "write").during("segment {}", 7).during("commit");
    EXPECT_EQ(error.text(), "commit: segment 7: write");
    EXPECT_EQ(error.sys_errno(), 5);
    EXPECT_EQ(fmt::format("{}", error), "io_error: commit: segment 7: write");
}

}  // namespace
}  // namespace sluice
