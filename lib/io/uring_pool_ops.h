// Operations without an io_uring opcode, run on the pool.  Internal to lib/io.
#pragma once

#include <functional>

#include "coro/pool.h"
#include "io/op.h"

namespace sluice::io::detail {

// Runs `op` (truncate, list, file_system or resemble) on `pool`, then done(op, result) on the thread of `loop`.  All
// are borrowed until then.
void run_on_pool(coro::Pool& pool, coro::Loop& loop, Op& op, std::function<void(Op&, std::int32_t)> done);

}  // namespace sluice::io::detail
