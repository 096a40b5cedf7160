// QUERY: the question, and the stream of its answer.
#include "query/parser.h"
#include "server/log_units.h"
#include "server/session.h"

namespace sluice::server {
namespace {

constexpr Duration kProgressInterval = std::chrono::milliseconds(200);
static_assert(query::kQueryBytesMax == wire::kQueryTextBytesMax);

// One of the queries that may run at a time.
class QuerySlot {
 public:
    static Result<QuerySlot> take(Shared& shared) {
        if (shared.queries_running >= shared.limits.queries_max) {
            return fail(Errc::limit_exceeded, "{} queries are running, limits.queries_max", shared.queries_running);
        }
        return QuerySlot(shared);
    }
    QuerySlot(QuerySlot&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
    QuerySlot& operator=(QuerySlot&&) = delete;
    ~QuerySlot() {
        if (shared_ != nullptr) {
            --shared_->queries_running;
        }
    }

 private:
    explicit QuerySlot(Shared& shared) noexcept : shared_(&shared) {
        ++shared.queries_running;
        ++shared.counters.queries;
    }
    Shared* shared_;
};

class QueryStream final : public RowSink {
 public:
    QueryStream(ReplyStream& stream, const Clock& clock, std::uint32_t epoch) noexcept
        : stream_(stream), clock_(clock), epoch_(epoch), next_progress_(clock.now() + kProgressInterval) {}

    Task<Result<>> rows(const Bytes& entries, const wire::QueryProgress& progress) override {
        for (std::size_t at = 0; at < entries.size();) {  // Bounded: each turn sends at least one entry.
            SLUICE_CO_CHECK(co_await stream_.ready());
            std::size_t end = at;
            std::uint32_t count = 0;
            while (end < entries.size() && (count == 0 || end - at < kChunkBytes)) {
                end += wire::TailEntryCodec::size(entries.data() + end);
                ++count;
            }
            send({.progress = progress,
                  .epoch = epoch_,
                  .entries = wire::TailEntryRange(ByteView(entries).subspan(at, end - at), count)});
            rows_ += count;
            at = end;
        }
        co_return Result<>{};
    }
    void progress(const wire::QueryProgress& progress) override {
        if (clock_.now() >= next_progress_ && stream_.has_room()) {
            send({.progress = progress, .epoch = epoch_, .entries = {}});
        }
    }
    std::uint64_t row_count() const noexcept { return rows_; }

 private:
    void send(const wire::QueryChunk& chunk) {
        Bytes& out = stream_.output().pending();
        const std::size_t before = out.size();
        wire::append_frame(out, stream_.id(), chunk, {.flags = wire::kFrameMore});
        stream_.sent(out.size() - before);
        next_progress_ = clock_.now() + kProgressInterval;
    }

    ReplyStream& stream_;
    const Clock& clock_;
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

Result<std::shared_ptr<const query::Plan>> plan_query(std::string_view text, const query::PlanOptions& options) {
    const query::Parsed<query::Query> parsed = query::parse_query(text);
    if (!parsed) {
        return fail(Errc::invalid_argument, "{}", parsed.error().text());
    }
    return query::Plan::make(*parsed, options);
}

Task<Result<>> Session::query(const OwnedRequest& request) {
    SLUICE_CO_TRY(const wire::QueryRequest wanted, wire::QueryRequest::decode(request.payload));
    query::PlanOptions options;
    options.now = kernel_.clock().wall_now();
    options.memory_bytes_max = shared_.limits.query_memory_bytes_max;
    options.explain = wanted.explain;
    if (wanted.newest != wire::kAllRecords) {
        options.newest = wanted.newest;
    }
    options.time = {wanted.since_ns, wanted.until_ns};
    SLUICE_CO_TRY(const std::shared_ptr<const query::Plan> plan, plan_query(wanted.text, options));
    SLUICE_CO_TRY(const QuerySlot slot, QuerySlot::take(shared_));

    ReplyStream stream(output_, request.header.id, wanted.credit);
    streams_.emplace(stream.id(), &stream);
    const Result<> outcome = co_await run_query(plan, stream);
    streams_.erase(stream.id());
    co_return outcome;
}

Task<Result<>> Session::run_query(const std::shared_ptr<const query::Plan>& plan, ReplyStream& stream) {
    LogHub& hub = shared_.log.hub();
    const MonotonicTime started = kernel_.clock().now();
    const wire::Cursor read_through{.store = hub.store_id(), .epoch = hub.epoch(), .sequence = hub.end_sequence() - 1};
    LogUnits units(kernel_, shared_.store_directory, hub, plan);
    QueryStream rows(stream, kernel_.clock(), hub.epoch());
    QueryRun run(plan, shared_.workers);
    SLUICE_CO_CHECK(co_await run.run(units, rows));
    const std::string explain = plan->options().explain ? run.explain() : std::string();
    const std::size_t explain_bytes_max =
        std::min<std::size_t>(wire::kExplainBytesMax, shared_.limits.frame_bytes_max / 2);
    const wire::QueryCounts counts = counts_of(run, rows.row_count(), kernel_.clock().now() - started);
    output_.reply(stream.id(), wire::QueryEnd{.epoch = hub.epoch(),
                                              .read_through = read_through,
                                              .counts = counts,
                                              .explain = std::string_view(explain).substr(0, explain_bytes_max)});
    co_return Result<>{};
}

}  // namespace sluice::server
