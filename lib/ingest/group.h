// What the queue hands to the disk: one commit group, with everyone who waits for it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/result.h"
#include "wire/batch.h"
#include "wire/messages.h"

namespace sluice::ingest {

// Hears what became of its batches.  Lives until each was answered.
class AckTarget {
 public:
    virtual void on_ack(std::uint64_t request_id, const wire::LogReply& reply) = 0;
    virtual void on_refused(std::uint64_t request_id, const Error& error) = 0;

 protected:
    ~AckTarget() = default;
};

// Tells of its losses itself, because it knows whose records they were.  Lives as long as the queue runs.
class LossTarget {
 public:
    // The disk has refused records that were taken; the queue has counted them.
    virtual void on_lost(const std::shared_ptr<void>& sender, std::uint64_t records, const Error& why) = 0;
    // The disk has refused the record that told of a loss (Ingest::note_dropped).
    virtual void on_untold(const std::shared_ptr<void>& sender, std::uint64_t records, std::string_view reason) = 0;
    // Tells what is not told yet.  False: the queue has no room for all of it.
    virtual bool tell() = 0;

 protected:
    ~LossTarget() = default;
};

// Whose records they are.
struct Origin {
    LossTarget* target = nullptr;    // nullptr: the queue tells of losses.
    std::shared_ptr<void> sender{};  // What `target` makes of it.
};

// One batch in a group.
struct Entry {
    AckTarget* target = nullptr;  // nullptr: nobody waits (answered `accepted` before, or the daemon's own).
    std::uint64_t request_id = 0;
    wire::AckLevel level = wire::AckLevel::accepted;
    std::uint32_t dropped_fields = 0;
    std::uint32_t first_record = 0;  // Index in the group.
    std::uint32_t count = 0;
    std::uint32_t uid = 0;  // Who pays for `bytes` of the queue.
    std::uint32_t bytes = 0;
    std::uint64_t reported_lost = 0;  // The daemon's gap record: how many lost records it tells of.
    std::string reason{};             // The same, of a loss with an origin: why they were lost.
    Origin origin{};
    wire::ProducerId producer{};
    std::uint64_t number = 0;
};

// Room in front of the batches for the header that the log puts there.
inline constexpr std::size_t kGroupHeadBytes = 64;

struct Group {
    std::shared_ptr<AlignedBuffer> buffer;  // Batches start at kGroupHeadBytes.
    std::size_t bytes = kGroupHeadBytes;    // Used, head included.
    std::uint32_t count = 0;                // Records; 0: a request to sync what is written.
    bool durable = false;                   // Somebody waits for durability.
    std::vector<Entry> entries;
};

// What the disk says of a group.
struct CommitInfo {
    std::uint32_t epoch = 0;
    std::uint64_t first_sequence = 0;
    std::uint64_t durable_sequence = 0;  // Every record below it is durable.
};

// Takes one group at a time, and gives it back through Ingest::completed() on the queue's loop.
class Sink {
 public:
    virtual void submit(std::unique_ptr<Group> group) = 0;
    // Whether a large group would have to wait in it: then who has much in the queue waits there, and nobody behind
    // him.  What it has left is for the others.  When that ends it calls Ingest::room_changed().
    virtual bool short_of_room() const noexcept = 0;

 protected:
    ~Sink() = default;
};

}  // namespace sluice::ingest
