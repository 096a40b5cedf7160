#include "server/query_slots.h"

#include <algorithm>

#include "base/format.h"
#include "coro/timeout.h"

namespace sluice::server {
namespace {

// A query that has waited for its client for so long gives its place to another user's.
constexpr Duration kPatience = std::chrono::seconds(1);
// How often one that finds no place looks whether such a query is there.
constexpr Duration kLookInterval = std::chrono::milliseconds(250);

}  // namespace

QuerySlot::QuerySlot(QuerySlots& slots, uid_t uid, std::function<void(Error)> give_back)
    : slots_(slots), uid_(uid), give_back_(std::move(give_back)) {}

QuerySlot::~QuerySlot() {
    std::erase(slots_.waiting_, this);
    if (taken_) {
        slots_.give_back(*this);
    }
}

Task<Result<>> QuerySlot::take() {
    const auto mine = std::ranges::count(slots_.waiting_, uid_, &QuerySlot::uid_);
    if (mine >= static_cast<std::ptrdiff_t>(slots_.limits_.queries_max)) {
        co_return std::unexpected(slots_.refusal(uid_));
    }
    slots_.waiting_.push_back(this);
    const MonotonicTime deadline = slots_.clock_.now() + slots_.limits_.wait_max;
    while (slots_.next() != this) {  // Bounded by the deadline.
        const MonotonicTime now = slots_.clock_.now();
        if (now >= deadline) {
            std::erase(slots_.waiting_, this);
            co_return std::unexpected(slots_.refusal(uid_));
        }
        slots_.take_back_for(uid_);
        slots_.changed_.reset();
        const MonotonicTime look = std::min(deadline, now + kLookInterval);
        const Result<> waited = co_await coro::with_deadline(look, coro::wait_for(slots_.changed_));
        if (!waited && waited.error().code() != Errc::deadline_exceeded) {
            std::erase(slots_.waiting_, this);
            co_return waited;
        }
    }
    std::erase(slots_.waiting_, this);
    taken_ = true;
    slots_.take(*this);
    co_return Result<>{};
}

void QuerySlot::begin_wait() noexcept {
    waits_ = true;
    wait_began_ = slots_.clock_.now();
}

void QuerySlot::end_wait() noexcept {
    waited_before_ = waited();
    waits_ = false;
}

Duration QuerySlot::waited() const noexcept {
    return waited_before_ + (waits_ ? slots_.clock_.now() - wait_began_ : Duration::zero());
}

std::uint32_t QuerySlots::running_of(uid_t uid) const noexcept {
    const auto found = taken_by_.find(uid);
    return found == taken_by_.end() ? 0 : found->second;
}

void QuerySlots::take(QuerySlot& slot) {
    taken_.push_back(&slot);
    ++taken_by_[slot.uid_];
    changed_.set();  // The next one may have a place, too.
}

void QuerySlots::give_back(QuerySlot& slot) {
    std::erase(taken_, &slot);
    const auto mine = taken_by_.find(slot.uid_);
    if (--mine->second == 0) {
        taken_by_.erase(mine);
    }
    changed_.set();
}

// Whose turn it is; null: nobody's.
QuerySlot* QuerySlots::next() const noexcept {
    if (taken_.size() >= limits_.queries_max) {
        return nullptr;
    }
    const auto places = [this](const QuerySlot* slot) { return running_of(slot->uid_); };
    const auto found = std::ranges::min_element(waiting_, {}, places);
    return found == waiting_.end() || places(*found) >= share() ? nullptr : *found;
}

void QuerySlots::take_back_for(uid_t uid) {
    if (taken_.size() < limits_.queries_max) {
        return;  // What is missing is the user's own share.
    }
    QuerySlot* worst = nullptr;
    std::uint32_t most = running_of(uid) + 1;  // Of users with more places than this one will have.
    for (QuerySlot* slot : taken_) {
        const std::uint32_t places = running_of(slot->uid_);
        if (slot->told_ && slot->uid_ != uid) {
            return;  // Its place is about to become free.
        }
        if (!slot->waits_ || slot->waited() < kPatience || places < most) {
            continue;
        }
        if (worst == nullptr || places > most || slot->waited() > worst->waited()) {
            worst = slot;
            most = places;
        }
    }
    if (worst != nullptr) {
        worst->told_ = true;
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(worst->waited()).count();
        worst->give_back_(Error(
            Errc::limit_exceeded,
            fmt::format("its place was needed for another user's query: it had waited {} ms for its client to take "
                        "rows; ask again, and read faster",
                        ms)));
    }
}

Error QuerySlots::refusal(uid_t uid) const {
    if (taken_.size() >= limits_.queries_max) {
        return {Errc::limit_exceeded,
                fmt::format("{} queries are running, limits.queries_max; ask again when one has ended", taken_.size())};
    }
    return {Errc::limit_exceeded,
            fmt::format("{} queries of uid {} are running, half of limits.queries_max; ask again when one has ended",
                        running_of(uid), uid)};
}

}  // namespace sluice::server
