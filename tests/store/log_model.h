// What the callers of a log were told, and whether what is found after a crash agrees with it.
#pragma once

#include <map>
#include <set>
#include <string>

#include "store/log_writer.h"

namespace sluice::store::test {

// Sequence -> message.
using Log = std::map<std::uint64_t, std::string>;

class LogModel {
 public:
    // `message` was stored under this number.  Every message is another one.
    void acknowledged(std::uint64_t sequence, std::uint32_t epoch, const std::string& message);
    // Records below it are durable, so says the store.
    void durable_up_to(std::uint64_t sequence) { durable_ = std::max(durable_, sequence); }
    std::uint64_t durable() const noexcept { return durable_; }
    // An error was told: it must not be there, but for `maybe`.
    void refused(const std::string& message) { refused_.insert(message); }
    // Power was lost before there was an answer.
    void unanswered(const std::string& message) { unanswered_.insert(message); }

    struct Found {
        Log log{};
        std::uint64_t oldest = 1;  // Records below it were removed, or are elsewhere.
        std::uint64_t next = 1;
        std::uint32_t epoch = 0;
        bool refused_may_be_there = false;  // Its removal failed too.
    };
    // Fails the running test.  What was not durable and is gone is forgotten: its numbers come again, in a new epoch.
    void check(const Found& found);

 private:
    struct Told {
        std::uint32_t epoch = 0;
        std::string message;
    };
    std::map<std::uint64_t, Told> told_;
    std::set<std::string> refused_;
    std::set<std::string> unanswered_;
    std::uint64_t durable_ = 1;
};

}  // namespace sluice::store::test
