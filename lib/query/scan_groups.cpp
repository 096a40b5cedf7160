// Open rows: groups as the log has them, row by row.  Newest first, the groups come from the last to the first, each
// with its rows in order.
#include <algorithm>

#include "query/row_sink.h"
#include "query/unit.h"

namespace sluice::query {
namespace {

constexpr std::uint32_t kRowsPerStep = 4096;

class GroupsUnit final : public Unit {
 public:
    GroupsUnit(std::shared_ptr<const Plan> plan, std::vector<GroupRows> groups)
        : plan_(std::move(plan)), groups_(std::move(groups)), sink_(*plan_) {
        if (!groups_.empty()) {
            range_.first = groups_.front().first_sequence;
            range_.end = groups_.back().first_sequence + groups_.back().count;
        }
        if (const auto* newest = std::get_if<NewestSpec>(&plan_->breaker())) {
            left_ = newest->count;
        }
    }

    Result<Step> step() override;
    SequenceRange range() const noexcept override { return range_; }

 private:
    Result<> scan(const GroupRows& group, Step& step);

    std::shared_ptr<const Plan> plan_;
    std::vector<GroupRows> groups_;
    RowSink sink_;
    SequenceRange range_;
    std::size_t next_ = 0;
    std::uint64_t left_ = UINT64_MAX;  // Newest first: rows still of use.
};

Result<Step> GroupsUnit::step() {
    Step step;
    const bool backwards = plan_->newest_first();
    // Newest first each step is one group: its rows are in order, the steps are not.
    while (next_ < groups_.size() && step.counters.open_rows < kRowsPerStep && !sink_.satisfied() && left_ > 0) {
        const std::size_t index = backwards ? groups_.size() - 1 - next_ : next_;
        ++next_;
        SLUICE_CHECK(scan(groups_[index], step));
        if (backwards && step.count > 0) {
            left_ -= std::min<std::uint64_t>(left_, step.count);
            break;
        }
    }
    if (next_ == groups_.size() || sink_.satisfied() || left_ == 0) {
        sink_.finish(step);
    }
    return step;
}

Result<> GroupsUnit::scan(const GroupRows& group, Step& step) {
    ByteView payload = group.payload;
    std::uint64_t sequence = group.first_sequence;
    std::uint32_t index = 0;
    while (!payload.empty() && index < std::min(group.limit, group.count)) {
        const auto header = wire::parse_batch_header(payload);
        if (!header) {
            return std::unexpected(header.error());
        }
        const ByteView body = payload.first(header->size).subspan(sizeof(wire::BatchHeader));
        wire::TailEntry entry{.sequence = 0,
                              .receive_time_ns = header->receive_time_ns,
                              .flags = header->flags,
                              .trusted = {body.first(header->trusted_size), header->trusted_count},
                              .record = {}};
        for (const wire::RecordView record : wire::RecordRange(body.subspan(header->trusted_size), header->count)) {
            entry.record = record;
            entry.sequence = sequence++;
            if (index++ >= std::min(group.limit, group.count)) {
                break;
            }
            if (index <= group.skip) {
                continue;
            }
            ++step.counters.open_rows;
            if (plan_->filter().matches(entry)) {
                ++step.counters.rows_matched;
                SLUICE_CHECK(sink_.add(entry, step));
            }
        }
        payload = payload.subspan(header->size);
    }
    return {};
}

}  // namespace

std::unique_ptr<Unit> scan_groups(std::shared_ptr<const Plan> plan, std::vector<GroupRows> groups) {
    return std::make_unique<GroupsUnit>(std::move(plan), std::move(groups));
}

}  // namespace sluice::query
