// What the log knows of each numbered producer: its last batch number and where those records ended.  Kept by the
// writer, written at the head of every segment, so that recovery reads one segment and not all of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "store/segment_format.h"

namespace sluice::store {

struct ProducerState {
    std::uint64_t number = 0;         // Of the last batch stored.
    std::uint64_t last_sequence = 0;  // Of its last record.
};

struct ProducerIdHash {
    std::size_t operator()(const ProducerId& id) const noexcept { return load_int<std::uint64_t>(id.data()); }
};

// Remembers at most `producers_max`; beyond that the one that was silent longest is forgotten, and its next batch is
// taken as new whatever its number.  Threads: one.
class ProducerTable {
 public:
    explicit ProducerTable(std::size_t producers_max) : producers_max_(producers_max) {}

    void update(const ProducerId& id, ProducerState state);
    // nullptr: not remembered.  Valid until the next change.
    const ProducerState* find(const ProducerId& id) const noexcept;
    std::size_t size() const noexcept { return order_.size(); }
    // Longest silent first.
    std::vector<std::pair<ProducerId, ProducerState>> entries() const;
    void clear() noexcept;

    // Snapshot, longest silent first: u32 count, u32 zero, then 32 bytes each: id, number, last sequence.
    Bytes encode() const;
    // Replaces the contents.  Errors: Errc::corrupt.
    Result<> decode(ByteView snapshot);

 private:
    struct Entry {
        ProducerId id;
        ProducerState state;
    };
    std::size_t producers_max_;
    std::list<Entry> order_;  // Longest silent first.
    std::unordered_map<ProducerId, std::list<Entry>::iterator, ProducerIdHash> by_id_;
};

}  // namespace sluice::store
