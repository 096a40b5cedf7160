#include "system/kill_evidence.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <utility>

#include "base/format.h"

namespace sluice::kill {
namespace {

constexpr std::uint64_t kDetailsPerKind = 5;
constexpr std::uint64_t kNowhere = 0;  // Sequences count from 1.

class Judge {
 public:
    explicit Judge(const Evidence& evidence) : evidence_(evidence) {}
    Findings run() {
        check_sequences();
        check_records();
        for (std::size_t producer = 0; producer < evidence_.acks.size(); ++producer) {
            check_acks(producer);
        }
        for (std::size_t tailer = 0; tailer < evidence_.tails.size(); ++tailer) {
            check_tail(tailer);
        }
        return std::move(findings_);
    }

 private:
    template <class... Args>
    void find(std::uint64_t& kind, fmt::format_string<Args...> format, Args&&... args) {
        if (++kind <= kDetailsPerKind) {
            findings_.details.push_back(fmt::format(format, std::forward<Args>(args)...));
        }
    }

    void check_sequences() {
        std::uint64_t expected = 1;
        for (const Seen& seen : evidence_.log) {
            if (seen.sequence != expected) {
                find(findings_.holes, "the log has sequence {} where {} was expected", seen.sequence, expected);
            }
            expected = seen.sequence + 1;
        }
    }

    // Fills in where_.
    void check_records() {
        where_.resize(evidence_.sent.size());
        std::vector<std::uint64_t> next(evidence_.sent.size());
        for (std::size_t producer = 0; producer < where_.size(); ++producer) {
            where_[producer].resize(evidence_.sent[producer], kNowhere);
        }
        for (const Seen& seen : evidence_.log) {
            if (seen.producer >= where_.size() || seen.number >= where_[seen.producer].size()) {
                find(findings_.unsent, "sequence {}: record {} of producer {} was never sent", seen.sequence,
                     seen.number, seen.producer);
                continue;
            }
            std::uint64_t& place = where_[seen.producer][seen.number];
            if (place != kNowhere) {
                find(findings_.duplicates, "record {} of producer {} is at sequence {} and again at {}", seen.number,
                     seen.producer, place, seen.sequence);
                continue;
            }
            place = seen.sequence;
            std::uint64_t& due = next[seen.producer];
            if (seen.number < due) {
                find(findings_.disorder, "sequence {}: record {} of producer {} comes behind its record {}",
                     seen.sequence, seen.number, seen.producer, due - 1);
            }
            due = std::max(due, seen.number + 1);
        }
    }

    void check_acks(std::size_t producer) {
        for (const Ack& ack : evidence_.acks[producer]) {
            for (std::uint32_t i = 0; i < ack.count; ++i) {
                const std::uint64_t number = ack.number + i;
                const std::uint64_t place = where_[producer][number];
                if (place == kNowhere) {
                    find(findings_.lost, "record {} of producer {} was acknowledged as durable and is not in the log",
                         number, producer);
                } else if (ack.first_sequence != 0 && place != ack.first_sequence + i) {
                    find(findings_.misnumbered, "record {} of producer {} was acknowledged at sequence {} and is at {}",
                         number, producer, ack.first_sequence + i, place);
                }
            }
        }
    }

    void check_tail(std::size_t tailer) {
        const std::vector<Seen>& tail = evidence_.tails[tailer];
        const std::size_t common = std::min(tail.size(), evidence_.log.size());
        for (std::size_t i = 0; i < common; ++i) {
            if (tail[i] != evidence_.log[i]) {
                find(findings_.unread,
                     "tailer {}: its record {} is sequence {} (producer {}, number {}), not sequence {}", tailer, i,
                     tail[i].sequence, tail[i].producer, tail[i].number, evidence_.log[i].sequence);
                return;  // What follows is shifted.
            }
        }
        if (tail.size() != evidence_.log.size()) {
            find(findings_.unread, "tailer {} saw {} records of {}", tailer, tail.size(), evidence_.log.size());
        }
    }

    const Evidence& evidence_;
    Findings findings_;
    std::vector<std::vector<std::uint64_t>> where_;  // By producer and number: the sequence.
};

// Two producers, taking turns in batches of three.
Evidence invented() {
    constexpr std::uint64_t kRounds = 20;
    constexpr std::uint32_t kBatch = 3;
    Evidence evidence;
    evidence.sent = {kRounds * kBatch, kRounds * kBatch};
    evidence.acks.resize(2);
    for (std::uint64_t round = 0; round < kRounds; ++round) {
        for (std::uint32_t producer = 0; producer < 2; ++producer) {
            const std::uint64_t first = evidence.log.size() + 1;
            evidence.acks[producer].push_back({round * kBatch, kBatch, round % 5 == 0 ? 0 : first});
            for (std::uint32_t i = 0; i < kBatch; ++i) {
                evidence.log.push_back({first + i, producer, round * kBatch + i});
            }
        }
    }
    evidence.tails = {evidence.log, evidence.log};
    return evidence;
}

// As if the log had been written that way: sequences without holes, and tailers that saw it.
void renumber(Evidence& evidence) {
    for (std::size_t i = 0; i < evidence.log.size(); ++i) {
        evidence.log[i].sequence = i + 1;
    }
    for (std::vector<Ack>& acks : evidence.acks) {
        for (Ack& ack : acks) {
            ack.first_sequence = 0;
        }
    }
    evidence.tails = {evidence.log, evidence.log};
}

struct Case {
    const char* name;
    std::function<void(Evidence&)> tamper;
    std::uint64_t Findings::* kind;  // nullptr: nothing may be reported.
};

std::vector<Case> cases() {
    return {
        {"nothing changed", [](Evidence&) {}, nullptr},
        {"an acknowledged record is gone",
         [](Evidence& e) {
             e.log.erase(e.log.begin() + 50);
             renumber(e);
         },
         &Findings::lost},
        {"the last acknowledged batch is gone",
         [](Evidence& e) {
             e.log.resize(e.log.size() - 3);
             renumber(e);
         },
         &Findings::lost},
        {"a record is there twice",
         [](Evidence& e) {
             e.log.insert(e.log.begin() + 70, e.log[20]);
             renumber(e);
         },
         &Findings::duplicates},
        {"two records of a producer are swapped",
         [](Evidence& e) {
             std::swap(e.log[31], e.log[32]);
             renumber(e);
         },
         &Findings::disorder},
        {"a sequence number is missing", [](Evidence& e) { e.log.erase(e.log.begin() + 10); }, &Findings::holes},
        {"a sequence number comes twice", [](Evidence& e) { --e.log[10].sequence; }, &Findings::holes},
        {"an acknowledgement names another place", [](Evidence& e) { ++e.acks[1][7].first_sequence; },
         &Findings::misnumbered},
        {"a record that nobody sent", [](Evidence& e) { e.log.back().number += 1000; }, &Findings::unsent},
        {"a tailer skips a record", [](Evidence& e) { e.tails[0].erase(e.tails[0].begin() + 33); }, &Findings::unread},
        {"a tailer repeats a record", [](Evidence& e) { e.tails[1].insert(e.tails[1].begin() + 34, e.tails[1][33]); },
         &Findings::unread},
        {"a tailer stops early", [](Evidence& e) { e.tails[1].pop_back(); }, &Findings::unread},
    };
}

}  // namespace

Findings judge(const Evidence& evidence) {
    return Judge(evidence).run();
}

SelfTestResult self_test() {
    SelfTestResult result;
    for (const Case& tampered : cases()) {
        Evidence evidence = invented();
        tampered.tamper(evidence);
        const Findings findings = judge(evidence);
        const bool right = tampered.kind == nullptr ? findings.total() == 0 : findings.*tampered.kind != 0;
        ++(right ? result.passed : result.failed);
        fmt::print("{}: {}{}\n", right ? "ok" : "FAILED", tampered.name,
                   findings.details.empty() ? "" : fmt::format(" -> {}", findings.details.front()));
    }
    return result;
}

}  // namespace sluice::kill
