#include "sim/model.h"

#include <charconv>

#include "base/checksum.h"
#include "io/sim_random.h"

namespace sluice::sim {
namespace {

std::uint64_t place(std::uint32_t epoch, std::uint64_t sequence) noexcept {
    return (std::uint64_t{epoch} << 40U) | sequence;
}

std::optional<RecordKey> parse_key(std::string_view text) {
    RecordKey key;
    std::uint32_t* const parts[] = {&key.client, &key.batch, &key.index};
    const char* at = text.data();
    const char* const end = at + text.size();
    for (std::uint32_t* part : parts) {
        const auto [next, error] = std::from_chars(at, end, *part);
        if (error != std::errc() || next == end) {
            return std::nullopt;
        }
        at = next + 1;
    }
    return key;
}

std::string name_of(const RecordKey& key) {
    return fmt::format("record {}/{}/{}", key.client, key.batch, key.index);
}

}  // namespace

std::string stream_of(std::uint32_t client) {
    return fmt::format("s{}", client);
}

std::string record_text(const RecordKey& key, std::uint64_t seed, std::uint32_t filler_max) {
    std::string text = fmt::format("{}/{}/{}:", key.client, key.batch, key.index);
    io::SimRandom random(seed ^ (std::uint64_t{key.client} << 48U) ^ (std::uint64_t{key.batch} << 24U) ^ key.index);
    // Mostly short; a few long ones.
    const std::uint64_t most = random.below(16) == 0 ? filler_max : filler_max / 16;
    text.append(random.below(most + 1), static_cast<char>('a' + random.below(26)));
    return text;
}

void Model::note_told(std::uint64_t first_sequence, std::uint64_t end_sequence) {
    for (std::uint64_t sequence = first_sequence; sequence < end_sequence; ++sequence) {
        told_lost.insert(sequence);
    }
}

bool Model::takes_as_gap(const wire::TailEntry& entry) {
    if ((entry.flags & wire::kBatchGap) == 0) {
        return false;
    }
    const auto first = entry.record.fields().find("first_sequence");
    const auto last = entry.record.fields().find("last_sequence");
    if (!damaged || !first || !last) {
        violation("a tail was told: '{}'", entry.record.message());
    } else {
        note_told(static_cast<std::uint64_t>(first->as_int64()), static_cast<std::uint64_t>(last->as_int64()) + 1);
    }
    return true;
}

LogEntry Model::see(const wire::TailEntry& entry, std::uint32_t epoch, unsigned life, bool durable_only) {
    LogEntry got;
    got.epoch = epoch;
    got.sequence = entry.sequence;
    got.hash = checksum64(entry.record.bytes(), static_cast<std::uint64_t>(entry.receive_time_ns));
    got.by_daemon = (entry.flags & wire::kBatchByDaemon) != 0;
    if (got.by_daemon) {
        const auto lost = entry.record.fields().find("lost");
        got.lost = lost && lost->type == wire::FieldType::int64 ? static_cast<std::uint64_t>(lost->as_int64()) : 0;
        const auto begins = entry.record.fields().find("epoch");
        const bool tells_of_epoch = begins && begins->as_int64() == epoch;
        const auto removed = entry.record.fields().find("removed");
        if (got.lost == 0 && !tells_of_epoch && !(retention && removed && removed->as_int64() > 0)) {
            violation("gap record {} tells of no loss: '{}'", entry.sequence, entry.record.message());
        }
    } else {
        const std::string_view message = entry.record.message();
        const std::optional<RecordKey> key = parse_key(message);
        if (!key || message != text(*key)) {
            violation("record {} of epoch {} was never sent: '{}'", entry.sequence, epoch, message.substr(0, 40));
        } else {
            got.key = *key;
            const auto client = clients_.find(key->client);
            if (client == clients_.end() || key->batch >= client->second.batches.size() ||
                client->second.batches[key->batch].attempts == 0) {
                violation("{} is in the log and was not sent", name_of(*key));
            }
        }
    }
    const auto [known, fresh] = contents_.emplace(place(epoch, got.sequence), got.hash);
    if (!fresh && known->second != got.hash) {
        violation("number {} of epoch {} was shown as two different records (now {}, in life {})", got.sequence, epoch,
                  got.by_daemon ? "a gap record" : name_of(got.key), life);
    }
    seen_.push_back({epoch, got.sequence, got.hash, life, durable_only});
    return got;
}

std::uint64_t Model::acknowledged_records() const {
    std::uint64_t records = 0;
    for (const auto& [index, by] : clients_) {
        for (const SentBatch& batch : by.batches) {
            records += batch.acknowledged ? batch.records : 0;
        }
    }
    return records;
}

void Model::check(const std::vector<LogEntry>& log) {
    check_sequences(log);
    find_batches(log);
    check_order(log);
    check_batches(log);
    check_producers();
    check_seen(log);
    check_lives(log);
}

void Model::check_sequences(const std::vector<LogEntry>& log) {
    if (!log.empty() && log.front().sequence != 1 && !retention) {
        violation("the log begins with number {}", log.front().sequence);
    }
    for (std::size_t i = 1; i < log.size(); ++i) {
        const bool gap_allowed = damaged || (classes && log[i].sequence <= removed_at_end);
        if (log[i].sequence <= log[i - 1].sequence || (log[i].sequence != log[i - 1].sequence + 1 && !gap_allowed)) {
            violation("number {} follows {} in the log", log[i].sequence, log[i - 1].sequence);
        }
        if (log[i].epoch < log[i - 1].epoch) {
            violation("epoch {} follows {} at number {}", log[i].epoch, log[i - 1].epoch, log[i].sequence);
        }
    }
}

// Batches are atomic: all records of one, in order, or none.
void Model::find_batches(const std::vector<LogEntry>& log) {
    for (std::size_t i = 0; i < log.size();) {
        if (log[i].by_daemon) {
            ++i;
            continue;
        }
        const RecordKey key = log[i].key;
        const auto client = clients_.find(key.client);
        if (client == clients_.end() || key.batch >= client->second.batches.size()) {
            ++i;  // Told by see().
            continue;
        }
        const std::uint32_t records = client->second.batches[key.batch].records;
        const bool cut_by_retention = retention && i == 0;
        std::uint32_t expected = cut_by_retention ? key.index : 0;
        while (expected < records && i < log.size() && !log[i].by_daemon &&
               log[i].key == RecordKey{key.client, key.batch, expected}) {
            ++expected;
            ++i;
        }
        if (expected != records) {
            violation("batch {}/{} is in the log with {} of its {} records, up to number {}", key.client, key.batch,
                      expected, records, log[std::min(i, log.size() - 1)].sequence);
            i += expected == 0 ? 1 : 0;
        } else {
            ++found_[{key.client, key.batch}];
        }
    }
}

void Model::check_order(const std::vector<LogEntry>& log) {
    std::map<std::uint32_t, RecordKey> last;
    for (const LogEntry& entry : log) {
        if (entry.by_daemon || !clients_[entry.key.client].numbered) {
            continue;
        }
        const auto [before, first] = last.emplace(entry.key.client, entry.key);
        if (!first && !(before->second < entry.key)) {
            violation("{} at number {} comes after {}", name_of(entry.key), entry.sequence, name_of(before->second));
        }
        before->second = entry.key;
    }
}

bool Model::may_be_lost(const SentBatch& batch) const {
    const Acknowledged& ack = *batch.acknowledged;
    const Life& life = lives_[ack.life];
    switch (ack.level) {
        case wire::AckLevel::durable:
            return false;
        case wire::AckLevel::written:
            return power_losses > life.power_losses_before;
        case wire::AckLevel::accepted:
            return true;  // check_lives() counts those.
    }
    return false;
}

void Model::check_batch(std::uint32_t client, std::uint32_t index, const SentBy& by, std::uint64_t oldest) {
    const SentBatch& batch = by.batches[index];
    const auto place = found_.find({client, index});
    const unsigned times = place == found_.end() ? 0 : place->second;
    if (times > (by.numbered ? std::min(batch.attempts, 1U) : batch.attempts)) {
        violation("batch {}/{} ({}, sent {} times) is in the log {} times", client, index,
                  by.numbered ? "numbered" : "not numbered", batch.attempts, times);
    }
    if (!batch.acknowledged || times != 0 || may_be_lost(batch)) {
        return;
    }
    const Acknowledged& ack = *batch.acknowledged;
    if (retention && (ack.first_sequence == 0 || ack.first_sequence < oldest)) {
        return;
    }
    violation(
        "batch {}/{} (number {} of producer {}) was acknowledged '{}'{} in life {} at {}:{} and is not in the log",
        client, index, batch.number, batch.producer, wire::ack_level_name(ack.level),
        ack.duplicate ? " as a duplicate" : "", ack.life, ack.epoch, ack.first_sequence);
}

// Retention has removed nothing from here on.
std::uint64_t Model::whole_from(const std::vector<LogEntry>& log) const {
    return std::max(removed_at_end, log.empty() ? ~std::uint64_t{0} : log.front().sequence);
}

void Model::check_batches(const std::vector<LogEntry>& log) {
    if (damaged) {
        return;
    }
    const std::uint64_t oldest = whole_from(log);
    for (const auto& [client, by] : clients_) {
        for (std::uint32_t i = 0; i < by.batches.size(); ++i) {
            check_batch(client, i, by, oldest);
        }
    }
}

// No later batch of a producer without the earlier ones: what is there of one producer id is a range of numbers.
void Model::check_producers() {
    if (damaged || retention) {
        return;
    }
    for (const auto& [client, by] : clients_) {
        std::map<std::uint32_t, std::uint64_t> last;
        for (std::uint32_t i = 0; by.numbered && i < by.batches.size(); ++i) {
            const SentBatch& batch = by.batches[i];
            if (!found_.contains({client, i})) {
                continue;
            }
            const auto [before, first] = last.emplace(batch.producer, batch.number);
            if (!first && batch.number != before->second + 1) {
                violation("producer {} of client {}: number {} is in the log after {}", batch.producer, client,
                          batch.number, before->second);
            }
            before->second = batch.number;
        }
    }
}

// What readers were shown stays: a durable record for ever, any other until the power fails.
void Model::check_seen(const std::vector<LogEntry>& log) {
    std::unordered_map<std::uint64_t, std::uint64_t> final_log;
    for (const LogEntry& entry : log) {
        final_log.emplace(place(entry.epoch, entry.sequence), entry.hash);
    }
    const std::uint64_t oldest = whole_from(log);
    for (const Seen& seen : seen_) {
        const bool may_go = !seen.durable_only && power_losses > lives_[seen.life].power_losses_before;
        if (may_go || damaged || (retention && seen.sequence < oldest)) {
            continue;
        }
        if (!final_log.contains(place(seen.epoch, seen.sequence))) {
            violation("number {} of epoch {}, shown to a{} reader in life {}, is not in the log", seen.sequence,
                      seen.epoch, seen.durable_only ? " durable" : "", seen.life);
        }
    }
}

// Received = stored + lost + refused; what is lost is told by gap records in the log.
void Model::check_lives(const std::vector<LogEntry>& log) {
    for (unsigned i = 0; i < lives_.size(); ++i) {
        const Life& life = lives_[i];
        const ingest::IngestCounters& c = life.counters;
        if (!life.served) {
            continue;
        }
        if (life.queued_bytes == 0 && c.records_received != c.records_stored + c.records_lost + c.records_refused) {
            violation("life {}: received {} is not stored {} + lost {} + refused {}", i, c.records_received,
                      c.records_stored, c.records_lost, c.records_refused);
        }
        if (!life.clean) {
            continue;
        }
        if (!life.faults_at_end && c.records_lost != c.losses_reported) {
            violation("life {}: {} records lost, {} reported at a clean stop", i, c.records_lost, c.losses_reported);
        }
        std::uint64_t end = ~std::uint64_t{0};
        for (unsigned next = i + 1; next < lives_.size() && end == ~std::uint64_t{0}; ++next) {
            end = lives_[next].first_sequence != 0 ? lives_[next].first_sequence : end;
        }
        std::uint64_t told = 0;
        for (const LogEntry& entry : log) {
            const bool mine = entry.by_daemon && entry.sequence >= life.first_sequence && entry.sequence < end;
            told += mine ? entry.lost : 0;
        }
        if (!damaged && !retention && told != c.losses_reported) {
            violation("life {}: gap records tell of {} lost records, the counter says {}", i, told, c.losses_reported);
        }
        std::uint64_t missing = 0;
        for (const auto& [client, by] : clients_) {
            for (std::uint32_t b = 0; b < by.batches.size(); ++b) {
                const SentBatch& batch = by.batches[b];
                const bool mine = batch.acknowledged && batch.acknowledged->life == i &&
                                  batch.acknowledged->level == wire::AckLevel::accepted;
                missing += mine && !found_.contains({client, b}) ? batch.records : 0;
            }
        }
        if (!damaged && !retention && missing > c.records_lost) {
            violation("life {}: {} accepted records are gone, {} were counted as lost", i, missing, c.records_lost);
        }
    }
}

}  // namespace sluice::sim
