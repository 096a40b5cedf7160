// What the log knows of each numbered producer: its last batch number and where those records ended.  Kept by the
// writer, written at the head of every segment, so that recovery reads one segment and not all of them.
#pragma once

#include "base/result.h"
#include "store/segment_format.h"
#include "wire/producers.h"

namespace sluice::store {

struct ProducerState {
    std::uint64_t number = 0;         // Of the last batch stored.
    std::uint64_t last_sequence = 0;  // Of its last record.
};

// Remembers at most `producers_max`; one that was forgotten is taken as new with its next batch, whatever its number.
// Threads: one.
class ProducerTable {
 public:
    explicit ProducerTable(std::size_t producers_max) : table_(producers_max) {}

    void update(const ProducerId& id, std::uint32_t uid, ProducerState state) { table_.touch(id, uid) = state; }
    // nullptr: not remembered.  Valid until the next change.
    const ProducerState* find(const ProducerId& id) const noexcept {
        const auto* entry = table_.find(id);
        return entry == nullptr ? nullptr : &entry->state;
    }
    std::size_t size() const noexcept { return table_.size(); }
    // Silent longest first.  Valid until the next change.
    using Entry = wire::Producers<ProducerState>::Entry;
    std::vector<const Entry*> entries() const { return table_.in_order(); }
    void clear() noexcept { table_.clear(); }

    // Snapshot, silent longest first: see docs/storage-format.md.
    Bytes encode() const;
    // Replaces the contents.  Reads the snapshots of 0.1, too, which have no users.  Errors: Errc::corrupt.
    Result<> decode(ByteView snapshot);

 private:
    wire::Producers<ProducerState> table_;
};

}  // namespace sluice::store
