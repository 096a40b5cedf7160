#include "files/file_table.h"

#include <optional>

#include "coro/timeout.h"
#include "files/regular_file.h"

namespace sluice::files {

// Shared by the table and the operations in flight; the file closes with the last of them.
struct FileTable::OpenFile {
    OpenFile(RootPointer in, RelativePath at, Ledger::Charge paid) noexcept
        : root(std::move(in)), path(std::move(at)), name(shown(root->name(), path.text())), charge(std::move(paid)) {}

    RootPointer root;
    RelativePath path;
    std::string name;  // For messages.
    Ledger::Charge charge;
    io::Handle file;
    std::shared_ptr<Inode> inode;  // After `file`: is gone before the file is closed.
    std::uint64_t size_at_open = 0;
    bool can_read = false;
    bool can_write = false;
    bool can_append = false;
    bool name_synced = false;
    bool ended = false;  // A commit has begun: no more writes.
    std::optional<Replacement> replacement;
    std::size_t writes = 0;  // In flight; `idle` is set when none is left.
    coro::Event idle;
    coro::Mutex finishing;  // Commit against close.
};

namespace {

// Counts a write in flight.
template <class File>
class Busy {
 public:
    explicit Busy(File& file) noexcept : file_(file) { ++file_.writes; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    ~Busy() {
        if (--file_.writes == 0) {
            file_.idle.set();
        }
    }

 private:
    File& file_;
};

Result<> check_flags(OpenFlags flags) {
    const bool changes = flags.write || flags.append || flags.replace;
    if (!flags.read && !changes) {
        return fail(Errc::invalid_argument, "open flags: none of read, write, append and replace");
    }
    if (flags.create && !changes) {
        return fail(Errc::invalid_argument, "open flags: create needs write, append or replace");
    }
    if (flags.exclusive && !flags.create && !flags.replace) {
        return fail(Errc::invalid_argument, "open flags: exclusive needs create or replace");
    }
    if (flags.truncate && !flags.write && !flags.replace) {
        return fail(Errc::invalid_argument, "open flags: truncate needs write");
    }
    return {};
}

// The rights of a replacement depend on whether its target exists: begin_replacement() checks them.
Result<> check_rights(const Root& root, const Identity& identity, OpenFlags flags) {
    if (flags.read) {
        SLUICE_CHECK(root.require(identity, Right::read));
    }
    if (flags.replace) {
        return {};
    }
    if (flags.write) {
        SLUICE_CHECK(root.require(identity, Right::write));
    }
    if (flags.append) {
        SLUICE_CHECK(root.require(identity, Right::append));
    }
    if (flags.create) {
        SLUICE_CHECK(root.require(identity, Right::create));
    }
    return {};
}

int kernel_flags(OpenFlags flags) noexcept {
    const bool changes = flags.write || flags.append;
    int bits = changes ? (flags.read ? O_RDWR : O_WRONLY) : O_RDONLY;
    bits |= flags.create ? O_CREAT : 0;
    bits |= flags.exclusive ? O_EXCL : 0;
    bits |= flags.truncate ? O_TRUNC : 0;
    return bits;  // No O_APPEND: append() has to know the offset, and continues short writes.
}

}  // namespace

FileTable::FileTable(Files& files, Identity identity) : files_(files), identity_(std::move(identity)) {}

FileTable::~FileTable() = default;

Result<FileTable::Pointer> FileTable::find(std::uint32_t handle) const {
    const auto found = files_open_.find(handle);
    if (found == files_open_.end()) {
        return fail(Errc::not_found, "handle {} is not open", handle);
    }
    return found->second;
}

Result<FileTable::Pointer> FileTable::find_writable(std::uint32_t handle, bool OpenFile::* may, Durability durability,
                                                    std::string_view verb) const {
    SLUICE_TRY(Pointer file, find(handle));
    if (!((*file).*may)) {
        return fail(Errc::invalid_argument, "{} {}: the handle was not opened for that", verb, file->name);
    }
    if (file->ended) {
        return fail(Errc::closed, "{} {}: the handle was committed", verb, file->name);
    }
    if (durability == Durability::durable) {
        Result<> healthy = file->inode->check_sync();
        if (!healthy) {
            return std::unexpected(explain(healthy.error(), verb, file->name));
        }
    }
    return file;
}

Task<Result<FileTable::Pointer>> FileTable::open_plain(const RootPointer& root, const RelativePath& path,
                                                       OpenFlags flags, mode_t mode) {
    SLUICE_CO_TRY(Ledger::Charge charge, files_.ledger().charge(identity_.uid));
    auto file = std::make_shared<OpenFile>(root, path, std::move(charge));
    const mode_t mode_or_default = mode != 0 ? mode : kDefaultMode;
    SLUICE_CO_TRY(RegularFile regular,
                  co_await open_regular(files_.kernel(), *root, path.text(), kernel_flags(flags), mode_or_default));
    file->file = std::move(regular.file);
    file->inode = files_.inodes().find(regular.stat);
    file->size_at_open = regular.stat.size;
    file->can_read = flags.read;
    file->can_write = flags.write;
    file->can_append = flags.append;
    co_return std::move(file);
}

Task<Result<FileTable::Pointer>> FileTable::open_replace(const RootPointer& root, const RelativePath& path,
                                                         OpenFlags flags, mode_t mode) {
    SLUICE_CO_TRY(Ledger::Charge charge, files_.ledger().charge(identity_.uid));
    auto file = std::make_shared<OpenFile>(root, path, std::move(charge));
    ReplaceOptions options;
    options.exclusive = flags.exclusive;
    options.mode = mode;
    SLUICE_CO_TRY(Replacement replacement, co_await files_.replace(identity_, root, path, options));
    Result<io::FileStat> stat = co_await files_.kernel().stat(replacement.file());
    if (!stat) {
        co_await replacement.abandon(files_.kernel());
        co_return std::unexpected(explain(stat.error(), "stat the temporary for", file->name));
    }
    file->file = std::move(replacement.file());
    file->inode = files_.inodes().find(*stat);
    file->replacement.emplace(std::move(replacement));
    file->can_read = flags.read;
    file->can_write = true;
    file->can_append = true;
    co_return std::move(file);
}

Task<Result<FileTable::Pointer>> FileTable::open_any(const RootPointer& root, const RelativePath& path, OpenFlags flags,
                                                     mode_t mode) {
    if (flags.replace) {
        co_return co_await open_replace(root, path, flags, mode);
    }
    co_return co_await open_plain(root, path, flags, mode);
}

Task<Result<OpenedFile>> FileTable::open(std::string_view root, std::string_view path, OpenFlags flags, mode_t mode) {
    SLUICE_CO_TRY(const RootPointer where, files_.roots().find(root));
    SLUICE_CO_TRY(const RelativePath what, RelativePath::parse(path));
    SLUICE_CO_CHECK(check_flags(flags));
    SLUICE_CO_CHECK(check_mode(mode));
    SLUICE_CO_CHECK(check_rights(*where, identity_, flags));
    const std::size_t session_max = files_.ledger().limits().session_max;
    if (files_open_.size() + opening_ >= session_max) {
        co_return fail(Errc::limit_exceeded, "the session has {} handles open, the maximum", session_max);
    }
    ++opening_;
    Result<Pointer> file = co_await open_any(where, what, flags, mode);
    --opening_;
    if (!file) {
        co_return std::unexpected(std::move(file).error());
    }
    last_number_ = next_handle(last_number_, files_open_);
    const OpenedFile opened{.handle = last_number_, .size = (*file)->size_at_open};
    files_open_.emplace(opened.handle, std::move(*file));
    co_return opened;
}

Task<Result<std::size_t>> FileTable::read(std::uint32_t handle, std::uint64_t offset, std::span<std::byte> into) {
    SLUICE_CO_TRY(const Pointer file, find(handle));
    if (!file->can_read) {
        co_return fail(Errc::invalid_argument, "read {}: the handle was not opened for that", file->name);
    }
    if (into.size() > kReadBytesMax) {
        co_return fail(Errc::too_large, "a read of {} bytes exceeds {}", into.size(), kReadBytesMax);
    }
    SLUICE_CO_CHECK(check_range(offset, into.size()));
    Result<std::size_t> count = co_await read_whole(files_.kernel(), file->file, offset, into);
    if (!count) {
        co_return std::unexpected(explain(count.error(), "read", file->name));
    }
    co_return *count;
}

// The name of a file in its directory: without it, durable bytes are of no use.
Task<Result<>> FileTable::sync_name(OpenFile& file) {
    if (file.name_synced || file.replacement) {
        co_return Result<>{};
    }
    io::Kernel& kernel = files_.kernel();
    SLUICE_CO_TRY(const Directory directory, co_await open_parent(kernel, file.root, file.path));
    Result<> synced = co_await kernel.sync(directory.handle(), io::SyncKind::all);
    if (!synced) {
        file.inode->note_failure(synced.error());
        co_return std::unexpected(explain(synced.error(), "sync the directory of", file.name));
    }
    file.name_synced = true;
    co_return Result<>{};
}

Task<Result<>> FileTable::write_at(OpenFile& file, std::uint64_t offset, ByteView bytes, Durability durability) {
    SLUICE_CO_CHECK(check_range(offset, bytes.size()));
    SLUICE_CO_CHECK(file.root->check_end(offset + bytes.size(), file.name));
    const bool durable = durability == Durability::durable;
    if (durable) {
        SLUICE_CO_CHECK(co_await sync_name(file));
    }
    const io::WriteSync sync = durable ? io::WriteSync::data : io::WriteSync::none;
    Result<> written = co_await write_whole(files_.kernel(), file.file, offset, bytes, sync);
    if (!written) {
        // Too little space is found before anything is synced.
        if (durable && written.error().code() != Errc::no_space) {
            file.inode->note_failure(written.error());
        }
        co_return std::unexpected(explain(written.error(), "write", file.name));
    }
    co_return Result<>{};
}

Task<Result<std::uint64_t>> FileTable::write(std::uint32_t handle, std::uint64_t offset, ByteView bytes,
                                             Durability durability) {
    SLUICE_CO_TRY(const Pointer file, find_writable(handle, &OpenFile::can_write, durability, "write"));
    const Busy busy(*file);
    SLUICE_CO_CHECK(co_await write_at(*file, offset, bytes, durability));
    co_return bytes.size();
}

// Takes a failed append off the end, unless someone has written behind it.
Task<Result<>> FileTable::cut_back(OpenFile& file, std::uint64_t start, std::uint64_t length) {
    SLUICE_CO_TRY(const io::FileStat stat, co_await files_.kernel().stat(file.file));
    if (stat.size <= start) {
        co_return Result<>{};
    }
    if (stat.size > start + length) {
        co_return fail(Errc::io_error, "others have written behind it");
    }
    co_return co_await files_.kernel().truncate(file.file, start);
}

Task<Result<Appended>> FileTable::append(std::uint32_t handle, ByteView bytes, Durability durability) {
    SLUICE_CO_TRY(const Pointer file, find_writable(handle, &OpenFile::can_append, durability, "append to"));
    const Busy busy(*file);
    Result<coro::Units> lock = co_await file->inode->append.lock();
    if (!lock) {
        co_return std::unexpected(explain(lock.error(), "append to", file->name));
    }
    if (durability == Durability::durable) {
        SLUICE_CO_CHECK(file->inode->check_sync());  // It may have failed while this one waited.
    }
    Result<io::FileStat> stat = co_await files_.kernel().stat(file->file);
    if (!stat) {
        co_return std::unexpected(explain(stat.error(), "append to", file->name));
    }
    Result<> written = co_await write_at(*file, stat->size, bytes, durability);
    if (!written) {
        Result<> cut = co_await coro::shield(cut_back(*file, stat->size, bytes.size()));
        if (!cut) {
            co_return std::unexpected(std::move(written).error().during(
                "a part of the append may be left at offset {} ({})", stat->size, cut.error().text()));
        }
        co_return std::unexpected(std::move(written).error());
    }
    co_return Appended{.offset = stat->size, .length = bytes.size()};
}

Task<Result<>> FileTable::sync(std::uint32_t handle, io::SyncKind kind) {
    SLUICE_CO_TRY(const Pointer file, find(handle));
    if (!file->can_write && !file->can_append) {
        co_return fail(Errc::invalid_argument, "sync {}: the handle was opened only to read", file->name);
    }
    Result<> healthy = file->inode->check_sync();
    if (!healthy) {
        co_return std::unexpected(explain(healthy.error(), "sync", file->name));
    }
    SLUICE_CO_CHECK(co_await sync_name(*file));
    Result<> synced = co_await files_.kernel().sync(file->file, kind);
    if (!synced) {
        file->inode->note_failure(synced.error());
        co_return std::unexpected(explain(synced.error(), "sync", file->name));
    }
    co_return Result<>{};
}

Task<Result<io::FileStat>> FileTable::stat(std::uint32_t handle) {
    SLUICE_CO_TRY(const Pointer file, find(handle));
    Result<io::FileStat> stat = co_await files_.kernel().stat(file->file);
    if (!stat) {
        co_return std::unexpected(explain(stat.error(), "stat", file->name));
    }
    co_return *stat;
}

Task<Result<>> FileTable::finish(OpenFile& file, Durability durability) {
    SLUICE_CO_TRY(const auto lock, co_await file.finishing.lock());
    if (!file.replacement->pending()) {
        co_return fail(Errc::closed, "commit {}: the handle was closed", file.name);
    }
    co_return co_await file.replacement->commit(files_.kernel(), file.file, durability);
}

Task<> FileTable::abandon(OpenFile& file) {
    if (file.replacement) {
        auto lock = co_await file.finishing.lock();  // Under a shield: not cancelled.
        co_await file.replacement->abandon(files_.kernel());
    }
}

Task<Result<>> FileTable::commit(std::uint32_t handle, Durability durability) {
    SLUICE_CO_TRY(const Pointer file, find(handle));
    if (!file->replacement) {
        co_return fail(Errc::invalid_argument, "commit {}: the handle was not opened to replace", file->name);
    }
    if (file->ended) {
        co_return fail(Errc::closed, "commit {}: a commit was asked before", file->name);
    }
    file->ended = true;
    Result<> done;
    while (done && file->writes != 0) {
        file->idle.reset();
        done = co_await file->idle.wait();
    }
    if (done) {
        done = file->inode->check_sync();
    }
    if (done) {
        done = co_await finish(*file, durability);
    }
    if (!done) {
        file->inode->note_failure(done.error());
        co_await coro::shield(abandon(*file));
    }
    co_return done;
}

Task<Result<>> FileTable::close(std::uint32_t handle) {
    SLUICE_CO_TRY(Pointer file, find(handle));
    files_open_.erase(handle);
    co_await coro::shield(abandon(*file));
    if (file.use_count() != 1) {
        co_return Result<>{};  // The operation in flight that ends last closes the file.
    }
    file->inode.reset();
    Result<> closed = co_await files_.kernel().close(std::move(file->file));
    if (!closed) {
        co_return std::unexpected(explain(closed.error(), "close", file->name));
    }
    co_return Result<>{};
}

Task<> FileTable::close_all() {
    while (!files_open_.empty()) {
        (void)co_await close(files_open_.begin()->first);
    }
}

}  // namespace sluice::files
