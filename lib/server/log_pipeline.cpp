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

LogPipeline::LogPipeline(io::Kernel& kernel, Options options)
    : kernel_(kernel),
      options_(options),
      hub_(options.memory_bytes_max),
      ingest_(kernel.loop(), *this, options.ingest),
      writing_(kernel.loop(), nullptr) {}

LogPipeline::~LogPipeline() = default;

Task<Result<>> LogPipeline::open(const io::Handle& directory, store::WriterOptions options,
                                 store::StoreEvents& events) {
    SLUICE_CO_TRY(writer_, co_await store::LogWriter::open(kernel_, directory, std::move(options), events));
    take_over(*writer_);
    writing_.spawn("writer", &LogPipeline::write_groups, this);
    co_return Result<>{};
}

void LogPipeline::take_over(const store::LogWriter& writer) {
    ingest_.set_epoch(writer.epoch());
    if (writer.recovered().new_epoch) {
        ingest_.note_new_epoch(writer.epoch(), writer.next_sequence());
    }
    hub_.start({.store_id = writer.recovered().store_id,
                .epoch = writer.epoch(),
                .new_epoch = writer.recovered().new_epoch,
                .end_sequence = writer.next_sequence(),
                .catalog = writer.catalog(),
                .direct = writer.mode() == store::IoMode::direct});
    for (const auto& [id, state] : writer.producers().entries()) {
        ingest_.restore_producer(id, state.number, state.last_sequence);
    }
    catalog_version_ = writer.catalog_version();
}

void LogPipeline::submit(std::unique_ptr<ingest::Group> group) {
    inbox_.push_back(std::move(group));
    work_.set();
}

Task<Result<>> LogPipeline::stop() {
    stopping_ = true;
    work_.set();
    co_await writing_.join();
    co_return closed_;
}

// ---- the writer ----

Task<> LogPipeline::write_groups() {
    Result<> woken;
    for (;;) {
        if (!inbox_.empty()) {
            std::unique_ptr<ingest::Group> group = std::move(inbox_.front());
            inbox_.pop_front();
            co_await commit(std::move(group));
            continue;
        }
        if (stopping_ || !woken) {
            break;
        }
        woken = co_await wait_for_work();
    }
    closed_ = co_await coro::shield(writer_->close());
    writer_.reset();
}

// Until a group arrives; syncs what is written when its time has come.
Task<Result<>> LogPipeline::wait_for_work() {
    work_.reset();
    if (!writer_->has_unsynced()) {
        sync_due_.reset();
        co_return co_await work_.wait();
    }
    const Clock& clock = kernel_.loop().clock();
    if (!sync_due_) {
        sync_due_ = clock.now() + options_.sync_interval;
    }
    Result<> woken = co_await coro::with_deadline(*sync_due_, wait_for(work_));
    if (woken || woken.error().code() != Errc::deadline_exceeded) {
        co_return woken;
    }
    sync_due_.reset();
    co_await sync_written();
    co_return Result<>{};
}

Task<> LogPipeline::sync_written() {
    (void)co_await writer_->sync();  // After a failure the next interval tries again.
    update_catalog();
    tell_durable();
}

// Asks the writer, not the outcome of the operation: one that failed may have made earlier groups durable on its way,
// in the segment that took them over.  With nothing un-synced left, no later sync would tell.
void LogPipeline::tell_durable() {
    const std::uint64_t durable_sequence = writer_->durable_sequence();
    hub_.set_durable(durable_sequence);
    ingest_.durable_up_to(durable_sequence);
}

void LogPipeline::update_catalog() {
    if (writer_->catalog_version() != catalog_version_) {
        catalog_version_ = writer_->catalog_version();
        hub_.set_catalog(writer_->catalog());
    }
}

Task<> LogPipeline::commit(std::unique_ptr<ingest::Group> group) {
    Result<store::Committed> committed = fail(Errc::internal, "not written");
    if (group->generation == failed_generation_) {
        committed = std::unexpected(*failure_);
    } else if (group->count == 0) {
        committed = co_await writer_->sync();
    } else {
        std::vector<store::ProducerMark> marks;
        for (const ingest::Entry& entry : group->entries) {
            if (entry.number != 0) {
                marks.push_back({entry.producer, entry.number, entry.first_record + entry.count});
            }
        }
        store::Group written(std::move(group->buffer), group->bytes, group->count);
        committed = co_await writer_->append(std::move(written), marks, group->durable);
    }
    update_catalog();
    if (!committed) {
        tell_durable();  // First: what it confirms is not refused with this group.
        failed_generation_ = group->generation;
        failure_ = committed.error();
        ingest_.completed(std::move(group), std::unexpected(*failure_));
        co_return;
    }
    if (group->count != 0) {
        hub_.publish({.frame = std::move(committed->frame),
                      .bytes = group->bytes,
                      .epoch = committed->epoch,
                      .first_sequence = committed->first_sequence,
                      .count = group->count});
    }
    hub_.set_durable(committed->durable_sequence);
    ingest_.completed(std::move(group), ingest::CommitInfo{.epoch = committed->epoch,
                                                           .first_sequence = committed->first_sequence,
                                                           .durable_sequence = committed->durable_sequence});
}

}  // namespace sluice::server
