// The directories that clients may work in, by name, and the rules for each.
// Threads: that of the kernel.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "files/path.h"
#include "files/policy.h"
#include "io/kernel.h"

namespace sluice::files {

inline constexpr mode_t kDefaultMode = 0640;    // Of a new file whose mode is not said.
inline constexpr mode_t kDirectoryMode = 0750;  // Of a new directory.  The umask applies to both.

struct RootOptions {
    std::string name;                  // 1..64 of [A-Za-z0-9._-].
    std::string path;                  // Absolute; an existing directory.
    std::vector<Rule> rules;           // None: nobody may do anything.
    std::uint64_t file_bytes_max = 0;  // No write goes beyond; 0: no limit.
    bool follow_symlinks = false;      // True: links are followed, but never out of the root.
    bool cross_devices = false;  // True: mounts beneath the root are entered.  A hung network mount hangs its requests.
};

// One open root.  Immutable; lives as long as anything that was opened through it.
class Root {
 public:
    Root(RootOptions options, io::Handle directory) : options_(std::move(options)), directory_(std::move(directory)) {}

    const std::string& name() const noexcept { return options_.name; }
    const RootOptions& options() const noexcept { return options_; }
    const io::Handle& directory() const noexcept { return directory_; }
    std::uint64_t resolve() const noexcept;  // RESOLVE_* for everything opened beneath it.
    Rights rights(const Identity& identity) const noexcept { return rights_of(options_.rules, identity); }

    // permission_denied, naming the right that is missing.
    Result<> require(const Identity& identity, Right right) const;
    // no_space where a write would end beyond file_bytes_max.
    Result<> check_end(std::uint64_t end, std::string_view name) const;

 private:
    RootOptions options_;
    io::Handle directory_;
};

using RootPointer = std::shared_ptr<const Root>;

class Roots {
 public:
    // Borrows `kernel` until destroyed.
    explicit Roots(io::Kernel& kernel) noexcept : kernel_(kernel) {}

    // At start, and again on reload: opens every directory, then takes the new set in place of the old one.  On an
    // error the old set stays.  What was opened through a root that is gone stays open.
    Task<Result<>> load(std::vector<RootOptions> options);

    Result<RootPointer> find(std::string_view name) const;
    std::vector<RootPointer> all() const;

 private:
    io::Kernel& kernel_;
    std::map<std::string, RootPointer, std::less<>> roots_;
};

// Opens `path` beneath the root.  Errors name `path`, escaped.
Task<Result<io::Handle>> open_beneath(io::Kernel& kernel, const Root& root, const std::string& path, int flags,
                                      mode_t mode);

// Makes the directories of `path` that are not there, each with kDirectoryMode, and syncs their names: a file in them
// is then as durable as in a directory that was there.
Task<Result<>> make_parents(io::Kernel& kernel, const RootPointer& root, const RelativePath& path);

// The directory that holds a file.
struct Directory {
    RootPointer root;
    io::Handle own;  // Empty: the root's own directory.

    const io::Handle& handle() const noexcept { return own ? own : root->directory(); }
};
Task<Result<Directory>> open_parent(io::Kernel& kernel, const RootPointer& root, const RelativePath& path);

}  // namespace sluice::files
