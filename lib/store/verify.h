// Checks a store's files without the daemon.  Reads only; may run beside a daemon that writes, whose newest frame it
// may then see half-written: that is told as an end, not as damage.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace sluice::store {

struct VerifyProblem {
    std::string file;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;           // 0: unknown.
    std::uint64_t first_sequence = 0;  // The records [first_sequence, end_sequence) are lost; both 0: unknown.
    std::uint64_t end_sequence = 0;
    std::string what;
};

struct VerifyReport {
    std::uint64_t segments = 0;
    std::uint64_t frames = 0;  // Of records.
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;  // Of frames.
    std::uint64_t parts = 0;
    std::uint64_t part_rows = 0;
    std::uint64_t part_bytes = 0;
    std::uint64_t oldest_sequence = 0;
    std::uint64_t next_sequence = 0;
    std::uint32_t epoch = 0;
    std::vector<VerifyProblem> problems;
};

// Every checksum of the log and of the parts, every batch and record, and that sequence numbers go on without a hole
// that retention does not explain.  Blocks. Errors: not_found, permission_denied, io_error for the directory itself;
// everything about its files is in the report.
Result<VerifyReport> verify_store(const std::string& directory);

}  // namespace sluice::store
