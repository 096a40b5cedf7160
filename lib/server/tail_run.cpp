#include "server/tail_run.h"

#include "coro/timeout.h"
#include "server/gap_entry.h"
#include "server/last_matching.h"

namespace sluice::server {
namespace {

// What was read is kept for a client that takes its time for so long; then it is read again.
constexpr Duration kHoldMax = std::chrono::seconds(1);
// A job of the pool ends after the first record past this time.
constexpr Duration kJobTimeMax = std::chrono::milliseconds(5);
// Beside the entries of a frame: its headers.
constexpr std::size_t kFrameBytes = 256;
// Of a frame that tells of a gap.
constexpr std::size_t kGapBytes = 2048;

}  // namespace

TailRun::TailRun(Shared& shared, User& user, const wire::TailRequest& wanted, std::shared_ptr<const query::Plan> plan,
                 ReplyStream& stream)
    : shared_(shared),
      user_(user),
      wanted_(wanted),
      plan_(std::move(plan)),
      stream_(stream),
      hub_(shared.log.hub()),
      follower_(shared.kernel, shared.store_directory, hub_),
      last_{.store = hub_.store_id(), .epoch = hub_.epoch(), .sequence = 0} {}

std::uint64_t TailRun::written() const noexcept {
    return wanted_.durable_only ? hub_.durable_sequence() : hub_.end_sequence();
}

Task<Result<>> TailRun::run() {
    const std::uint64_t end_at_start = written();
    SLUICE_CO_TRY(const std::uint64_t first, co_await start(end_at_start));
    follower_.seek(first);
    last_.sequence = first - 1;
    for (;;) {
        const std::uint64_t limit = wanted_.follow ? written() : end_at_start;
        SLUICE_CO_TRY(const std::optional<GroupView> group, co_await next_group(limit));
        if (!follower_.lost().empty()) {
            SLUICE_CO_TRY(const bool still_here, co_await tell_lost(follower_.lost()));
            if (!still_here) {
                continue;
            }
        }
        if (group) {
            SLUICE_CO_CHECK(co_await deliver(*group, std::min(group->end_sequence, limit)));
            continue;
        }
        if (!wanted_.follow) {
            co_return Result<>{};
        }
        let_go();
        SLUICE_CO_CHECK(co_await hub_.changed());
    }
}

// The first record to look at; `end`: one past what there is.
Task<Result<std::uint64_t>> TailRun::start(std::uint64_t end) {
    switch (wanted_.start) {
        case wire::TailStart::now:
            break;
        case wire::TailStart::oldest:
            co_return hub_.oldest_sequence();
        case wire::TailStart::since:
            co_return follower_.before(wanted_.since_ns);
        case wire::TailStart::after_cursor:
            co_return follower_.after(wanted_.after);
        case wire::TailStart::last_n: {
            SLUICE_CO_CHECK(co_await user_.file_tails.acquire());
            const coro::Units reading(user_.file_tails, 1);
            auto matching = [this](const wire::TailEntry& entry) {
                scratch_.clear();
                return selects(entry, scratch_);
            };
            LastMatching last(shared_.kernel, shared_.store_directory, hub_, shared_.workers, std::move(matching));
            co_return co_await last.find(wanted_.n, end);
        }
    }
    co_return end;
}

Task<Result<std::optional<GroupView>>> TailRun::next_group(std::uint64_t limit) {
    if (!follower_.reads_files(limit)) {
        reading_.reset();
    } else if (!reading_) {
        SLUICE_CO_CHECK(co_await user_.file_tails.acquire());
        reading_.emplace(user_.file_tails, std::size_t{1});
    }
    co_return co_await follower_.next(limit);
}

void TailRun::let_go() noexcept {
    follower_.rest();
    reading_.reset();
    charge_.release();
    Bytes().swap(scratch_);
}

// An entry for each place, whatever the filter: what was there may have matched.  False: the follower had to let go of
// what it has read meanwhile.
Task<Result<bool>> TailRun::tell_lost(std::vector<store::Damage> lost) {
    bool still_here = true;
    for (const store::Damage& damage : lost) {
        std::uint64_t& told_up_to = told_[damage.place()];
        if (damage.end_sequence <= told_up_to) {
            continue;  // Parts are read again after a pause.
        }
        told_up_to = damage.end_sequence;
        SLUICE_CO_TRY(const bool kept, co_await room(kGapBytes));
        still_here = still_here && kept;
        // A page of a part may tell of records that lie ahead: others come before them.
        const std::uint64_t sequence = std::min(damage.end_sequence, follower_.position()) - 1;
        const GapPlace place{.request_id = stream_.id(),
                             .epoch = hub_.epoch_of(sequence),
                             .sequence = sequence,
                             .now = shared_.kernel.clock().wall_now()};
        const Bytes frame = make_gap_frame(place, damage);
        last_.sequence = sequence;
        last_.epoch = place.epoch;
        charge_.shrink(frame.size());
        stream_.send(frame, std::move(charge_));
    }
    co_return still_here;
}

// The records of `group` from the follower's position up to `end`, or until it had to let go of the group.
Task<Result<>> TailRun::deliver(const GroupView& group, std::uint64_t end) {
    std::size_t bytes_max = kChunkBytes;
    while (follower_.position() < end) {  // Bounded: each turn moves on by at least one record, or makes room for it.
        SLUICE_CO_TRY(const bool still_here, co_await room(bytes_max + kFrameBytes));
        if (!still_here) {
            co_return Result<>{};
        }
        const std::uint64_t at = follower_.position();
        SLUICE_CO_TRY(Piece piece, co_await make_piece(group, end, bytes_max));
        if (piece.too_small != 0) {
            bytes_max = piece.too_small;
            charge_.release();
            continue;
        }
        bytes_max = kChunkBytes;
        if (piece.next <= at) {
            co_return fail(Errc::corrupt, "the group of record {} holds fewer records than its header says", at);
        }
        follower_.seek(piece.next);
        last_.sequence = piece.next - 1;
        last_.epoch = group.epoch;
        if (!piece.frame.empty()) {
            charge_.shrink(piece.frame.size());
            stream_.send(piece.frame, std::move(charge_));
        }
    }
    co_return Result<>{};
}

// Makes charge_ one for a frame of `bytes`.  False: it took so long that what was read is not there any more.
Task<Result<bool>> TailRun::room(std::size_t bytes) {
    if (!charge_.empty()) {
        co_return true;
    }
    if (std::optional<Charge> charge = stream_.try_ready(bytes)) {
        charge_ = std::move(*charge);
        co_return true;
    }
    Result<Charge> soon = co_await coro::with_timeout(kHoldMax, stream_.ready(bytes));
    if (soon) {
        charge_ = std::move(*soon);
        co_return true;
    }
    if (soon.error().code() != Errc::deadline_exceeded) {
        co_return std::unexpected(std::move(soon).error());
    }
    let_go();
    SLUICE_CO_TRY(charge_, co_await stream_.ready(bytes));
    co_return false;
}

Task<Result<TailRun::Piece>> TailRun::make_piece(const GroupView& group, std::uint64_t end, std::size_t bytes_max) {
    if (plan_ != nullptr || !wanted_.filter.greps.empty()) {  // May take long, and a client chooses how long.
        auto work = [this, &group, end, bytes_max] { return piece_of(group, end, bytes_max); };
        co_return co_await shared_.workers.run(work);
    }
    SLUICE_CO_CHECK(co_await shared_.turns.take(std::min(group.payload.size(), bytes_max)));
    co_return piece_of(group, end, bytes_max);
}

TailRun::Piece TailRun::piece_of(const GroupView& group, std::uint64_t end, std::size_t bytes_max) const {
    Piece piece;
    wire::TailChunkBuilder chunk(piece.frame, stream_.id(), group.epoch);
    std::optional<std::uint64_t> stopped_at;
    const MonotonicTime deadline = shared_.kernel.clock().now() + kJobTimeMax;
    piece.next = for_each_entry(group, follower_.position(), [&](const wire::TailEntry& entry) {
        const std::size_t before = chunk.size_bytes();
        if (entry.sequence < end) {
            add(entry, chunk);
        }
        if (chunk.size_bytes() > std::max(bytes_max, before)) {
            if (chunk.count() == 1) {
                piece.too_small = chunk.size_bytes();
            }
            chunk.take_back(before);
            stopped_at = entry.sequence;
            return false;
        }
        return entry.sequence + 1 < end && shared_.kernel.clock().now() < deadline;
    });
    if (stopped_at) {
        piece.next = *stopped_at;
    }
    if (chunk.count() == 0) {
        piece.frame.clear();
    } else {
        chunk.finish();
    }
    return piece;
}

// Whether it is one of those that the client wants.  Where there is a plan, what that makes of it is appended to `row`.
bool TailRun::selects(const wire::TailEntry& entry, Bytes& row) const {
    return (wanted_.start != wire::TailStart::since || entry.receive_time_ns >= wanted_.since_ns) &&
           wanted_.filter.matches(entry.record, entry.trusted) && (plan_ == nullptr || plan_->select(entry, row));
}

void TailRun::add(const wire::TailEntry& entry, wire::TailChunkBuilder& chunk) const {
    if (!selects(entry, chunk.bytes())) {
        return;
    }
    if (plan_ == nullptr) {
        chunk.add(entry);
    } else {
        chunk.added();
    }
}

}  // namespace sluice::server
