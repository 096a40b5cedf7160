#include "server/log_pipeline.h"

#include "coro/timeout.h"
#include "server/log_follower.h"
#include "store/identity.h"
#include "store/same_file.h"

namespace sluice::server {
namespace {

constexpr std::size_t kReadsInFlight = 4;
constexpr std::size_t kJobsInFlight = 2;  // A seal, and a merge.

// How often it is looked whether the store is still there: what is answered meanwhile may be in a file without a name.
constexpr Duration kStoreLookInterval = std::chrono::milliseconds(500);

static_assert(ingest::kGroupHeadBytes == sizeof(store::FrameHeader));

// By the wall clock of then.  Where the log is gone, its newest part tells.
std::optional<WallNs> last_written(const store::LogWriter& writer, const store::PartSet& parts) {
    if (writer.recovered().written || parts.empty()) {
        return writer.recovered().written;
    }
    const auto end = [](const store::PartPointer& part) { return part->name.end_sequence; };
    const std::vector<store::PartPointer> all = parts.by_sequence();
    return (*std::ranges::max_element(all, {}, end))->part->summary().receive_max;
}

}  // namespace

LogPipeline::LogPipeline(io::Kernel& kernel, Options options)
    : kernel_(kernel),
      options_(std::move(options)),
      reading_(options_.read_pool != nullptr ? *options_.read_pool : inline_pool_, kernel.loop(), kReadsInFlight),
      working_(options_.seal_pool != nullptr ? *options_.seal_pool : inline_pool_, kernel.loop(), kJobsInFlight),
      hub_(options_.memory_bytes_max, options_.seal.rows_max != 0 ? options_.seal.open_bytes_max : 0),
      ingest_(kernel.loop(), *this, options_.ingest),
      writing_(kernel.loop(), nullptr),
      sealing_(kernel.loop(), nullptr) {
    hub_.set_offload(&reading_);
}

LogPipeline::~LogPipeline() = default;

Task<Result<>> LogPipeline::open(const io::Handle& directory, store::WriterOptions options,
                                 store::StoreEvents& events) {
    directory_ = &directory;
    events_ = &events;
    log_bytes_max_ = options.log_bytes_max;
    hub_.on_damage([&events](const store::Damage& damage) { events.on_damage(damage); });
    store::PartStoreOptions part_options;
    part_options.random = options.random;
    part_options.cache_bytes_max = options_.seal.cache_bytes_max;
    SLUICE_CO_TRY(parts_, co_await store::PartStore::open(kernel_, directory, part_options, reading_, events));
    options.sealing = options_.seal.rows_max != 0;
    options.sealed_end = parts_->state().sealed_end;
    for (const store::PartSet::Class& one : parts_->set()->classes) {
        options.sealed_epoch = std::max(options.sealed_epoch, one.parts.back()->part->summary().epoch_max);
    }
    if (const auto& epochs = parts_->state().epochs; !epochs.empty()) {
        options.sealed_epoch = std::max(options.sealed_epoch, epochs.back().epoch);
    }
    options.on_segment_ready = [this] { ingest_.room_changed(); };
    SLUICE_CO_TRY(writer_, co_await store::LogWriter::open(kernel_, directory, std::move(options), events));
    take_over(*writer_);
    if (!options_.store_path.empty()) {
        look_due_ = kernel_.clock().now() + kStoreLookInterval;
    }
    writing_.spawn("writer", &LogPipeline::write_groups, this);
    SLUICE_CO_CHECK(co_await read_open_rows());
    if (options_.seal.rows_max != 0) {
        start_sealing();
    }
    co_return Result<>{};
}

void LogPipeline::take_over(const store::LogWriter& writer) {
    if (writer.recovered().new_epoch) {
        ingest_.note_new_epoch(writer.epoch(), writer.next_sequence());
    }
    hub_.start({.store_id = writer.recovered().store_id,
                .epoch = writer.epoch(),
                .new_epoch = writer.recovered().new_epoch,
                .end_sequence = writer.next_sequence(),
                .catalog = writer.catalog(),
                .direct = writer.mode() == store::IoMode::direct,
                .parts = parts_->set(),
                .epochs = parts_->state().epochs});
    for (const store::Damage& damage : writer.recovered().damage) {
        hub_.note_told(damage);
    }
    for (const store::ProducerTable::Entry* known : writer.producers().entries()) {
        const std::uint64_t last = known->state.last_sequence;
        ingest_.restore_producer(known->id, known->uid,
                                 {.number = known->state.number, .last_sequence = last, .epoch = hub_.epoch_of(last)});
    }
    catalog_version_ = writer.catalog_version();
}

// What is not sealed comes back into memory, as far as it has room there.  The follower tells of damage, and passes
// over it.
Task<Result<>> LogPipeline::read_open_rows() {
    const std::uint64_t end = hub_.end_sequence();
    std::uint64_t from = hub_.sealed_end();
    std::uint64_t bytes = 0;
    const store::Catalog& catalog = hub_.catalog();
    for (std::size_t i = catalog.size() - 1; i-- > 0;) {  // The last one was begun just now.
        bytes += catalog[i].file_bytes;
        if (bytes > options_.seal.open_bytes_max && i + 2 < catalog.size()) {
            from = std::max(from, catalog[i + 1].header.first_sequence);
            break;
        }
    }
    LogFollower follower(kernel_, directory_->fd(), hub_);
    follower.seek(from);
    std::vector<StoredGroup> groups;
    while (options_.seal.rows_max != 0) {  // Bounded by the log.
        SLUICE_CO_TRY(const std::optional<GroupView> view, co_await follower.next(end));
        if (!view) {
            break;
        }
        auto copy = std::make_shared<const Bytes>(view->payload.begin(), view->payload.end());
        const ByteView payload(*copy);
        groups.push_back({std::move(copy), payload, view->epoch, view->first_sequence, view->count});
        follower.seek(view->end_sequence);
    }
    for (StoredGroup& group : groups) {
        hub_.restore(std::move(group));
    }
    co_return Result<>{};
}

void LogPipeline::start_sealing() {
    sealer_ = std::make_unique<LogSealer>(kernel_, directory_->fd(), hub_, *parts_, working_, options_.seal,
                                          log_bytes_max_, *events_);
    keeper_ = std::make_unique<LogKeeper>(kernel_, *directory_, hub_, *parts_, working_, options_.seal, *events_,
                                          last_written(*writer_, *parts_->set()));
    sealer_->on_sealed([this] {
        sealed_ = true;
        work_.set();
        keeper_->wake();
    });
    sealer_->on_failed([this] { ingest_.room_changed(); });
    keeper_->on_busy([this] { return sealer_->busy(); });
    keeper_->on_removed([this](const Removal& removal) { return note_removal(removal); });
    keeper_->on_clock_step([this](Duration step) {
        return ingest_.note_clock_step({.step = step, .text = store::clock_step_text(step)});
    });
    sealing_.spawn("seal", &LogSealer::run, sealer_.get());
    sealing_.spawn("keep parts", &LogKeeper::run, keeper_.get());
}

void LogPipeline::set_retention(const store::RetentionOptions& retention) {
    options_.seal.retention = retention;
    if (sealer_) {
        sealer_->set_retention(retention);
        keeper_->set_retention(retention);
    }
}

void LogPipeline::set_log_bytes_max(std::uint64_t bytes) {
    log_bytes_max_ = bytes;
    if (writer_) {
        writer_->set_log_bytes_max(bytes);
    }
    if (sealer_) {
        sealer_->set_log_bytes_max(bytes);
    }
    ingest_.room_changed();
}

bool LogPipeline::note_removal(const Removal& removal) {
    return ingest_.note_removed({.class_name = removal.class_name,
                                 .parts = removal.parts,
                                 .records = removal.rows,
                                 .bytes = removal.bytes,
                                 .first_sequence = removal.first_sequence,
                                 .last_sequence = removal.end_sequence - 1});
}

void LogPipeline::submit(std::unique_ptr<ingest::Group> group) {
    next_ = std::move(group);
    work_.set();
}

Task<Result<>> LogPipeline::stop() {
    stopping_ = true;
    work_.set();
    co_await writing_.join();
    sealing_.cancel();
    co_await sealing_.join();
    co_return closed_;
}

// ---- the writer ----

Task<> LogPipeline::write_groups() {
    Result<> woken;
    for (;;) {
        if (look_due_ && kernel_.clock().now() >= *look_due_) {
            co_await look_for_store();
        }
        if (sealed_) {
            co_await release_sealed();
        }
        if (next_) {
            written_since_look_ = true;
            co_await commit(std::exchange(next_, nullptr));
            continue;
        }
        if (stopping_ || !woken) {
            break;
        }
        woken = co_await wait_for_work();
    }
    co_await end_writing();
}

Task<> LogPipeline::end_writing() {
    if (gone_) {
        co_await coro::shield(writer_->abandon());
        closed_ = std::unexpected(*gone_);
    } else {
        closed_ = co_await coro::shield(writer_->close());
    }
    writer_.reset();
}

// Until a group arrives, or it is time to look for the store; syncs what is written when its time has come.
Task<Result<>> LogPipeline::wait_for_work() {
    work_.reset();
    if (sealed_) {
        co_return Result<>{};
    }
    const Clock& clock = kernel_.loop().clock();
    if (!writer_->has_unsynced() || gone_) {
        sync_due_.reset();
    } else if (!sync_due_) {
        sync_due_ = clock.now() + options_.sync_interval;
    }
    // Who is idle is not woken to look: the next group is written behind a look.
    const bool look = look_due_ && written_since_look_;
    if (!sync_due_ && !look) {
        co_return co_await work_.wait();
    }
    MonotonicTime until = sync_due_ ? *sync_due_ : *look_due_;
    if (look) {
        until = std::min(until, *look_due_);
    }
    Result<> woken = co_await coro::with_deadline(until, coro::wait_for(work_));
    if (woken || woken.error().code() != Errc::deadline_exceeded) {
        co_return woken;
    }
    if (sync_due_ && clock.now() >= *sync_due_) {
        sync_due_.reset();
        co_await sync_written();
    }
    co_return Result<>{};
}

// Files that were removed are written as before, and synced, until they are closed: nothing fails.  A store that is
// gone once stays so until the next start, which reads what is there: what came and went meanwhile cannot be known.
Task<> LogPipeline::look_for_store() {
    look_due_ = kernel_.clock().now() + kStoreLookInterval;
    written_since_look_ = false;
    const io::Handle* segment = writer_->segment_file();
    const std::string name =
        segment != nullptr ? store::segment_name(writer_->catalog().back().header.segment_id) : ".";
    const io::Handle& open = segment != nullptr ? *segment : *directory_;
    Result<> there = co_await store::check_leads_to(kernel_, options_.store_path + "/" + name, open);
    if (there) {  // A segment that was begun in an emptied directory is there.
        there = co_await store::check_is_there(kernel_, options_.store_path + "/" + store::kIdentityName);
    }
    if (there) {
        co_return;
    }
    look_due_.reset();
    gone_ =
        Error(Errc::io_error,
              fmt::format("the store in '{}' was removed or replaced while sluiced was running: {}; nothing is stored "
                          "until the store is put back and sluiced is restarted",
                          options_.store_path, there.error().text()));
    sealing_.cancel();  // Nothing of it belongs into what may be another store.
    events_->on_store_gone(*gone_);
    ingest_.room_changed();  // Who waits for it is refused.
}

Task<> LogPipeline::sync_written() {
    if (gone_) {
        co_return;
    }
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
    if (sealer_) {
        sealer_->note_written();
    }
}

// ---- what is sealed leaves the log ----

Task<> LogPipeline::release_sealed() {
    sealed_ = false;
    if (gone_) {
        co_return;
    }
    (void)co_await writer_->release(hub_.sealed_end());  // What it could not retire, the next call will.
    update_catalog();
    ingest_.room_changed();
}

// The last eighth of the log, where it is waited for the sealer, and of a segment, where for the next one, is left to
// those who write a little.
bool LogPipeline::short_of_room() const noexcept {
    if (!writer_ || gone_) {
        return false;
    }
    const bool sealing = sealer_ && !sealer_->failure() && hub_.end_sequence() > hub_.sealed_end();
    const std::uint64_t used = hub_.log_bytes() - std::min(hub_.log_bytes(), writer_->free_bytes());
    const bool log = sealing && used > log_bytes_max_ - log_bytes_max_ / 8;
    return log || writer_->waits_for_segment();
}

bool LogPipeline::log_is_too_long() const noexcept {
    return sealer_ && hub_.log_bytes() > log_bytes_max_;
}

// The segments are full of what is not sealed yet: records wait until the sealer has caught up.  Where it cannot, they
// are refused, because the log must not throw away what it has promised to keep.
Task<Result<>> LogPipeline::shorten_log() {
    co_await sync_written();  // Only what is durable can be sealed.
    for (;;) {                // Bounded: each turn has sealed something, or ends.
        co_await release_sealed();
        if (!log_is_too_long() || hub_.durable_sequence() <= hub_.sealed_end()) {
            co_return Result<>{};
        }
        if (sealer_->failure()) {
            co_return fail(Errc::no_space, "the log has reached {} bytes and cannot be sealed: {}", log_bytes_max_,
                           sealer_->failure()->text());
        }
        sealer_->urge();
        SLUICE_CO_CHECK(co_await sealer_->settled());
    }
}

void LogPipeline::update_catalog() {
    if (writer_->catalog_version() != catalog_version_) {
        catalog_version_ = writer_->catalog_version();
        hub_.set_catalog(writer_->catalog());
    }
}

Task<> LogPipeline::commit(std::unique_ptr<ingest::Group> group) {
    Result<store::Committed> committed = fail(Errc::internal, "not written");
    Result<> room;
    if (gone_) {
        room = std::unexpected(*gone_);
    } else if (log_is_too_long() && group->count != 0) {
        room = co_await shorten_log();
    }
    if (!room) {
        committed = std::unexpected(std::move(room).error());
    } else if (group->count == 0) {
        committed = co_await writer_->sync();
    } else {
        std::vector<store::ProducerMark> marks;
        for (const ingest::Entry& entry : group->entries) {
            if (entry.number != 0) {
                marks.push_back({entry.producer, entry.uid, entry.number, entry.first_record + entry.count});
            }
        }
        store::Group written(std::move(group->buffer), group->bytes, group->count);
        committed = co_await writer_->append(std::move(written), marks, group->durable);
    }
    update_catalog();
    if (!committed) {
        tell_durable();  // First: what it confirms is not refused with this group.
        ingest_.completed(std::move(group), std::unexpected(std::move(committed).error()));
        co_return;
    }
    if (group->count != 0) {
        const ByteView frame(committed->frame->data(), group->bytes);
        const std::size_t owner_bytes = committed->frame->capacity();
        hub_.publish({.owner = std::move(committed->frame),
                      .payload = frame.subspan(sizeof(store::FrameHeader)),
                      .epoch = committed->epoch,
                      .first_sequence = committed->first_sequence,
                      .count = group->count,
                      .owner_bytes = owner_bytes});
    }
    hub_.set_durable(committed->durable_sequence);
    if (sealer_) {
        sealer_->note_written();
    }
    ingest_.completed(std::move(group), ingest::CommitInfo{.epoch = committed->epoch,
                                                           .first_sequence = committed->first_sequence,
                                                           .durable_sequence = committed->durable_sequence});
}

}  // namespace sluice::server
