#include "listeners/feed.h"

#include <algorithm>

namespace sluice::listeners {
namespace {

// Memory that a batch may keep between flushes; one large record shall not hold its megabyte for ever.
constexpr std::size_t kKeptBytesMax = 256 * 1024;

}  // namespace

Feed::Feed(ingest::Ingest& ingest, Losses& losses, const ListenerOptions& options, FeedCounters& counters)
    : ingest_(ingest), losses_(losses), options_(options), counters_(counters) {}

void Feed::added(const wire::IntakeCounts& counts) {
    counters_.intake += counts;
    const auto records = static_cast<std::uint32_t>(counts.records);
    const std::uint32_t kept = options_.rate_burst == 0 ? records : within_rate(records);
    if (kept == records) {
        batch_.added(records);
    } else {
        batch_.keep_first(kept);
        losses_.add(sender_, records - kept, "rate limit");
    }
    count_ += kept;
}

// How many of `records` the sender may still have in this interval; they are used up.
std::uint32_t Feed::within_rate(std::uint32_t records) {
    RateState& rate = sender_->rate;
    const MonotonicTime now = ingest_.now();
    if (now - rate.begun >= options_.rate_interval) {
        rate = {.begun = now, .used = 0};
    }
    const std::uint32_t kept = std::min(records, options_.rate_burst - std::min(options_.rate_burst, rate.used));
    rate.used += kept;
    return kept;
}

Task<Result<>> Feed::append(ProcessPointer sender, ByteView records, wire::IntakeCounts counts) {
    counters_.intake += counts;
    counters_.intake.records -= counts.records;  // Counted one by one below.
    while (!records.empty()) {                   // Bounded: each turn takes a record.
        if (!takes(sender) && !try_flush()) {
            SLUICE_CO_CHECK(co_await flush());
        }
        const ByteView record = records.first(wire::RecordCodec::size(records.data()));
        decode(sender, [&](Bytes& into, wire::IntakeCounts& one) {
            sluice::append(into, record);
            one.records = 1;
        });
        records = records.subspan(record.size());
    }
    co_return Result<>{};
}

bool Feed::try_flush() {
    if (count_ == 0) {
        return true;
    }
    bool kept_severe = false;
    for (;;) {  // At most twice.
        const ingest::LogBatch batch{.target = nullptr,
                                     .request_id = 0,
                                     .level = wire::AckLevel::accepted,
                                     .bytes = batch_.finish(),
                                     .trusted = sender_->trusted.bytes(),
                                     .trusted_count = sender_->trusted.count(),
                                     .uid = sender_->credentials.uid};
        const Result<ingest::Admission> admission = ingest_.submit(batch);
        if (!admission) {
            losses_.add(sender_, count_, admission.error().code() == Errc::shutting_down ? "shutdown" : "refused");
        } else if (*admission == ingest::Admission::taken) {
            ++counters_.batches;
            counters_.records += count_;
        } else if (options_.overflow == Overflow::drop) {
            losses_.add(sender_, count_, "queue full");
        } else if (options_.overflow == Overflow::drop_by_severity && !kept_severe) {
            keep_severe();
            kept_severe = true;
            if (count_ != 0) {
                continue;
            }
        } else {
            return false;
        }
        clear();
        return true;
    }
}

// Leaves out the records that are less severe than options_.keep_severity.
void Feed::keep_severe() {
    Bytes kept;
    std::uint32_t count = 0;
    const ByteView all = ByteView(batch_.encoded()).subspan(sizeof(wire::BatchHeader));
    for (const wire::RecordView record : wire::RecordRange(all, count_)) {
        if (record.severity() <= options_.keep_severity) {
            sluice::append(kept, record.bytes());
            ++count;
        }
    }
    if (count != count_) {
        losses_.add(sender_, count_ - count, "queue full");
        batch_.clear();
        batch_.add_encoded(kept, count);
        count_ = count;
    }
}

void Feed::clear() {
    batch_.clear();
    if (batch_.encoded().capacity() > kKeptBytesMax) {
        batch_.encoded().shrink_to_fit();
    }
    count_ = 0;
}

Task<Result<>> Feed::flush() {
    while (!try_flush()) {  // Bounded: each turn waits for room in the queue.
        Result<> room = co_await ingest_.room();
        if (!room) {
            losses_.add(sender_, count_, "shutdown");
            clear();
            co_return room;
        }
    }
    co_return Result<>{};
}

}  // namespace sluice::listeners
