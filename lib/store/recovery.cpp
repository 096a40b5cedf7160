#include "store/recovery.h"

#include "store/aside.h"
#include "store/identity.h"

namespace sluice::store {
namespace {

struct Listing {
    std::vector<std::uint64_t> segments;  // Ids, ascending.
    std::vector<std::uint32_t> spares;
    std::vector<std::string> temporaries;
    std::uint64_t last_aside = 0;  // Id of the newest segment that was set aside; 0: none.
};

Task<Result<Listing>> list_store(io::Kernel& kernel, const io::Handle& directory) {
    SLUICE_CO_TRY(const std::vector<io::DirEntry> entries, co_await kernel.list(directory));
    Listing listing;
    for (const io::DirEntry& entry : entries) {
        if (const auto id = parse_segment_name(entry.name)) {
            listing.segments.push_back(*id);
        } else if (const auto number = parse_spare_name(entry.name)) {
            listing.spares.push_back(*number);
        } else if (entry.name.ends_with(".tmp")) {
            listing.temporaries.push_back(entry.name);
        } else if (const auto aside = parse_segment_name(name_before_aside(entry.name))) {
            listing.last_aside = std::max(listing.last_aside, *aside);
        }
    }
    std::ranges::sort(listing.segments);
    std::ranges::sort(listing.spares);
    co_return listing;
}

// Of the trusted fields of a batch, which nobody has looked at yet; kNoUid: there is none.
std::uint32_t uid_of(ByteView bytes, std::uint16_t count) {
    const Result<wire::FieldRange> trusted = wire::parse_fields(bytes, count);
    const std::optional<wire::FieldView> uid = trusted ? trusted->find("_uid") : std::nullopt;
    const bool valid =
        uid && uid->type == wire::FieldType::int64 && uid->as_int64() >= 0 && uid->as_int64() < wire::kNoUid;
    return valid ? static_cast<std::uint32_t>(uid->as_int64()) : wire::kNoUid;
}

class Recovery {
 public:
    Recovery(io::Kernel& kernel, const io::Handle& directory, const RecoveryOptions& options, ProducerTable& producers,
             StoreEvents& events)
        : kernel_(kernel), directory_(directory), options_(options), producers_(producers), events_(events) {}

    Task<Result<Recovered>> run();

 private:
    Task<Result<>> load_headers(const std::vector<std::uint64_t>& ids);
    Task<Result<>> set_aside(const std::string& name, Error why);
    Task<Result<>> make_spare(const std::string& name);
    Task<Result<bool>> replay_last();
    Task<Result<>> replay_earlier();
    Task<Result<bool>> replay_whole(const OpenedSegment& segment, std::uint64_t file_bytes);
    Task<Result<bool>> replay(const OpenedSegment& segment, std::uint64_t file_bytes, std::uint64_t limit);
    void replay_frame(const FrameView& frame);
    void go_on_behind_parts();

    io::Kernel& kernel_;
    const io::Handle& directory_;
    const RecoveryOptions& options_;
    ProducerTable& producers_;
    StoreEvents& events_;
    Recovered found_;
    bool closed_ = false;
    bool tail_lost_ = false;        // A segment behind the last usable one was set aside.
    bool snapshot_lost_ = false;    // The segment does not begin with its producers.
    bool cut_ = false;              // Frames behind the end of the log are left out.
    std::vector<Damage> damage_;    // Holes in the last segment whose records had been durable.
    std::vector<Damage> unproven_;  // Holes that no later frame has said this of.
};

Task<Result<>> Recovery::set_aside(const std::string& name, Error why) {
    SLUICE_CO_TRY(const std::string aside, co_await set_file_aside(kernel_, directory_, name));
    events_.on_set_aside(aside, why);
    co_return Result<>{};
}

// Power was lost between recycling this file and making its new name durable: nothing in it counts.
Task<Result<>> Recovery::make_spare(const std::string& name) {
    const std::uint32_t number = found_.spares.empty() ? 1 : found_.spares.back() + 1;
    const std::string spare = spare_name(number);
    SLUICE_CO_CHECK(co_await kernel_.rename(directory_.fd(), name, directory_.fd(), spare, 0));
    found_.spares.push_back(number);
    co_return Result<>{};
}

Task<Result<>> Recovery::load_headers(const std::vector<std::uint64_t>& ids) {
    for (const std::uint64_t id : ids) {
        found_.next_segment_id = std::max(found_.next_segment_id, id + 1);
        const std::string name = segment_name(id);
        Result<OpenedSegment> opened = co_await open_segment(kernel_, directory_.fd(), name, options_.direct);
        if (!opened && opened.error().code() != Errc::corrupt) {
            co_return std::unexpected(std::move(opened).error());
        }
        Error reason(Errc::corrupt, "");
        if (!opened) {
            reason = opened.error();
        } else if (opened->info.header.store_id != found_.store_id) {
            reason = Error(Errc::corrupt, "it belongs to another store");
        } else if (opened->info.header.segment_id != id) {
            SLUICE_CO_CHECK(co_await make_spare(name));
            continue;
        } else {
            found_.catalog.push_back(opened->info);
            tail_lost_ = false;
            continue;
        }
        tail_lost_ = true;
        SLUICE_CO_CHECK(co_await set_aside(name, std::move(reason)));
    }
    co_return Result<>{};
}

void Recovery::replay_frame(const FrameView& frame) {
    if (frame.header.time_ns != 0) {
        found_.written = frame.header.time_ns;
    }
    closed_ = frame.header.kind == FrameKind::closed;
    // Also of one without records: what is damaged in front of it had numbers, which are not given again.
    found_.next_sequence = frame.header.first_sequence + frame.header.count;
    if (frame.header.kind != FrameKind::records) {
        return;
    }
    std::uint64_t sequence = frame.header.first_sequence;
    for_each_batch(frame.payload, [&](const wire::BatchHeader& batch, ByteView bytes) {
        sequence += batch.count;
        if (batch.number != 0) {
            const ByteView trusted = bytes.subspan(sizeof batch).first(batch.trusted_size);
            producers_.update(batch.producer, uid_of(trusted, batch.trusted_count), {batch.number, sequence - 1});
        }
    });
}

// Fills `found_` from the frames below `limit`.  False: neither the first frame is there nor the one behind it, so that
// records may be missing that nothing tells of.
Task<Result<bool>> Recovery::replay(const OpenedSegment& segment, std::uint64_t file_bytes, std::uint64_t limit) {
    const SegmentHeader& header = segment.info.header;
    FrameReader reader(kernel_, segment.file, header, file_bytes, /*search=*/true);
    found_.next_sequence = header.first_sequence;
    closed_ = false;
    damage_.clear();
    unproven_.clear();
    snapshot_lost_ = false;
    bool first = true;
    for (;;) {  // Bounded by the file.
        SLUICE_CO_TRY(const FrameReader::Item item, co_await reader.next());
        if (const auto* end = std::get_if<FrameReader::End>(&item)) {
            found_.last_data_end = end->offset;
            co_return !first;
        }
        if (const auto* hole = std::get_if<FrameReader::Hole>(&item)) {
            unproven_.push_back({.file = segment_name(header.segment_id),
                                 .offset = hole->offset,
                                 .bytes = hole->bytes,
                                 .first_sequence = found_.next_sequence,
                                 .end_sequence = 0});
            continue;
        }
        const auto& frame = std::get<FrameView>(item);
        if (!unproven_.empty() && unproven_.back().end_sequence == 0) {
            unproven_.back().end_sequence = frame.header.first_sequence;
        }
        if (first) {
            first = false;
            snapshot_lost_ = frame.header.kind != FrameKind::producers || !producers_.decode(frame.payload);
            if (snapshot_lost_ && frame.header.first_sequence != header.first_sequence) {
                co_return false;
            }
            std::ranges::move(unproven_, std::back_inserter(damage_));  // It was synced before it had its name.
            unproven_.clear();
        }
        const std::uint64_t durable_below = std::max(frame.header.durable_sequence, options_.sealed_end);
        while (!unproven_.empty() && unproven_.front().first_sequence < durable_below) {
            damage_.push_back(std::move(unproven_.front()));
            unproven_.erase(unproven_.begin());
        }
        if (frame.header.first_sequence < limit) {
            replay_frame(frame);
        }
    }
}

// The producers that the last segment should begin with, from the one before it.
Task<Result<>> Recovery::replay_earlier() {
    producers_.clear();
    if (found_.catalog.size() < 2) {
        co_return Result<>{};
    }
    const std::string name = segment_name(found_.catalog[found_.catalog.size() - 2].header.segment_id);
    SLUICE_CO_TRY(OpenedSegment segment, co_await open_segment(kernel_, directory_.fd(), name, options_.direct));
    SLUICE_CO_TRY(const bool usable,
                  co_await replay(segment, segment.info.file_bytes, found_.catalog.back().header.first_sequence));
    (void)usable;  // What it holds is better than nothing.
    co_return Result<>{};
}

Task<Result<bool>> Recovery::replay_whole(const OpenedSegment& segment, std::uint64_t file_bytes) {
    SLUICE_CO_TRY(bool usable, co_await replay(segment, file_bytes, kNoLimit));
    if (usable && snapshot_lost_) {
        SLUICE_CO_CHECK(co_await replay_earlier());
        SLUICE_CO_TRY(usable, co_await replay(segment, file_bytes, kNoLimit));
    }
    co_return usable;
}

// A disk that loses power need not have written in order: a whole frame may stand behind one that is torn or missing.
// Where a later frame says that the missing records had been durable, they are damage; where none does, the log ends
// there, and what comes behind had not been durable either.
Task<Result<bool>> Recovery::replay_last() {
    const std::string name = segment_name(found_.catalog.back().header.segment_id);
    SLUICE_CO_TRY(OpenedSegment segment, co_await open_segment(kernel_, directory_.fd(), name, options_.direct));
    SLUICE_CO_TRY(bool usable, co_await replay_whole(segment, segment.info.file_bytes));
    if (usable && !unproven_.empty()) {
        cut_ = true;
        const std::uint64_t end = unproven_.front().offset;
        SLUICE_CO_TRY(usable, co_await replay_whole(segment, end));
    }
    for (const Damage& damage : damage_) {
        if (damage.end_sequence > options_.sealed_end) {
            events_.on_damage(damage);
            found_.damage.push_back(damage);
        }
    }
    co_return usable;
}

Task<Result<Recovered>> Recovery::run() {
    SLUICE_CO_TRY(found_.store_id, co_await load_or_make_identity(kernel_, directory_, options_.random, events_));
    SLUICE_CO_TRY(const Listing listing, co_await list_store(kernel_, directory_));
    for (const std::string& name : listing.temporaries) {
        SLUICE_CO_CHECK(co_await kernel_.unlink(directory_.fd(), name));
    }
    found_.spares = listing.spares;
    SLUICE_CO_CHECK(co_await load_headers(listing.segments));
    found_.next_segment_id = std::max(found_.next_segment_id, listing.last_aside + 1);
    if (listing.last_aside != 0 &&
        (found_.catalog.empty() || found_.catalog.back().header.segment_id < listing.last_aside)) {
        tail_lost_ = true;  // By an earlier start that did not come to begin a new epoch.
    }
    while (!found_.catalog.empty()) {
        SLUICE_CO_TRY(const bool usable, co_await replay_last());
        if (usable) {
            break;
        }
        const std::string name = segment_name(found_.catalog.back().header.segment_id);
        found_.catalog.pop_back();
        tail_lost_ = true;
        SLUICE_CO_CHECK(co_await set_aside(name, Error(Errc::corrupt, "its first frames are missing")));
    }
    if (tail_lost_) {
        // Every epoch begins with a segment, so this is above any of those that are lost.
        found_.clean = false;
        found_.new_epoch = true;
        found_.epoch = static_cast<std::uint32_t>(found_.next_segment_id);
    } else if (!found_.catalog.empty()) {
        const SegmentHeader& last = found_.catalog.back().header;
        found_.clean = closed_ && !cut_;
        found_.new_epoch = cut_ || (!closed_ && last.boot_id != options_.boot_id);
        found_.epoch = last.epoch + (found_.new_epoch ? 1 : 0);
    }
    if (found_.next_sequence < options_.sealed_end) {
        go_on_behind_parts();
    }
    co_return std::move(found_);
}

// The end of the log is gone, and had numbers that are in parts, or even higher ones.
void Recovery::go_on_behind_parts() {
    found_.next_sequence = options_.sealed_end;
    found_.clean = false;
    if (!found_.new_epoch || found_.epoch <= options_.sealed_epoch) {
        found_.new_epoch = true;
        found_.epoch = std::max(found_.epoch, options_.sealed_epoch) + 1;
    }
    found_.next_segment_id = std::max<std::uint64_t>(found_.next_segment_id, found_.epoch);
}

}  // namespace

Task<Result<Recovered>> recover(io::Kernel& kernel, const io::Handle& directory, const RecoveryOptions& options,
                                ProducerTable& producers, StoreEvents& events) {
    Recovery recovery(kernel, directory, options, producers, events);
    co_return co_await recovery.run();
}

}  // namespace sluice::store
