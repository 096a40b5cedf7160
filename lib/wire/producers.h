// A table of numbered producers that remembers a bounded number of them, shared fairly by users: where one more is too
// many, the user that has most of them forgets the one silent longest.  So nobody makes the daemon forget another's.
#pragma once

#include <algorithm>
#include <iterator>
#include <list>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "wire/batch.h"

namespace sluice::wire {

struct ProducerIdHash {
    std::size_t operator()(const ProducerId& id) const noexcept { return load_int<std::uint64_t>(id.data()); }
};

// The user of a producer of whom only the id is known.
inline constexpr std::uint32_t kNoUid = ~0U;

// Threads: one.
template <class State>
class Producers {
 public:
    struct Entry {
        ProducerId id{};
        std::uint32_t uid = kNoUid;
        State state{};

     private:
        friend class Producers;
        std::uint64_t touched_ = 0;  // Grows with each touch of any.
        bool pinned_ = false;
    };

    // `most`: are remembered; more only while that many are pinned.
    explicit Producers(std::size_t most) noexcept : most_(most) {}
    // Not copied: what it has refers to itself.
    Producers(const Producers&) = delete;
    Producers& operator=(const Producers&) = delete;

    // nullptr: not remembered.  Valid until the next change.
    const Entry* find(const ProducerId& id) const noexcept {
        const auto found = by_id_.find(id);
        return found == by_id_.end() ? nullptr : &*found->second;
    }
    // The state of `id`, which is the one silent shortest now; a new State if it was not remembered.  It belongs to
    // `uid` from now on, or to whom it did where that is kNoUid.  Valid until the next change.
    State& touch(const ProducerId& id, std::uint32_t uid) {
        auto found = by_id_.find(id);
        if (found == by_id_.end()) {
            if (by_id_.size() >= most_) {
                forget_one();
            }
            std::list<Entry>& own = users_[uid].idle;
            Entry& entry = own.emplace_back();
            entry.id = id;
            entry.uid = uid;
            recount(uid, +1);
            found = by_id_.emplace(id, std::prev(own.end())).first;
        } else if (uid != kNoUid && found->second->uid != uid) {
            give_to(found->second, uid);
        }
        Entry& entry = *found->second;
        entry.touched_ = ++touches_;
        std::list<Entry>& own = list_of(entry);
        own.splice(own.end(), own, found->second);
        return entry.state;
    }
    // Pinned: not forgotten.  Precondition: `id` is remembered.
    void pin(const ProducerId& id, bool pinned) {
        const auto found = by_id_.find(id);
        SLUICE_ASSERT(found != by_id_.end());
        Entry& entry = *found->second;
        if (entry.pinned_ != pinned) {
            std::list<Entry>& from = list_of(entry);
            entry.pinned_ = pinned;
            std::list<Entry>& to = list_of(entry);
            to.splice(to.end(), from, found->second);
        }
    }
    // Calls visit(id, state) for the pinned ones; it must not change the table.
    template <class Visit>
    void for_each_pinned(Visit&& visit) {
        for (auto& [uid, user] : users_) {
            for (Entry& entry : user.pinned) {
                visit(entry.id, entry.state);
            }
        }
    }
    void unpin_all() {
        for (auto& [uid, user] : users_) {
            for (Entry& entry : user.pinned) {
                entry.pinned_ = false;
            }
            user.idle.splice(user.idle.end(), user.pinned);
        }
    }
    std::size_t size() const noexcept { return by_id_.size(); }
    // The one silent longest first.
    std::vector<const Entry*> in_order() const {
        std::vector<const Entry*> all;
        all.reserve(by_id_.size());
        for (const auto& [id, place] : by_id_) {
            all.push_back(&*place);
        }
        std::ranges::sort(all, {}, &Entry::touched_);
        return all;
    }
    void clear() noexcept {
        by_id_.clear();
        users_.clear();
        by_count_.clear();
    }

 private:
    struct User {
        std::list<Entry> idle;  // Silent longest first.
        std::list<Entry> pinned;
        std::size_t count = 0;  // Of both.
    };
    using Place = typename std::list<Entry>::iterator;

    std::list<Entry>& list_of(const Entry& entry) {
        User& user = users_[entry.uid];
        return entry.pinned_ ? user.pinned : user.idle;
    }
    void recount(std::uint32_t uid, int change) {
        User& user = users_[uid];
        by_count_.erase({user.count, uid});
        user.count += change;
        if (user.count == 0) {
            users_.erase(uid);
        } else {
            by_count_.emplace(user.count, uid);
        }
    }
    void give_to(Place place, std::uint32_t uid) {
        std::list<Entry>& from = list_of(*place);
        const std::uint32_t before = std::exchange(place->uid, uid);
        std::list<Entry>& to = list_of(*place);
        to.splice(to.end(), from, place);
        recount(uid, +1);
        recount(before, -1);
    }
    // Users with most producers first; those whose every one is pinned are passed over.
    void forget_one() {
        for (auto most = by_count_.rbegin(); most != by_count_.rend(); ++most) {
            const std::uint32_t uid = most->second;
            std::list<Entry>& idle = users_[uid].idle;
            if (!idle.empty()) {
                by_id_.erase(idle.front().id);
                idle.pop_front();
                recount(uid, -1);
                return;
            }
        }
    }

    std::size_t most_;
    std::uint64_t touches_ = 0;
    std::unordered_map<ProducerId, Place, ProducerIdHash> by_id_;
    std::map<std::uint32_t, User> users_;
    std::set<std::pair<std::size_t, std::uint32_t>> by_count_;  // Of producers; the uid.
};

}  // namespace sluice::wire
