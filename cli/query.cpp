// sluice query: ask a question about the log.
#include <poll.h>
#include <unistd.h>

#include <array>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/histogram.h"
#include "cli/query_source.h"
#include "cli/query_text.h"
#include "cli/text.h"
#include "wire/escape.h"
#include "wire/render.h"
#include "wire/time_text.h"

namespace sluice::cli {
namespace {

constexpr const char* kHelp =
    "Ask a question about the log: a filter, and pipes behind it.\n"
    "\n"
    "Examples:\n"
    "  sluice query 'severity:err'                                      every error\n"
    "  sluice query -n 20 'stream:shop timeout or refused'              the newest 20 with a word of these\n"
    "  sluice query --since 1h 'status:>=500 | top 10 by (path)'        what fails most\n"
    "  sluice query '\"disk full\" | stats by (_comm) count() as n'       a table of counts\n"
    "  sluice query --since 1d --histogram 'severity:<=err'             errors over time\n"
    "  sluice query --output csv '* | fields time, user, message'       columns for other programs\n"
    "  sluice query --count --store DIR/store '*'                       without the daemon\n"
    "\n"
    "Words are looked for in the message, FIELD:WORD in a field, FIELD:=TEXT is the whole value, FIELD:>N compares,\n"
    "~ is a regular expression; and, or, not and parentheses combine.  Pipes: fields, where, sort, head, tail, skip,\n"
    "uniq, top, stats.  A query that cannot be read is shown with a caret under the place.\n";

constexpr std::size_t kFlushBytes = 64U << 10U;
constexpr std::uint64_t kPlanMemory = 64ULL << 20U;  // Of the plan that only tells the columns: it is never run.
constexpr std::size_t kHistogramRows = 32;
constexpr Duration kCancelPatience = std::chrono::seconds(2);  // For the daemon to end a query that was stopped.

struct Options {
    std::vector<std::string> words;  // Of the query.
    std::optional<std::string> since;
    std::optional<std::string> until;
    std::optional<std::string> received_since;
    std::optional<std::uint64_t> newest;
    bool reverse = false;
    bool count = false;
    bool explain = false;
    bool histogram = false;
    bool utc = false;
    std::string output;  // Empty: what fits.
    std::string store;
    std::string colour = "auto";
};

bool in_utc_always(const std::string& format) {
    const std::optional<wire::OutputFormat> parsed = wire::parse_output_format(format);
    return parsed == wire::OutputFormat::json || parsed == wire::OutputFormat::journal;
}

bool on_terminal(int fd) {
    return ::isatty(fd) == 1;
}

// How far the query is, on standard error, from the second second on; silent unless it is a terminal.
class QueryProgress {
 public:
    QueryProgress() : enabled_(on_terminal(STDERR_FILENO)), next_(clock_.now() + std::chrono::seconds(1)) {}
    ~QueryProgress() { hide(); }
    QueryProgress(const QueryProgress&) = delete;
    QueryProgress& operator=(const QueryProgress&) = delete;

    void show(const wire::QueryProgress& progress, std::uint64_t rows) {
        if (!enabled_ || clock_.now() < next_) {
            return;
        }
        next_ = clock_.now() + std::chrono::milliseconds(500);
        const auto records = static_cast<double>(progress.records);
        const auto total = static_cast<double>(progress.records_total);
        tell("\r\x1b[K{} records", human_count(records));
        if (total > 0) {
            tell(" of {} ({:.0f} %)", human_count(total), 100 * records / total);
        }
        tell(", {} rows", human_count(static_cast<double>(rows)));
        std::fflush(stderr);
        shown_ = true;
    }
    void hide() {
        if (shown_) {
            tell("\r\x1b[K");
            std::fflush(stderr);
            shown_ = false;
        }
    }
    void counts(const wire::QueryCounts& found) {
        hide();
        if (!enabled_) {
            return;
        }
        tell("{} rows; {} of {} records match", found.rows, human_count(static_cast<double>(found.matched)),
             human_count(static_cast<double>(found.records)));
        if (found.parts + found.parts_skipped > 0) {
            tell("; {} parts read, {} skipped", found.parts, found.parts_skipped);
        }
        tell("; {:.1f} ms\n", static_cast<double>(found.elapsed_us) / 1000);
    }

 private:
    SystemClock clock_;
    bool enabled_;
    bool shown_ = false;
    MonotonicTime next_;
};

// Runs one question to its end and hands out the rows.
class Asker {
 public:
    Asker(const Context& context, const Question& question) : context_(context), question_(question) {}

    template <class EachRow, class BeforeWait>
    Result<wire::QueryEnd> run(const EachRow& each_row, const BeforeWait& before_wait) {
        SLUICE_TRY(source_, ask(context_, question_));
        connected_ = true;
        for (;;) {
            SLUICE_TRY(const client::QueryStep step, source_->next(Duration::zero()));
            if (step.state == client::QueryState::end) {
                progress_.hide();
                return source_->end();
            }
            for (const wire::TailEntry& entry : step.rows) {
                ++rows_;
                SLUICE_CHECK(each_row(*source_, entry, progress_));
            }
            if (step.state != client::QueryState::idle) {
                progress_.show(step.progress, rows_);
            }
            SLUICE_CHECK(stop_if_asked());
            if (step.state == client::QueryState::idle) {
                SLUICE_CHECK(before_wait(progress_));
                SLUICE_CHECK(wait());
            }
        }
    }
    bool connected() const noexcept { return connected_; }
    QueryProgress& progress() noexcept { return progress_; }
    QuerySource& source() noexcept { return *source_; }

 private:
    // A daemon that goes on sending after a signal does not keep the command from ending.
    Result<> stop_if_asked() {
        if (!stop_.raised()) {
            return {};
        }
        source_->cancel();
        if (!give_up_at_) {
            give_up_at_ = clock_.now() + kCancelPatience;
        }
        return clock_.now() < *give_up_at_ ? Result<>() : fail(Errc::cancelled, "the daemon does not end the query");
    }

    // For the daemon, a signal, or the end of whoever reads standard output.
    Result<> wait() {
        // A signal that was served must not wake it again.
        const int stop = stop_.raised() ? -1 : stop_.fd();
        std::array<pollfd, 3> entries{{{.fd = source_->fd(), .events = source_->wanted_events(), .revents = 0},
                                       {.fd = stop, .events = POLLIN, .revents = 0},
                                       {.fd = STDOUT_FILENO, .events = 0, .revents = 0}}};
        if (source_->fd() >= 0) {
            const int patience_ms =
                static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(kCancelPatience).count());
            ::poll(entries.data(), entries.size(), give_up_at_ ? patience_ms : -1);
        }
        if ((entries[2].revents & POLLERR) != 0) {
            return fail_errno(EPIPE, "write to standard output");
        }
        return {};
    }

    const Context& context_;
    const Question& question_;
    std::unique_ptr<QuerySource> source_;
    SystemClock clock_;
    StopSignals stop_;
    std::optional<MonotonicTime> give_up_at_;  // After a signal.
    QueryProgress progress_;
    std::uint64_t rows_ = 0;
    bool connected_ = false;
};

class QueryCommand {
 public:
    QueryCommand(const Context& context, const Options& options) : context_(context), options_(options) {
        for (const std::string& word : options.words) {
            question_.text += question_.text.empty() ? word : " " + word;
        }
        if (question_.text.find_first_not_of(" \t\r\n") == std::string::npos) {
            question_.text = "*";
        }
    }

    int run() {
        if (Result<> ready = prepare(); !ready) {
            return report_query("query", question_.text, ready.error());
        }
        const Result<int> code = options_.histogram ? run_histogram() : run_rows();
        return code ? *code : failed(code.error());
    }

 private:
    Result<> prepare();
    wire::RenderOptions render_options(const query::Plan& plan) const;
    Result<int> run_rows();
    Result<int> run_histogram();
    Result<> flush(QueryProgress& progress);
    Result<> print_reversed(QuerySource& source, wire::Renderer& renderer, QueryProgress& progress);
    int failed(const Error& error) const;
    void print_end(const wire::QueryEnd& end, Asker& asker) const;

    const Context& context_;
    const Options& options_;
    Question question_;
    std::shared_ptr<const query::Plan> plan_;
    std::vector<std::string> time_columns_;
    std::string buckets_note_;
    std::string text_;  // Rendered, to be written.
    Bytes held_;        // With --reverse: the rows, encoded, and where each begins.
    std::vector<std::size_t> starts_;
    bool asked_ = false;
    bool output_failed_ = false;
};

// Everything that can be wrong with the command line.
Result<> QueryCommand::prepare() {
    question_.now = SystemClock().wall_now();
    question_.store = options_.store;
    question_.explain = options_.explain;
    question_.newest = options_.newest;
    if (options_.since.has_value()) {
        SLUICE_TRY(question_.since, parse_time(*options_.since, question_.now, zone_of(options_.utc)));
    }
    if (options_.until.has_value()) {
        SLUICE_TRY(question_.until, parse_time(*options_.until, question_.now, zone_of(options_.utc)));
    }
    if (question_.since > question_.until) {
        return fail(Errc::invalid_argument, "--since {} is later than --until {}: no record can be of that time",
                    wire::quoted(*options_.since), wire::quoted(*options_.until));
    }
    SLUICE_TRY(const query::Query query,
               parse_query_text(question_.text, options_.histogram ? PipeUse::filters : PipeUse::any));
    time_columns_ = time_columns(query);
    if (!options_.utc && !in_utc_always(options_.output)) {
        const std::int64_t now_s = question_.now / 1'000'000'000;
        buckets_note_ = buckets_note(query, std::chrono::seconds(now_s - wire::utc_of_local(now_s)));
    }
    if (options_.count && (options_.histogram || options_.newest || options_.reverse)) {
        return fail(Errc::invalid_argument, "--count cannot be combined with --histogram, --lines or --reverse");
    }
    if (options_.histogram && (options_.newest || options_.reverse || !options_.output.empty())) {
        return fail(Errc::invalid_argument, "--histogram cannot be combined with --lines, --reverse or --output");
    }
    if (options_.count) {
        question_.text += "\n| stats count() as count";  // Behind a comment, too.
    }
    if (options_.received_since.has_value()) {
        SLUICE_TRY(const WallNs received, parse_time(*options_.received_since, question_.now, zone_of(options_.utc)));
        std::string filter = "receive_time:>=";
        wire::append_rfc3339(filter, received);
        question_.text = fmt::format("{} | where {}", filter, question_.text);
    }
    SLUICE_TRY(plan_, plan_of(question_, kPlanMemory));
    return {};
}

wire::RenderOptions QueryCommand::render_options(const query::Plan& plan) const {
    const bool terminal = on_terminal(STDOUT_FILENO);
    wire::RenderOptions render{.colour = use_colour(options_.colour, STDOUT_FILENO),
                               .raw_messages = !terminal,
                               .utc = options_.utc,
                               .columns = plan.columns(),
                               .time_columns = time_columns_};
    if (!options_.output.empty()) {
        render.format = wire::parse_output_format(options_.output).value_or(wire::OutputFormat::short_line);
    } else if (options_.count) {
        render.format = wire::OutputFormat::cat;
    } else if (plan.computed() && terminal) {
        render.format = wire::OutputFormat::table;
    }
    return render;
}

Result<> QueryCommand::flush(QueryProgress& progress) {
    if (text_.empty()) {
        return {};
    }
    progress.hide();
    const Result<> written = write_all(STDOUT_FILENO, text_);
    text_.clear();
    output_failed_ = !written;
    return written;
}

Result<> QueryCommand::print_reversed(QuerySource& source, wire::Renderer& renderer, QueryProgress& progress) {
    for (auto start = starts_.rbegin(); start != starts_.rend(); ++start) {
        const wire::TailEntry entry = wire::TailEntryCodec::view(held_.data() + *start);
        const wire::Cursor cursor = source.cursor_of(entry);
        renderer.append_line(text_, entry, &cursor);
        if (text_.size() >= kFlushBytes) {
            SLUICE_CHECK(flush(progress));
        }
    }
    return {};
}

Result<int> QueryCommand::run_rows() {
    wire::Renderer renderer(render_options(*plan_));
    Asker asker(context_, question_);
    const auto each_row = [&](QuerySource& source, const wire::TailEntry& entry, QueryProgress& progress) -> Result<> {
        if (options_.reverse) {
            starts_.push_back(held_.size());
            wire::append_tail_entry(held_, entry);
            return {};
        }
        const wire::Cursor cursor = source.cursor_of(entry);
        renderer.append_line(text_, entry, &cursor);
        return text_.size() >= kFlushBytes ? flush(progress) : Result<>{};
    };
    const auto before_wait = [&](QueryProgress& progress) { return flush(progress); };
    const Result<wire::QueryEnd> end = asker.run(each_row, before_wait);
    asked_ = asker.connected();
    if (!end) {
        // What was found before it was stopped is shown, unless it was stopped because nobody reads it.
        if (!output_failed_) {
            renderer.append_end(text_);
            (void)flush(asker.progress());
        }
        return std::unexpected(end.error());
    }
    if (options_.reverse) {
        SLUICE_CHECK(print_reversed(asker.source(), renderer, asker.progress()));
    }
    renderer.append_end(text_);
    SLUICE_CHECK(flush(asker.progress()));
    print_end(*end, asker);
    return kExitDone;
}

void QueryCommand::print_end(const wire::QueryEnd& end, Asker& asker) const {
    asker.progress().counts(end.counts);
    if (!end.explain.empty()) {
        std::string_view rest = end.explain;
        while (!rest.empty()) {
            const std::size_t line = std::min(rest.find('\n'), rest.size());
            tell("{}\n", wire::escaped(rest.substr(0, line)));
            rest.remove_prefix(std::min(line + 1, rest.size()));
        }
    }
    if (!buckets_note_.empty()) {
        tell("sluice query: {}\n", wire::escaped(buckets_note_));
    }
    if (end.counts.parts_damaged > 0) {
        tell(
            "sluice query: {} parts or places of the log are damaged: rows may be missing; 'sluice verify' tells "
            "what\n",
            end.counts.parts_damaged);
    }
    if (const std::string warning = asker.source().warning(); !warning.empty()) {
        tell("sluice query: {}\n", wire::escaped(warning));
    }
}

// First from when to when, then how many in each piece of that.
Result<int> QueryCommand::run_histogram() {
    const auto nothing = [](QueryProgress&) -> Result<> { return {}; };
    const std::string filter = question_.text;
    std::optional<WallNs> first;
    std::optional<WallNs> last;
    {
        question_.text = filter + "\n| stats min(time) as first, max(time) as last";
        Asker asker(context_, question_);
        const auto span = [&](QuerySource&, const wire::TailEntry& entry, QueryProgress&) -> Result<> {
            first = wire::parse_rfc3339(wire::column_text(entry, "first"));
            last = wire::parse_rfc3339(wire::column_text(entry, "last"));
            return {};
        };
        const Result<wire::QueryEnd> end = asker.run(span, nothing);
        asked_ = asker.connected();
        if (!end) {
            question_.text = filter;
            return std::unexpected(end.error());
        }
        if (first && last && *last < *first) {
            return fail(Errc::malformed, "the daemon says that its last record is older than its first");
        }
        if (!first || !last) {
            asker.progress().counts(end->counts);
            return kExitDone;  // No record.
        }
    }
    const WallNs width = bucket_width(*first, *last, kHistogramRows);
    question_.text = fmt::format("{}\n| stats by (time:{}ms) count() as n", filter, width / 1'000'000);
    Asker asker(context_, question_);
    std::map<WallNs, std::uint64_t> counts;
    const auto bucket = [&](QuerySource&, const wire::TailEntry& entry, QueryProgress&) -> Result<> {
        const auto begin = wire::parse_rfc3339(wire::column_text(entry, "time"));
        const auto n = entry.record.fields().find("n");
        if (begin && n && n->type == wire::FieldType::int64 && *begin % width == 0 &&
            *begin / width >= *first / width - 1 && *begin <= *last) {
            counts[*begin] += static_cast<std::uint64_t>(n->as_int64());
        }
        return {};
    };
    const Result<wire::QueryEnd> end = asker.run(bucket, nothing);
    if (!end) {
        return std::unexpected(end.error());
    }
    text_ = draw_histogram(
        counts, width,
        {.columns = terminal_columns(), .colour = use_colour(options_.colour, STDOUT_FILENO), .utc = options_.utc});
    SLUICE_CHECK(flush(asker.progress()));
    print_end(*end, asker);
    return kExitDone;
}

int QueryCommand::failed(const Error& error) const {
    if (reader_gone(error)) {
        return kExitDone;
    }
    if (error.code() == Errc::cancelled) {
        tell("sluice query: stopped; the rows are not all\n");
        return kExitFailed;
    }
    if (!asked_ && question_.store.empty()) {
        return report_no_daemon("query", context_.socket_path(), error);
    }
    return report_query("query", question_.text, error);
}

}  // namespace

void add_query(args::Program& program, Context& context) {
    args::Command command = program.command("query", kHelp);
    auto options = std::make_shared<Options>();
    command.option("query", options->words, "The query; several words are joined with spaces").type_name("QUERY");
    command.option("--since", options->since, "Only records of this time or later: a time, or 15m, 2h, 3d ago")
        .type_name("TIME");
    command.option("--until", options->until, "Only records before this time").type_name("TIME");
    command
        .option("--received-since", options->received_since,
                "Only records that the daemon received at this time or later")
        .type_name("TIME");
    command.option("-n,--lines", options->newest, "Only the last N rows").not_negative().type_name("N");
    command.flag("-r,--reverse", options->reverse, "The last row first");
    command.flag("--count", options->count, "Only how many rows there are");
    command.flag("--histogram", options->histogram, "Draw how many records there are over time");
    const std::string formats(wire::output_format_names());
    command.option("-o,--output", options->output, formats + " (short; on a terminal table for computed rows)")
        .check([formats](const std::string& name) {
            return wire::parse_output_format(name) ? std::string() : fmt::format("{} is none of {}", name, formats);
        })
        .type_name("FORMAT");
    command.flag("--explain", options->explain, "Say on standard error what was read, what was skipped, and why");
    command.option("--store", options->store, "Read the files of this store, without the daemon").type_name("DIR");
    command.option("--color", options->colour, "auto (on a terminal), always or never")
        .check(colour_problem)
        .type_name("WHEN");
    command.flag("--utc", options->utc, "Times in UTC, not in the local zone: those given and those shown");
    command.action([&context, options] { return QueryCommand(context, *options).run(); });
}

}  // namespace sluice::cli
