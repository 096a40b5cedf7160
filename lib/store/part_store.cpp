#include "store/part_store.h"

#include "coro/timeout.h"
#include "store/identity.h"
#include "store/part_source.h"
#include "store/spares.h"

namespace sluice::store {
PartStore::PartStore(io::Kernel& kernel, const io::Handle& directory, const PartStoreOptions& options,
                     coro::Offload& offload, StoreEvents& events)
    : kernel_(kernel),
      directory_(directory),
      offload_(offload),
      events_(events),
      random_(options.random),
      cache_(std::make_shared<part::Cache>(options.cache_bytes_max)),
      set_(std::make_shared<PartSet>()) {}

Task<Result<std::unique_ptr<PartStore>>> PartStore::open(io::Kernel& kernel, const io::Handle& directory,
                                                         PartStoreOptions options, coro::Offload& offload,
                                                         StoreEvents& events) {
    std::unique_ptr<PartStore> store(new PartStore(kernel, directory, options, offload, events));
    SLUICE_CO_CHECK(co_await store->load());
    co_return std::move(store);
}

// Errors: io errors; corrupt: it is damaged.
Task<Result<PartPointer>> PartStore::read_part(const std::string& file, const PartName& name) {
    SLUICE_CO_TRY(io::Handle handle, co_await kernel_.open(directory_.fd(), file, io::OpenOptions()));
    SLUICE_CO_TRY(const io::FileStat stat, co_await kernel_.stat(handle));
    auto source = std::make_shared<PartSource>(kernel_.blocking_reader(std::move(handle)), stat.size);
    auto open = [source = std::move(source), cache = cache_] { return part::Part::open(source, cache); };
    SLUICE_CO_TRY(Result<std::shared_ptr<const part::Part>> part, co_await offload_.run(std::move(open)));
    if (!part) {
        co_return std::unexpected(std::move(part).error().during("'{}'", file));
    }
    auto stored = std::make_shared<StoredPart>();
    stored->name = name;
    stored->file = file;
    stored->bytes = stat.size;
    stored->part = *std::move(part);
    co_return PartPointer(std::move(stored));
}

// Errors: corrupt: it is whole, and not what its name says, or not of this store.
Result<> PartStore::check_part(const StoredPart& part) const {
    const part::Summary& summary = part.part->summary();
    if (summary.first_sequence != part.name.first_sequence || summary.end_sequence != part.name.end_sequence) {
        return fail(Errc::corrupt, "'{}' holds records {} to {}", part.file, summary.first_sequence,
                    summary.end_sequence - 1);
    }
    if (summary.store_id != set_->state.store_id) {
        return fail(Errc::corrupt, "'{}' belongs to another store", part.file);
    }
    return {};
}

// ---- writing ----

Task<Result<>> PartStore::write_part(const PartImage& image) {
    const std::string name = part_file_name(image.name);
    const std::string temporary = name + std::string(kTemporarySuffix);
    SLUICE_CO_CHECK(co_await write_file(kernel_, directory_, temporary, image.bytes));
    co_return co_await kernel_.rename(directory_.fd(), temporary, directory_.fd(), name, 0);
}

// Durable with their names, and open.
Task<Result<>> PartStore::write_images(const std::vector<PartImage>& images, std::vector<PartPointer>& parts) {
    for (const PartImage& image : images) {
        SLUICE_CO_CHECK(co_await write_part(image));
    }
    if (!images.empty()) {
        SLUICE_CO_CHECK(co_await kernel_.sync(directory_, io::SyncKind::all));
    }
    for (const PartImage& image : images) {
        const std::string name = part_file_name(image.name);
        SLUICE_CO_TRY(PartPointer part, co_await read_part(name, image.name));
        SLUICE_CO_CHECK(check_part(*part));
        parts.push_back(std::move(part));
    }
    co_return Result<>{};
}

Task<Result<>> PartStore::write_state(const SealState& state) {
    SLUICE_CO_CHECK(
        co_await write_file_atomically(kernel_, directory_, std::string(kSealStateName), encode_seal_state(state)));
    state_written_ = true;
    co_return Result<>{};
}

// Deletes files that do not count (any more).  What cannot be deleted now is tried again before the next change.
Task<> PartStore::discard(std::vector<std::string> files) {
    for (std::string& file : files) {
        const Result<> removed = co_await coro::shield(remove_file(kernel_, directory_, file));
        if (!removed && removed.error().code() != Errc::not_found) {
            garbage_.push_back(std::move(file));
        }
    }
}

// What a change that failed has left must be gone, also after power loss, before the next change: parts of a seal would
// count once the sealed end is beyond them, and a merged part could overlap a later one.
Task<Result<>> PartStore::check_garbage() {
    if (!state_written_) {
        SLUICE_CO_CHECK(co_await write_state(set_->state));  // From now on parts that it does not tell of do not count.
    }
    if (garbage_.empty() && !names_dirty_) {
        co_return Result<>{};
    }
    while (!garbage_.empty()) {
        const Result<> removed = co_await kernel_.unlink(directory_.fd(), garbage_.back());
        if (!removed && removed.error().code() != Errc::not_found) {
            co_return removed;
        }
        garbage_.pop_back();
    }
    SLUICE_CO_CHECK(co_await kernel_.sync(directory_, io::SyncKind::all));
    names_dirty_ = false;
    co_return Result<>{};
}

namespace {

std::vector<std::string> files_of(const std::vector<PartImage>& images) {
    std::vector<std::string> files;
    for (const PartImage& image : images) {
        files.push_back(part_file_name(image.name));
        files.push_back(files.back() + std::string(kTemporarySuffix));
    }
    return files;
}

}  // namespace

Task<Result<>> PartStore::add(Seal seal) {
    SLUICE_CO_TRY(const coro::Units lock, co_await changing_.lock());
    SLUICE_ASSERT(seal.sealed_end > set_->state.sealed_end, "{} after {}", seal.sealed_end, set_->state.sealed_end);
    SLUICE_CO_CHECK(co_await check_garbage());
    std::vector<PartPointer> parts;
    Result<> written = co_await write_images(seal.images, parts);
    auto next = std::make_shared<PartSet>(*set_);
    next->state.sealed_end = seal.sealed_end;
    next->state.missing_rows += seal.missing_rows;
    next->state.epochs = std::move(seal.epochs);
    if (written) {
        written = co_await write_state(next->state);
    }
    if (!written) {
        // `sealed` may have its new contents all the same: then these parts are missing from the log it tells of, so
        // they stay until it is certain again that it says otherwise.
        Result<> as_before = co_await write_state(set_->state);
        std::vector<std::string> files = files_of(seal.images);
        names_dirty_ = true;
        if (as_before) {
            co_await discard(std::move(files));
        } else {
            state_written_ = false;
            std::ranges::move(files, std::back_inserter(garbage_));
        }
        co_return written;
    }
    for (PartPointer& part : parts) {
        events_.on_part_sealed(part->file, part->part->summary().rows, part->bytes);
        next->add(std::move(part));
    }
    set_ = std::move(next);
    co_return Result<>{};
}

Task<Result<>> PartStore::replace(std::vector<PartPointer> inputs, PartImage image) {
    SLUICE_CO_TRY(const coro::Units lock, co_await changing_.lock());
    SLUICE_CO_CHECK(co_await check_garbage());
    std::vector<PartImage> images;
    images.push_back(std::move(image));
    std::vector<PartPointer> parts;
    Result<> written = co_await write_images(images, parts);
    if (!written) {
        names_dirty_ = true;
        std::vector<std::string> files = files_of(images);
        co_await discard(std::move(files));
        co_return written;
    }
    auto next = std::make_shared<PartSet>(*set_);
    std::vector<std::string> files;
    for (const PartPointer& input : inputs) {
        next->remove(*input);
        files.push_back(input->file);
    }
    events_.on_parts_merged(parts.front()->file, inputs.size(), parts.front()->part->summary().rows,
                            parts.front()->bytes);
    next->add(std::move(parts.front()));
    set_ = std::move(next);
    co_await discard(std::move(files));
    co_return Result<>{};
}

Task<Result<>> PartStore::remove(std::vector<PartPointer> parts) {
    SLUICE_CO_TRY(const coro::Units lock, co_await changing_.lock());
    SLUICE_CO_CHECK(co_await check_garbage());
    auto next = std::make_shared<PartSet>(*set_);
    std::vector<std::string> files;
    for (const PartPointer& part : parts) {
        next->remove(*part);
        files.push_back(part->file);
    }
    next->note_removed(parts);
    Result<> written = co_await write_state(next->state);
    if (!written) {
        // It may tell of the removal all the same; it must not, because the parts stay.
        const Result<> as_before = co_await write_state(set_->state);
        state_written_ = as_before.has_value();
        co_return written;
    }
    set_ = std::move(next);
    for (const PartPointer& part : parts) {
        events_.on_part_removed(part->file, part->part->summary().rows, part->bytes);
    }
    co_await discard(std::move(files));
    co_return Result<>{};
}

}  // namespace sluice::store
