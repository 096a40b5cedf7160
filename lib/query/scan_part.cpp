#include "query/row_sink.h"
#include "query/unit.h"

namespace sluice::query {
namespace {

class PartUnit final : public Unit {
 public:
    PartUnit(std::shared_ptr<const Plan> plan, std::shared_ptr<const part::Part> part)
        : plan_(std::move(plan)), part_(std::move(part)), sink_(*plan_) {
        if (const auto* newest = std::get_if<NewestSpec>(&plan_->breaker())) {
            left_ = newest->count;
        }
    }
    Result<Step> step() override {
        Step step;
        if (next_ < part_->pages()) {
            const std::uint32_t page = plan_->newest_first() ? part_->pages() - 1 - next_ : next_;
            ++next_;
            std::vector<std::uint16_t> rows(part_->page_rows(page));
            for (std::size_t i = 0; i < rows.size(); ++i) {
                rows[i] = static_cast<std::uint16_t>(i);
            }
            Bytes bytes;
            SLUICE_CHECK(part_->append_entries(page, rows, bytes));
            for (const wire::TailEntry entry : wire::TailEntryRange(bytes, static_cast<std::uint32_t>(rows.size()))) {
                if (plan_->filter().matches(entry)) {
                    SLUICE_CHECK(sink_.add(entry, step));
                }
            }
            if (plan_->newest_first()) {
                left_ -= std::min<std::uint64_t>(left_, step.count);
            }
        }
        if (next_ == part_->pages() || sink_.satisfied() || left_ == 0) {
            sink_.finish(step);
        }
        return step;
    }
    SequenceRange range() const noexcept override {
        return {part_->summary().first_sequence, part_->summary().end_sequence};
    }

 private:
    std::shared_ptr<const Plan> plan_;
    std::shared_ptr<const part::Part> part_;
    RowSink sink_;
    std::uint32_t next_ = 0;
    std::uint64_t left_ = UINT64_MAX;
};

}  // namespace

std::unique_ptr<Unit> scan_part(std::shared_ptr<const Plan> plan, std::shared_ptr<const part::Part> part) {
    return std::make_unique<PartUnit>(std::move(plan), std::move(part));
}

}  // namespace sluice::query
