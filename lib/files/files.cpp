#include "files/files.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "files/regular_file.h"

namespace sluice::files {

namespace {

Task<Result<>> send_pieces(io::Kernel& kernel, const io::Handle& file, GetRange range, Consumer& consumer,
                           std::string_view name) {
    // On the heap: 128 KiB do not belong into a coroutine frame.
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kGetPieceBytes);
    std::uint64_t left = range.length != 0 ? range.length : std::numeric_limits<std::uint64_t>::max();
    std::uint64_t offset = range.offset;
    while (left != 0) {
        const std::span piece(buffer.get(), std::min<std::uint64_t>(left, kGetPieceBytes));
        Result<std::size_t> count = co_await read_whole(kernel, file, offset, piece);
        if (!count) {
            co_return std::unexpected(explain(count.error(), "read", name));
        }
        if (*count != 0) {
            SLUICE_CO_CHECK(co_await consumer.consume(piece.first(*count)));
        }
        if (*count < piece.size()) {
            break;
        }
        offset += *count;
        left -= *count;
    }
    co_return Result<>{};
}

}  // namespace

Result<> check_mode(mode_t mode) {
    if ((mode & ~mode_t{0777}) != 0) {
        return fail(Errc::invalid_argument, "mode {:o} has more than permission bits (0777)", mode);
    }
    return {};
}

Task<Result<io::FileStat>> Files::get(const Identity& identity, std::string_view root, std::string_view path,
                                      GetRange range, Consumer& consumer) {
    SLUICE_CO_TRY(const RootPointer where, roots_.find(root));
    SLUICE_CO_CHECK(where->require(identity, Right::read));
    SLUICE_CO_TRY(const RelativePath what, RelativePath::parse(path));
    SLUICE_CO_CHECK(check_range(range.offset, range.length));
    SLUICE_CO_TRY(const auto charge, ledger_.charge(identity.uid));
    SLUICE_CO_TRY(RegularFile regular, co_await open_regular(kernel_, *where, what.text(), O_RDONLY, 0));
    const std::string name = shown(where->name(), what.text());
    SLUICE_CO_CHECK(co_await send_pieces(kernel_, regular.file, range, consumer, name));
    co_return regular.stat;
}

Task<Result<Replacement>> Files::replace(const Identity& identity, const RootPointer& root, const RelativePath& path,
                                         ReplaceOptions options) {
    SLUICE_CO_CHECK(check_mode(options.mode));
    co_return co_await begin_replacement(kernel_, root, path, identity, options, instance_, temporaries_);
}

Task<Result<std::uint64_t>> Files::put(const Identity& identity, std::string_view root, std::string_view path,
                                       ByteView bytes, PutOptions options) {
    SLUICE_CO_TRY(const RootPointer where, roots_.find(root));
    SLUICE_CO_TRY(const RelativePath what, RelativePath::parse(path));
    SLUICE_CO_CHECK(where->check_end(bytes.size(), shown(where->name(), what.text())));
    SLUICE_CO_TRY(const auto charge, ledger_.charge(identity.uid));
    ReplaceOptions replace_options;
    replace_options.mode = options.mode;
    replace_options.parents = options.parents;
    SLUICE_CO_TRY(Replacement replacement, co_await replace(identity, where, what, replace_options));
    Result<> done = co_await write_whole(kernel_, replacement.file(), 0, bytes, io::WriteSync::none);
    if (!done) {
        done = std::unexpected(explain(done.error(), "write", shown(where->name(), what.text())));
    } else {
        done = co_await replacement.commit(kernel_, replacement.file(), options.durability);
    }
    co_await replacement.abandon(kernel_);
    if (!done) {
        co_return std::unexpected(std::move(done).error());
    }
    co_return bytes.size();
}

Task<Result<io::FileStat>> Files::stat(const Identity& identity, std::string_view root, std::string_view path) {
    SLUICE_CO_TRY(const RootPointer where, roots_.find(root));
    if (!where->rights(identity).has(Right::list)) {  // Else the answer would tell what exists.
        SLUICE_CO_CHECK(where->require(identity, Right::read));
    }
    SLUICE_CO_TRY(const RelativePath what, RelativePath::parse(path));
    SLUICE_CO_TRY(const auto charge, ledger_.charge(identity.uid));
    // O_PATH does not touch a FIFO or a device, and unlike a bare statx it is held beneath the root.
    SLUICE_CO_TRY(const io::Handle file, co_await open_beneath(kernel_, *where, what.text(), O_PATH, 0));
    const std::string name = shown(where->name(), what.text());
    Result<io::FileStat> stat = co_await kernel_.stat(file);
    if (!stat) {
        co_return std::unexpected(explain(stat.error(), "stat", name));
    }
    if (!S_ISREG(stat->mode) && !S_ISDIR(stat->mode)) {
        co_return fail(Errc::wrong_type, "stat {}: neither a regular file nor a directory", name);
    }
    SLUICE_CO_CHECK(where->require(identity, S_ISREG(stat->mode) ? Right::read : Right::list));
    co_return *stat;
}

}  // namespace sluice::files
