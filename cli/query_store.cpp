// A query over the files of a store, without the daemon.
#include <algorithm>
#include <deque>

#include "cli/query_source.h"
#include "query/combiner.h"
#include "store/offline_store.h"

namespace sluice::cli {
namespace {

constexpr std::uint64_t kMemoryBytesMax = 1ULL << 30U;  // Of the query; it is this process's own.
constexpr std::size_t kCacheBytesMax = std::size_t{64} << 20U;
constexpr std::size_t kUnitBytes = std::size_t{4} << 20U;
// Places of damage that the warning names.
constexpr std::size_t kShownMax = 4;
// What one call of next() gathers at most, so that Ctrl-C and progress come in between.
constexpr std::size_t kStepBytes = std::size_t{256} << 10U;
constexpr Duration kStepTime = std::chrono::milliseconds(100);

class StoreSource final : public QuerySource {
 public:
    StoreSource(std::shared_ptr<const query::Plan> plan, std::unique_ptr<store::OfflineStore> store);

    Result<client::QueryStep> next(Duration /*wait*/) override;
    void cancel() override { cancelled_ = true; }
    wire::QueryEnd end() const override { return end_; }
    wire::Cursor cursor_of(const wire::TailEntry& entry) const override {
        return {store_->log().store_id(), store_->epoch(), entry.sequence};
    }
    int fd() const override { return -1; }
    short wanted_events() const override { return 0; }
    std::string warning() const override;

 private:
    Result<> scan();
    Result<bool> next_unit();
    Result<bool> next_part();
    Result<bool> next_of_log();
    void leave_unit(const Error& why);
    std::vector<const store::Damage*> log_damage() const;
    Result<> finish();

    std::shared_ptr<const query::Plan> plan_;
    std::unique_ptr<store::OfflineStore> store_;
    std::vector<store::LogScan::Place> places_;  // Of what is not sealed.
    std::deque<std::unique_ptr<query::Unit>> parts_;
    std::uint32_t parts_damaged_ = 0;
    query::Combiner combiner_;
    SystemClock clock_;
    MonotonicTime started_;
    std::unique_ptr<query::Unit> unit_;
    std::size_t left_ = 0;  // Places not yet read: the last ones, or the first ones if the newest come first.
    std::uint64_t scanned_ = 0;
    std::uint64_t total_ = 0;
    std::uint64_t rows_count_ = 0;
    std::uint64_t bytes_read_ = 0;
    Bytes rows_;
    std::string explain_;
    std::string damage_;
    wire::QueryEnd end_;
    bool finished_ = false;
    bool cancelled_ = false;
};

StoreSource::StoreSource(std::shared_ptr<const query::Plan> plan, std::unique_ptr<store::OfflineStore> store)
    : plan_(std::move(plan)), store_(std::move(store)), combiner_(plan_), started_(clock_.now()) {
    for (std::unique_ptr<query::Unit>& unit : query::make_units(plan_, store_->parts(), {})) {
        parts_.push_back(std::move(unit));
    }
    for (const std::shared_ptr<const part::Part>& part : store_->parts()) {
        total_ += part->summary().rows;
    }
    for (const store::LogScan::Place& place : store_->log().places()) {
        if (place.end_sequence > store_->sealed_end()) {
            places_.push_back(place);
            total_ += place.end_sequence - std::max(place.first_sequence, store_->sealed_end());
        }
    }
    left_ = places_.size();
}

Result<bool> StoreSource::next_part() {
    if (parts_.empty()) {
        return false;
    }
    unit_ = std::move(parts_.front());
    parts_.pop_front();
    const query::SequenceRange range = unit_->range();
    scanned_ = std::min(total_, scanned_ + (range.end - range.first));
    return true;
}

Result<bool> StoreSource::next_of_log() {
    std::vector<query::GroupRows> groups;
    for (std::size_t bytes = 0; bytes < kUnitBytes && left_ > 0;) {
        const store::LogScan::Place& place =
            plan_->newest_first() ? places_[left_ - 1] : places_[places_.size() - left_];
        --left_;
        const std::uint64_t from = std::max(place.first_sequence, store_->sealed_end());
        scanned_ = std::min(total_, scanned_ + (place.end_sequence - from));
        SLUICE_TRY(std::optional<store::LogScan::Frame> frame, store_->log().read(place));
        if (!frame) {
            continue;
        }
        bytes += frame->payload.size();
        bytes_read_ += frame->payload.size();
        groups.push_back({.owner = frame->bytes,
                          .payload = frame->payload,
                          .epoch = frame->epoch,
                          .first_sequence = frame->first_sequence,
                          .count = frame->count,
                          .limit = frame->limit,
                          .skip = static_cast<std::uint32_t>(from - frame->first_sequence)});
    }
    if (groups.empty()) {
        return false;
    }
    if (plan_->newest_first()) {
        std::ranges::reverse(groups);
    }
    unit_ = query::scan_groups(plan_, std::move(groups));
    return true;
}

// False: there are no more.
Result<bool> StoreSource::next_unit() {
    SLUICE_TRY(const bool first, plan_->newest_first() ? next_of_log() : next_part());
    if (first) {
        return true;
    }
    return plan_->newest_first() ? next_part() : next_of_log();
}

// What is damaged is left out, and told at the end.
void StoreSource::leave_unit(const Error& why) {
    unit_.reset();
    ++parts_damaged_;
    damage_ += fmt::format("{}{}", damage_.empty() ? "" : "; ", why.text());
}

Result<> StoreSource::scan() {
    const MonotonicTime until = clock_.now() + kStepTime;
    while (rows_.size() < kStepBytes && clock_.now() < until) {
        if (combiner_.satisfied()) {
            return finish();
        }
        if (!unit_) {
            SLUICE_TRY(const bool more, next_unit());
            if (!more) {
                scanned_ = total_;
                return finish();
            }
        }
        Result<query::Step> step = unit_->step();
        if (!step && (step.error().code() == Errc::corrupt || step.error().code() == Errc::io_error)) {
            leave_unit(step.error());
            continue;
        }
        if (!step) {
            return std::unexpected(std::move(step).error());
        }
        if (step->done) {
            unit_.reset();
        }
        SLUICE_CHECK(combiner_.take(std::move(*step), rows_));
    }
    return {};
}

Result<> StoreSource::finish() {
    SLUICE_CHECK(combiner_.finish(rows_));
    finished_ = true;
    return {};
}

Result<client::QueryStep> StoreSource::next(Duration /*wait*/) {
    if (cancelled_) {
        return fail(Errc::cancelled, "stopped");
    }
    rows_.clear();
    client::QueryStep step{.state = client::QueryState::end, .epoch = store_->epoch(), .progress = {}, .rows = {}};
    if (!finished_) {
        SLUICE_CHECK(scan());
        std::uint32_t count = 0;
        for (std::size_t at = 0; at < rows_.size(); at += wire::TailEntryCodec::size(rows_.data() + at)) {
            ++count;
        }
        rows_count_ += count;
        step.progress = {scanned_, total_};
        step.rows = wire::TailEntryRange(rows_, count);
        step.state = count > 0 ? client::QueryState::rows : client::QueryState::progress;
        return step;
    }
    explain_ = plan_->options().explain ? combiner_.explain() : std::string();
    end_ = {.epoch = store_->epoch(),
            .read_through = {},
            .counts = {.records = scanned_,
                       .matched = combiner_.counters().rows_matched,
                       .rows = rows_count_,
                       .bytes_read = bytes_read_ + combiner_.counters().bytes_decoded,
                       .parts = static_cast<std::uint32_t>(store_->parts().size()),
                       .parts_damaged = parts_damaged_ + static_cast<std::uint32_t>(log_damage().size()),
                       .elapsed_us = static_cast<std::uint64_t>(
                           std::chrono::duration_cast<std::chrono::microseconds>(clock_.now() - started_).count())},
            .explain = explain_};
    return step;
}

// Of what is not sealed.
std::vector<const store::Damage*> StoreSource::log_damage() const {
    std::vector<const store::Damage*> found;
    for (const store::Damage& damage : store_->log().damage()) {
        if (damage.end_sequence > store_->sealed_end()) {
            found.push_back(&damage);
        }
    }
    return found;
}

std::string StoreSource::warning() const {
    std::string text = damage_;
    const auto add = [&text](std::string_view more) { text += fmt::format("{}{}", text.empty() ? "" : "; ", more); };
    for (const std::string& problem : store_->log().problems()) {
        add(problem);
    }
    for (const std::string& problem : store_->problems()) {
        add(problem);
    }
    std::uint64_t lost = 0;
    std::size_t shown = 0;
    for (const store::Damage* damage : log_damage()) {
        lost += damage->end_sequence - std::max(damage->first_sequence, store_->sealed_end());
        if (++shown <= kShownMax) {
            add(fmt::format("records {} to {}: {}", damage->first_sequence, damage->end_sequence - 1,
                            damage->reason()));
        }
    }
    if (lost > 0) {
        add(fmt::format("{} records could not be read: damaged, or recycled meanwhile; 'sluice verify' tells which",
                        lost));
    }
    return text;
}

}  // namespace

Result<std::unique_ptr<QuerySource>> ask_store(const Question& question) {
    SLUICE_TRY(std::shared_ptr<const query::Plan> plan, plan_of(question, kMemoryBytesMax));
    SLUICE_TRY(std::unique_ptr<store::OfflineStore> store, store::OfflineStore::open(question.store, kCacheBytesMax));
    return std::make_unique<StoreSource>(std::move(plan), std::move(store));
}

}  // namespace sluice::cli
