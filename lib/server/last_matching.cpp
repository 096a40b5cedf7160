#include "server/last_matching.h"

#include "store/part_reader.h"

namespace sluice::server {
namespace {

// What one job of the pool tests, at least: the way there and back costs as much as some 100 records.
constexpr std::size_t kTestBytes = std::size_t{256} * 1024;

}  // namespace

Task<Result<std::uint64_t>> LastMatching::find(std::uint64_t n, std::uint64_t limit) {
    wanted_ = n;
    start_ = limit_ = rest_limit_ = limit;
    SLUICE_CO_CHECK(co_await search_memory());
    const std::uint64_t sealed_end = hub_.sealed_end();
    for (const Window window : log_windows(rest_limit_)) {
        if (wanted_ == 0) {
            co_return start_;
        }
        SLUICE_CO_CHECK(co_await search(window));
    }
    const store::PartReader parts(hub_.parts());
    const std::uint64_t oldest = parts.parts()->oldest_sequence();
    for (std::uint64_t to = std::min(rest_limit_, sealed_end); wanted_ != 0 && to > oldest;) {  // Bounded by the pages.
        const Window window{parts.page_before(to, oldest), to};
        SLUICE_CO_CHECK(co_await search(window));
        to = window.from;
    }
    co_return start_;
}

// Newest first: the groups in memory, which is where most searches end.
Task<Result<>> LastMatching::search_memory() {
    const std::vector<StoredGroup> recent(hub_.recent().begin(), hub_.recent().end());  // As they are now.
    for (std::size_t end = recent.size(); end > 0 && wanted_ != 0;) {
        std::vector<GroupView> groups;
        for (std::size_t bytes = 0; end > 0 && bytes < kTestBytes; --end) {
            const StoredGroup& group = recent[end - 1];
            if (group.end_sequence() < rest_limit_) {
                end = 0;  // Damage; the files know what is there.
                break;
            }
            rest_limit_ = std::min(rest_limit_, group.first_sequence);
            bytes += group.payload.size();
            groups.insert(groups.begin(), view_of(group));
        }
        const Window below{0, limit_};
        SLUICE_CO_TRY(const Found found, co_await test(std::move(groups), below));
        take(found);
    }
    co_return Result<>{};
}

Task<Result<>> LastMatching::search(Window window) {
    LogFollower scan(kernel_, directory_, hub_);
    scan.seek(window.from);
    Found last;
    for (;;) {  // Bounded by the window.
        SLUICE_CO_TRY(const std::optional<GroupView> group, co_await scan.next(window.to));
        if (!group) {
            break;
        }
        std::vector<GroupView> groups{*group};
        const Window rest{scan.position(), window.to};
        SLUICE_CO_TRY(const Found found, co_await test(std::move(groups), rest));
        last.insert(last.end(), found.begin(), found.end());
        while (last.size() > wanted_) {
            last.pop_front();
        }
        scan.seek(group->end_sequence);
    }
    take(last);
    co_return Result<>{};
}

// Of groups whose bytes stay where they are until this ends.
Task<Result<LastMatching::Found>> LastMatching::test(std::vector<GroupView> groups, Window window) {
    auto work = [this, &groups, window] {
        Found found;
        for (const GroupView& group : groups) {
            for_each_entry(group, window.from, [&](const wire::TailEntry& entry) {
                if (entry.sequence < window.to && matches_(entry)) {
                    found.push_back(entry.sequence);
                    if (found.size() > wanted_) {
                        found.pop_front();
                    }
                }
                return true;
            });
        }
        return found;
    };
    co_return co_await workers_.run(work);
}

void LastMatching::take(const Found& found) noexcept {
    if (!found.empty()) {
        wanted_ -= found.size();
        start_ = found.front();
    }
}

// The segments, as far as they are not sealed.
std::vector<LastMatching::Window> LastMatching::log_windows(std::uint64_t limit) const {
    std::vector<Window> windows;
    const store::Catalog& catalog = hub_.catalog();
    for (std::size_t index = catalog.size(); index-- > 0;) {
        const Window window{std::max(catalog[index].header.first_sequence, hub_.sealed_end()),
                            std::min(limit, store::sequence_limit(catalog, index))};
        if (window.from < window.to) {
            windows.push_back(window);
        }
    }
    return windows;
}

}  // namespace sluice::server
