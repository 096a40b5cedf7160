// The log as units of a query: the parts, the groups in memory, and the segment files for what is in neither.
// Threads: the service loop's.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "server/log_follower.h"
#include "server/query_run.h"

namespace sluice::server {

class LogUnits final : public UnitSource {
 public:
    // What is written now; what comes later is not part of it.  Borrows kernel and hub until destroyed.
    LogUnits(io::Kernel& kernel, int directory, LogHub& hub, std::shared_ptr<const query::Plan> plan);

    Task<Result<std::unique_ptr<query::Unit>>> next() override;
    std::uint64_t records_total() const noexcept override { return records_total_; }
    std::uint32_t damaged() const noexcept override { return static_cast<std::uint32_t>(damaged_.size()); }

 private:
    using Units = std::deque<std::unique_ptr<query::Unit>>;
    using Groups = std::vector<query::GroupRows>;
    // Of one unit, at least; a group more is a group at most.
    static constexpr std::size_t kUnitBytes = std::size_t{2} << 20U;

    struct Run {
        std::uint64_t first = 0;
        std::uint64_t end = 0;
    };
    void take_parts();
    void take_memory();
    void note_lost();
    void add_group(const GroupView& group, std::uint64_t end, Groups& to) const;
    void add_sealed(const GroupView& group, Groups& to) const;
    Task<Result<Groups>> read_run(std::uint64_t end);
    Task<Result<>> find_runs();
    Task<Result<std::unique_ptr<query::Unit>>> next_of_files();

    LogHub& hub_;
    std::shared_ptr<const query::Plan> plan_;
    LogFollower follower_;
    std::uint64_t end_;
    std::uint64_t records_total_ = 0;
    Units parts_;   // In the order to run them,
    Units memory_;  // likewise.
    // Records that are written, not sealed, and not in memory any more: usually none.
    std::uint64_t files_begin_;
    std::uint64_t files_end_;
    // Newest first only: the runs of the segment that is next, oldest first, and where it begins.
    std::vector<Run> runs_;
    std::uint64_t runs_begin_;
    std::set<std::pair<std::string, std::uint64_t>> damaged_;  // Places; a file may be read twice.
};

}  // namespace sluice::server
