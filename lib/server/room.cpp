#include "server/room.h"

#include "coro/timeout.h"

namespace sluice::server {

Task<Result<Charge>> room_for_request(Room& room, std::size_t bytes, Duration timeout) {
    Result<Charge> charge = co_await coro::with_timeout(timeout, room.acquire(bytes));
    if (!charge && charge.error().code() == Errc::deadline_exceeded) {
        co_return fail(Errc::limit_exceeded,
                       "a request of {} bytes found no room for {} s: the requests of its user hold {} bytes, see "
                       "limits.user_memory_bytes_max",
                       bytes, whole_seconds(timeout), room.user().held_bytes());
    }
    co_return charge;
}

}  // namespace sluice::server
