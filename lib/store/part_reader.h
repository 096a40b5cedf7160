// Reads the records of sealed parts in ascending sequence, those of all classes in one order.  It reads and decodes on
// the thread that calls it: for the pool.  Threads: one at a time.
#pragma once

#include <set>
#include <vector>

#include "store/catalog.h"
#include "store/part_set.h"

namespace sluice::store {

// Records of one epoch, encoded as TAIL entries.
struct PartRun {
    Bytes entries{};
    std::uint32_t count = 0;
    std::uint32_t epoch = 0;
    std::uint64_t first_sequence = 0;
    std::uint64_t end_sequence = 0;  // Nothing else lies below it.
    std::vector<Damage> damage{};    // Found on the way, and passed over: the records of a damaged page.
};

class PartReader {
 public:
    explicit PartReader(std::shared_ptr<const PartSet> parts) : parts_(std::move(parts)) {}

    const std::shared_ptr<const PartSet>& parts() const noexcept { return parts_; }

    // The next records in [from, limit).  None (count 0): there are none, and end_sequence is `limit`.
    // Errors: io errors; what is damaged is no error.
    Result<PartRun> read(std::uint64_t from, std::uint64_t limit);

    // The largest boundary of pages below `limit`, not below `oldest`: how far to go back for about one page of
    // records.
    std::uint64_t page_before(std::uint64_t limit, std::uint64_t oldest) const;

 private:
    // One class's next page with something to read.
    struct Head {
        const StoredPart* part = nullptr;
        std::uint32_t page = 0;
        std::shared_ptr<const part::PageValues> sequences{};
        std::shared_ptr<const part::PageValues> epochs{};
        std::shared_ptr<const part::Dictionary> epoch_values{};
        std::size_t row = 0;  // The next one.
        std::vector<std::uint16_t> chosen{};

        std::uint64_t sequence() const noexcept { return static_cast<std::uint64_t>(sequences->ints[row]); }
        bool more() const noexcept { return row < sequences->ints.size(); }
        std::uint64_t page_end() const noexcept { return static_cast<std::uint64_t>(sequences->ints.back()) + 1; }
        std::uint32_t epoch() const;
    };
    Result<bool> find_head(const PartSet::Class& one, std::uint64_t from, PartRun& run, Head& head);
    Result<> load_page(Head& head) const;
    Result<> append(std::vector<Head>& heads, PartRun& run);
    Result<> skip_page(const Head& head, Error why, std::uint64_t from, PartRun& run);

    std::shared_ptr<const PartSet> parts_;
    std::set<std::pair<const StoredPart*, std::uint32_t>> bad_;
};

}  // namespace sluice::store
