// The parts a start finds: opened, checked against `sealed`, and rid of what a crash left.
#include <algorithm>

#include "store/aside.h"
#include "store/frame_reader.h"
#include "store/identity.h"
#include "store/part_store.h"

namespace sluice::store {
// A file that is not what it should be gets another name; nothing is deleted.  `lost`: the records that are missing.
Task<Result<>> PartStore::set_aside(const std::string& file, const PartName* lost, Error why) {
    SLUICE_CO_TRY(const std::string aside, co_await set_file_aside(kernel_, directory_, file));
    if (lost != nullptr) {
        events_.on_damage(Damage{.file = file,
                                 .offset = 0,
                                 .bytes = 0,
                                 .first_sequence = lost->first_sequence,
                                 .end_sequence = lost->end_sequence});
    }
    events_.on_set_aside(aside, why);
    co_return Result<>{};
}

Task<Result<>> PartStore::load_state(bool there) {
    auto set = std::make_shared<PartSet>();
    set_ = set;
    SLUICE_CO_TRY(set->state.store_id, co_await load_or_make_identity(kernel_, directory_, random_, events_));
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

Task<Result<>> PartStore::load_part(const std::string& file, const PartName& name, Found& found) {
    Result<PartPointer> part = co_await read_part(file, name);
    if (!part && part.error().code() != Errc::corrupt) {
        co_return std::unexpected(std::move(part).error());
    }
    if (!part) {
        found.damaged.push_back({.file = file, .name = name, .why = std::move(part).error()});
        co_return Result<>{};
    }
    Result<> ours = check_part(**part);
    if (ours) {
        found.parts.push_back(*std::move(part));
        co_return Result<>{};
    }
    // Retention would have had it, or the log still has what it should hold: nothing is lost.
    const bool matters = !state().has_removed(name) && (!state_written_ || name.first_sequence < state().sealed_end);
    const PartName* lost = matters ? &name : nullptr;
    co_return co_await set_aside(file, lost, std::move(ours).error());
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

// Decides which of the parts count.  What does not is deleted, damaged or not: nothing of it is missed.
Task<Result<>> PartStore::settle(Found found, std::optional<std::uint64_t> log_begins) {
    auto set = std::make_shared<PartSet>(*set_);
    SealState& state = set->state;
    const bool redo = state_written_ && log_begins;
    const auto counts = [&](const PartName& name) {
        const bool sealed_again = redo && name.first_sequence >= state.sealed_end && *log_begins <= name.first_sequence;
        return !state.has_removed(name) && !sealed_again;
    };
    std::vector<std::string> gone;
    for (const PartPointer& part : found.parts) {
        if (!counts(part->name)) {
            gone.push_back(part->file);
        }
    }
    std::erase_if(found.parts, [&](const PartPointer& part) { return !counts(part->name); });
    // The largest first: what it covers was merged into it.
    std::ranges::sort(found.parts, std::greater(),
                      [](const PartPointer& part) { return part->name.end_sequence - part->name.first_sequence; });
    std::vector<PartPointer> good;
    for (const PartPointer& part : found.parts) {
        const auto over =
            std::ranges::find_if(good, [&](const PartPointer& other) { return other->name.overlaps(part->name); });
        if (over == good.end()) {
            good.push_back(part);
        } else if ((*over)->name.covers(part->name)) {
            gone.push_back(part->file);
        } else {
            Error why(Errc::corrupt, "it overlaps another part");
            SLUICE_CO_CHECK(co_await set_aside(part->file, nullptr, std::move(why)));
        }
    }
    for (DamagedPart& part : found.damaged) {
        const bool merged =
            std::ranges::any_of(good, [&](const PartPointer& other) { return other->name.covers(part.name); });
        if (merged || !counts(part.name)) {
            gone.push_back(part.file);
        } else {
            SLUICE_CO_CHECK(co_await set_aside(part.file, &part.name, std::move(part.why)));
        }
    }
    for (const std::string& file : gone) {
        SLUICE_CO_CHECK(co_await kernel_.unlink(directory_.fd(), file));
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
    Found found;
    for (const io::DirEntry& entry : entries) {
        if (const auto name = parse_part_file_name(entry.name)) {
            SLUICE_CO_CHECK(co_await load_part(entry.name, *name, found));
        }
    }
    SLUICE_CO_TRY(const std::optional<std::uint64_t> begins, co_await log_begins(entries));
    co_return co_await settle(std::move(found), begins);
}

}  // namespace sluice::store
