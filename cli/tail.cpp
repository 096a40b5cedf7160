// sluice tail: read records.
#include "client/tail.h"

#include <poll.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/filter_options.h"
#include "cli/gap.h"
#include "cli/query_text.h"
#include "cli/start_time.h"
#include "wire/render.h"

namespace sluice::cli {
namespace {

constexpr const char* kHelp =
    "Print records: the last ten or from where you say; with -f new ones as they come.\n"
    "A daemon that restarts is waited for; no record is skipped or shown twice.\n"
    "Records that are lost to damage are told on standard error; the exit status is then 1.\n"
    "\n"
    "Examples:\n"
    "  sluice tail                               the last 10 records\n"
    "  sluice tail -f -n 100 --stream 'shop/*'   the last 100 of these streams, then follow\n"
    "  sluice tail --since 15m --severity err    errors and worse of the last 15 minutes\n"
    "  sluice tail --all --grep timeout          everything whose message contains a text\n"
    "  sluice tail -f --field user=ada           by field; _uid, _pid, _comm are the daemon's own\n"
    "  sluice tail --all --output json           JSON lines, each with its cursor\n"
    "  sluice tail -f 'status:>=500 | fields path' a filter of the query language, and what to show\n"
    "  sluice tail -f --after CURSOR             continue after a record seen before\n";

constexpr std::size_t kFlushBytes = 64U << 10U;

struct Options {
    bool follow = false;
    bool durable = false;
    bool all = false;
    bool print_cursor = false;
    bool wait = false;
    std::uint64_t n = 10;
    StartOptions start;
    FilterOptions filter;
    std::vector<std::string> words;  // Of the filter.
    std::string output = "short";
    std::string colour = "auto";
};

std::string filter_text(const Options& options) {
    std::string text;
    for (const std::string& word : options.words) {
        text += text.empty() ? word : " " + word;
    }
    return text.find_first_not_of(" \t\r\n") == std::string::npos ? std::string() : text;
}

// Where it begins is left to begin(), as far as options.start says it.
Result<wire::TailRequest> request_of(const Options& options, bool n_given) {
    wire::TailRequest request;
    request.follow = options.follow;
    request.durable_only = options.durable;
    if (static_cast<int>(options.all) + static_cast<int>(n_given) + options.start.given() > 1) {
        return fail(Errc::invalid_argument,
                    "only one of -n, --all, --after, --since and --received-since can say where to start");
    }
    if (options.all) {
        request.start = wire::TailStart::oldest;
    } else {
        request.start = options.n == 0 ? wire::TailStart::now : wire::TailStart::last_n;
        request.n = options.n;
    }
    SLUICE_TRY(request.filter, filter_of(options.filter));
    request.query = filter_text(options);
    return request;
}

class TailCommand {
 public:
    // `query`: what was asked.
    TailCommand(const Options& options, client::TailReader& reader, std::string path, std::string query)
        : options_(options),
          query_(std::move(query)),
          reader_(reader),
          notice_("tail", std::move(path)),
          renderer_(render_options(options)) {
        reader_.on_waiting = [this](const client::Waiting& waiting) { notice_.waiting(waiting); };
    }

    int run() {
        const Result<void> done = loop();
        if (done || done.error().code() == Errc::cancelled || reader_gone(done.error())) {
            print_cursor();
            return records_lost_ ? kExitFailed : kExitDone;
        }
        print_cursor();
        return report_query("tail", query_, done.error());
    }

 private:
    static wire::RenderOptions render_options(const Options& options) {
        const bool terminal = ::isatty(STDOUT_FILENO) == 1;
        return {.format = wire::parse_output_format(options.output).value_or(wire::OutputFormat::short_line),
                .colour = use_colour(options.colour, STDOUT_FILENO),
                .raw_messages = !terminal,
                .utc = options.start.utc,
                .time_columns = time_columns({})};
    }

    Result<void> loop() {
        for (;;) {
            SLUICE_TRY(const client::TailStep step, reader_.next(Duration::zero()));
            if (step.state == client::TailState::entries) {
                notice_.over();
                SLUICE_CHECK(print(step));
                continue;
            }
            SLUICE_CHECK(flush());
            if (step.state == client::TailState::end || stop_.raised()) {
                return {};
            }
            SLUICE_CHECK(wait());
        }
    }

    Result<void> print(const client::TailStep& step) {
        for (const wire::TailEntry& entry : step.entries) {
            const wire::Cursor cursor = reader_.cursor_of(entry);
            written_through_ = cursor;
            if (is_gap(entry)) {
                SLUICE_CHECK(flush());  // At its place, where both go to one terminal.
                tell_gap("tail", entry);
                records_lost_ = true;
                continue;
            }
            renderer_.append_line(text_, entry, &cursor);
            if (text_.size() >= kFlushBytes) {
                SLUICE_CHECK(flush());
            }
        }
        return reader_.has_more() && !stop_.raised() ? Result<void>{} : flush();
    }

    Result<void> flush() {
        SLUICE_CHECK(write_all(STDOUT_FILENO, text_));
        text_.clear();
        printed_through_ = written_through_;
        return {};
    }

    // For the daemon, a signal, or the end of whoever reads standard output.
    Result<void> wait() {
        std::array<pollfd, 3> entries{{{.fd = reader_.fd(), .events = reader_.wanted_events(), .revents = 0},
                                       {.fd = stop_.fd(), .events = POLLIN, .revents = 0},
                                       {.fd = STDOUT_FILENO, .events = 0, .revents = 0}}};
        const Duration wait = reader_.wait_max();
        const int ms = wait > std::chrono::hours(1)
                           ? -1
                           : static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
        ::poll(entries.data(), entries.size(), ms);
        if ((entries[2].revents & POLLERR) != 0) {
            return std::unexpected(local_error(EPIPE, "write to standard output"));
        }
        return {};
    }

    // What a later `--after` continues from: the last record whose line is written, or the reader's own position when
    // every record was.
    void print_cursor() {
        if (!options_.print_cursor) {
            return;
        }
        const auto& cursor = text_.empty() ? reader_.cursor() : printed_through_;
        if (cursor) {
            tell("cursor: {}\n", wire::format_cursor(*cursor));
        }
    }

    const Options& options_;
    std::string query_;
    client::TailReader& reader_;
    StopSignals stop_;
    WaitingNotice notice_;
    wire::Renderer renderer_;
    std::string text_;
    bool records_lost_ = false;                    // To damage; it was told.
    std::optional<wire::Cursor> written_through_;  // Into text_.
    std::optional<wire::Cursor> printed_through_;
};

int run_tail(const Context& context, const Options& options, bool n_given) {
    if (const std::string text = filter_text(options); !text.empty()) {
        if (const auto parsed = parse_query_text(text, PipeUse::tail); !parsed) {
            return report_query("tail", text, parsed.error());
        }
    }
    auto request = request_of(options, n_given);
    if (!request) {
        return report_usage("tail", request.error().text());
    }
    if (const auto begun = begin(*request, options.start, context, "tail"); !begun) {
        return report_usage("tail", begun.error().text());
    }
    std::string query = request->query;
    client::TailOptions tail;
    tail.socket_path = context.socket_path();
    tail.connect.client_name = "sluice tail";
    tail.request = std::move(*request);
    tail.wait_for_daemon = options.wait;
    const std::string path = tail.socket_path;
    auto reader = client::TailReader::open(std::move(tail));
    if (!reader) {
        return report_no_daemon("tail", path, reader.error());
    }
    return TailCommand(options, **reader, path, std::move(query)).run();
}

}  // namespace

void add_tail(args::Program& program, Context& context) {
    args::Command command = program.command("tail", kHelp);
    auto options = std::make_shared<Options>();
    command.flag("-f,--follow", options->follow, "Wait for new records; Ctrl-C ends it");
    command.option("filter", options->words, "Only what matches: a filter of the query language").type_name("FILTER");
    const args::Option n =
        command.option("-n,--lines", options->n, "Start with the last N matching records (10)").not_negative();
    command.flag("--all", options->all, "Start with the oldest record");
    add_start_options(command, options->start);
    command.flag("--durable", options->durable, "Show records only once they survive loss of power");
    add_filter_options(command, options->filter);
    command.option("-o,--output", options->output, "short, short-iso, json, logfmt, csv, export or cat (messages only)")
        .one_of({"short", "short-iso", "json", "logfmt", "csv", "cat", "export"})
        .type_name("FORMAT");
    command.option("--color", options->colour, "auto (on a terminal), always or never")
        .check(colour_problem)
        .type_name("WHEN");
    command.flag("--utc", options->start.utc, "Times in UTC, not in the local zone: those given and those shown");
    command.flag("--print-cursor", options->print_cursor,
                 "At the end, print on standard error the cursor to continue after");
    command.flag("--wait", options->wait, "Wait for a daemon that is not there yet");
    command.action([&context, options, n] { return run_tail(context, *options, n.given()); });
}

}  // namespace sluice::cli
