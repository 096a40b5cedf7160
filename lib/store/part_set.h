// The sealed parts of a store at one moment.  A reader that holds a set can read all of it to the end, whatever is
// merged or removed meanwhile.  Threads: any; immutable.
#pragma once

#include <memory>
#include <vector>

#include "part/part.h"
#include "store/part_name.h"
#include "store/seal_state.h"

namespace sluice::store {

struct StoredPart {
    PartName name{};
    std::string file{};
    std::uint64_t bytes = 0;  // Of the file.
    std::shared_ptr<const part::Part> part{};
};
using PartPointer = std::shared_ptr<const StoredPart>;

// The column by which the rows of a part are found.
inline constexpr std::uint32_t kSequence = part::Part::fixed(part::ColumnKind::sequence);

inline std::uint64_t first_of(const PartPointer& part) noexcept {
    return part->name.first_sequence;
}

struct PartSet {
    // One class's, ascending and without overlap.
    struct Class {
        std::string name{};
        std::vector<PartPointer> parts{};
    };
    std::vector<Class> classes{};  // By name.
    SealState state{};

    bool empty() const noexcept { return classes.empty(); }
    std::size_t size() const noexcept;
    // Of the oldest record; sealed_end if there is none.
    std::uint64_t oldest_sequence() const noexcept;
    // Everything retention has removed lies below it.  Parts that stay may, too.
    std::uint64_t removed_end() const noexcept;
    // All parts, by first sequence.
    std::vector<PartPointer> by_sequence() const;

    // Keep the order.  Precondition of add: no overlap within the class.
    void add(PartPointer part);
    void remove(const StoredPart& part);
    // Notes in `state` that retention has removed these, which are not in the set any more.
    void note_removed(const std::vector<PartPointer>& parts);

 private:
    bool keeps_within(std::string_view class_name, std::uint64_t first, std::uint64_t end) const noexcept;
    void note_ranges(RemovedOfClass& removed, std::vector<RemovedRange> ranges) const;
};

}  // namespace sluice::store
