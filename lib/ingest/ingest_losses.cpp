// Losses, and the other records of the daemon's own.
#include <algorithm>

#include "coro/timeout.h"
#include "ingest/ingest.h"

namespace sluice::ingest {
namespace {

// How long to wait before telling of losses again when the disk refused even that.
constexpr Duration kLossRetryDelay = std::chrono::milliseconds(500);
// How often the last losses are told to a disk that refuses.
constexpr unsigned kLastReportsMax = 3;
// Room for the daemon's own records in a queue that is full: losses are told while they happen.
constexpr std::size_t kOwnBytesMax = 256 * 1024;
// Who pays for the daemon's own records: nobody's uid.
constexpr std::uint32_t kDaemonUid = ~0U;

}  // namespace

// ---- what the disk has refused ----

void Ingest::note_lost(const Entry& entry, const Error& why) {
    counters_.records_lost += entry.count;
    loss_reason_ = why.text();
    if (entry.origin.target != nullptr) {
        leave_to(entry.origin.target, entry.count);
        entry.origin.target->on_lost(entry.origin.sender, entry.count, why);
    }
    lost_.set();
}

// A record of our own that told of losses; it will be made again.
void Ingest::note_untold(const Entry& entry, const Error& why) {
    counters_.records_received -= entry.count;
    losses_staged_ -= entry.reported_lost;
    loss_reason_ = why.text();
    if (entry.origin.target != nullptr) {
        leave_to(entry.origin.target, entry.reported_lost);
        entry.origin.target->on_untold(entry.origin.sender, entry.reported_lost, entry.reason);
    }
    lost_.set();
}

void Ingest::leave_to(LossTarget* target, std::uint64_t records) {
    losses_left_ += records;
    if (std::ranges::find(tellers_, target) == tellers_.end()) {
        tellers_.push_back(target);
    }
}

// ---- telling of it ----

void Ingest::tell_losses() {
    std::erase_if(tellers_, [](LossTarget* target) { return target->tell(); });
    if (counters_.records_lost > counters_.losses_reported + losses_staged_ + losses_left_) {
        stage_gap_record();
    }
}

// Before the end, without waiting for the next turn of report_losses(): there will be none.
Task<Result<>> Ingest::report_last_losses() {
    for (unsigned attempt = 0; attempt < kLastReportsMax; ++attempt) {
        if (counters_.records_lost == counters_.losses_reported) {
            co_return Result<>{};
        }
        tell_losses();
        while (queued_bytes_ != 0) {
            idle_.reset();
            SLUICE_CO_CHECK(co_await idle_.wait());
        }
    }
    if (counters_.records_lost == counters_.losses_reported) {
        co_return Result<>{};
    }
    co_return fail(Errc::io_error, "{} records that the disk refused could not be reported in the log: {}",
                   counters_.records_lost - counters_.losses_reported, loss_reason_);
}

wire::RecordBuilder& Ingest::begin_own(wire::BatchBuilder& builder, wire::Severity severity) const {
    return builder.begin(severity, "sluice", loop_.clock().wall_now());
}

// Queues one record of the daemon's own.  False: no room.
bool Ingest::stage_own(wire::BatchBuilder& builder, Told told) {
    const wire::BatchStamp stamp{.receive_time_ns = loop_.clock().wall_now(), .flags = wire::kBatchByDaemon};
    const ByteView bytes = builder.finish(stamp);
    if (queued_bytes_ != 0 && queued_bytes_ + bytes.size() > options_.queue_bytes_max + kOwnBytesMax) {
        return false;
    }
    Group& group = queue_.begin(kDaemonUid, bytes.size());
    std::memcpy(group.buffer->data() + group.bytes, bytes.data(), bytes.size());
    queue_.add({.level = wire::AckLevel::written,
                .count = 1,
                .uid = kDaemonUid,
                .bytes = static_cast<std::uint32_t>(bytes.size()),
                .reported_lost = told.lost,
                .reason = std::move(told.reason),
                .origin = std::move(told.origin)});
    charge(kDaemonUid, bytes.size());
    losses_staged_ += told.lost;
    ++counters_.records_received;
    work_.set();
    return true;
}

bool Ingest::stage_gap_record() {
    const std::uint64_t lost = counters_.records_lost - counters_.losses_reported - losses_staged_ - losses_left_;
    wire::BatchBuilder builder;
    begin_own(builder, wire::Severity::warning)
        .message(fmt::format("{} records lost: {}", lost, loss_reason_))
        .field("lost", static_cast<std::int64_t>(lost))
        .field("reason", std::string_view(loss_reason_));
    return builder.finish_record() && stage_own(builder, {.lost = lost});
}

void Ingest::note_new_epoch(std::uint32_t epoch, std::uint64_t first_sequence) {
    wire::BatchBuilder builder;
    begin_own(builder, wire::Severity::notice)
        .message(fmt::format("epoch {} begins at record {}: records after that one may have been lost with the power",
                             epoch, first_sequence))
        .field("epoch", epoch)
        .field("first_sequence", first_sequence);
    const bool staged = builder.finish_record() && stage_own(builder, {});
    SLUICE_ASSERT(staged, "the queue is empty at start");
}

bool Ingest::note_removed(const Removed& removed) {
    wire::BatchBuilder builder;
    begin_own(builder, wire::Severity::info)
        .message(fmt::format("removed {} records of class {} ({} bytes), from record {} to {}: retention",
                             removed.records, removed.class_name, removed.bytes, removed.first_sequence,
                             removed.last_sequence))
        .field("class", removed.class_name)
        .field("removed", removed.records)
        .field("bytes", removed.bytes)
        .field("parts", removed.parts)
        .field("first_sequence", removed.first_sequence)
        .field("last_sequence", removed.last_sequence);
    return builder.finish_record() && stage_own(builder, {});
}

bool Ingest::note_clock_step(const ClockStep& clock) {
    wire::BatchBuilder builder;
    begin_own(builder, wire::Severity::warning).message(clock.text).field("clock_step_s", whole_seconds(clock.step));
    return builder.finish_record() && stage_own(builder, {});
}

bool Ingest::note_dropped(const Dropped& dropped) {
    wire::BatchBuilder builder;
    wire::RecordBuilder& record = begin_own(builder, wire::Severity::warning);
    record.message(fmt::format("{} records lost on listener {}: {}", dropped.records, dropped.listener, dropped.reason))
        .field("lost", dropped.records)
        .field("reason", dropped.reason)
        .field("listener", dropped.listener);
    if (dropped.pid != 0) {
        record.field("sender_pid", dropped.pid).field("sender_uid", dropped.uid);
    }
    if (!dropped.comm.empty()) {
        record.field("sender_comm", dropped.comm);
    }
    if (!dropped.unit.empty()) {
        record.field("sender_unit", dropped.unit);
    }
    Told told{.lost = dropped.records, .reason = std::string(dropped.reason), .origin = dropped.origin};
    if (!builder.finish_record() || !stage_own(builder, std::move(told))) {
        return false;
    }
    if (dropped.counted) {
        losses_left_ -= dropped.records;
    } else {
        counters_.records_received += dropped.records;
        counters_.records_lost += dropped.records;
    }
    return true;
}

Task<> Ingest::report_losses() {
    for (;;) {
        const Result<> woken = co_await lost_.wait();
        if (!woken) {
            co_return;
        }
        lost_.reset();
        tell_losses();
        if (counters_.records_lost > counters_.losses_reported) {
            // Not told yet: if the disk refuses the gap record too, or there was no room for it, try again.
            const Result<> slept = co_await coro::sleep_for(kLossRetryDelay);
            if (!slept) {
                co_return;
            }
            lost_.set();
        }
    }
}

}  // namespace sluice::ingest
