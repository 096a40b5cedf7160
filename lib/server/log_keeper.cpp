#include "server/log_keeper.h"

#include "coro/timeout.h"
#include "store/seal.h"

namespace sluice::server {
namespace {

// Beyond so many parts they are merged although there is other work: each costs memory and a look of every query.
constexpr std::size_t kPartsMax = 1024;

// One for each run of neighbours.
std::vector<Removal> removals_of(const store::PartSet& set, const std::vector<store::PartPointer>& expired) {
    const std::set<store::PartPointer> gone(expired.begin(), expired.end());
    std::vector<Removal> removals;
    for (const store::PartSet::Class& one : set.classes) {
        bool run = false;
        for (const store::PartPointer& part : one.parts) {
            const bool goes = gone.contains(part);
            if (goes && !run) {
                removals.push_back({.class_name = one.name, .first_sequence = part->name.first_sequence});
            }
            if (goes) {
                Removal& removal = removals.back();
                removal.parts += 1;
                removal.rows += part->part->summary().rows;
                removal.bytes += part->bytes;
                removal.end_sequence = part->name.end_sequence;
            }
            run = goes;
        }
    }
    return removals;
}

}  // namespace

LogKeeper::LogKeeper(io::Kernel& kernel, const io::Handle& directory, LogHub& hub, store::PartStore& parts,
                     coro::Offload& work, SealOptions options, store::StoreEvents& events,
                     std::optional<WallNs> written)
    : kernel_(kernel),
      directory_(directory),
      hub_(hub),
      parts_(parts),
      work_(work),
      options_(std::move(options)),
      events_(events),
      ages_(kernel.clock().now(), kernel.clock().wall_now(), written) {}

void LogKeeper::set_retention(const store::RetentionOptions& retention) {
    options_.retention = retention;
    wake_.set();
}

void LogKeeper::tell() {
    std::erase_if(untold_, [this](const Removal& removal) { return told_(removal); });
    std::erase_if(untold_steps_, [this](Duration step) { return step_told_(step); });
}

void LogKeeper::read_clock() {
    const store::AgeClock::Reading reading = ages_.read(kernel_.clock().now(), kernel_.clock().wall_now());
    age_now_ = reading.now;
    if (reading.step.count() != 0 && options_.retention.by_age()) {
        events_.on_clock_step(reading.step);
        untold_steps_.push_back(reading.step);
    }
}

Task<Result<>> LogKeeper::expire() {
    if (parts_.set()->empty() || !options_.retention.limited()) {
        co_return Result<>{};
    }
    std::uint64_t free_bytes = store::kNoLimit;
    if (options_.retention.keep_free != 0) {
        SLUICE_CO_TRY(const io::FileSystem found, co_await kernel_.file_system(directory_));
        free_bytes = found.free_bytes;
    }
    std::vector<store::PartPointer> expired =
        store::choose_expired(*parts_.set(), options_.retention, age_now_, free_bytes);
    if (expired.empty()) {
        co_return Result<>{};
    }
    std::vector<Removal> removals = removals_of(*parts_.set(), expired);
    SLUICE_CO_CHECK(co_await parts_.remove(std::move(expired)));
    hub_.set_parts(parts_.set(), 0);
    std::ranges::move(removals, std::back_inserter(untold_));
    co_return Result<>{};
}

// True: there may be more to merge.
Task<Result<bool>> LogKeeper::merge() {
    if (busy_() && parts_.set()->size() < kPartsMax) {
        co_return false;
    }
    std::vector<store::PartPointer> inputs =
        store::choose_merge(*parts_.set(), options_.retention, options_.merge, spared_);
    if (inputs.empty()) {
        co_return false;
    }
    const part::BuildOptions build{
        .zstd_level = options_.merge_zstd_level, .page_rows = options_.page_rows, .store_id = hub_.store_id()};
    auto merge = [inputs, build] { return store::merge_parts(inputs, build); };
    SLUICE_CO_TRY(Result<store::PartImage> image, co_await work_.run(std::move(merge)));
    if (!image && image.error().code() == Errc::corrupt) {
        for (const store::PartPointer& input :
             inputs) {  // One of them is damaged; what can be read of it stays readable.
            spared_.insert(input->file);
        }
    }
    SLUICE_CO_TRY(store::PartImage merged, std::move(image));
    SLUICE_CO_CHECK(co_await parts_.replace(std::move(inputs), std::move(merged)));
    hub_.set_parts(parts_.set(), 0);
    co_return true;
}

Task<> LogKeeper::run() {
    for (;;) {
        wake_.reset();
        read_clock();
        Result<> kept = co_await expire();
        tell();
        bool more = false;
        if (kept) {
            Result<bool> merged = co_await merge();
            more = merged && *merged;
            if (!merged) {
                kept = std::unexpected(std::move(merged).error());
            }
        }
        if (!kept && kept.error().code() != Errc::cancelled) {
            events_.on_seal_failed(kept.error());
        }
        if (more) {
            continue;
        }
        const Result<> woken = co_await coro::with_timeout(options_.check_interval, coro::wait_for(wake_));
        if (!woken && woken.error().code() != Errc::deadline_exceeded) {
            co_return;
        }
    }
}

}  // namespace sluice::server
