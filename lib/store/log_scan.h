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
    // Lists the segments and the headers of their frames; what does not fit its neighbours is read and checked. Errors:
    // not_found, permission_denied, io_error, corrupt for the directory and the identity of the store.  Segments that
    // cannot be read are in problems().
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
    // Reads a frame and checks it.  Nothing: it is damaged, or its file was recycled; damage() then grows.
    Result<std::optional<Frame>> read(const Place& place);

    // The first sequence that the segments may hold; nothing if there are none.
    std::optional<std::uint64_t> begins() const noexcept;
    const StoreId& store_id() const noexcept { return store_id_; }
    std::uint32_t epoch() const noexcept { return epoch_; }
    // Where frames are missing, as far as that is known: from the headers, and from what was read.  What a segment that
    // is still written has at its end may be a frame that is being written, and is not among them.
    const std::vector<Damage>& damage() const noexcept { return damage_; }
    const std::vector<std::string>& problems() const noexcept { return problems_; }

 private:
    struct Segment;
    LogScan();
    Result<> load(const std::string& directory);
    void open_segment(const std::string& directory, const std::string& name);
    void index_segment(std::size_t segment);
    void add_frame(std::size_t segment, std::uint64_t offset, const FrameHeader& header);
    void note_missing(const Segment& from, std::uint64_t offset, std::uint64_t end, std::uint64_t first_sequence,
                      std::uint64_t end_sequence);

    StoreId store_id_{};
    std::uint32_t epoch_ = 0;
    std::vector<Segment> segments_;
    std::vector<Place> places_;
    std::vector<Damage> damage_;
    std::vector<std::string> problems_;
};

}  // namespace sluice::store
