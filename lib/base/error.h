// Errors as values.  A function either handles an error or returns it with context; it never logs it.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "base/format.h"

namespace sluice {

// Stable numbers: they travel in the protocol (docs/protocol.md, ERRORS) and are never reused.
enum class Errc : std::uint16_t {
    cancelled = 1,          // The operation was cancelled before it took effect.
    deadline_exceeded = 2,  // The deadline passed first.
    invalid_argument = 3,   // The request is well-formed but makes no sense.
    malformed = 4,          // Bytes that do not follow the format.
    too_large = 5,          // A length or count above its limit; nothing was done.
    not_found = 6,
    already_exists = 7,
    permission_denied = 8,  // Refused by policy or by the kernel.
    no_space = 9,           // Disk full, quota or file-size limit.
    io_error = 10,          // The kernel or the device failed.
    limit_exceeded = 11,    // A bound on memory, fds, requests or queue bytes; try again later.
    unsupported = 12,       // A feature this daemon or kernel does not have.
    corrupt = 13,           // Stored bytes that fail their checksum.
    closed = 14,            // The peer or the object is closed.
    shutting_down = 15,     // The daemon is stopping.
    cursor_lost = 16,       // A cursor names records this store does not hold.
    link_failed = 17,       // A linked predecessor failed; this request did not run.
    out_of_order = 18,      // A numbered batch that skips a number.
    wrong_type = 19,        // A directory where a file was expected, or the like.
    internal = 20,          // A bug; the text says where.
};

// The stable lower-case name, as in the protocol document.  "unknown" for a number this build does not know.
std::string_view errc_name(Errc code) noexcept;

class [[nodiscard]] Error {
 public:
    Error(Errc code, std::string text) : code_(code), text_(std::move(text)) {}
    Error(Errc code, int sys_errno, std::string text) : code_(code), errno_(sys_errno), text_(std::move(text)) {}

    // Maps an errno value to a code; `text` says what was attempted, for example "open 'a/b'".
    static Error from_errno(int sys_errno, std::string_view text);

    Errc code() const noexcept { return code_; }
    int sys_errno() const noexcept { return errno_; }  // 0 where no system call failed.
    const std::string& text() const noexcept { return text_; }

    // Adds context in front: "during: text".
    template <class... Args>
    Error during(fmt::format_string<Args...> format, Args&&... args) && {
        text_ = fmt::format("{}: {}", fmt::format(format, std::forward<Args>(args)...), text_);
        return std::move(*this);
    }

 private:
    Errc code_;
    int errno_ = 0;
    std::string text_;
};

// The code that a client gets where one of the daemon's own files could not be written: EACCES, EINVAL and the like
// are then no refusal of what the client did, and it tries again.
Error trouble_with_own_file(Error error);

}  // namespace sluice

template <>
struct fmt::formatter<sluice::Error> : fmt::formatter<std::string_view> {
    auto format(const sluice::Error& error, fmt::format_context& context) const {
        return fmt::format_to(context.out(), "{}: {}", sluice::errc_name(error.code()), error.text());
    }
};

namespace sluice {
// For test output.
inline std::ostream& operator<<(std::ostream& out, const Error& error) {
    return out << fmt::format("{}", error);
}
}  // namespace sluice
