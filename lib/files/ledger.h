// Counts open files, each charged to the uid that caused it.
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "base/result.h"
#include "base/shared_limit.h"

namespace sluice::files {

struct HandleLimits {
    std::size_t session_max = 256;  // Handles of one session.        At each limit: Errc::limit_exceeded,
    std::size_t user_max = 1024;    // Files open for one uid.        nothing is opened.
    std::size_t total_max = 8192;   // Files open for all clients.

    // Of the last eighth of total_max, see SharedLimit.
    static constexpr std::size_t kFew = 64;
};

class Ledger {
 public:
    explicit Ledger(HandleLimits limits) noexcept : limits_(limits) {}
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;
    ~Ledger() { SLUICE_ASSERT(total_ == 0, "{} files are still charged", total_); }

    // One open file; given back when destroyed.
    class Charge {
     public:
        Charge(Charge&& other) noexcept : ledger_(std::exchange(other.ledger_, nullptr)), uid_(other.uid_) {}
        Charge& operator=(Charge&&) = delete;
        ~Charge() {
            if (ledger_ != nullptr) {
                ledger_->release(uid_);
            }
        }

     private:
        friend class Ledger;
        Charge(Ledger& ledger, std::uint32_t uid) noexcept : ledger_(&ledger), uid_(uid) {}
        Ledger* ledger_;
        std::uint32_t uid_;
    };
    Result<Charge> charge(std::uint32_t uid) {
        if (total_ >= limits_.total_max) {
            return fail(Errc::limit_exceeded, "{} files are open for all clients, the maximum", total_);
        }
        const auto found = users_.find(uid);
        const std::size_t mine = found == users_.end() ? 0 : found->second;
        if (mine >= limits_.user_max) {
            return fail(Errc::limit_exceeded, "uid {} has {} files open, the maximum", uid, mine);
        }
        const SharedLimit limit{.total = limits_.total_max, .few = HandleLimits::kFew};
        if (!limit.admits(total_, mine)) {
            return fail(
                Errc::limit_exceeded,
                "{} files are open for all clients, {} of them for uid {}: the last {} are for users with fewer "
                "than {}",
                total_, mine, uid, limit.reserved(), limit.few);
        }
        ++total_;
        ++users_[uid];
        return Charge(*this, uid);
    }

    const HandleLimits& limits() const noexcept { return limits_; }
    // What is open stays open.
    void set_limits(HandleLimits limits) noexcept { limits_ = limits; }
    std::size_t total() const noexcept { return total_; }

 private:
    void release(std::uint32_t uid) noexcept {
        --total_;
        const auto found = users_.find(uid);
        if (--found->second == 0) {
            users_.erase(found);
        }
    }
    HandleLimits limits_;
    std::size_t total_ = 0;
    std::map<std::uint32_t, std::size_t> users_;
};

}  // namespace sluice::files
