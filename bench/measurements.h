// The measurements.  Each runs once for options.seconds and adds its figures to the report.
#pragma once
#include "measure.h"

namespace sluice::bench {

// One client process sends batches over a Unix stream; they are written, unparsed, into a zero-filled file with
// O_DIRECT; the client has at most 64 unanswered batches.  Adds "stream_to_log.N" (records/s acknowledged as written).
void stream_to_log(const Options& options, std::size_t records_per_batch, Report& report);

// One writer makes `records` durable in each commit; nothing else.  Adds "group_commit.N" (records/s) and
// "group_commit.N.commit" (us), each from the better of io_uring O_DIRECT|O_DSYNC and pwrite + fdatasync.
void group_commit(const Options& options, std::size_t records, Report& report);

// One writer, one block at a time.  Adds "durable_write.{direct,fdatasync}.BYTES.{p50,p99}" (us).
void durable_write(const Options& options, std::size_t bytes, Report& report);

// Every connection keeps one request of 200 bytes in flight; each is answered with 64 bytes at once.
// Adds "round_trip.N" (requests/s), ".p50" and ".p99" (us).
void round_trip(const Options& options, std::size_t connections, Report& report);

// The same, but a request is answered only when it is durable: the server commits whatever arrived during the last
// commit with one write, and has at most `writes_in_flight` of them.  Adds "durable_round_trip.N", ".p50" and ".p99",
// or "durable_round_trip.N.writesM" for more than one write.
void durable_round_trip(const Options& options, std::size_t connections, std::size_t writes_in_flight, Report& report);

}  // namespace sluice::bench
