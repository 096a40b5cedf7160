#include "wire/query_messages.h"

namespace sluice::wire {
namespace {

constexpr std::uint8_t kQueryExplain = 1;

}  // namespace

void QueryRequest::encode(Bytes& to) const {
    append_int(to, static_cast<std::uint8_t>(explain ? kQueryExplain : 0));
    append_zeros(to, 3);
    append_int(to, credit);
    append_int(to, newest);
    append_int(to, since_ns);
    append_int(to, until_ns);
    append_str(to, text);
}

Result<QueryRequest> QueryRequest::decode(ByteView payload) {
    Reader reader(payload);
    QueryRequest query;
    const auto flags = reader.u8();
    reader.zeros(3);
    if ((flags & ~kQueryExplain) != 0) {
        reader.refuse(Errc::unsupported, "unknown flag");
    }
    query.explain = (flags & kQueryExplain) != 0;
    query.credit = reader.u32();
    query.newest = reader.u64();
    query.since_ns = reader.i64();
    query.until_ns = reader.i64();
    query.text = reader.str(kQueryTextBytesMax);
    SLUICE_CHECK(reader.finish("query"));
    return query;
}

void QueryChunk::encode(Bytes& to) const {
    append_int(to, progress.records);
    append_int(to, progress.records_total);
    append_int(to, epoch);
    append_int(to, entries.size());
    sluice::append(to, entries.bytes());
}

Result<QueryChunk> QueryChunk::decode(ByteView payload, const RecordLimits& limits) {
    Reader reader(payload);
    QueryChunk chunk;
    chunk.progress.records = reader.u64();
    chunk.progress.records_total = reader.u64();
    chunk.epoch = reader.u32();
    const auto count = reader.u32();
    const ByteView entries = reader.rest();
    SLUICE_CHECK(reader.finish("query chunk"));
    SLUICE_TRY(chunk.entries, parse_tail_entries(entries, count, limits));
    return chunk;
}

void QueryEnd::encode(Bytes& to) const {
    append_int(to, epoch);
    append_int(to, counts.parts);
    append_int(to, counts.parts_skipped);
    append_int(to, counts.parts_damaged);
    append_cursor(to, read_through);
    append_int(to, counts.records);
    append_int(to, counts.matched);
    append_int(to, counts.rows);
    append_int(to, counts.bytes_read);
    append_int(to, counts.elapsed_us);
    append_str(to, explain.substr(0, kExplainBytesMax));
}

Result<QueryEnd> QueryEnd::decode(ByteView payload) {
    Reader reader(payload);
    QueryEnd end;
    end.epoch = reader.u32();
    end.counts.parts = reader.u32();
    end.counts.parts_skipped = reader.u32();
    end.counts.parts_damaged = reader.u32();
    end.read_through = reader.cursor();
    end.counts.records = reader.u64();
    end.counts.matched = reader.u64();
    end.counts.rows = reader.u64();
    end.counts.bytes_read = reader.u64();
    end.counts.elapsed_us = reader.u64();
    end.explain = reader.str(kExplainBytesMax);
    SLUICE_CHECK(reader.finish("query end"));
    return end;
}

}  // namespace sluice::wire
