#include "listeners/losses.h"

#include <algorithm>

#include "coro/timeout.h"

namespace sluice::listeners {
namespace {

// What is lost meanwhile goes into one record.
constexpr Duration kReportDelay = std::chrono::milliseconds(250);

}  // namespace

void Losses::add(const ProcessPointer& sender, std::uint64_t records, std::string_view reason) {
    if (records == 0) {
        return;
    }
    total_ += records;
    auto same =
        std::ranges::find_if(open_, [&](const Loss& loss) { return loss.sender == sender && loss.reason == reason; });
    if (same == open_.end() && open_.size() >= kSendersMax) {
        same = std::ranges::find_if(open_, [&](const Loss& loss) { return !loss.sender && loss.reason == reason; });
    }
    if (same != open_.end()) {
        same->records += records;
    } else {
        open_.push_back({open_.size() < kSendersMax ? sender : nullptr, reason, records});
    }
    lost_.set();
}

bool Losses::report() {
    while (!open_.empty()) {
        const Loss& loss = open_.back();
        ingest::Ingest::Dropped dropped{
            .listener = listener_, .reason = loss.reason, .records = loss.records, .comm = {}, .unit = {}};
        if (loss.sender) {
            const io::PeerCredentials& sender = loss.sender->credentials;
            dropped.pid = sender.pid;
            dropped.uid = sender.uid;
            dropped.comm = loss.sender->facts.comm;
            dropped.unit = loss.sender->facts.unit;
        }
        if (!ingest_.note_dropped(dropped)) {
            return false;
        }
        reported_ += loss.records;
        open_.pop_back();
    }
    lost_.reset();
    return true;
}

Task<> Losses::run() {
    for (;;) {
        const Result<> woken = co_await lost_.wait();
        if (!woken) {
            co_return;
        }
        const Result<> slept = co_await coro::sleep_for(kReportDelay);
        if (!slept) {
            co_return;
        }
        (void)report();  // Where there is no room, again after the next delay.
    }
}

Task<Result<>> Losses::report_all() {
    while (!report()) {
        SLUICE_CO_CHECK(co_await coro::sleep_for(kReportDelay));
    }
    co_return Result<>{};
}

}  // namespace sluice::listeners
