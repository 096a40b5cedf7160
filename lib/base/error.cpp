#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace sluice {

std::string_view errc_name(Errc code) noexcept {
    switch (code) {
        case Errc::cancelled:
            return "cancelled";
        case Errc::deadline_exceeded:
            return "deadline_exceeded";
        case Errc::invalid_argument:
            return "invalid_argument";
        case Errc::malformed:
            return "malformed";
        case Errc::too_large:
            return "too_large";
        case Errc::not_found:
            return "not_found";
        case Errc::already_exists:
            return "already_exists";
        case Errc::permission_denied:
            return "permission_denied";
        case Errc::no_space:
            return "no_space";
        case Errc::io_error:
            return "io_error";
        case Errc::limit_exceeded:
            return "limit_exceeded";
        case Errc::unsupported:
            return "unsupported";
        case Errc::corrupt:
            return "corrupt";
        case Errc::closed:
            return "closed";
        case Errc::shutting_down:
            return "shutting_down";
        case Errc::cursor_lost:
            return "cursor_lost";
        case Errc::link_failed:
            return "link_failed";
        case Errc::out_of_order:
            return "out_of_order";
        case Errc::wrong_type:
            return "wrong_type";
        case Errc::internal:
            return "internal";
    }
    return "unknown";
}

namespace {

Errc code_of(int sys_errno) noexcept {
    switch (sys_errno) {
        case ECANCELED:
            return Errc::cancelled;
        case ETIME:  // Of a timer of ours.  ETIMEDOUT is a disk far away that does not answer.
            return Errc::deadline_exceeded;
        case EINVAL:
            return Errc::invalid_argument;
        case ENAMETOOLONG:
        case E2BIG:
        case EMSGSIZE:
            return Errc::too_large;
        case ENOENT:
            return Errc::not_found;
        case EEXIST:
            return Errc::already_exists;
        case EACCES:
        case EPERM:
        case EXDEV:  // openat2 with RESOLVE_BENEATH or NO_XDEV refuses an escape with this.
        case ELOOP:
            return Errc::permission_denied;
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            return Errc::no_space;
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case ENOBUFS:
        case EAGAIN:
        case ENOLCK:
        case EUSERS:
            return Errc::limit_exceeded;
        case ENOSYS:
        case EOPNOTSUPP:
        case ENOPROTOOPT:
        case EPROTONOSUPPORT:
        case EAFNOSUPPORT:
            return Errc::unsupported;
        case EPIPE:
        case ECONNRESET:
        case ECONNABORTED:
        case ECONNREFUSED:
        case ENOTCONN:
        case EBADF:
            return Errc::closed;
        case EISDIR:
        case ENOTDIR:
            return Errc::wrong_type;
        // A file system or its device in trouble, all of which may pass: EIO, EROFS (remounted after an error), ESTALE,
        // ENODEV, ENXIO, EUCLEAN and EBADMSG (damage), ENODATA, EREMOTEIO, ETIMEDOUT, ENOLINK, ENOMEDIUM, ...
        default:
            return Errc::io_error;
    }
}

}  // namespace

Error trouble_with_own_file(Error error) {
    const Errc code = error.code();
    const bool told = code == Errc::no_space || code == Errc::limit_exceeded || code == Errc::cancelled;
    return told || error.sys_errno() == 0 ? std::move(error) : Error(Errc::io_error, error.sys_errno(), error.text());
}

Error Error::from_errno(int sys_errno, std::string_view text) {
    return {code_of(sys_errno), sys_errno, fmt::format("{}: {}", text, std::strerror(sys_errno))};
}

}  // namespace sluice
