// The stages as objects that rows are pushed through, one after the other.
#pragma once

#include <memory>

#include "query/budget.h"
#include "query/group_table.h"
#include "query/row.h"
#include "query/sort_buffer.h"

namespace sluice::query {

// Threads: one.
class Stage {
 public:
    virtual ~Stage() = default;
    // Errors: limit_exceeded.
    virtual Result<> push(const RowRef& row) = 0;
    // No more rows come.  Once.
    virtual Result<> finish() = 0;
    // More rows would change nothing.
    virtual bool satisfied() const noexcept { return false; }
};

// The end of a chain: rows as TAIL entries.
class Output final : public Stage {
 public:
    explicit Output(const Schema& schema) : schema_(schema) {}
    // Where rows go from now on; borrowed.
    void set_target(Bytes& to) noexcept { to_ = &to; }
    Result<> push(const RowRef& row) override;
    Result<> finish() override { return {}; }
    std::uint64_t rows() const noexcept { return rows_; }
    void add_rows(std::uint64_t rows) noexcept { rows_ += rows; }

 private:
    const Schema& schema_;
    Bytes* to_ = nullptr;
    std::uint64_t rows_ = 0;
};

// Borrows everything.
std::unique_ptr<Stage> make_stage(const StageSpec& spec, Budget& budget, Stage& next);

// Several stages that end in `last`, which is borrowed.
class Chain {
 public:
    Chain(const std::vector<StageSpec>& specs, Budget& budget, Stage& last);
    Stage& front() noexcept { return *front_; }
    const Stage& front() const noexcept { return *front_; }

 private:
    std::vector<std::unique_ptr<Stage>> stages_;  // Last first.
    Stage* front_;
};

// The rows of a partial result, in order.
Result<> push_all(GroupTable& table, Stage& to);
Result<> push_all(SortBuffer& rows, Stage& to);

}  // namespace sluice::query
