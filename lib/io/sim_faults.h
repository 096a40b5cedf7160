// The fault overlay of a simulation: what goes wrong, by chance or at an exact operation.  A fault is decided when its
// operation is submitted.  Switched off, the simulated kernel is a correct and lucky one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "io/op.h"
#include "io/sim_random.h"

namespace sluice::io {

// What an operation that reports an error has done all the same.
enum class FaultEffect : std::uint8_t {
    by_chance,  // EIO on a write: one of the three below; a failed sync: see SimData::fail_sync; other errors: nothing.
    nothing,
    part,  // A prefix of a write reached the disk.
    all,   // The operation was done in full, only its answer is an error.
};

// The decision for one operation.
struct SimFault {
    int error = 0;  // errno to report; 0: none.
    FaultEffect effect = FaultEffect::by_chance;
    std::uint64_t length_max = 0;  // At most so many bytes are transferred; 0: no limit.
    bool shorten = false;          // Transfer a random part (at least one byte, or one O_DIRECT block).
    Duration delay{};              // Added to the latency.
};

// Probabilities per operation, 0 to 1.
struct FaultRates {
    double short_read = 0;
    double short_write = 0;
    double short_recv = 0.125;  // What every stream socket does: not a fault, but switched here.
    double short_send = 0.125;
    double read_error = 0;   // EIO.
    double write_error = 0;  // EIO.
    double sync_error = 0;   // EIO, reported once; the un-synced writes are then forgotten, as Linux does.
    double no_space = 0;     // ENOSPC on write, allocate, create, mkdir, rename.
    double name_error = 0;   // EIO on open, stat, list, mkdir, rename, unlink, truncate.
    double interrupted = 0;  // EINTR that retries did not cure, on read, write, send, recv, accept.
    double again = 0;        // EAGAIN on the same.
    double slow = 0;         // Up to `slow_max` of extra latency, on any operation.
    Duration slow_max = std::chrono::milliseconds(200);
};

// "The nth operation of this kind on this path": once, or from then on for ever.
struct FaultRule {
    std::vector<OpCode> codes;            // Empty: every kind.
    std::optional<std::uint32_t> mode{};  // OpRequest::mode; empty: any.
    std::string path = "*";               // fnmatch pattern on the absolute path of the file ('*' also matches '/').
    std::uint64_t nth = 1;                // Counted from 1 over the operations that match kind and path.
    bool for_ever = false;                // Also every matching operation after the nth.
    SimFault fault;
};

// Shorthand: the nth operation of one kind on `path` fails with `error`.
FaultRule fail_nth(OpCode code, std::string path, std::uint64_t nth, int error);
// ... and all later ones.
FaultRule fail_from(OpCode code, std::string path, std::uint64_t nth, int error);

// Every way in which an operation on files may fail on a machine that works as Linux does, and what it may have done
// all the same.  First those with different effects, then other errnos.  `flags`: of the request.  Empty: of a socket.
std::vector<SimFault> plausible_faults(OpCode code, std::uint32_t flags);

// For sweeps over all operations of a scenario: the nth of those that have plausible faults fails with one of them.
struct PlannedFault {
    std::uint64_t operation = 1;  // Counted from 1, from plan() on.
    std::size_t choice = 0;       // Index into plausible_faults(); beyond them nothing fails.
    bool for_ever = false;        // Also all later operations of the same kind.
};

class SimFaults {
 public:
    bool enabled = true;
    FaultRates rates;

    // Instead of what was planned before.  Goes before rules and rates.
    void plan(std::vector<PlannedFault> faults, std::function<void()> on_hit = nullptr);
    // Since plan(): how many operations could have failed, and the kinds of those that did.
    std::uint64_t counted() const noexcept { return counted_; }
    const std::vector<OpCode>& planned_hits() const noexcept { return planned_hits_; }

    // Returns a number for hits() and remove().
    std::size_t add(FaultRule rule);
    void remove(std::size_t rule);
    void clear_rules() { rules_.clear(); }
    // How often the rule has fired: a sweep over nth ends when this stays 0.
    std::uint64_t hits(std::size_t rule) const { return rules_[rule].hits; }
    // All faults that were injected, by rate or rule, short transfers on sockets not counted.
    std::uint64_t injected() const noexcept { return injected_; }

    // For the world:
    bool wants_paths() const noexcept { return enabled && !rules_.empty(); }
    SimFault decide(const OpRequest& request, std::string_view path, SimRandom& random);

 private:
    struct Rule {
        FaultRule rule;
        bool removed = false;
        std::uint64_t seen = 0;
        std::uint64_t hits = 0;
    };
    struct Planned {
        PlannedFault fault;
        std::optional<OpCode> failing;  // The kind that fails from now on.
    };
    std::optional<SimFault> by_plan(const OpRequest& request);
    std::optional<SimFault> by_rule(const OpRequest& request, std::string_view path);
    SimFault by_rate(const OpRequest& request, SimRandom& random);
    std::vector<Rule> rules_;
    std::vector<Planned> planned_;
    std::vector<OpCode> planned_hits_;
    std::function<void()> on_hit_;
    std::uint64_t counted_ = 0;
    std::uint64_t injected_ = 0;
};

}  // namespace sluice::io
