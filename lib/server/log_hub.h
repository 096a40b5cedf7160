// The log as the service loop sees it: what is written, what is durable, the newest groups in memory, and the segments.
// Tails read the groups from here, and files when they are behind.
// Threads: the service loop's.
#pragma once

#include <deque>
#include <memory>

#include "base/aligned_buffer.h"
#include "coro/sync.h"
#include "store/catalog.h"
#include "wire/cursor.h"

namespace sluice::server {

// One written group.
struct StoredGroup {
    std::shared_ptr<const AlignedBuffer> frame;  // Batches from kFrameHeaderBytes on; the head is the writer's.
    std::size_t bytes = 0;                       // Head included.
    std::uint32_t epoch = 0;
    std::uint64_t first_sequence = 0;
    std::uint32_t count = 0;

    std::uint64_t end_sequence() const noexcept { return first_sequence + count; }
    ByteView payload() const noexcept { return ByteView(frame->data(), bytes).subspan(sizeof(store::FrameHeader)); }
};

class LogHub {
 public:
    // `memory_bytes_max`: of groups kept for tails.
    explicit LogHub(std::size_t memory_bytes_max) noexcept : memory_bytes_max_(memory_bytes_max) {}

    struct Start {
        wire::StoreId store_id{};
        std::uint32_t epoch = 0;
        bool new_epoch = false;  // It began with this start.
        std::uint64_t end_sequence = 0;
        store::Catalog catalog;
        bool direct = false;
    };
    // Once, when the writer has recovered the store; all of it is durable.
    void start(Start found);
    // The next group, in order.
    void publish(StoredGroup group);
    void set_durable(std::uint64_t durable_sequence);
    void set_catalog(store::Catalog catalog) { catalog_ = std::move(catalog); }

    const wire::StoreId& store_id() const noexcept { return store_id_; }
    std::uint32_t epoch() const noexcept { return epoch_; }
    // One past the last record that is written, and that is durable.
    std::uint64_t end_sequence() const noexcept { return end_sequence_; }
    std::uint64_t durable_sequence() const noexcept { return durable_sequence_; }
    std::uint64_t oldest_sequence() const noexcept;
    const store::Catalog& catalog() const noexcept { return catalog_; }
    bool direct() const noexcept { return direct_; }

    // The groups in memory, oldest first.
    const std::deque<StoredGroup>& recent() const noexcept { return recent_; }
    // The group in memory that holds `sequence`, or nullptr.
    const StoredGroup* find(std::uint64_t sequence) const noexcept;

    // co_await hub.changed(): until something is published or becomes durable.
    coro::Event::Awaiter changed() noexcept { return changed_.wait(); }

 private:
    void notify();
    std::size_t memory_bytes_max_;
    wire::StoreId store_id_{};
    std::uint32_t epoch_ = 0;
    std::uint64_t end_sequence_ = 1;
    std::uint64_t durable_sequence_ = 1;
    bool direct_ = false;
    store::Catalog catalog_;
    std::deque<StoredGroup> recent_;
    std::size_t recent_bytes_ = 0;
    coro::Event changed_;
};

}  // namespace sluice::server
