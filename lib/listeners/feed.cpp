#include "listeners/feed.h"

#include <algorithm>
#include <cstring>

namespace sluice::listeners {
namespace {

constexpr std::size_t kHead = sizeof(wire::BatchHeader);
// Of one batch, unless one record has more.
constexpr std::size_t kBatchBytesMax = 256 * 1024;
// Memory kept between flushes; one large record shall not hold its megabyte for ever.
constexpr std::size_t kKeptBytesMax = 128 * 1024;

}  // namespace

Feed::Feed(ingest::Ingest& ingest, Losses& losses, const ListenerOptions& options, FeedCounters& counters,
           std::optional<uid_t> payer)
    : ingest_(ingest),
      losses_(losses),
      options_(options),
      counters_(counters),
      payer_(payer),
      buffer_(kHead),
      begin_(kHead) {}

// ---- in ----

void Feed::added(std::size_t before, const wire::IntakeCounts& counts) {
    counters_.intake += counts;
    const auto records = static_cast<std::uint32_t>(counts.records);
    const std::uint32_t kept = options_.rate_burst == 0 ? records : within_rate(records);
    if (kept != records) {
        for (std::uint32_t i = 0; i < kept; ++i) {
            before += wire::RecordCodec::size(buffer_.data() + before);
        }
        buffer_.resize(before);
        losses_.add(sender_, records - kept, "rate limit");
    }
    count_ += kept;
}

// How many of `records` the sender may still have in this interval; they are used up.
std::uint32_t Feed::within_rate(std::uint32_t records) {
    RateState& rate = sender_->rate;
    rate.roll(ingest_.now(), options_.rate_interval);
    const std::uint32_t kept = std::min(records, options_.rate_burst - std::min(options_.rate_burst, rate.used));
    rate.used += kept;
    return kept;
}

// ---- out ----

Feed::Slice Feed::next_slice() const noexcept {
    const std::uint32_t records_max = ingest_.records_max();
    if (buffer_.size() - begin_ <= kBatchBytesMax && count_ <= records_max) {
        return {.end = buffer_.size(), .count = count_};
    }
    Slice slice{.end = begin_, .count = 0};
    do {
        slice.end += wire::RecordCodec::size(buffer_.data() + slice.end);
        ++slice.count;
    } while (slice.count < std::min(count_, records_max) &&
             slice.end + wire::RecordCodec::size(buffer_.data() + slice.end) - begin_ <= kBatchBytesMax);
    return slice;
}

// The header goes where nothing was, or records that are in the queue already.
ByteView Feed::batch_of(const Slice& slice) noexcept {
    std::byte* const start = buffer_.data() + begin_ - kHead;
    wire::BatchHeader header;
    header.size = static_cast<std::uint32_t>(slice.end - begin_ + kHead);
    header.count = slice.count;
    std::memcpy(start, &header, sizeof header);
    return {start, header.size};
}

void Feed::clear() {
    buffer_.resize(kHead);
    begin_ = kHead;
    count_ = 0;
    if (buffer_.capacity() > kKeptBytesMax) {
        buffer_.shrink_to_fit();
    }
}

bool Feed::try_flush() {
    bool kept_severe = false;
    while (count_ != 0) {  // Bounded: each turn takes a record, or leaves out those that are not severe, once.
        const Slice slice = next_slice();
        const ingest::LogBatch batch{.target = nullptr,
                                     .request_id = 0,
                                     .level = wire::AckLevel::accepted,
                                     .bytes = batch_of(slice),
                                     .trusted = sender_->trusted.bytes(),
                                     .trusted_count = sender_->trusted.count(),
                                     .uid = payer_.value_or(sender_->credentials.uid),
                                     .origin = losses_.origin_of(sender_)};
        const Result<ingest::Admission> admission = ingest_.submit(batch);
        if (!admission) {
            losses_.add(sender_, slice.count, admission.error().code() == Errc::shutting_down ? "shutdown" : "refused");
        } else if (*admission == ingest::Admission::taken) {
            ++counters_.batches;
            counters_.records += slice.count;
        } else if (options_.overflow == Overflow::drop) {
            losses_.add(sender_, slice.count, "queue full");
        } else if (options_.overflow == Overflow::drop_by_severity && !kept_severe) {
            keep_severe();
            kept_severe = true;
            continue;
        } else {
            return false;
        }
        begin_ = slice.end;
        count_ -= slice.count;
    }
    clear();
    return true;
}

// Leaves out the records that are less severe than options_.keep_severity.
void Feed::keep_severe() {
    std::size_t to = begin_;
    std::uint32_t kept = 0;
    std::size_t at = begin_;
    for (std::uint32_t i = 0; i < count_; ++i) {
        const wire::RecordView record = wire::RecordView::unchecked(buffer_.data() + at);
        const std::size_t size = record.size();
        if (record.severity() <= options_.keep_severity) {
            std::memmove(buffer_.data() + to, buffer_.data() + at, size);
            to += size;
            ++kept;
        }
        at += size;
    }
    losses_.add(sender_, count_ - kept, "queue full");
    buffer_.resize(to);
    count_ = kept;
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
