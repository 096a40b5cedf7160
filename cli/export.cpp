// sluice export: records in a form that other programs read, and that import makes the same records of.
#include <poll.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/gap.h"
#include "cli/start_time.h"
#include "cli/text.h"
#include "client/tail.h"
#include "wire/journal_export.h"
#include "wire/json.h"

namespace sluice::cli {
namespace {

constexpr const char* kHelp =
    "Write records to standard output: all, or from where you say, up to the present.\n"
    "'sluice import' makes the same records of it.\n"
    "Records that are lost to damage are told on standard error; the exit status is then 1.\n"
    "\n"
    "Examples:\n"
    "  sluice export >all.export                           the journal's export format: every record bit for bit\n"
    "  sluice export | systemd-journal-remote -o a.journal -\n"
    "  sluice export --format json --since 1d | zstd >day.json.zst\n"
    "  sluice export --after CURSOR --print-cursor         what is new since the last export\n"
    "\n"
    "journal: with cursor and trusted fields; import leaves the trusted fields behind, they are the first daemon's "
    "word.\n"
    "json: the records alone. Strings that are not UTF-8 come back as bytes, and floats that are no numbers as text.\n";

constexpr std::size_t kFlushBytes = 256U << 10U;

struct Options {
    std::string format = "journal";
    std::optional<std::string> after;
    std::optional<std::string> since;
    std::optional<std::string> received_since;
    bool utc = false;
    std::vector<std::string> streams;
    std::string severity = "debug";
    std::vector<std::string> fields;
    std::vector<std::string> greps;
    bool print_cursor = false;
};

Result<wire::TailRequest> request_of(const Options& options) {
    wire::TailRequest request;
    request.start = wire::TailStart::oldest;
    if (static_cast<int>(options.after.has_value()) + static_cast<int>(options.since.has_value()) +
            static_cast<int>(options.received_since.has_value()) >
        1) {
        return fail(Errc::invalid_argument, "only one of --after, --since and --received-since can say where to start");
    }
    if (options.after.has_value()) {
        request.start = wire::TailStart::after_cursor;
        SLUICE_TRY(request.after, wire::parse_cursor(*options.after));
    } else if (options.received_since.has_value()) {
        request.start = wire::TailStart::since;
        SLUICE_TRY(request.since_ns,
                   parse_time(*options.received_since, SystemClock().wall_now(), zone_of(options.utc)));
    }
    SLUICE_TRY(request.filter.severity_max, parse_severity(options.severity));
    request.filter.streams = options.streams;
    SLUICE_TRY(const auto fields, parse_key_values(options.fields));
    for (const KeyValue& field : fields) {
        request.filter.fields.push_back({field.key, field.value});
    }
    request.filter.greps = options.greps;
    return request;
}

class ExportCommand {
 public:
    ExportCommand(const Options& options, client::TailReader& reader, std::string path)
        : options_(options), json_(options.format == "json"), reader_(reader), notice_("export", std::move(path)) {
        reader_.on_waiting = [this](const client::Waiting& waiting) {
            progress_.hide();
            notice_.waiting(waiting);
        };
    }

    int run() {
        const Result<void> done = loop();
        progress_.hide();
        if (options_.print_cursor && written_) {
            tell("cursor: {}\n", wire::format_cursor(*written_));
        }
        if (done || reader_gone(done.error())) {
            return records_lost_ ? kExitFailed : kExitDone;
        }
        return report("export", done.error());
    }

 private:
    Result<void> loop() {
        for (;;) {
            SLUICE_TRY(const client::TailStep step, reader_.next(Duration::zero()));
            if (step.state == client::TailState::entries) {
                notice_.over();
                SLUICE_CHECK(add(step));
            } else if (step.state == client::TailState::end) {
                SLUICE_CHECK(flush());
                written_ = reader_.cursor();
                return {};
            } else {
                wait();
            }
            if (stop_.raised()) {
                SLUICE_CHECK(flush());
                return fail(Errc::cancelled, "stopped by a signal; --print-cursor says after which record");
            }
        }
    }

    Result<void> add(const client::TailStep& step) {
        for (const wire::TailEntry& entry : step.entries) {
            const wire::Cursor cursor = reader_.cursor_of(entry);
            if (is_gap(entry)) {
                progress_.hide();
                tell_gap("export", entry);
                records_lost_ = true;
                added_ = cursor;
                continue;
            }
            if (json_) {
                wire::append_json_record(text_, entry.record);
                text_ += '\n';
            } else {
                wire::append_journal_entry(text_, entry, &cursor);
            }
            added_ = cursor;
            ++records_;
            if (text_.size() >= kFlushBytes) {
                SLUICE_CHECK(flush());
            }
        }
        return {};
    }

    Result<void> flush() {
        SLUICE_CHECK(write_all(STDOUT_FILENO, text_));
        progress_.add(text_.size(), records_);
        text_.clear();
        records_ = 0;
        written_ = added_;
        return {};
    }

    void wait() {
        std::array<pollfd, 2> entries{{{.fd = reader_.fd(), .events = reader_.wanted_events(), .revents = 0},
                                       {.fd = stop_.fd(), .events = POLLIN, .revents = 0}}};
        const Duration wait = std::min<Duration>(reader_.wait_max(), std::chrono::hours(1));
        ::poll(entries.data(), entries.size(),
               static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count()));
    }

    const Options& options_;
    bool json_;
    client::TailReader& reader_;
    StopSignals stop_;
    WaitingNotice notice_;
    Progress progress_;
    std::string text_;
    std::uint64_t records_ = 0;            // In text_.
    bool records_lost_ = false;            // To damage; it was told.
    std::optional<wire::Cursor> added_;    // To text_.
    std::optional<wire::Cursor> written_;  // To standard output.
};

int run_export(const Context& context, const Options& options) {
    auto request = request_of(options);
    if (!request) {
        return report_usage("export", request.error().text());
    }
    if (options.since.has_value()) {
        const auto since = parse_time(*options.since, SystemClock().wall_now(), zone_of(options.utc));
        if (!since) {
            return report_usage("export", since.error().text());
        }
        begin_at(*request, *since, context, "export");
    }
    client::TailOptions tail;
    tail.socket_path = context.socket_path();
    tail.connect.client_name = "sluice export";
    tail.request = std::move(*request);
    const std::string path = tail.socket_path;
    auto reader = client::TailReader::open(std::move(tail));
    if (!reader) {
        return report_no_daemon("export", path, reader.error());
    }
    return ExportCommand(options, **reader, path).run();
}

}  // namespace

void add_export(args::Program& program, Context& context) {
    args::Command command = program.command("export", kHelp);
    auto options = std::make_shared<Options>();
    command.option("--format", options->format, "journal (systemd's export format) or json (lines)")
        .one_of({"journal", "json"});
    command.option("--after", options->after, "Start after this record").type_name("CURSOR");
    command
        .option("--since", options->since,
                "Only records of this time or later: '2026-05-17 08:30', or 90s, 15m, 2h, 3d ago")
        .type_name("TIME");
    command.option("--received-since", options->received_since, "Start with what the daemon received at this time")
        .type_name("TIME");
    command.flag("--utc", options->utc, "These times are UTC, not those of the local zone");
    command.option("--stream", options->streams, "Only this stream; PREFIX* for many; repeat for several")
        .one_value_each();
    command.option("--severity", options->severity, "This severity and worse: err, warning, ...").type_name("NAME");
    command.option("--field", options->fields, "Only records with this field; repeat: all must match")
        .type_name("K=V")
        .one_value_each();
    command.option("--grep", options->greps, "Only messages that contain TEXT; repeat: all must match")
        .type_name("TEXT")
        .one_value_each();
    command.flag("--print-cursor", options->print_cursor,
                 "At the end, print on standard error the cursor to continue after");
    command.action([&context, options] { return run_export(context, *options); });
}

}  // namespace sluice::cli
