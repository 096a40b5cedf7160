#include "listeners/losses.h"

#include <algorithm>

#include "coro/timeout.h"

namespace sluice::listeners {
namespace {

// What is lost meanwhile goes into one record.
constexpr Duration kReportDelay = std::chrono::milliseconds(250);
// Beyond them, reasons are not told apart either.
constexpr std::size_t kReportsMax = 2 * Losses::kSendersMax;

}  // namespace

void Losses::add(const ProcessPointer& sender, std::uint64_t records, std::string_view reason) {
    total_ += records;
    open({.sender = sender, .reason = std::string(reason), .records = records});
}

void Losses::on_lost(const std::shared_ptr<void>& sender, std::uint64_t records, const Error& why) {
    total_ += records;
    open({std::static_pointer_cast<Process>(sender), why.text(), records, /*counted=*/true});
}

void Losses::on_untold(const std::shared_ptr<void>& sender, std::uint64_t records, std::string_view reason) {
    reported_ -= records;
    open({std::static_pointer_cast<Process>(sender), std::string(reason), records, /*counted=*/true});
}

void Losses::open(Loss loss) {
    if (loss.records == 0) {
        return;
    }
    if (open_.size() >= kSendersMax) {
        loss.sender = nullptr;
    }
    const bool any_reason = open_.size() >= kReportsMax;
    const auto same = std::ranges::find_if(open_, [&](const Loss& other) {
        return other.sender == loss.sender && other.counted == loss.counted &&
               (other.reason == loss.reason || any_reason);
    });
    if (same != open_.end()) {
        same->records += loss.records;
    } else {
        open_.push_back(std::move(loss));
    }
    lost_.set();
}

bool Losses::tell() {
    while (!open_.empty()) {
        const Loss& loss = open_.back();
        ingest::Ingest::Dropped dropped{.listener = listener_,
                                        .reason = loss.reason,
                                        .records = loss.records,
                                        .comm = {},
                                        .unit = {},
                                        .origin = origin_of(loss.sender),
                                        .counted = loss.counted};
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
        (void)tell();  // Where there is no room, again after the next delay.
    }
}

Task<Result<>> Losses::report_all() {
    while (!tell()) {
        SLUICE_CO_CHECK(co_await coro::sleep_for(kReportDelay));
    }
    co_return Result<>{};
}

}  // namespace sluice::listeners
