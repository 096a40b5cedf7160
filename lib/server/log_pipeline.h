// Between the queue and the log: carries groups to the writer's loop, lets the writer commit them one after another,
// and brings the answers back.  Two loops meet here, and nowhere else; what crosses is a parcel, owned by one side at a
// time.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>

#include "coro/sync.h"
#include "ingest/ingest.h"
#include "server/log_hub.h"
#include "store/log_writer.h"

namespace sluice::server {

class LogPipeline final : public ingest::Sink {
 public:
    struct Options {
        Duration sync_interval = std::chrono::seconds(1);  // How long written records may stay un-synced.
        std::size_t memory_bytes_max = 4U << 20U;          // Of LogHub.
        ingest::IngestOptions ingest;
    };
    // Borrows the service loop until destroyed.  Constructed and destroyed on the service side.
    LogPipeline(coro::Loop& service_loop, Options options);
    ~LogPipeline();

    // ---- service side ----
    // Success when the writer has recovered the store; its error if it could not.
    Task<Result<>> opened();
    // Runs the queue until cancelled.
    Task<> serve() { return ingest_.run(); }
    LogHub& hub() noexcept { return hub_; }
    ingest::Ingest& ingest() noexcept { return ingest_; }
    void submit(std::unique_ptr<ingest::Group> group) override;
    // After the last submit: the writer commits what it has, closes the log and ends.  Awaits that.
    Task<Result<>> stop();

    // Threads: any.  The writer could not even be started.
    void writer_failed(Error why);
    // Threads: any.  Takes effect at the next sync.
    void set_sync_interval(Duration interval) noexcept { sync_interval_ns_ = interval.count(); }
    // Success when the writer's loop has answered; for the watchdog.
    Task<Result<>> ping();

    // ---- writer side ----
    // Opens the store and writes until stop().  Runs once, on the loop of `kernel`.
    Task<Result<>> write(io::Kernel& kernel, const io::Handle& directory, store::WriterOptions options,
                         store::StoreEvents& events);

 private:
    struct Parcel;
    struct Opened;
    struct Mark;
    struct Ended;
    struct StopRequest;
    class Ping;

    Task<Result<>> write_groups(store::LogWriter& writer);
    Task<Result<>> wait_for_work(store::LogWriter& writer);
    Task<> commit(store::LogWriter& writer, std::unique_ptr<Parcel> parcel);
    std::optional<store::Catalog> changed_catalog(const store::LogWriter& writer);
    void post_mark(std::uint64_t durable_sequence, std::optional<store::Catalog> catalog);
    void delivered(std::unique_ptr<Parcel> parcel);

    coro::Loop& service_loop_;
    Options options_;
    LogHub hub_;
    ingest::Ingest ingest_;

    // Service side.
    coro::Event opened_event_;
    std::optional<Result<>> opened_;
    coro::Event ended_event_;
    std::optional<Result<>> ended_;

    // Set by the writer before it reports that the store is open.
    coro::Loop* writer_loop_ = nullptr;

    // Writer side.
    std::deque<std::unique_ptr<Parcel>> inbox_;
    coro::Event work_;
    bool stopping_ = false;
    std::uint64_t failed_generation_ = 0;
    std::optional<Error> failure_;
    std::uint64_t catalog_version_ = 0;
    std::optional<MonotonicTime> sync_due_;
    std::atomic<std::int64_t> sync_interval_ns_;
};

}  // namespace sluice::server
