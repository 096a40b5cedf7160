#include "files/replacement.h"

#include <cerrno>
#include <cstdio>

#include "coro/timeout.h"

namespace sluice::files {

// Decides whether this replaces or creates, and whether the client may do so.
Task<Result<>> Replacement::check_target(io::Kernel& kernel, const Identity& identity, ReplaceOptions& options) {
    const Root& root = *directory_.root;
    if (!root.rights(identity).has(Right::create)) {
        SLUICE_CO_CHECK(root.require(identity, Right::write));  // Neither: the answer must not tell what exists.
    }
    Result<io::FileStat> target = co_await kernel.stat_at(directory_.handle().fd(), target_);
    if (target) {
        if (options.exclusive) {
            co_return fail(Errc::already_exists, "replace {}: it exists", shown_);
        }
        SLUICE_CO_CHECK(root.require(identity, Right::write));
        if (!S_ISREG(target->mode)) {
            co_return fail(Errc::wrong_type, "replace {}: not a regular file", shown_);
        }
        if (options.mode == 0) {
            resembles_ = *target;
            options.mode = S_IRUSR | S_IWUSR;  // Until it resembles the target.
        }
        co_return Result<>{};
    }
    if (target.error().code() != Errc::not_found) {
        co_return std::unexpected(explain(target.error(), "replace", shown_));
    }
    SLUICE_CO_CHECK(root.require(identity, Right::create));
    exclusive_ = options.exclusive || !root.rights(identity).has(Right::write);
    co_return Result<>{};
}

Task<Result<>> Replacement::make_temporary(io::Kernel& kernel, mode_t mode, std::uint64_t instance,
                                           std::uint64_t& counter) {
    constexpr int kAttempts = 16;
    io::OpenOptions how;
    how.flags = O_RDWR | O_CREAT | O_EXCL | O_NOCTTY;
    how.mode = mode != 0 ? mode : kDefaultMode;
    how.resolve = directory_.root->resolve();
    for (int attempt = 1;; ++attempt) {
        std::string name = temporary_name(instance, counter++);
        Result<io::Handle> file = co_await kernel.open(directory_.handle().fd(), name, how);
        if (file) {
            file_ = std::move(*file);
            temporary_ = std::move(name);
            co_return Result<>{};
        }
        if (file.error().code() != Errc::already_exists || attempt == kAttempts) {
            co_return std::unexpected(explain(file.error(), "make a temporary for", shown_));
        }
    }
}

Task<Result<>> Replacement::prepare_temporary(io::Kernel& kernel, mode_t mode, std::uint64_t instance,
                                              std::uint64_t& counter) {
    SLUICE_CO_CHECK(co_await make_temporary(kernel, mode, instance, counter));
    if (resembles_) {
        const Result<> done = co_await kernel.resemble(file_, *resembles_);
        if (!done) {
            co_await abandon(kernel);
            co_return std::unexpected(explain(done.error(), "give the mode of the old file to", shown_));
        }
    }
    co_return Result<>{};
}

Task<Result<Replacement>> begin_replacement(io::Kernel& kernel, const RootPointer& root, const RelativePath& path,
                                            const Identity& identity, ReplaceOptions options, std::uint64_t instance,
                                            std::uint64_t& counter) {
    Replacement replacement;
    replacement.target_ = path.leaf();
    replacement.shown_ = shown(root->name(), path.text());
    replacement.exclusive_ = options.exclusive;
    if (options.parents && root->rights(identity).has(Right::create)) {
        SLUICE_CO_CHECK(co_await coro::shield(make_parents(kernel, root, path)));
    }
    SLUICE_CO_TRY(replacement.directory_, co_await open_parent(kernel, root, path));
    SLUICE_CO_CHECK(co_await replacement.check_target(kernel, identity, options));
    // Not cancelled: an open that is interrupted may have made the file all the same.
    SLUICE_CO_CHECK(co_await coro::shield(replacement.prepare_temporary(kernel, options.mode, instance, counter)));
    co_return std::move(replacement);
}

namespace {
Task<> unlink_quietly(io::Kernel& kernel, const Directory& directory, const std::string& name) {
    (void)co_await kernel.unlink(directory.handle().fd(), name);
}
}  // namespace

Task<> Replacement::abandon(io::Kernel& kernel) {
    if (temporary_.empty()) {
        co_return;
    }
    const std::string name = std::exchange(temporary_, {});
    co_await coro::shield(unlink_quietly(kernel, directory_, name));
}

Task<Result<>> Replacement::place(io::Kernel& kernel, Durability durability) {
    const int directory = directory_.handle().fd();
    const unsigned flags = exclusive_ ? static_cast<unsigned>(RENAME_NOREPLACE) : 0U;
    Result<> renamed = co_await kernel.rename(directory, temporary_, directory, target_, flags);
    if (!renamed) {
        co_return std::unexpected(explain(renamed.error(), "rename into place", shown_));
    }
    temporary_.clear();
    if (durability == Durability::durable) {
        Result<> synced = co_await kernel.sync(directory_.handle(), io::SyncKind::all);
        if (!synced) {
            co_return std::unexpected(
                explain(synced.error(), "in place, but a power cut may undo it: sync the directory of", shown_));
        }
    }
    co_return Result<>{};
}

Task<Result<>> Replacement::commit(io::Kernel& kernel, const io::Handle& file, Durability durability) {
    // Also without `durable`: a rename that reaches the disk before the bytes would leave neither file.
    Result<> synced = co_await kernel.sync(file, io::SyncKind::all);
    if (!synced) {
        co_return std::unexpected(explain(synced.error(), "sync", shown_));
    }
    co_return co_await coro::shield(place(kernel, durability));
}

}  // namespace sluice::files
