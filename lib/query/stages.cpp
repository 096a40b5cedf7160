#include "query/stages.h"

#include <deque>

namespace sluice::query {
namespace {

class FilterStage final : public Stage {
 public:
    FilterStage(const FilterSpec& spec, Stage& next) : spec_(spec), next_(next) {}
    Result<> push(const RowRef& row) override {
        const bool matches = spec_.filter.matches([&](const Name& name, auto&& use) { row.for_each(name, use); });
        return matches ? next_.push(row) : Result<>();
    }
    Result<> finish() override { return next_.finish(); }
    bool satisfied() const noexcept override { return next_.satisfied(); }

 private:
    const FilterSpec& spec_;
    Stage& next_;
};

class WindowStage final : public Stage {
 public:
    WindowStage(const WindowSpec& spec, Stage& next) : skip_(spec.skip), left_(spec.count), next_(next) {}
    Result<> push(const RowRef& row) override {
        if (skip_ > 0) {
            --skip_;
            return {};
        }
        if (left_ == 0) {
            return {};
        }
        --left_;
        return next_.push(row);
    }
    Result<> finish() override { return next_.finish(); }
    bool satisfied() const noexcept override { return left_ == 0 || next_.satisfied(); }

 private:
    std::uint64_t skip_;
    std::uint64_t left_;
    Stage& next_;
};

// Keeps the last rows.
class NewestStage final : public Stage {
 public:
    NewestStage(const NewestSpec& spec, Budget& budget, Stage& next) : spec_(spec), budget_(budget), next_(next) {}
    ~NewestStage() override { budget_.release(held_bytes_); }
    Result<> push(const RowRef& row) override {
        if (spec_.count == 0) {
            return {};
        }
        if (rows_.size() == spec_.count) {
            drop_front();
        }
        rows_.push_back(Row::copy_of(row));
        held_bytes_ += rows_.back().bytes();
        return budget_.charge(rows_.back().bytes(), "the last rows that `tail` keeps");
    }
    Result<> finish() override {
        while (!rows_.empty()) {
            SLUICE_CHECK(rows_.front().with_ref([&](const RowRef& row) { return next_.push(row); }));
            drop_front();
        }
        return next_.finish();
    }

 private:
    void drop_front() {
        held_bytes_ -= rows_.front().bytes();
        budget_.release(rows_.front().bytes());
        rows_.pop_front();
    }
    NewestSpec spec_;
    Budget& budget_;
    Stage& next_;
    std::deque<Row> rows_;
    std::uint64_t held_bytes_ = 0;
};

class SortStage final : public Stage {
 public:
    SortStage(const SortSpec& spec, Budget& budget, Stage& next) : rows_(spec, budget), next_(next) {}
    Result<> push(const RowRef& row) override { return rows_.add(row, arrived_++); }
    Result<> finish() override {
        SLUICE_CHECK(push_all(rows_, next_));
        return next_.finish();
    }

 private:
    SortBuffer rows_;
    std::uint64_t arrived_ = 0;
    Stage& next_;
};

class GroupStage final : public Stage {
 public:
    GroupStage(const GroupSpec& spec, Budget& budget, Stage& next) : table_(spec, budget), next_(next) {}
    Result<> push(const RowRef& row) override { return table_.add(row); }
    Result<> finish() override {
        SLUICE_CHECK(push_all(table_, next_));
        return next_.finish();
    }

 private:
    GroupTable table_;
    Stage& next_;
};

struct MakeStage {
    Budget& budget;
    Stage& next;
    std::unique_ptr<Stage> operator()(const FilterSpec& spec) const {
        return std::make_unique<FilterStage>(spec, next);
    }
    std::unique_ptr<Stage> operator()(const WindowSpec& spec) const {
        return std::make_unique<WindowStage>(spec, next);
    }
    std::unique_ptr<Stage> operator()(const NewestSpec& spec) const {
        return std::make_unique<NewestStage>(spec, budget, next);
    }
    std::unique_ptr<Stage> operator()(const SortSpec& spec) const {
        return std::make_unique<SortStage>(spec, budget, next);
    }
    std::unique_ptr<Stage> operator()(const GroupSpec& spec) const {
        return std::make_unique<GroupStage>(spec, budget, next);
    }
};

}  // namespace

Result<> Output::push(const RowRef& row) {
    append_row(*to_, schema_, row);
    ++rows_;
    return {};
}

std::unique_ptr<Stage> make_stage(const StageSpec& spec, Budget& budget, Stage& next) {
    return std::visit(MakeStage{budget, next}, spec);
}

Chain::Chain(const std::vector<StageSpec>& specs, Budget& budget, Stage& last) : front_(&last) {
    for (auto spec = specs.rbegin(); spec != specs.rend(); ++spec) {
        stages_.push_back(make_stage(*spec, budget, *front_));
        front_ = stages_.back().get();
    }
}

Result<> push_all(GroupTable& table, Stage& to) {
    return table.for_each_row([&](const RowRef& row) { return to.push(row); });
}

Result<> push_all(SortBuffer& rows, Stage& to) {
    return rows.for_each_row([&](const RowRef& row) { return to.push(row); });
}

}  // namespace sluice::query
