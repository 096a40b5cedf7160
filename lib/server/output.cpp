#include "server/output.h"

#include "coro/timeout.h"

namespace sluice::server {
namespace {

constexpr std::size_t kKeptCapacity = 64 * 1024;  // Memory that an idle connection may keep for the next replies.
constexpr std::size_t kIdleCapacity = 2 * 1024;

Task<Result<std::size_t>> send_some(io::Kernel& kernel, const io::Handle& socket, ByteView bytes) {
    co_return co_await kernel.send(socket, bytes);
}

}  // namespace

Task<Result<>> Output::room() {
    while (crowded()) {
        if (lost_) {
            co_return fail(Errc::closed, "the connection is lost");
        }
        drained_.reset();
        SLUICE_CO_CHECK(co_await drained_.wait());
    }
    co_return Result<>{};
}

Task<Result<>> Output::run() {
    for (;;) {
        Result<> outcome;
        if (pending_.empty()) {
            if (finishing_) {
                co_return Result<>{};
            }
            if (sending_.capacity() > kIdleCapacity) {
                Bytes().swap(sending_);
            }
            work_.reset();
            outcome = co_await work_.wait();
        } else {
            std::swap(pending_, sending_);
            sending_charge_ = std::move(pending_charge_);
            outcome = co_await send_all();
            sending_charge_.release();
            sending_.clear();
            if (sending_.capacity() > kKeptCapacity) {
                Bytes().swap(sending_);
            }
        }
        if (!outcome) {
            lost_ = true;
        }
        drained_.set();
        if (!outcome) {
            co_return outcome;
        }
    }
}

Task<Result<>> Output::send_all() {
    ByteView rest = sending_;
    while (!rest.empty()) {  // Bounded: each turn sends at least one byte or fails.
        Result<std::size_t> n = co_await coro::with_timeout(options_.stall_timeout, send_some(kernel_, socket_, rest));
        if (!n && n.error().code() == Errc::deadline_exceeded) {
            co_return fail(Errc::closed, "the client has read nothing for {} s while {} bytes wait for it",
                           whole_seconds(options_.stall_timeout), waiting_bytes());
        }
        SLUICE_CO_TRY(const std::size_t sent, std::move(n));
        rest = rest.subspan(sent);
    }
    co_return Result<>{};
}

}  // namespace sluice::server
