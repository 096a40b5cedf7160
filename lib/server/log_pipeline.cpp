#include "server/log_pipeline.h"

#include "coro/timeout.h"

namespace sluice::server {
namespace {

// Awaits an event as a task, for with_deadline.
Task<Result<>> wait_for(coro::Event& event) {
    co_return co_await event.wait();
}

static_assert(ingest::kGroupHeadBytes == sizeof(store::FrameHeader));

}  // namespace

// One group on its way to the writer and back.
struct LogPipeline::Parcel final : coro::RemoteNode {
    LogPipeline& pipeline;
    std::unique_ptr<ingest::Group> group;
    bool returning = false;
    Result<ingest::CommitInfo> outcome;
    StoredGroup stored;
    std::optional<store::Catalog> catalog;  // Where it changed.

    Parcel(LogPipeline& p, std::unique_ptr<ingest::Group> g) : pipeline(p), group(std::move(g)) {}
    void run_remote() noexcept override {
        std::unique_ptr<Parcel> self(this);
        if (returning) {
            pipeline.delivered(std::move(self));
        } else {
            pipeline.inbox_.push_back(std::move(self));
            pipeline.work_.set();
        }
    }
};

struct LogPipeline::Opened final : coro::RemoteNode {
    LogPipeline& pipeline;
    Result<> outcome;
    LogHub::Start start;
    std::vector<std::pair<wire::ProducerId, store::ProducerState>> producers;

    explicit Opened(LogPipeline& p) : pipeline(p) {}
    void run_remote() noexcept override {
        const std::unique_ptr<Opened> self(this);
        if (outcome) {
            if (start.new_epoch) {
                pipeline.ingest_.note_new_epoch(start.epoch, start.end_sequence);
            }
            pipeline.hub_.start(std::move(start));
            for (const auto& [id, state] : producers) {
                pipeline.ingest_.restore_producer(id, state.number, state.last_sequence);
            }
        }
        pipeline.opened_ = std::move(outcome);
        pipeline.opened_event_.set();
    }
};

struct LogPipeline::Mark final : coro::RemoteNode {
    LogPipeline& pipeline;
    std::uint64_t durable_sequence;
    std::optional<store::Catalog> catalog;  // Where it changed.
    Mark(LogPipeline& p, std::uint64_t sequence) : pipeline(p), durable_sequence(sequence) {}
    void run_remote() noexcept override {
        const std::unique_ptr<Mark> self(this);
        if (catalog) {
            pipeline.hub_.set_catalog(std::move(*catalog));
        }
        pipeline.hub_.set_durable(durable_sequence);
        pipeline.ingest_.durable_up_to(durable_sequence);
    }
};

struct LogPipeline::Ended final : coro::RemoteNode {
    LogPipeline& pipeline;
    Result<> outcome;
    Ended(LogPipeline& p, Result<> result) : pipeline(p), outcome(std::move(result)) {}
    void run_remote() noexcept override {
        const std::unique_ptr<Ended> self(this);
        pipeline.ended_ = std::move(outcome);
        pipeline.ended_event_.set();
    }
};

struct LogPipeline::StopRequest final : coro::RemoteNode {
    LogPipeline& pipeline;
    explicit StopRequest(LogPipeline& p) : pipeline(p) {}
    void run_remote() noexcept override {
        const std::unique_ptr<StopRequest> self(this);
        pipeline.stopping_ = true;
        pipeline.work_.set();
    }
};

LogPipeline::LogPipeline(coro::Loop& service_loop, Options options)
    : service_loop_(service_loop),
      options_(options),
      hub_(options.memory_bytes_max),
      ingest_(service_loop, *this, options.ingest),
      sync_interval_ns_(options.sync_interval.count()) {}

LogPipeline::~LogPipeline() = default;

// ---- service side ----

Task<Result<>> LogPipeline::opened() {
    while (!opened_) {
        SLUICE_CO_CHECK(co_await opened_event_.wait());
    }
    co_return *opened_;
}

void LogPipeline::submit(std::unique_ptr<ingest::Group> group) {
    auto parcel = std::make_unique<Parcel>(*this, std::move(group));
    if (ended_) {
        parcel->outcome = fail(Errc::shutting_down, "the log is closed");
        parcel->returning = true;
        service_loop_.post_remote(*parcel.release());
        return;
    }
    writer_loop_->post_remote(*parcel.release());
}

Task<Result<>> LogPipeline::stop() {
    if (opened_ && *opened_) {
        auto request = std::make_unique<StopRequest>(*this);
        writer_loop_->post_remote(*request.release());
    }
    while (!ended_) {
        SLUICE_CO_CHECK(co_await ended_event_.wait());
    }
    co_return *ended_;
}

void LogPipeline::writer_failed(Error why) {
    auto report = std::make_unique<Opened>(*this);
    report->outcome = std::unexpected(why);
    auto ended = std::make_unique<Ended>(*this, std::unexpected(std::move(why)));
    service_loop_.post_remote(*report.release());
    service_loop_.post_remote(*ended.release());
}

// Goes to the writer's loop and back.  Lives in the awaiting task, which waits for it without being cancelled.
class LogPipeline::Ping final : public coro::RemoteNode {
 public:
    Ping(coro::Loop& there, coro::Loop& back) noexcept : there_(there), back_(back) {}
    bool await_ready() const noexcept { return false; }
    template <coro::PromiseType P>
    void await_suspend(std::coroutine_handle<P> handle) {
        resumption_ = handle.promise().resumption(handle);
        there_.post_remote(*this);
    }
    void await_resume() const noexcept {}

 private:
    void run_remote() noexcept override {
        if (std::exchange(returning_, true)) {
            back_.post(resumption_);
        } else {
            back_.post_remote(*this);
        }
    }
    coro::Loop& there_;
    coro::Loop& back_;
    coro::Resumption resumption_;
    bool returning_ = false;
};

Task<Result<>> LogPipeline::ping() {
    if (ended_) {
        co_return fail(Errc::closed, "the writer has ended");
    }
    Ping ping(*writer_loop_, service_loop_);
    co_await ping;
    co_return Result<>{};
}

void LogPipeline::delivered(std::unique_ptr<Parcel> parcel) {
    if (parcel->catalog) {
        hub_.set_catalog(std::move(*parcel->catalog));
    }
    if (parcel->outcome) {
        if (parcel->stored.count != 0) {
            hub_.publish(std::move(parcel->stored));
        }
        hub_.set_durable(parcel->outcome->durable_sequence);
    }
    ingest_.completed(std::move(parcel->group), parcel->outcome);
}

// ---- writer side ----

Task<Result<>> LogPipeline::write(io::Kernel& kernel, const io::Handle& directory, store::WriterOptions options,
                                  store::StoreEvents& events) {
    writer_loop_ = &kernel.loop();
    auto report = std::make_unique<Opened>(*this);
    auto writer = co_await store::LogWriter::open(kernel, directory, std::move(options), events);
    Result<> outcome;
    if (writer) {
        const store::LogWriter& log = **writer;
        report->start = {.store_id = log.recovered().store_id,
                         .epoch = log.epoch(),
                         .new_epoch = log.recovered().new_epoch,
                         .end_sequence = log.next_sequence(),
                         .catalog = log.catalog(),
                         .direct = log.mode() == store::IoMode::direct};
        report->producers = log.producers().entries();
        catalog_version_ = log.catalog_version();
        service_loop_.post_remote(*report.release());
        outcome = co_await write_groups(**writer);
    } else {
        outcome = std::unexpected(std::move(writer).error());
        report->outcome = outcome;
        service_loop_.post_remote(*report.release());
    }
    auto ended = std::make_unique<Ended>(*this, outcome);
    service_loop_.post_remote(*ended.release());
    co_return outcome;
}

Task<Result<>> LogPipeline::write_groups(store::LogWriter& writer) {
    Result<> woken;
    for (;;) {
        if (!inbox_.empty()) {
            std::unique_ptr<Parcel> parcel = std::move(inbox_.front());
            inbox_.pop_front();
            co_await commit(writer, std::move(parcel));
            continue;
        }
        if (stopping_ || !woken) {
            break;
        }
        woken = co_await wait_for_work(writer);
    }
    co_return co_await coro::shield(writer.close());
}

// Until a group arrives; syncs what is written when its time has come.
Task<Result<>> LogPipeline::wait_for_work(store::LogWriter& writer) {
    work_.reset();
    if (!writer.has_unsynced()) {
        sync_due_.reset();
        co_return co_await work_.wait();
    }
    if (!sync_due_) {
        sync_due_ = service_loop_.clock().now() + Duration(sync_interval_ns_.load());
    }
    Result<> woken = co_await coro::with_deadline(*sync_due_, wait_for(work_));
    if (woken || woken.error().code() != Errc::deadline_exceeded) {
        co_return woken;
    }
    sync_due_.reset();
    const Result<store::Committed> synced = co_await writer.sync();
    if (synced) {
        post_mark(synced->durable_sequence, changed_catalog(writer));
    }
    co_return Result<>{};
}

std::optional<store::Catalog> LogPipeline::changed_catalog(const store::LogWriter& writer) {
    if (writer.catalog_version() == catalog_version_) {
        return std::nullopt;
    }
    catalog_version_ = writer.catalog_version();
    return writer.catalog();
}

void LogPipeline::post_mark(std::uint64_t durable_sequence, std::optional<store::Catalog> catalog) {
    auto mark = std::make_unique<Mark>(*this, durable_sequence);
    mark->catalog = std::move(catalog);
    service_loop_.post_remote(*mark.release());
}

Task<> LogPipeline::commit(store::LogWriter& writer, std::unique_ptr<Parcel> parcel) {
    ingest::Group& group = *parcel->group;
    Result<store::Committed> committed = fail(Errc::internal, "not written");
    if (group.generation == failed_generation_) {
        committed = std::unexpected(*failure_);
    } else if (group.count == 0) {
        committed = co_await writer.sync();
    } else {
        std::vector<store::ProducerMark> marks;
        for (const ingest::Entry& entry : group.entries) {
            if (entry.number != 0) {
                marks.push_back({entry.producer, entry.number, entry.first_record + entry.count});
            }
        }
        store::Group written(std::move(group.buffer), group.bytes, group.count);
        committed = co_await writer.append(std::move(written), marks, group.durable);
    }
    if (committed) {
        parcel->outcome = ingest::CommitInfo{.epoch = committed->epoch,
                                             .first_sequence = committed->first_sequence,
                                             .durable_sequence = committed->durable_sequence};
        parcel->stored = {.frame = std::move(committed->frame),
                          .bytes = group.bytes,
                          .epoch = committed->epoch,
                          .first_sequence = committed->first_sequence,
                          .count = group.count};
    } else {
        failed_generation_ = group.generation;
        failure_ = committed.error();
        parcel->outcome = std::unexpected(std::move(committed).error());
    }
    parcel->catalog = changed_catalog(writer);
    parcel->returning = true;
    service_loop_.post_remote(*parcel.release());
}

}  // namespace sluice::server
