// One TAIL: finds the place to begin at, and sends what matches from there on, as the client is ready for it.
// Threads: the service loop's; what takes long to test is tested on the pool.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "query/plan.h"
#include "server/log_follower.h"
#include "server/reply_stream.h"
#include "server/shared.h"

namespace sluice::server {

class TailRun {
 public:
    // Borrows all until destroyed.  `plan`: of the request's query; null: it has none.
    TailRun(Shared& shared, User& user, const wire::TailRequest& wanted, std::shared_ptr<const query::Plan> plan,
            ReplyStream& stream);

    // Success: the end was reached; one that follows has none.  Errors: those of LogFollower; cancelled.
    Task<Result<>> run();
    // The last record that was looked at.
    const wire::Cursor& last() const noexcept { return last_; }

 private:
    // A frame with what matches of some records, and where the next one begins.
    struct Piece {
        Bytes frame;                // Empty: nothing matches.
        std::uint64_t next = 0;     // Sequence.
        std::size_t too_small = 0;  // The first match alone takes so many bytes; nothing was made.
    };
    Task<Result<std::uint64_t>> start(std::uint64_t end);
    Task<Result<std::optional<GroupView>>> next_group(std::uint64_t limit);
    Task<Result<bool>> tell_lost(std::vector<store::Damage> lost);
    Task<Result<>> deliver(const GroupView& group, std::uint64_t end);
    Task<Result<bool>> room(std::size_t bytes);
    Task<Result<Piece>> make_piece(const GroupView& group, std::uint64_t end, std::size_t bytes_max);
    Piece piece_of(const GroupView& group, std::uint64_t end, std::size_t bytes_max) const;
    bool selects(const wire::TailEntry& entry, Bytes& row) const;
    void add(const wire::TailEntry& entry, wire::TailChunkBuilder& chunk) const;
    std::uint64_t written() const noexcept;
    void let_go() noexcept;

    Shared& shared_;
    User& user_;
    const wire::TailRequest& wanted_;
    std::shared_ptr<const query::Plan> plan_;
    ReplyStream& stream_;
    LogHub& hub_;
    LogFollower follower_;
    std::optional<coro::Units> reading_;  // Of User::file_tails, while follower_ holds what it read from files.
    Charge charge_;                       // For the next frame.
    Bytes scratch_;
    wire::Cursor last_;
    std::map<std::pair<std::string, std::uint64_t>, std::uint64_t> told_;  // Damage by place: up to which record.
};

}  // namespace sluice::server
