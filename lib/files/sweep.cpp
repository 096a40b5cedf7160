#include "files/sweep.h"

namespace sluice::files {

namespace {

// One directory.  `path` "": the root.  Adds its directories to `pending`.
Task<Result<>> sweep_directory(io::Kernel& kernel, const RootPointer& root, const std::string& path,
                               std::uint64_t instance, std::vector<std::string>& pending, SweepResult& result) {
    Directory directory{.root = root, .own = {}};
    if (!path.empty()) {
        SLUICE_CO_TRY(directory.own, co_await open_beneath(kernel, *root, path, O_RDONLY | O_DIRECTORY, 0));
    }
    SLUICE_CO_TRY(const std::vector<io::DirEntry> entries, co_await kernel.list(directory.handle()));
    ++result.directories;
    for (const io::DirEntry& entry : entries) {
        if (entry.is_directory) {
            std::string below = path.empty() ? entry.name : path + "/" + entry.name;
            if (below.size() <= kPathBytesMax) {
                pending.push_back(std::move(below));
            }
        } else if (is_temporary_name(entry.name) && !is_temporary_name_of(entry.name, instance)) {
            Result<> removed = co_await kernel.unlink(directory.handle().fd(), entry.name);
            ++(removed ? result.removed : result.failed);
        }
    }
    co_return Result<>{};
}

}  // namespace

Task<Result<SweepResult>> sweep(io::Kernel& kernel, RootPointer root, SweepOptions options) {
    SweepResult result;
    std::vector<std::string> pending(1);
    while (!pending.empty()) {
        if (result.directories == options.directories_max) {
            result.complete = false;
            break;
        }
        const std::string path = std::move(pending.back());
        pending.pop_back();
        Result<> swept = co_await sweep_directory(kernel, root, path, options.instance, pending, result);
        if (!swept) {
            if (swept.error().code() == Errc::cancelled) {
                co_return std::unexpected(std::move(swept).error());
            }
            ++result.failed;  // Removed meanwhile, a mount, or not ours to read: the rest is still swept.
        }
    }
    co_return result;
}

}  // namespace sluice::files
