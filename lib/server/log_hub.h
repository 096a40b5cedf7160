// The log as the service loop sees it: what is written, what is durable, what is sealed, the newest groups in memory,
// the segments and the parts.  Tails read the groups from here, and files when they are behind.
//
// The open rows are the groups above the sealed end.  They stay in memory until they are sealed, up to a limit; beyond
// it the oldest of them are read from the segments again. Threads: the service loop's.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "coro/pool.h"
#include "coro/sync.h"
#include "store/catalog.h"
#include "store/part_set.h"
#include "wire/cursor.h"

namespace sluice::server {

// One written group.
struct StoredGroup {
    std::shared_ptr<const void> owner{};  // Of the payload.
    ByteView payload{};                   // Batches.
    std::uint32_t epoch = 0;
    std::uint64_t first_sequence = 0;
    std::uint32_t count = 0;
    std::size_t owner_bytes = 0;  // What the owner takes, if it is more than the payload.

    std::uint64_t end_sequence() const noexcept { return first_sequence + count; }
};

class LogHub {
 public:
    // `memory_bytes_max`: of groups kept for tails.  `open_bytes_max`: of groups that are not sealed.
    LogHub(std::size_t memory_bytes_max, std::size_t open_bytes_max);

    struct Start {
        wire::StoreId store_id{};
        std::uint32_t epoch = 0;
        bool new_epoch = false;  // It began with this start.
        std::uint64_t end_sequence = 0;
        store::Catalog catalog;
        bool direct = false;
        std::shared_ptr<const store::PartSet> parts;
        std::vector<store::EpochStart> epochs;
    };
    // Once, when the writer has recovered the store; all of it is durable.
    void start(Start found);
    // At start: a group that is in the segments already.  In order; damage may have left gaps.
    void restore(StoredGroup group);
    // The next group, in order.
    void publish(StoredGroup group);
    void set_durable(std::uint64_t durable_sequence);
    void set_catalog(store::Catalog catalog) { catalog_ = std::move(catalog); }
    // `sealed_bytes`: payloads of the groups that have become sealed.
    void set_parts(std::shared_ptr<const store::PartSet> parts, std::uint64_t sealed_bytes);
    // Somebody has met damaged bytes.  Tells each place once, and again only where it turns out to be larger.
    void report(const store::Damage& damage);
    // Somebody else has told of it.
    void note_told(const store::Damage& damage) { (void)is_news(damage); }
    void on_damage(std::function<void(const store::Damage&)> told) { told_ = std::move(told); }
    // For functions that read parts; borrowed.  Null: the loop itself.
    void set_offload(coro::Offload* offload) noexcept { offload_ = offload; }

    const wire::StoreId& store_id() const noexcept { return store_id_; }
    std::uint32_t epoch() const noexcept { return epoch_; }
    // One past the last record that is written, and that is durable.
    std::uint64_t end_sequence() const noexcept { return end_sequence_; }
    std::uint64_t durable_sequence() const noexcept { return durable_sequence_; }
    std::uint64_t oldest_sequence() const noexcept;
    // Records below it are in parts(), or gone.
    std::uint64_t sealed_end() const noexcept { return parts_->state.sealed_end; }
    // Never null.
    const std::shared_ptr<const store::PartSet>& parts() const noexcept { return parts_; }
    const store::Catalog& catalog() const noexcept { return catalog_; }
    std::uint64_t log_bytes() const noexcept;  // Of all segments.
    // Payloads of written groups that are not sealed, in memory or not.
    std::uint64_t open_bytes() const noexcept { return open_bytes_; }
    // Ascending; the epochs of everything that is left, and one before.
    const std::vector<store::EpochStart>& epochs() const noexcept { return epochs_; }
    // Of a record that is left.
    std::uint32_t epoch_of(std::uint64_t sequence) const noexcept;
    bool direct() const noexcept { return direct_; }
    coro::Offload* offload() const noexcept { return offload_; }

    // What a query reads: all of it as it is now, whatever is sealed, merged or removed meanwhile.
    struct Snapshot {
        std::shared_ptr<const store::PartSet> parts{};  // Records below parts->state.sealed_end.
        std::vector<StoredGroup> open{};                // Groups from there on, as far as they are in memory.
        std::uint64_t open_from = 0;                    // Records in [sealed end, open_from): in the segments only.
        std::uint64_t end_sequence = 0;
    };
    Snapshot snapshot() const;
    // The groups in memory, oldest first; sealed ones too.
    const std::deque<StoredGroup>& recent() const noexcept { return recent_; }
    // The group in memory that holds `sequence`, or nullptr.
    const StoredGroup* find(std::uint64_t sequence) const noexcept;
    // [first, end)
    struct Span {
        std::uint64_t first = 0;
        std::uint64_t end = 0;
    };
    // The written records around `sequence` that are neither sealed nor in memory: what the segments have lost of them
    // is lost.  Precondition: `sequence` is one of them.
    Span only_in_files(std::uint64_t sequence) const noexcept;

    // co_await hub.changed(): until something is published or becomes durable.
    coro::Event::Awaiter changed() noexcept { return changed_.wait(); }

 private:
    // Small groups share memory: each alone would take a page.
    struct Slab {
        std::unique_ptr<std::byte[]> bytes;
        std::size_t used = 0;
    };
    bool is_news(const store::Damage& damage);
    void keep(StoredGroup group);
    void trim();
    void notify();
    std::size_t memory_bytes_max_;
    std::size_t open_bytes_max_;
    wire::StoreId store_id_{};
    std::uint32_t epoch_ = 0;
    std::uint64_t end_sequence_ = 1;
    std::uint64_t durable_sequence_ = 1;
    bool direct_ = false;
    store::Catalog catalog_;
    std::shared_ptr<const store::PartSet> parts_;
    std::vector<store::EpochStart> epochs_;
    std::deque<StoredGroup> recent_;
    std::size_t recent_bytes_ = 0;
    std::uint64_t open_bytes_ = 0;
    std::shared_ptr<Slab> slab_;
    std::map<std::pair<std::string, std::uint64_t>, Span> damaged_;  // By place: the records it was told to cost.
    std::function<void(const store::Damage&)> told_;
    coro::Offload* offload_ = nullptr;
    coro::Event changed_;
};

}  // namespace sluice::server
