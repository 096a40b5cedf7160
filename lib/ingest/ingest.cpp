#include "ingest/ingest.h"

#include <algorithm>

#include "base/shared_limit.h"

namespace sluice::ingest {

Ingest::Ingest(coro::Loop& loop, Sink& sink, IngestOptions options)
    : loop_(loop),
      sink_(sink),
      options_(options),
      queue_({.group_bytes_max = options.group_bytes_max, .batch_bytes_max = options.batch_bytes_max}),
      sequencer_(options.producers_max) {}

void Ingest::set_limits(const IngestOptions& options) noexcept {
    options_.uid_share_percent = options.uid_share_percent;
    options_.record_limits = options.record_limits;
    options_.records_max = options.records_max;
}

// ---- taking batches ----

std::size_t Ingest::held_by(std::uint32_t uid) const noexcept {
    const auto found = bytes_by_uid_.find(uid);
    return found == bytes_by_uid_.end() ? 0 : found->second;
}

bool Ingest::find_room(std::uint32_t uid, std::size_t bytes) {
    if (queued_bytes_ == 0) {
        return true;  // Whatever fits a group fits an empty queue.
    }
    const std::size_t held = held_by(uid);
    const bool alone = held == queued_bytes_;
    if (!alone && held + bytes > options_.queue_bytes_max / 100 * options_.uid_share_percent) {
        return false;  // It waits for its own: nobody waits behind it.
    }
    const SharedLimit limit{.total = options_.queue_bytes_max, .few = FairQueue::kLittleBytes};
    const auto has_less = [&](std::uint32_t other) { return held_by(other) < held; };
    if (!limit.admits(queued_bytes_, held, bytes) || std::ranges::any_of(want_room_, has_less) ||
        std::ranges::any_of(wanted_room_, has_less)) {
        want_room_.insert(uid);
        return false;
    }
    want_room_.erase(uid);
    wanted_room_.erase(uid);
    return true;
}

void Ingest::announce(ByteView batch, std::uint32_t uid) {
    if (const auto header = wire::parse_batch_header(batch); header && header->number != 0) {
        sequencer_.meet(header->producer, uid, header->number);
    }
}

Result<Admission> Ingest::submit(const LogBatch& batch) {
    if (draining_) {
        return fail(Errc::shutting_down, "the daemon is stopping; send the batch again after it is back");
    }
    SLUICE_TRY(const wire::BatchHeader header, wire::parse_batch_header(batch.bytes));
    if (header.number != 0) {
        sequencer_.meet(header.producer, batch.uid, header.number);
        switch (sequencer_.judge(header.producer, header.number)) {
            case Sequencer::Verdict::next:
                if (sequencer_.is_on_its_way_of_another(header.producer, batch.uid)) {
                    return wait_for_room();  // Users overtake each other in the queue; the batches of a producer must
                                             // not.
                }
                break;
            case Sequencer::Verdict::duplicate:
                return admit_duplicate(batch, header);
            case Sequencer::Verdict::skips:
                return fail(Errc::out_of_order, "batch {} skips a number; the next one is {}", header.number,
                            sequencer_.find(header.producer)->staged + 1);
        }
    }
    const std::size_t bytes_max = wire::import_bytes_max(batch.bytes.size(), batch.trusted.size());
    if (bytes_max > options_.batch_bytes_max) {
        return fail(Errc::too_large, "a batch of {} bytes, at most {} are taken", bytes_max, options_.batch_bytes_max);
    }
    if (!find_room(batch.uid, bytes_max)) {
        return wait_for_room();
    }
    SLUICE_CHECK(stage(batch, bytes_max));
    return Admission::taken;
}

Admission Ingest::wait_for_room() {
    ++counters_.waits;
    room_.reset();
    return Admission::wait;
}

Result<> Ingest::stage(const LogBatch& batch, std::size_t bytes_max) {
    Group& group = queue_.begin(batch.uid, bytes_max);
    const wire::ImportContext context{.receive_time_ns = loop_.clock().wall_now(),
                                      .trusted = batch.trusted,
                                      .trusted_count = batch.trusted_count,
                                      .limits = options_.record_limits,
                                      .records_max = options_.records_max};
    SLUICE_TRY(const wire::BatchSummary taken,
               wire::import_batch(batch.bytes, context, group.buffer->span().subspan(group.bytes)));
    const bool answer_now = batch.level == wire::AckLevel::accepted;
    queue_.add({.target = answer_now ? nullptr : batch.target,
                .request_id = batch.request_id,
                .level = batch.level,
                .dropped_fields = taken.dropped_fields,
                .count = taken.count,
                .uid = batch.uid,
                .bytes = static_cast<std::uint32_t>(taken.bytes),
                .origin = batch.origin,
                .producer = taken.producer,
                .number = taken.number});
    charge(batch.uid, taken.bytes);
    if (taken.number != 0) {
        sequencer_.stage(taken.producer, batch.uid, taken.number);
    }
    ++counters_.batches;
    counters_.records_received += taken.count;
    counters_.dropped_fields += taken.dropped_fields;
    work_.set();
    if (answer_now && batch.target != nullptr) {
        batch.target->on_ack(batch.request_id, {.level = wire::AckLevel::accepted,
                                                .duplicate = false,
                                                .dropped_fields = taken.dropped_fields,
                                                .count = taken.count,
                                                .epoch = 0,
                                                .first_sequence = 0});
    }
    return {};
}

void Ingest::charge(std::uint32_t uid, std::size_t bytes) {
    queued_bytes_ += bytes;
    bytes_by_uid_[uid] += bytes;
}

void Ingest::uncharge(const Entry& entry) {
    queued_bytes_ -= entry.bytes;
    const auto held = bytes_by_uid_.find(entry.uid);
    held->second -= entry.bytes;
    if (held->second == 0) {
        bytes_by_uid_.erase(held);
    }
}

// ---- duplicates ----

Result<Admission> Ingest::admit_duplicate(const LogBatch& batch, const wire::BatchHeader& header) {
    ++counters_.duplicates;
    waiting_.push_back({batch.target, batch.request_id, batch.level, header.producer, header.number, header.count});
    answer_waiting();
    return Admission::taken;
}

// Else it is in the queue, and no sync would help it.  A producer is forgotten only when all of it is written.
bool Ingest::is_written(const Waiting& waiting) const noexcept {
    const Sequencer::State* state = sequencer_.find(waiting.producer);
    return state == nullptr || state->committed >= waiting.number;
}

bool Ingest::reached(const Waiting& waiting) const noexcept {
    if (waiting.level != wire::AckLevel::durable) {
        return waiting.level == wire::AckLevel::accepted || is_written(waiting);
    }
    const Sequencer::State* state = sequencer_.find(waiting.producer);
    return is_written(waiting) && (state == nullptr || state->last_sequence < durable_sequence_);
}

// Where a producer's last batch is stored is remembered; where its earlier ones are is not.
wire::LogReply Ingest::duplicate_reply(const Waiting& waiting) const noexcept {
    wire::LogReply reply{.level = waiting.level,
                         .duplicate = true,
                         .dropped_fields = 0,
                         .count = waiting.count,
                         .epoch = 0,
                         .first_sequence = 0};
    const Sequencer::State* state = sequencer_.find(waiting.producer);
    if (waiting.level != wire::AckLevel::accepted && state != nullptr && state->committed == waiting.number &&
        state->last_sequence >= waiting.count) {
        reply.epoch = state->epoch;
        reply.first_sequence = state->last_sequence + 1 - waiting.count;
    }
    return reply;
}

void Ingest::answer_waiting() {
    std::vector<Waiting> still;
    for (const Waiting& waiting : std::exchange(waiting_, {})) {
        if (reached(waiting)) {
            waiting.target->on_ack(waiting.request_id, duplicate_reply(waiting));
            continue;
        }
        if (waiting.level == wire::AckLevel::durable) {
            sync_wanted_ = true;
        }
        still.push_back(waiting);
    }
    waiting_ = std::move(still);
    if (sync_wanted_) {
        work_.set();
    }
}

// ---- to the disk and back ----

Task<> Ingest::run() {
    coro::Context& context = co_await coro::this_context();
    coro::Scope scope(loop_, context.cancel);
    scope.spawn("report losses", &Ingest::report_losses, this);
    for (;;) {
        const Result<> woken = co_await work_.wait();
        if (!woken) {
            break;
        }
        work_.reset();
        dispatch();
    }
    co_await scope.join();  // Cancelled with this one.
}

// One at a time: what arrives meanwhile shares the next one, and whose turn it is then is decided then.
void Ingest::dispatch() {
    if (in_flight_) {
        return;
    }
    std::unique_ptr<Group> group = queue_.next(sink_.short_of_room() ? FairQueue::Turn::shared : FairQueue::Turn::any);
    if (!group) {
        if (!sync_wanted_ || !std::ranges::any_of(waiting_, [this](const Waiting& each) { return is_written(each); })) {
            return;
        }
        group = std::make_unique<Group>();
    }
    // Also of a group that is durable anyway: it is the sync that was wanted.
    group->durable = std::exchange(sync_wanted_, false) || group->durable;
    in_flight_ = true;
    ++counters_.groups;
    sink_.submit(std::move(group));
}

void Ingest::completed(std::unique_ptr<Group> group, const Result<CommitInfo>& outcome) {
    in_flight_ = false;
    if (outcome) {
        durable_sequence_ = std::max(durable_sequence_, outcome->durable_sequence);
        answer(*group, *outcome);
    } else {
        ++counters_.groups_failed;
        refuse(*group, outcome.error());
        fail_everything(outcome.error());
    }
    answer_waiting();
    wanted_room_ = std::exchange(want_room_, {});
    room_.set();
    if (queued_bytes_ == 0) {
        idle_.set();
    }
    dispatch();
}

void Ingest::durable_up_to(std::uint64_t sequence) {
    if (sequence > durable_sequence_) {
        durable_sequence_ = sequence;
        answer_waiting();
    }
}

void Ingest::answer(const Group& group, const CommitInfo& info) {
    counters_.records_stored += group.count;
    for (const Entry& entry : group.entries) {
        uncharge(entry);
        const std::uint64_t first = info.first_sequence + entry.first_record;
        if (entry.number != 0) {
            sequencer_.commit(entry.producer, entry.uid,
                              {.number = entry.number, .last_sequence = first + entry.count - 1, .epoch = info.epoch});
        }
        counters_.losses_reported += entry.reported_lost;
        losses_staged_ -= entry.reported_lost;
        if (entry.target != nullptr) {
            entry.target->on_ack(entry.request_id, {.level = entry.level,
                                                    .duplicate = false,
                                                    .dropped_fields = entry.dropped_fields,
                                                    .count = entry.count,
                                                    .epoch = info.epoch,
                                                    .first_sequence = first});
        }
    }
}

void Ingest::refuse(const Group& group, const Error& error) {
    for (const Entry& entry : group.entries) {
        uncharge(entry);
        if (entry.target != nullptr) {
            counters_.records_refused += entry.count;
            entry.target->on_refused(entry.request_id, error);
        } else if (entry.reported_lost != 0) {
            note_untold(entry, error);
        } else {
            note_lost(entry, error);
        }
    }
}

// After a failure everything that waits is refused: a later batch of a producer must not overtake the one refused now.
void Ingest::fail_everything(const Error& error) {
    for (const std::unique_ptr<Group>& group : queue_.take_all()) {
        refuse(*group, error);
    }
    sequencer_.unstage_all();
    for (const Waiting& waiting : std::exchange(waiting_, {})) {
        waiting.target->on_refused(waiting.request_id, error);
    }
    sync_wanted_ = false;
}

Task<Result<>> Ingest::drain() {
    draining_ = true;
    while (queued_bytes_ != 0 || !waiting_.empty()) {
        idle_.reset();
        SLUICE_CO_CHECK(co_await idle_.wait());
    }
    co_return co_await report_last_losses();
}

}  // namespace sluice::ingest
