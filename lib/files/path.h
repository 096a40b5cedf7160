// Paths of clients: checked before any of them reaches the kernel, and escaped wherever they are shown.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::files {

inline constexpr std::size_t kPathBytesMax = 4095;      // PATH_MAX counts the NUL.
inline constexpr std::size_t kComponentBytesMax = 255;  // NAME_MAX.

// A path beneath a root: relative, without empty, "." or ".." components, NUL bytes and reserved names.
// RESOLVE_BENEATH stops an escape on its own; refusing ".." here as well makes the last component safe to use as a name
// in its directory.
class RelativePath {
 public:
    // Errors: invalid_argument; too_large; permission_denied for an absolute path, "..", or a reserved name.
    static Result<RelativePath> parse(std::string_view text);

    const std::string& text() const noexcept { return text_; }
    std::string parent() const { return leaf_ == 0 ? std::string() : text_.substr(0, leaf_ - 1); }  // "": the root.
    std::string leaf() const { return text_.substr(leaf_); }

 private:
    RelativePath(std::string text, std::size_t leaf) : text_(std::move(text)), leaf_(leaf) {}
    std::string text_;
    std::size_t leaf_;  // Offset of the last component.
};

// Names of the temporaries behind put and replace; clients cannot reach them.  `instance` differs from one run of the
// daemon to the next, so that what a crash left behind can be told from what is in use.
//   .sluice-<instance, 16 hex digits>-<number, hex>.tmp
std::string temporary_name(std::uint64_t instance, std::uint64_t number);
bool is_temporary_name(std::string_view name) noexcept;
bool is_temporary_name_of(std::string_view name, std::uint64_t instance);

// For messages: in single quotes; bytes outside printable ASCII, quotes and backslashes as \xNN; cut after 256 bytes.
std::string escaped(std::string_view text);
// root:'path'
std::string shown(std::string_view root, std::string_view path);

// The error of a kernel operation, told with the escaped name of its file.  (The kernel's own text has the raw path.)
//   explain(error, "open", "files:'a'")  ->  "open files:'a': No such file or directory"
Error explain(const Error& error, std::string_view what, std::string_view name);
// The same for opening a client's path, where some errno values have a meaning of their own.
Error explain_open(const Error& error, std::string_view name);

}  // namespace sluice::files
