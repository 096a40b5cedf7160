// What a scenario knows: every batch that was sent and what was answered, every record that a reader saw, every life of
// the daemon.  Checks the promises of the product against the log that is read back at the end.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "ingest/ingest.h"
#include "wire/messages.h"
#include "wire/tail_messages.h"

namespace sluice::sim {

// "client/batch/index:" and filler; every record of a run has a text of its own.
struct RecordKey {
    std::uint32_t client = 0;
    std::uint32_t batch = 0;
    std::uint32_t index = 0;
    friend auto operator<=>(const RecordKey&, const RecordKey&) = default;
};
std::string stream_of(std::uint32_t client);
std::string record_text(const RecordKey& key, std::uint64_t seed, std::uint32_t filler_max);

// One life of the daemon.
struct Life {
    unsigned power_losses_before = 0;
    unsigned kills_before = 0;  // Both kinds of crash.
    std::uint64_t first_sequence = 0;
    bool served = false;  // It came so far that it had clients.
    bool clean = false;   // It stopped in good order.
    bool faults_at_end = false;
    ingest::IngestCounters counters;
    std::size_t queued_bytes = 0;
};

struct Acknowledged {
    wire::AckLevel level = wire::AckLevel::accepted;
    bool duplicate = false;
    unsigned life = 0;
    std::uint32_t epoch = 0;
    std::uint64_t first_sequence = 0;
};

struct SentBatch {
    std::uint32_t records = 0;
    wire::AckLevel level = wire::AckLevel::accepted;
    unsigned attempts = 0;
    bool given_up = false;  // Un-numbered: not sent again after an unknown or refused outcome.
    std::optional<Acknowledged> acknowledged;
    // The producer id (as counted by its client) and number of the last attempt.
    std::uint32_t producer = 0;
    std::uint64_t number = 0;
};

struct SentBy {
    bool numbered = false;
    std::deque<SentBatch> batches;
};

// A record as a reader got it.
struct Seen {
    std::uint32_t epoch = 0;
    std::uint64_t sequence = 0;
    std::uint64_t hash = 0;
    unsigned life = 0;
    bool durable_only = false;
};

struct LogEntry {
    std::uint32_t epoch = 0;
    std::uint64_t sequence = 0;
    std::uint64_t hash = 0;
    bool by_daemon = false;
    std::uint64_t lost = 0;  // by_daemon: how many records it tells of.
    RecordKey key;
};

class Model {
 public:
    explicit Model(std::uint64_t seed, std::uint32_t filler_max) : seed_(seed), filler_max_(filler_max) {}

    template <class... Args>
    void violation(fmt::format_string<Args...> format, Args&&... args) {
        if (violations_.size() < kViolationsMax) {
            violations_.push_back(fmt::format(format, std::forward<Args>(args)...));
        }
    }
    const std::vector<std::string>& violations() const noexcept { return violations_; }

    std::string text(const RecordKey& key) const { return record_text(key, seed_, filler_max_); }
    SentBy& client(std::uint32_t index) { return clients_[index]; }
    std::deque<Life>& lives() noexcept { return lives_; }
    unsigned power_losses = 0;
    unsigned kills = 0;
    bool damaged = false;               // The scenario damaged bytes of the log itself.
    std::set<std::uint64_t> told_lost;  // By a tail, or by the daemon.
    bool retention = false;             // Old records are removed while it runs.
    // With classes of streams: records below this may be missing between others.  Asked while the daemon lives.
    bool classes = false;
    std::function<std::uint64_t()> removed_end;
    std::uint64_t removed_at_end = 0;

    // A reader of `life` got this entry: checks its content, and that its number never meant another record.
    LogEntry see(const wire::TailEntry& entry, std::uint32_t epoch, unsigned life, bool durable_only);
    // True: the entry is no record, it tells of records that are lost.
    bool takes_as_gap(const wire::TailEntry& entry);
    void note_told(std::uint64_t first_sequence, std::uint64_t end_sequence);
    // The whole log, read back at the end.
    void check(const std::vector<LogEntry>& log);

    std::uint64_t acknowledged_records() const;

 private:
    static constexpr std::size_t kViolationsMax = 8;
    struct Found {
        unsigned whole = 0;  // How often the whole batch is in the log.
    };
    void check_sequences(const std::vector<LogEntry>& log);
    void find_batches(const std::vector<LogEntry>& log);
    void check_order(const std::vector<LogEntry>& log);
    void check_batches(const std::vector<LogEntry>& log);
    void check_batch(std::uint32_t client, std::uint32_t index, const SentBy& by, std::uint64_t oldest);
    void check_producers();
    void check_seen(const std::vector<LogEntry>& log);
    void check_lives(const std::vector<LogEntry>& log);
    std::uint64_t whole_from(const std::vector<LogEntry>& log) const;
    bool may_be_lost(const SentBatch& batch) const;

    std::uint64_t seed_;
    std::uint32_t filler_max_;
    std::map<std::uint32_t, SentBy> clients_;
    std::deque<Life> lives_;
    std::unordered_map<std::uint64_t, std::uint64_t> contents_;  // (epoch, sequence) -> hash.
    std::vector<Seen> seen_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, unsigned> found_;  // (client, batch) -> times in the log.
    std::vector<std::string> violations_;
};

}  // namespace sluice::sim
