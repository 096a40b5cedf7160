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

class Losses {
 public:
    static constexpr std::size_t kSendersMax = 256;  // Told apart in one report; the rest together.

    // Borrows `ingest` until destroyed.
    Losses(ingest::Ingest& ingest, std::string listener) noexcept : ingest_(ingest), listener_(std::move(listener)) {}

    // `reason`: a literal.
    void add(const ProcessPointer& sender, std::uint64_t records, std::string_view reason);
    // Writes gap records until cancelled.
    Task<> run();
    // Writes what is not told yet, and waits for room.  For the end.
    Task<Result<>> report_all();

    std::uint64_t total() const noexcept { return total_; }
    std::uint64_t reported() const noexcept { return reported_; }

 private:
    struct Loss {
        ProcessPointer sender;  // Null: several.
        std::string_view reason;
        std::uint64_t records = 0;
    };
    bool report();

    ingest::Ingest& ingest_;
    std::string listener_;
    std::vector<Loss> open_;
    std::uint64_t total_ = 0;
    std::uint64_t reported_ = 0;
    coro::Event lost_;
};

}  // namespace sluice::listeners
