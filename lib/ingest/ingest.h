// The queue between the sessions and the disk: takes batches, numbers nothing, loses nothing without saying so.
//
// Batches are written straight into the buffer that will go to the disk.  A group is handed over when the disk is free
// for it, with whatever has arrived by then (natural batching: no timer), or when it is full.  Bounded in bytes: a
// batch that finds no room waits outside, and its connection is not read meanwhile.  Users do not wait behind what
// others have queued (FairQueue); of those who find no room the one who has least is first.
// Threads: those of its loop.
#pragma once

#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "coro/scope.h"
#include "coro/sync.h"
#include "ingest/fair_queue.h"
#include "ingest/group.h"
#include "ingest/sequencer.h"

namespace sluice::ingest {

struct IngestOptions {
    // Of batches not yet written.  Beyond it: Admission::wait.  The last eighth is for users who have at most 64 KiB.
    std::size_t queue_bytes_max = 16U << 20U;
    std::size_t group_bytes_max = 512U << 10U;  // A group is full from here on; throughput gains nothing beyond.
    std::size_t batch_bytes_max = (1U << 20U) + (64U << 10U);  // Largest single batch with its trusted fields.
    unsigned uid_share_percent = 50;  // Of the queue, at most, for one uid while others have something in it.
    std::size_t producers_max = 4096;
    wire::RecordLimits record_limits;
    std::uint32_t records_max = wire::kLogRecordsMax;
};

// Received = stored + lost + still queued, to the record.
struct IngestCounters {
    std::uint64_t batches = 0;
    std::uint64_t records_received = 0;  // Taken into the queue.
    std::uint64_t records_stored = 0;
    std::uint64_t records_lost = 0;     // Answered `accepted`, and then refused by the disk.
    std::uint64_t records_refused = 0;  // Refused by the disk, and the producer was told.
    std::uint64_t losses_reported = 0;  // Of records_lost: already told by a gap record.
    std::uint64_t duplicates = 0;       // Batches.
    std::uint64_t dropped_fields = 0;
    std::uint64_t groups = 0;
    std::uint64_t groups_failed = 0;
    std::uint64_t waits = 0;  // Batches that found no room.
};

struct LogBatch {
    AckTarget* target = nullptr;
    std::uint64_t request_id = 0;
    wire::AckLevel level = wire::AckLevel::accepted;
    ByteView bytes;    // A client's batch (wire/batch.h), not validated.
    ByteView trusted;  // Encoded fields.
    std::uint16_t trusted_count = 0;
    std::uint32_t uid = 0;
    Origin origin{};
};

enum class Admission : std::uint8_t {
    taken,  // Answered by now (accepted, a duplicate), or later through the target.
    wait,   // No room: await room(), then submit again.
};

class Ingest {
 public:
    // Borrows loop and sink until destroyed.
    Ingest(coro::Loop& loop, Sink& sink, IngestOptions options);

    // Errors: those of import_batch, Errc::out_of_order, Errc::shutting_down.  The batch was then not taken.
    Result<Admission> submit(const LogBatch& batch);
    // Of a batch that is not submitted yet, or never will be: those of the same producer behind it are then out of
    // order.
    void announce(ByteView batch, std::uint32_t uid);
    coro::Event::Awaiter room() noexcept { return room_.wait(); }
    // For batches from now on: uid_share_percent, record_limits and records_max of `options`; the others stay.
    void set_limits(const IngestOptions& options) noexcept;
    // A producer known from the log, before the first submit.
    void restore_producer(const wire::ProducerId& producer, std::uint32_t uid, const Sequencer::Stored& last) {
        sequencer_.commit(producer, uid, last);
    }

    // At start, before the first submit: writes into the log that an epoch begins, and where.
    void note_new_epoch(std::uint32_t epoch, std::uint64_t first_sequence);

    // What retention has removed of a class of streams.
    struct Removed {
        std::string_view class_name;
        std::uint64_t parts = 0;
        std::uint64_t records = 0;
        std::uint64_t bytes = 0;
        std::uint64_t first_sequence = 0;
        std::uint64_t last_sequence = 0;
    };
    // Writes it into the log.  False: there is no room now.
    bool note_removed(const Removed& removed);

    // What the wall clock did, where records are removed for their age.
    struct ClockStep {
        Duration step{};  // Negative: back.
        std::string_view text;
    };
    // Writes it into the log.  False: there is no room now.
    bool note_clock_step(const ClockStep& clock);

    // Records that a listener has received and could not keep.
    struct Dropped {
        std::string_view listener;
        std::string_view reason;
        std::uint64_t records = 0;
        pid_t pid = 0;  // 0: several senders.
        uid_t uid = 0;
        std::string_view comm;
        std::string_view unit;
        Origin origin{};       // Hears if the disk refuses the record.
        bool counted = false;  // By on_lost() or on_untold() of its target.
    };
    // Counts them as received and lost, unless they are, and writes into the log who lost them.  False: there is no
    // room now, and nothing was counted.
    bool note_dropped(const Dropped& dropped);

    MonotonicTime now() const noexcept { return loop_.clock().now(); }
    std::uint32_t records_max() const noexcept { return options_.records_max; }

    // Hands groups over, and reports losses, until cancelled.  Runs once.
    Task<> run();
    // By the sink: the group is written (durable if group->durable), or failed.
    void completed(std::unique_ptr<Group> group, const Result<CommitInfo>& outcome);
    // By the sink: it may be no longer short of room.
    void room_changed() noexcept { work_.set(); }
    // By the sink: everything below `sequence` is durable, without a group of ours.
    void durable_up_to(std::uint64_t sequence);

    // Refuses new batches from now on; success when everything taken has been answered, and all losses are told in the
    // log.  io_error: the disk refuses even that.
    Task<Result<>> drain();

    const IngestCounters& counters() const noexcept { return counters_; }
    std::size_t queued_bytes() const noexcept { return queued_bytes_; }

 private:
    // A duplicate whose first copy has not reached the level asked for.
    struct Waiting {
        AckTarget* target;
        std::uint64_t request_id;
        wire::AckLevel level;
        wire::ProducerId producer;
        std::uint64_t number;
        std::uint32_t count;
    };
    std::size_t held_by(std::uint32_t uid) const noexcept;
    bool find_room(std::uint32_t uid, std::size_t bytes);
    Admission wait_for_room();
    Result<Admission> admit_duplicate(const LogBatch& batch, const wire::BatchHeader& header);
    Result<> stage(const LogBatch& batch, std::size_t bytes_max);
    void charge(std::uint32_t uid, std::size_t bytes);
    void uncharge(const Entry& entry);
    void dispatch();
    void answer(const Group& group, const CommitInfo& info);
    void refuse(const Group& group, const Error& error);
    void fail_everything(const Error& error);
    void answer_waiting();
    wire::LogReply duplicate_reply(const Waiting& waiting) const noexcept;
    bool is_written(const Waiting& waiting) const noexcept;
    bool reached(const Waiting& waiting) const noexcept;
    wire::RecordBuilder& begin_own(wire::BatchBuilder& builder, wire::Severity severity) const;
    // What a gap record tells of.
    struct Told {
        std::uint64_t lost = 0;
        std::string reason{};
        Origin origin{};
    };
    bool stage_own(wire::BatchBuilder& builder, Told told);
    void note_lost(const Entry& entry, const Error& why);
    void note_untold(const Entry& entry, const Error& why);
    void leave_to(LossTarget* target, std::uint64_t records);
    void tell_losses();
    bool stage_gap_record();
    Task<> report_losses();
    Task<Result<>> report_last_losses();

    coro::Loop& loop_;
    Sink& sink_;
    IngestOptions options_;
    FairQueue queue_;
    Sequencer sequencer_;
    IngestCounters counters_;
    bool in_flight_ = false;
    std::size_t queued_bytes_ = 0;
    std::unordered_map<std::uint32_t, std::size_t> bytes_by_uid_;
    // Users who found no room since the last group was completed, and before that: who has more waits behind them.
    // Those who still wait ask again at each completion, so who has gone stands in nobody's way for long.
    std::set<std::uint32_t> want_room_;
    std::set<std::uint32_t> wanted_room_;
    std::vector<Waiting> waiting_;
    std::uint64_t durable_sequence_ = 0;
    bool sync_wanted_ = false;
    bool draining_ = false;
    std::uint64_t losses_staged_ = 0;   // In a gap record that is queued.
    std::uint64_t losses_left_ = 0;     // To their targets, which have not told them yet.
    std::vector<LossTarget*> tellers_;  // Those.
    std::string loss_reason_;
    coro::Event work_;
    coro::Event room_;
    coro::Event idle_;
    coro::Event lost_;
};

}  // namespace sluice::ingest
