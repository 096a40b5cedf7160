#include "server/log_sealer.h"

#include "coro/timeout.h"
#include "server/log_follower.h"

namespace sluice::server {
namespace {

// After a failure, doubled with each further one.
constexpr Duration kRetryDelay = std::chrono::milliseconds(100);
constexpr unsigned kRetryDoublingsMax = 6;  // 6.4 s.

}  // namespace

LogSealer::LogSealer(io::Kernel& kernel, int directory, LogHub& hub, store::PartStore& parts, coro::Offload& work,
                     SealOptions options, std::uint64_t log_bytes_max, store::StoreEvents& events)
    : kernel_(kernel),
      directory_(directory),
      hub_(hub),
      parts_(parts),
      work_(work),
      options_(std::move(options)),
      classes_(std::make_shared<store::RetentionOptions>(options_.retention)),
      log_bytes_max_(log_bytes_max),
      events_(events) {
    note_written();
}

void LogSealer::set_retention(const store::RetentionOptions& retention) {
    classes_ = std::make_shared<store::RetentionOptions>(retention);
}

bool LogSealer::due() const noexcept {
    const std::uint64_t sealed_end = hub_.sealed_end();
    const std::uint64_t durable = hub_.durable_sequence();
    if (durable <= sealed_end) {
        return false;
    }
    const bool long_log = hub_.catalog().size() > 1 && hub_.log_bytes() > log_bytes_max_ / 2;
    return urged_ || long_log || durable - sealed_end >= options_.rows_max || hub_.open_bytes() >= options_.bytes_max ||
           (open_since_ && kernel_.clock().now() >= *open_since_ + options_.delay_max);
}

void LogSealer::note_written() {
    const bool open = hub_.end_sequence() > hub_.sealed_end();
    if (!open) {
        open_since_.reset();
    } else if (!open_since_) {
        open_since_ = kernel_.clock().now();
        wake_.set();  // To wait for the time from now on.
    }
    const bool durable = hub_.durable_sequence() > hub_.sealed_end();
    if (open && (due() || (durable && waits_for_disk_))) {
        wake_.set();
    }
}

void LogSealer::urge() {
    urged_ = true;
    wake_.set();
}

Task<Result<>> LogSealer::wait_until_due() {
    while (!due()) {
        wake_.reset();
        Result<> woken;
        if (open_since_ && hub_.durable_sequence() > hub_.sealed_end()) {
            woken = co_await coro::with_deadline(*open_since_ + options_.delay_max, coro::wait_for(wake_));
        } else {
            waits_for_disk_ = true;
            woken = co_await wake_.wait();
            waits_for_disk_ = false;
        }
        if (!woken && woken.error().code() != Errc::deadline_exceeded) {
            co_return woken;
        }
    }
    co_return Result<>{};
}

Task<> LogSealer::run() {
    for (;;) {
        const Result<> woken = co_await wait_until_due();
        if (!woken) {
            co_return;
        }
        sealing_ = true;
        Result<> sealed = co_await seal();
        sealing_ = false;
        if (sealed) {
            failure_.reset();
            failures_ = 0;
            told_();
        } else {
            failure_ = sealed.error();
            told_failure_();
        }
        settled_.set();
        settled_.reset();
        if (!sealed) {
            if (sealed.error().code() == Errc::cancelled) {
                co_return;
            }
            events_.on_seal_failed(*failure_);
            const Duration delay = kRetryDelay * (1U << std::min(failures_++, kRetryDoublingsMax));
            const Result<> slept = co_await coro::sleep_for(delay);
            if (!slept) {
                co_return;
            }
        }
    }
}

bool LogSealer::fits(const Take& take, std::uint32_t count) const noexcept {
    return take.groups.empty() || (take.rows + count <= options_.rows_max && take.bytes < options_.bytes_max);
}

// Whole groups, durable, oldest first: from memory, or from the segments where they had no room there.  Of what is
// damaged there the follower tells.
Task<Result<LogSealer::Take>> LogSealer::take_groups() {
    Take take;
    take.end = hub_.sealed_end();
    const std::uint64_t limit = hub_.durable_sequence();
    LogFollower follower(kernel_, directory_, hub_);
    while (take.end < limit) {  // Bounded by the options.
        store::SealGroup next;
        if (const StoredGroup* group = hub_.find(take.end)) {
            next = {group->owner, group->payload, group->epoch, group->first_sequence, group->count};
        } else {
            follower.seek(take.end);
            SLUICE_CO_TRY(const std::optional<GroupView> view, co_await follower.next(limit));
            if (!view) {
                take.missing_rows += limit - take.end;
                take.end = limit;
                break;
            }
            auto copy = std::make_shared<const Bytes>(view->payload.begin(), view->payload.end());
            const ByteView payload(*copy);
            next = {std::move(copy), payload, view->epoch, view->first_sequence, view->count};
        }
        if (!fits(take, next.count)) {
            break;
        }
        take.missing_rows += next.first_sequence - take.end;
        take.rows += next.count;
        take.bytes += next.payload.size();
        take.end = next.first_sequence + next.count;
        take.groups.push_back(std::move(next));
    }
    co_return take;
}

Task<Result<>> LogSealer::seal() {
    urged_ = false;
    SLUICE_CO_TRY(Take take, co_await take_groups());
    store::PartStore::Seal seal;
    seal.sealed_end = take.end;
    seal.missing_rows = take.missing_rows;
    seal.epochs = hub_.epochs();
    if (!take.groups.empty()) {
        const part::BuildOptions options{
            .zstd_level = options_.zstd_level, .page_rows = options_.page_rows, .store_id = hub_.store_id()};
        auto build = [groups = std::move(take.groups), classes = classes_, options]() mutable {
            return store::build_parts(std::move(groups), *classes, options);
        };
        SLUICE_CO_TRY(Result<std::vector<store::PartImage>> images, co_await work_.run(std::move(build)));
        SLUICE_CO_TRY(seal.images, std::move(images));
    }
    SLUICE_CO_CHECK(co_await parts_.add(std::move(seal)));
    hub_.set_parts(parts_.set(), take.bytes);
    open_since_.reset();
    note_written();
    co_return Result<>{};
}

}  // namespace sluice::server
