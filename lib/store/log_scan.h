// Reads the records of a store's segment files without the daemon.  Reads only, blocks, and may run beside a daemon
// that writes: what it writes after open() is not seen, and what it recycles meanwhile is left out and counted.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/catalog.h"

namespace sluice::store {

class LogScan {
 public:
    // Lists the segments and the headers of their frames.  Errors: not_found, permission_denied, io_error, corrupt for
    // the directory and the identity of the store.  Segments that cannot be read are in problems().
    static Result<std::unique_ptr<LogScan>> open(const std::string& directory);
    LogScan(const LogScan&) = delete;
    LogScan& operator=(const LogScan&) = delete;
    ~LogScan();

    // Where a frame of records lies; not yet read.
    struct Place {
        std::size_t segment = 0;
        std::uint64_t offset = 0;
        std::uint64_t bytes = 0;
        std::uint64_t first_sequence = 0;
        std::uint64_t end_sequence = 0;  // Of what belongs to this segment.
    };
    // Ascending in sequence.
    const std::vector<Place>& places() const noexcept { return places_; }

    struct Frame {
        std::shared_ptr<const Bytes> bytes;
        ByteView payload;  // Valid batches.
        std::uint32_t epoch = 0;
        std::uint64_t first_sequence = 0;
        std::uint32_t count = 0;
        std::uint32_t limit = 0;  // Only the first so many belong to this segment.
    };
    // Reads a frame and checks it.  Nothing: it is damaged, or its file was recycled; lost_records() then grows.
    // The last frame may be one that is just being written, and does not count as lost.
    Result<std::optional<Frame>> read(const Place& place);

    // The first sequence that the segments may hold; nothing if there are none.
    std::optional<std::uint64_t> begins() const noexcept;
    const StoreId& store_id() const noexcept { return store_id_; }
    std::uint32_t epoch() const noexcept { return epoch_; }
    std::uint64_t lost_records() const noexcept { return lost_records_; }
    const std::vector<std::string>& problems() const noexcept { return problems_; }

 private:
    struct Segment;
    LogScan();
    Result<> load(const std::string& directory);
    void open_segment(const std::string& directory, const std::string& name);
    void index_segment(std::size_t segment);
    std::optional<Place> place_at(std::size_t segment, std::uint64_t offset, bool check, std::uint64_t& next);

    StoreId store_id_{};
    std::uint32_t epoch_ = 0;
    std::vector<Segment> segments_;
    std::vector<Place> places_;
    std::uint64_t lost_records_ = 0;
    std::vector<std::string> problems_;
};

}  // namespace sluice::store
