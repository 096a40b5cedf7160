// The log as units of a query: groups in memory, and the segment files for what is not in memory any more.
// Threads: the service loop's.
#pragma once

#include "server/log_follower.h"
#include "server/query_run.h"

namespace sluice::server {

class LogUnits final : public UnitSource {
 public:
    // What is written now; what comes later is not part of it.  Borrows the first three until destroyed.
    LogUnits(io::Kernel& kernel, int directory, const LogHub& hub, std::shared_ptr<const query::Plan> plan);

    Task<Result<std::unique_ptr<query::Unit>>> next() override;
    std::uint64_t records_total() const noexcept override { return end_ - first_; }

 private:
    using Groups = std::vector<query::GroupRows>;
    // Of one unit, at least; a group more is a group at most.
    static constexpr std::size_t kUnitBytes = std::size_t{2} << 20U;

    struct Run {
        std::uint64_t first = 0;
        std::uint64_t end = 0;
    };
    void take_from_memory();
    void add_group(const GroupView& group, std::uint64_t end, Groups& to) const;
    Task<Result<Groups>> read_run(std::uint64_t end);
    Task<Result<>> find_runs();
    std::unique_ptr<query::Unit> unit_of(Groups groups) const;

    const LogHub& hub_;
    std::shared_ptr<const query::Plan> plan_;
    LogFollower follower_;
    std::uint64_t first_;
    std::uint64_t end_;
    std::uint64_t files_end_;     // Where memory begins.
    std::vector<Groups> memory_;  // Units, oldest first.
    // Newest first only: the runs of the segment that is next, oldest first, and where it begins.
    std::vector<Run> runs_;
    std::uint64_t segments_end_;
};

}  // namespace sluice::server
