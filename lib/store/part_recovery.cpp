// The parts a start finds: opened, checked against `sealed`, and rid of what a crash left.
#include <algorithm>

#include "store/frame_reader.h"
#include "store/identity.h"
#include "store/part_store.h"

namespace sluice::store {
namespace {

// Removes from `parts` and returns what `chosen` says.
template <class Chosen>
std::vector<PartPointer> take(std::vector<PartPointer>& parts, Chosen&& chosen) {
    std::vector<PartPointer> out;
    std::vector<PartPointer> kept;
    for (PartPointer& part : parts) {
        std::vector<PartPointer>& to = chosen(part) ? out : kept;
        to.push_back(std::move(part));
    }
    parts = std::move(kept);
    return out;
}

}  // namespace

// A file that is not what it should be gets another name; nothing is deleted.
Task<Result<>> PartStore::set_aside(const std::string& file, const PartName* name, Error why) {
    const std::string aside = fmt::format("{}{}", kAside, file);
    SLUICE_CO_CHECK(co_await kernel_.rename(directory_.fd(), file, directory_.fd(), aside, 0));
    if (name != nullptr) {
        events_.on_damage(Damage{.file = file,
                                 .offset = 0,
                                 .bytes = 0,
                                 .first_sequence = name->first_sequence,
                                 .end_sequence = name->end_sequence});
    }
    events_.on_set_aside(aside, why);
    co_return Result<>{};
}

Task<Result<>> PartStore::load_state(bool there) {
    auto set = std::make_shared<PartSet>();
    set_ = set;
    SLUICE_CO_TRY(set->state.store_id, co_await load_or_make_identity(kernel_, directory_, random_));
    if (!there) {
        co_return Result<>{};
    }
    const std::string name(kSealStateName);
    SLUICE_CO_TRY(const Bytes bytes, co_await read_small_file(kernel_, directory_, name, kSealStateBytesMax));
    Result<SealState> state = parse_seal_state(bytes);
    if (state && state->store_id != set->state.store_id) {
        state = fail(Errc::corrupt, "it belongs to another store");
    }
    if (state) {
        set->state = *std::move(state);
        state_written_ = true;
        co_return Result<>{};
    }
    if (state.error().code() != Errc::corrupt) {
        co_return std::unexpected(std::move(state).error());
    }
    co_return co_await set_aside(name, nullptr, std::move(state).error());
}

Task<Result<>> PartStore::load_part(const std::string& file, const PartName& name, std::vector<PartPointer>& found) {
    Result<PartPointer> part = co_await open_part(file, name);
    if (part) {
        found.push_back(*std::move(part));
        co_return Result<>{};
    }
    if (part.error().code() != Errc::corrupt) {
        co_return std::unexpected(std::move(part).error());
    }
    // Retention would have had it, or the log still has what it holds: nothing is lost.
    const bool matters = name.end_sequence > state().removed_end(name.class_name) &&
                         (!state_written_ || name.first_sequence < state().sealed_end);
    const PartName* lost = matters ? &name : nullptr;
    co_return co_await set_aside(file, lost, std::move(part).error());
}

// Where the log begins; nothing: there is no log, or its first header cannot be read.
Task<Result<std::optional<std::uint64_t>>> PartStore::log_begins(const std::vector<io::DirEntry>& entries) {
    std::optional<std::uint64_t> first;
    for (const io::DirEntry& entry : entries) {
        if (const auto id = parse_segment_name(entry.name)) {
            first = std::min(first.value_or(*id), *id);
        }
    }
    if (!first) {
        co_return std::nullopt;
    }
    const std::string name = segment_name(*first);
    Result<OpenedSegment> segment = co_await open_segment(kernel_, directory_.fd(), name, /*direct=*/false);
    if (!segment && segment.error().code() == Errc::corrupt) {
        co_return std::nullopt;
    }
    if (!segment) {
        co_return std::unexpected(std::move(segment).error());
    }
    co_return segment->info.header.first_sequence;
}

// Decides which of the parts count.
Task<Result<>> PartStore::settle(std::vector<PartPointer> found, std::optional<std::uint64_t> log_begins) {
    auto set = std::make_shared<PartSet>(*set_);
    SealState& state = set->state;
    std::vector<PartPointer> gone = take(found, [&](const PartPointer& part) {
        return part->name.end_sequence <= state.removed_end(part->name.class_name);
    });
    const bool redo = state_written_ && log_begins;
    std::ranges::move(take(found,
                           [&](const PartPointer& part) {
                               return redo && first_of(part) >= state.sealed_end && *log_begins <= first_of(part);
                           }),
                      std::back_inserter(gone));
    // The largest first: what it covers was merged into it.
    std::ranges::sort(found, std::greater(),
                      [](const PartPointer& part) { return part->name.end_sequence - part->name.first_sequence; });
    std::vector<PartPointer> good;
    std::vector<PartPointer> odd;
    for (const PartPointer& part : found) {
        const auto over =
            std::ranges::find_if(good, [&](const PartPointer& other) { return other->name.overlaps(part->name); });
        auto& to = over == good.end() ? good : (*over)->name.covers(part->name) ? gone : odd;
        to.push_back(part);
    }
    for (const PartPointer& part : odd) {
        Error why(Errc::corrupt, "it overlaps another part");
        SLUICE_CO_CHECK(co_await set_aside(part->file, nullptr, std::move(why)));
    }
    for (const PartPointer& part : gone) {
        SLUICE_CO_CHECK(co_await kernel_.unlink(directory_.fd(), part->file));
    }
    for (PartPointer& part : good) {
        state.sealed_end = std::max(state.sealed_end, part->name.end_sequence);
        set->add(std::move(part));
    }
    set_ = std::move(set);
    co_return Result<>{};
}

Task<Result<>> PartStore::load() {
    // A killed daemon may have left names that are not durable.  What is removed because of them must not be gone
    // first.
    SLUICE_CO_CHECK(co_await kernel_.sync(directory_, io::SyncKind::all));
    SLUICE_CO_TRY(const std::vector<io::DirEntry> entries, co_await kernel_.list(directory_));
    const bool there =
        std::ranges::any_of(entries, [](const io::DirEntry& entry) { return entry.name == kSealStateName; });
    SLUICE_CO_CHECK(co_await load_state(there));
    std::vector<PartPointer> found;
    for (const io::DirEntry& entry : entries) {
        if (const auto name = parse_part_file_name(entry.name)) {
            SLUICE_CO_CHECK(co_await load_part(entry.name, *name, found));
        }
    }
    SLUICE_CO_TRY(const std::optional<std::uint64_t> begins, co_await log_begins(entries));
    co_return co_await settle(std::move(found), begins);
}

}  // namespace sluice::store
