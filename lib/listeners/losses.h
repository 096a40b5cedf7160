// What a listener could not keep, by sender: told in the log within a second, also of senders that stay silent.
// Threads: those of its loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "coro/sync.h"
#include "coro/task.h"
#include "ingest/ingest.h"
#include "listeners/process_table.h"

namespace sluice::listeners {

class Losses final : public ingest::LossTarget {
 public:
    static constexpr std::size_t kSendersMax = 256;  // Told apart in one report; the rest together.

    // Borrows `ingest` until destroyed.
    Losses(ingest::Ingest& ingest, std::string listener) noexcept : ingest_(ingest), listener_(std::move(listener)) {}

    void add(const ProcessPointer& sender, std::uint64_t records, std::string_view reason);
    // Goes with the batches of `sender`: what the disk refuses of them is told here, too.
    ingest::Origin origin_of(const ProcessPointer& sender) noexcept { return {this, sender}; }
    void on_lost(const std::shared_ptr<void>& sender, std::uint64_t records, const Error& why) override;
    void on_untold(const std::shared_ptr<void>& sender, std::uint64_t records, std::string_view reason) override;
    bool tell() override;
    // Writes gap records until cancelled.
    Task<> run();
    // Writes what is not told yet, and waits for room.  For the end.
    Task<Result<>> report_all();

    std::uint64_t total() const noexcept { return total_; }
    std::uint64_t reported() const noexcept { return reported_; }

 private:
    struct Loss {
        ProcessPointer sender;  // Null: several.
        std::string reason;
        std::uint64_t records = 0;
        bool counted = false;  // By the queue.
    };
    void open(Loss loss);

    ingest::Ingest& ingest_;
    std::string listener_;
    std::vector<Loss> open_;
    std::uint64_t total_ = 0;
    std::uint64_t reported_ = 0;
    coro::Event lost_;
};

}  // namespace sluice::listeners
