// The groups that wait for the disk, in an order that keeps nobody waiting behind what another user has queued.
//
// Where no more than one group waits, all share it.  Beyond it a user who has little there goes on sharing groups,
// first in, first out; a user who has much, or has filled a whole one alone, gets a lane: groups of his own, in which
// everything of his goes until they are gone.  A shared group and one of a lane are handed over in turn, and the lanes
// take turns.  Refused was one group for each user: many who log a little would each cost a sync.
//
// The batches of a user are handed over in the order in which they came: a lane begins behind what its user has in
// shared groups, and waits for those. Threads: those of its loop.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <unordered_map>

#include "ingest/group.h"

namespace sluice::ingest {

class FairQueue {
 public:
    struct Limits {
        std::size_t group_bytes_max = 0;  // A group is full from here on.
        std::size_t batch_bytes_max = 0;  // Of one begin().
    };
    // Who has at most so much has little: he goes on sharing groups where more than one waits, and may have of the last
    // eighth of the queue.
    static constexpr std::size_t kLittleBytes = 64U << 10U;
    // Each has a buffer that is not full.  Where there are so many, the others share groups, with whatever they have.
    static constexpr std::size_t kLanesMax = 16;

    explicit FairQueue(Limits limits);

    // The group into which a batch of `uid` goes, with room for `bytes_max` behind what it has.  Until then nothing has
    // changed: a batch that is refused leaves nothing.  Valid until the next call.
    Group& begin(std::uint32_t uid, std::size_t bytes_max);
    // The bytes of this batch are in the group of the last begin(), which was for it.  Sets entry.first_record.
    void add(Entry entry);
    enum class Turn : std::uint8_t {
        any,
        shared,  // Lanes wait.
    };
    // The group whose turn it is.  Null: there is none.
    std::unique_ptr<Group> next(Turn turn = Turn::any);
    // All, in an order that next() could have had.
    std::deque<std::unique_ptr<Group>> take_all();

 private:
    using Groups = std::deque<std::unique_ptr<Group>>;  // Only the last one may be open.

    bool is_open(const Group& group) const noexcept { return group.bytes < limits_.group_bytes_max; }
    bool shares(std::uint32_t uid, std::size_t bytes) const noexcept;
    std::size_t shared_bytes_of(std::uint32_t uid) const noexcept;
    Groups& lane_of(std::uint32_t uid);
    void set_apart();
    std::unique_ptr<Group> next_shared();
    std::unique_ptr<Group> next_of(std::deque<std::uint32_t>::iterator turn);

    Limits limits_;
    BufferPool buffers_;
    Groups shared_;
    std::unordered_map<std::uint32_t, std::size_t> shared_bytes_;  // By user.
    std::map<std::uint32_t, Groups> lanes_;                        // By user; none is empty.
    std::deque<std::uint32_t> turns_;                              // The users of lanes_, the next one first.
    bool lanes_turn_ = false;
    std::unique_ptr<Group> fresh_;  // Empty: for a begin() that finds none open.
    bool begun_shared_ = false;     // The last begin() found a shared group,
    bool begun_fresh_ = false;      // or fresh_, which add() puts where it belongs.
};

}  // namespace sluice::ingest
