// A query over the files of a store, without the daemon.
#include <algorithm>

#include "cli/query_source.h"
#include "query/combiner.h"
#include "store/log_scan.h"

namespace sluice::cli {
namespace {

constexpr std::uint64_t kMemoryBytesMax = 1ULL << 30U;  // Of the query; it is this process's own.
constexpr std::size_t kUnitBytes = std::size_t{4} << 20U;
// What one call of next() gathers at most, so that Ctrl-C and progress come in between.
constexpr std::size_t kStepBytes = std::size_t{256} << 10U;
constexpr Duration kStepTime = std::chrono::milliseconds(100);

class StoreSource final : public QuerySource {
 public:
    StoreSource(std::shared_ptr<const query::Plan> plan, std::unique_ptr<store::LogScan> log)
        : plan_(std::move(plan)), log_(std::move(log)), combiner_(plan_), started_(clock_.now()) {
        left_ = log_->places().size();
        for (const store::LogScan::Place& place : log_->places()) {
            total_ += place.end_sequence - place.first_sequence;
        }
    }

    Result<client::QueryStep> next(Duration /*wait*/) override;
    void cancel() override { cancelled_ = true; }
    wire::QueryEnd end() const override { return end_; }
    wire::Cursor cursor_of(const wire::TailEntry& entry) const override {
        return {log_->store_id(), log_->epoch(), entry.sequence};
    }
    int fd() const override { return -1; }
    short wanted_events() const override { return 0; }
    std::string warning() const override;

 private:
    Result<> scan();
    Result<bool> next_unit();
    Result<> finish();

    std::shared_ptr<const query::Plan> plan_;
    std::unique_ptr<store::LogScan> log_;
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
    wire::QueryEnd end_;
    bool finished_ = false;
    bool cancelled_ = false;
};

// False: there are no more.
Result<bool> StoreSource::next_unit() {
    std::vector<query::GroupRows> groups;
    const std::vector<store::LogScan::Place>& places = log_->places();
    for (std::size_t bytes = 0; bytes < kUnitBytes && left_ > 0;) {
        const store::LogScan::Place& place = plan_->newest_first() ? places[left_ - 1] : places[places.size() - left_];
        --left_;
        scanned_ += place.end_sequence - place.first_sequence;
        SLUICE_TRY(std::optional<store::LogScan::Frame> frame, log_->read(place));
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
                          .limit = frame->limit});
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

Result<> StoreSource::scan() {
    const MonotonicTime until = clock_.now() + kStepTime;
    while (rows_.size() < kStepBytes && clock_.now() < until) {
        if (combiner_.satisfied()) {
            return finish();
        }
        if (!unit_) {
            SLUICE_TRY(const bool more, next_unit());
            if (!more) {
                return finish();
            }
        }
        SLUICE_TRY(query::Step step, unit_->step());
        if (step.done) {
            unit_.reset();
        }
        SLUICE_CHECK(combiner_.take(std::move(step), rows_));
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
    client::QueryStep step{.state = client::QueryState::end, .epoch = log_->epoch(), .progress = {}, .rows = {}};
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
    end_ = {.epoch = log_->epoch(),
            .read_through = {},
            .counts = {.records = scanned_,
                       .matched = combiner_.counters().rows_matched,
                       .rows = rows_count_,
                       .bytes_read = bytes_read_,
                       .parts = 0,
                       .parts_skipped = 0,
                       .elapsed_us = static_cast<std::uint64_t>(
                           std::chrono::duration_cast<std::chrono::microseconds>(clock_.now() - started_).count())},
            .explain = explain_};
    return step;
}

std::string StoreSource::warning() const {
    std::string text;
    for (const std::string& problem : log_->problems()) {
        text += text.empty() ? problem : "; " + problem;
    }
    if (log_->lost_records() > 0) {
        text +=
            fmt::format("{}{} records could not be read: damaged, or recycled meanwhile; 'sluice verify' tells which",
                        text.empty() ? "" : "; ", log_->lost_records());
    }
    return text;
}

}  // namespace

Result<std::unique_ptr<QuerySource>> ask_store(const Question& question) {
    SLUICE_TRY(std::shared_ptr<const query::Plan> plan, plan_of(question, kMemoryBytesMax));
    SLUICE_TRY(std::unique_ptr<store::LogScan> log, store::LogScan::open(question.store));
    return std::make_unique<StoreSource>(std::move(plan), std::move(log));
}

}  // namespace sluice::cli
