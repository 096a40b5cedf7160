#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
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

struct Named {
    int sys_errno;
    Errc code;
};

// Every errno that a file system, a device or a socket may answer.
TEST(Error, EachErrnoIsNamedAsWhatItIs) {
    constexpr Named kTable[] = {
        {ECANCELED, Errc::cancelled},
        {ETIME, Errc::deadline_exceeded},
        {EINVAL, Errc::invalid_argument},
        {ENAMETOOLONG, Errc::too_large},
        {E2BIG, Errc::too_large},
        {EMSGSIZE, Errc::too_large},
        {ENOENT, Errc::not_found},
        {EEXIST, Errc::already_exists},
        {EACCES, Errc::permission_denied},
        {EPERM, Errc::permission_denied},
        {EXDEV, Errc::permission_denied},
        {ELOOP, Errc::permission_denied},
        {ENOSPC, Errc::no_space},
        {EDQUOT, Errc::no_space},
        {EFBIG, Errc::no_space},
        {EMFILE, Errc::limit_exceeded},
        {ENFILE, Errc::limit_exceeded},
        {ENOMEM, Errc::limit_exceeded},
        {ENOBUFS, Errc::limit_exceeded},
        {EAGAIN, Errc::limit_exceeded},
        {ENOLCK, Errc::limit_exceeded},
        {EUSERS, Errc::limit_exceeded},
        {ENOSYS, Errc::unsupported},
        {EOPNOTSUPP, Errc::unsupported},
        {ENOPROTOOPT, Errc::unsupported},
        {EPROTONOSUPPORT, Errc::unsupported},
        {EAFNOSUPPORT, Errc::unsupported},
        {EPIPE, Errc::closed},
        {ECONNRESET, Errc::closed},
        {ECONNABORTED, Errc::closed},
        {ECONNREFUSED, Errc::closed},
        {ENOTCONN, Errc::closed},
        {EBADF, Errc::closed},
        {EISDIR, Errc::wrong_type},
        {ENOTDIR, Errc::wrong_type},
    };
    for (const Named& named : kTable) {
        EXPECT_EQ(errc_name(Error::from_errno(named.sys_errno, "").code()), errc_name(named.code))
            << strerrorname_np(named.sys_errno);
    }
    // EUCLEAN is the kernel's EFSCORRUPTED, EBADMSG its EFSBADCRC.
    for (const int trouble : {EIO,         EROFS,   ESTALE,      ENODEV,      ENXIO,        EUCLEAN,      EBADMSG,
                              EILSEQ,      ENODATA, EREMOTEIO,   ETIMEDOUT,   ENOLINK,      EMEDIUMTYPE,  ENOMEDIUM,
                              ECOMM,       EPROTO,  EREMCHG,     EHOSTDOWN,   ESHUTDOWN,    EHOSTUNREACH, ENETDOWN,
                              ENETUNREACH, ENOKEY,  EKEYEXPIRED, EKEYREVOKED, EKEYREJECTED, EOVERFLOW,    EBUSY}) {
        EXPECT_EQ(errc_name(Error::from_errno(trouble, "").code()), "io_error") << strerrorname_np(trouble);
    }
}

// What cannot be written for whatever reason is tried again by those who gave it.
TEST(Error, TroubleWithAnOwnFileIsNoRefusal) {
    for (const int trouble : {EIO, EROFS, EACCES, EPERM, EINVAL, ENOENT, ENOTDIR, EEXIST, EOPNOTSUPP, ESTALE}) {
        const Error error = trouble_with_own_file(Error::from_errno(trouble, "write"));
        EXPECT_EQ(errc_name(error.code()), "io_error") << strerrorname_np(trouble);
        EXPECT_EQ(error.sys_errno(), trouble);
        EXPECT_EQ(error.text(), Error::from_errno(trouble, "write").text());
    }
    EXPECT_EQ(trouble_with_own_file(Error::from_errno(ENOSPC, "")).code(), Errc::no_space);
    EXPECT_EQ(trouble_with_own_file(Error::from_errno(EDQUOT, "")).code(), Errc::no_space);
    EXPECT_EQ(trouble_with_own_file(Error::from_errno(EMFILE, "")).code(), Errc::limit_exceeded);
    EXPECT_EQ(trouble_with_own_file(Error::from_errno(ECANCELED, "")).code(), Errc::cancelled);
    EXPECT_EQ(trouble_with_own_file(Error(Errc::invalid_argument, "no call failed")).code(), Errc::invalid_argument);
}

TEST(Error, ContextIsAddedInFront) {
    const Error error = Error(Errc::io_error, 5, "write").during("segment {}", 7).during("commit");
    EXPECT_EQ(error.text(), "commit: segment 7: write");
    EXPECT_EQ(error.sys_errno(), 5);
    EXPECT_EQ(fmt::format("{}", error), "io_error: commit: segment 7: write");
}

}  // namespace
}  // namespace sluice
