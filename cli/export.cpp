// sluice export: records in a form that other programs read, and that import makes the same records of.
#include <poll.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/filter_options.h"
#include "cli/gap.h"
#include "cli/start_time.h"
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
    StartOptions start;
    FilterOptions filter;
    bool print_cursor = false;
};

// Where it begins is left to begin(), as far as options.start says it.
Result<wire::TailRequest> request_of(const Options& options) {
    wire::TailRequest request;
    request.start = wire::TailStart::oldest;
    if (options.start.given() > 1) {
        return fail(Errc::invalid_argument, "only one of --after, --since and --received-since can say where to start");
    }
    SLUICE_TRY(request.filter, filter_of(options.filter));
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
    if (const auto begun = begin(*request, options.start, context, "export"); !begun) {
        return report_usage("export", begun.error().text());
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
    add_start_options(command, options->start);
    command.flag("--utc", options->start.utc, "These times are UTC, not those of the local zone");
    add_filter_options(command, options->filter);
    command.flag("--print-cursor", options->print_cursor,
                 "At the end, print on standard error the cursor to continue after");
    command.action([&context, options] { return run_export(context, *options); });
}

}  // namespace sluice::cli
