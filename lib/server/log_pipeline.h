// Between the queue and the log: lets the writer commit groups one after another, and brings the answers back.
// Threads: those of its loop.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "coro/scope.h"
#include "coro/sync.h"
#include "ingest/ingest.h"
#include "server/log_hub.h"
#include "server/log_keeper.h"
#include "server/log_sealer.h"
#include "store/log_writer.h"

namespace sluice::server {

class LogPipeline final : public ingest::Sink {
 public:
    struct Options {
        Duration sync_interval = std::chrono::seconds(1);  // How long written records may stay un-synced.
        std::size_t memory_bytes_max = 4U << 20U;          // Of LogHub.
        ingest::IngestOptions ingest;
        SealOptions seal;
        // Where the store is looked for while it is written; empty: nowhere.
        std::string store_path;
        // For reading parts, and for sealing and merging them.  Borrowed; null: the loop does it.
        coro::Pool* read_pool = nullptr;
        coro::Pool* seal_pool = nullptr;
    };
    // Borrows `kernel` and the pools until destroyed.
    LogPipeline(io::Kernel& kernel, Options options);
    ~LogPipeline();

    // Recovers the store in `directory` and starts the writer; runs once, before serve().  Borrows `directory` and
    // `events` until stop().  Errors: those of store::LogWriter::open.
    Task<Result<>> open(const io::Handle& directory, store::WriterOptions options, store::StoreEvents& events);
    // Runs the queue until cancelled.
    Task<> serve() { return ingest_.run(); }
    LogHub& hub() noexcept { return hub_; }
    ingest::Ingest& ingest() noexcept { return ingest_; }
    void submit(std::unique_ptr<ingest::Group> group) override;
    bool short_of_room() const noexcept override;
    // After the last submit: the writer commits what it has, closes the log and ends.  Awaits that.
    // Success also if open() was not called or failed.  To be called before the destructor otherwise.
    Task<Result<>> stop();
    // Within stop(): the log is closed, with everything that was acknowledged; what goes on is sealing.
    bool log_is_closed() const noexcept { return stopping_ && writing_.running() == 0 && closed_.has_value(); }
    // Takes effect at the next sync.
    void set_sync_interval(Duration interval) noexcept { options_.sync_interval = interval; }
    // Takes effect with the next seal, and the next pass of retention.
    void set_retention(const store::RetentionOptions& retention);
    // Takes effect with the next group; where nothing is sealed, with the next segment.
    void set_log_bytes_max(std::uint64_t bytes);
    // Why nothing is stored any more: the store was removed or replaced.  Nothing: it is where it was.
    const std::optional<Error>& store_gone() const noexcept { return gone_; }

 private:
    Task<> write_groups();
    Task<Result<>> wait_for_work();
    Task<> sync_written();
    Task<> look_for_store();
    Task<> end_writing();
    Task<> commit(std::unique_ptr<ingest::Group> group);
    void take_over(const store::LogWriter& writer);
    Task<Result<>> read_open_rows();
    void start_sealing();
    bool log_is_too_long() const noexcept;
    Task<Result<>> shorten_log();
    Task<> release_sealed();
    bool note_removal(const Removal& removal);
    void update_catalog();
    void tell_durable();

    io::Kernel& kernel_;
    Options options_;
    coro::InlinePool inline_pool_;
    coro::Offload reading_;
    coro::Offload working_;
    LogHub hub_;
    ingest::Ingest ingest_;
    const io::Handle* directory_ = nullptr;
    std::uint64_t log_bytes_max_ = 0;
    std::unique_ptr<store::PartStore> parts_;
    std::unique_ptr<LogSealer> sealer_;
    std::unique_ptr<LogKeeper> keeper_;
    std::unique_ptr<store::LogWriter> writer_;
    coro::Scope writing_;  // Of its own: a group that was begun is finished.
    coro::Scope sealing_;
    bool sealed_ = false;  // Since the writer looked last.
    std::unique_ptr<ingest::Group> next_;
    coro::Event work_;
    bool stopping_ = false;
    Result<> closed_;
    std::uint64_t catalog_version_ = 0;
    std::optional<MonotonicTime> sync_due_;
    store::StoreEvents* events_ = nullptr;
    std::optional<MonotonicTime> look_due_;  // Nothing: never.
    bool written_since_look_ = false;
    std::optional<Error> gone_;
};

}  // namespace sluice::server
