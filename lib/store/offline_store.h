// A store's files as a reader without the daemon sees them at one moment: its parts, and what of the log is not in
// them. Reads only, blocks, and may run beside a daemon that writes, seals, merges and removes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "part/part.h"
#include "store/log_scan.h"
#include "store/part_name.h"
#include "store/seal_state.h"

namespace sluice::store {

class OfflineStore {
 public:
    // `cache_bytes_max`: for decoded pages and dictionaries of all parts.  Errors: those of LogScan::open;
    // limit_exceeded when the parts change faster than they can be listed.
    static Result<std::unique_ptr<OfflineStore>> open(const std::string& directory, std::size_t cache_bytes_max);

    // By first sequence.
    const std::vector<std::shared_ptr<const part::Part>>& parts() const noexcept { return parts_; }
    LogScan& log() noexcept { return *log_; }
    const LogScan& log() const noexcept { return *log_; }
    // Records below it are in the parts: those of the log do not count there.
    std::uint64_t sealed_end() const noexcept { return state_.sealed_end; }
    std::uint32_t epoch() const noexcept;
    // Files that could not be read.
    const std::vector<std::string>& problems() const noexcept { return problems_; }

 private:
    OfflineStore() = default;
    Result<> read_state(const std::string& directory);
    Result<bool> read_parts(const std::string& directory, const std::shared_ptr<part::Cache>& cache);
    Result<std::vector<PartName>> list(const std::string& directory) const;

    std::unique_ptr<LogScan> log_;
    SealState state_;
    std::vector<std::shared_ptr<const part::Part>> parts_;
    std::vector<std::string> problems_;
};

}  // namespace sluice::store
