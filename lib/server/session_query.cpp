// QUERY: the question, and the stream of its answer.
#include "coro/timeout.h"
#include "query/parser.h"
#include "server/log_units.h"
#include "server/session.h"

namespace sluice::server {
namespace {

constexpr Duration kProgressInterval = std::chrono::milliseconds(200);
static_assert(query::kQueryBytesMax == wire::kQueryTextBytesMax);

class QueryStream final : public RowSink {
 public:
    QueryStream(ReplyStream& stream, QuerySlot& slot, const Clock& clock, Duration idle_max,
                std::uint32_t epoch) noexcept
        : stream_(stream),
          slot_(slot),
          clock_(clock),
          idle_max_(idle_max),
          epoch_(epoch),
          next_progress_(clock.now() + kProgressInterval) {}

    Task<Result<>> rows(const Bytes& entries, const wire::QueryProgress& progress) override {
        for (std::size_t at = 0; at < entries.size();) {  // Bounded: each turn sends at least one entry.
            std::size_t end = at;
            std::uint32_t count = 0;
            while (end < entries.size() && end - at < kChunkBytes) {
                end += wire::TailEntryCodec::size(entries.data() + end);
                ++count;
            }
            SLUICE_CO_TRY(Charge charge, co_await ready(end - at));
            const wire::QueryChunk chunk{
                .progress = progress,
                .epoch = epoch_,
                .entries = wire::TailEntryRange(ByteView(entries).subspan(at, end - at), count)};
            send(chunk, std::move(charge));
            rows_ += count;
            at = end;
        }
        co_return Result<>{};
    }
    void progress(const wire::QueryProgress& progress) override {
        if (clock_.now() >= next_progress_ && stream_.has_room()) {
            send({.progress = progress, .epoch = epoch_, .entries = {}}, {});
        }
    }
    std::uint64_t row_count() const noexcept { return rows_; }

 private:
    Task<Result<Charge>> ready(std::size_t bytes) {
        if (std::optional<Charge> charge = stream_.try_ready(bytes)) {
            co_return std::move(*charge);
        }
        slot_.begin_wait();
        Result<Charge> charge = co_await coro::with_timeout(idle_max_, stream_.ready(bytes));
        slot_.end_wait();
        if (!charge && charge.error().code() == Errc::deadline_exceeded) {
            co_return fail(Errc::deadline_exceeded,
                           "no row was taken for {} s, limits.query_idle_timeout: the query gave its place back",
                           whole_seconds(idle_max_));
        }
        co_return charge;
    }
    void send(const wire::QueryChunk& chunk, Charge charge) {
        stream_.send_message(chunk, std::move(charge));
        next_progress_ = clock_.now() + kProgressInterval;
    }

    ReplyStream& stream_;
    QuerySlot& slot_;
    const Clock& clock_;
    Duration idle_max_;
    std::uint32_t epoch_;
    MonotonicTime next_progress_;
    std::uint64_t rows_ = 0;
};

std::uint32_t to_u32(std::uint64_t value) noexcept {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, UINT32_MAX));
}

wire::QueryCounts counts_of(const QueryRun& run, std::uint64_t rows, Duration elapsed) {
    const query::ScanCounters& found = run.counters();
    std::uint64_t skipped = found.parts_skipped_time + found.parts_skipped_sequence + found.parts_skipped_range +
                            found.parts_skipped_dictionary + found.parts_skipped_templates + found.parts_skipped_field;
    for (const auto& [word, parts] : found.parts_skipped_word) {
        skipped += parts;
    }
    return {.records = run.progress().records,
            .matched = found.rows_matched,
            .rows = rows,
            .bytes_read = found.bytes_decoded,
            .parts = to_u32(found.parts - skipped),
            .parts_skipped = to_u32(skipped),
            .parts_damaged = run.damaged(),
            .elapsed_us =
                static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count())};
}

}  // namespace

Task<Result<std::shared_ptr<const query::Plan>>> make_plan(Shared& shared, std::string_view text,
                                                           const query::PlanOptions& options) {
    using Made = Result<std::shared_ptr<const query::Plan>>;
    auto work = [text, &options]() -> Made {
        const query::Parsed<query::Query> parsed = query::parse_query(text);
        if (!parsed) {
            return fail(Errc::invalid_argument, "{}", parsed.error().text());
        }
        return query::Plan::make(*parsed, options);
    };
    SLUICE_CO_TRY(Made made, co_await shared.workers.run(work));
    co_return std::move(made);
}

Task<Result<>> Session::query(const OwnedRequest& request) {
    SLUICE_CO_TRY(const wire::QueryRequest wanted, wire::QueryRequest::decode(request.payload));
    ReplyStream stream(output_, shared_.turns, request.header.id, wanted.credit);
    const StreamEntry listed(*this, stream);
    QuerySlot slot(shared_.query_slots, peer_.credentials.uid, ends_request(request.header.id));
    SLUICE_CO_CHECK(co_await slot.take());
    ++shared_.counters.queries;
    query::PlanOptions options;
    options.now = kernel_.clock().wall_now();
    options.memory_bytes_max = shared_.limits.query.memory_bytes_max;
    options.memory = &user_.query_memory;
    options.explain = wanted.explain;
    if (wanted.newest != wire::kAllRecords) {
        options.newest = wanted.newest;
    }
    options.time = {wanted.since_ns, wanted.until_ns};
    SLUICE_CO_TRY(const std::shared_ptr<const query::Plan> plan, co_await make_plan(shared_, wanted.text, options));
    co_return co_await run_query(plan, stream, slot);
}

Task<Result<>> Session::run_query(const std::shared_ptr<const query::Plan>& plan, ReplyStream& stream,
                                  QuerySlot& slot) {
    LogHub& hub = shared_.log.hub();
    const MonotonicTime started = kernel_.clock().now();
    const wire::Cursor read_through{.store = hub.store_id(), .epoch = hub.epoch(), .sequence = hub.end_sequence() - 1};
    LogUnits units(kernel_, shared_.store_directory, hub, plan);
    QueryStream rows(stream, slot, kernel_.clock(), shared_.limits.query.idle_max, hub.epoch());
    QueryRun run(plan, shared_.workers);
    SLUICE_CO_CHECK(co_await run.run(units, rows));
    const std::string explain = plan->options().explain ? run.explain() : std::string();
    const std::size_t explain_bytes_max =
        std::min<std::size_t>(wire::kExplainBytesMax, shared_.limits.frame_bytes_max / 2);
    const wire::QueryCounts counts = counts_of(run, rows.row_count(), kernel_.clock().now() - started);
    const wire::QueryEnd end{.epoch = hub.epoch(),
                             .read_through = read_through,
                             .counts = counts,
                             .explain = std::string_view(explain).substr(0, explain_bytes_max)};
    SLUICE_CO_TRY(Charge charge, co_await output_.reserve(end.explain.size()));
    output_.reply(stream.id(), end, {}, std::move(charge));
    co_return Result<>{};
}

}  // namespace sluice::server
