// sluice import: the logs of other programs become records.
#include <poll.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/drain.h"
#include "cli/import_input.h"
#include "client/log_writer.h"
#include "wire/escape.h"

namespace sluice::cli {
namespace {

constexpr const char* kHelp =
    "Store the logs of other programs: JSON lines, the journal's export format, plain text.\n"
    "A daemon that restarts is waited for; each record is stored exactly once, in order.\n"
    "\n"
    "Examples:\n"
    "  sluice import app.json                                  the format is seen at the start of the file\n"
    "  journalctl -o export | sluice import --format journal\n"
    "  zstdcat old.json.zst | sluice import --stream old       without FILE, or with '-', standard input\n"
    "  sluice import --time-pattern '[%Y-%m-%d %H:%M:%S,%3] %l' server.log\n"
    "  sluice import --time-pattern '%*[%d/%b/%Y:%T %z]' access.log\n"
    "  sluice import --dry-run --time-pattern '%F %T' --zone Europe/Berlin app.log     what would be stored?\n"
    "  sluice import --time-field when --message-field text events.json\n"
    "\n"
    "JSON lines: as 'sluice log --format json'; names that begin with '_' go without it.\n"
    "Journal: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER and the time make the record, the rest becomes fields in lower "
    "case;\n"
    "what 'sluice export' wrote comes back bit for bit.\n"
    "Text: each line is a record. With --time-pattern, lines without a time continue the record before, and the time "
    "is\n"
    "taken out of the message:\n"
    "  %Y %m %d %H %M %S   as in date(1), also %y %b %a %e %F %T; %3 %6 %9 %f digits of a fraction; %s since 1970\n"
    "  %z                  Z or +01:00; without it times are those of --zone, or UTC\n"
    "  %l                  a severity by name, such as INFO or warn\n"
    "  %*                  at the beginning: the time is somewhere in the line, and the line is kept whole\n"
    "What is not understood is kept whole as a message, and counted.\n";

std::uint64_t total_bytes(const std::vector<std::string>& files) {
    std::uint64_t total = 0;
    for (const std::string& file : files) {
        struct stat info{};
        if (file == "-" || ::stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
            return 0;  // Unknown.
        }
        total += static_cast<std::uint64_t>(info.st_size);
    }
    return total;
}

class ImportCommand {
 public:
    ImportCommand(ImportPlan parsed, std::vector<std::string> files, client::LogWriter& writer, std::string path)
        : parsed_(std::move(parsed)),
          files_(std::move(files)),
          writer_(writer),
          notice_("import", std::move(path)),
          progress_(total_bytes(files_)) {
        writer_.on_acknowledged = [this](const client::Acknowledged& acknowledged) {
            notice_.over();
            dropped_fields_ += acknowledged.dropped_fields;
        };
        writer_.on_rejected = [this](const client::Rejected& rejected) { on_rejected(rejected); };
        writer_.on_waiting = [this](const client::Waiting& waiting) {
            progress_.hide();
            notice_.waiting(waiting);
        };
    }

    int run() {
        const MonotonicTime start = clock_.now();
        for (const std::string& file : files_) {
            if (stop_.raised() || writer_.failed()) {
                break;
            }
            if (const auto read = import_file(file); !read) {
                progress_.hide();
                exit_code_ = report("import", read.error());
            }
        }
        finish();
        progress_.hide();
        summarise(clock_.now() - start);
        return exit_code_;
    }

 private:
    void on_rejected(const client::Rejected& rejected) {
        progress_.hide();
        const Error error(rejected.error.code(), rejected.error.sys_errno(),
                          fmt::format("records {} to {} are {}: {}", rejected.first_record + 1,
                                      rejected.first_record + rejected.count,
                                      rejected.may_be_stored ? "given up and may be stored or not" : "refused",
                                      rejected.error.text()));
        exit_code_ = report("import", error);
    }

    Result<void> import_file(const std::string& path) {
        ImportFile input(path);
        SLUICE_CHECK(input.open());
        std::unique_ptr<wire::Importer> importer;
        Bytes buffer(kImportReadBytes);
        for (;;) {
            if (!wait_for_input(input.fd())) {
                break;  // Stopped, or refused for good.
            }
            auto received = read_some(input.fd(), buffer);
            if (!received) {
                return std::unexpected(std::move(received).error().during("{}", wire::quoted(input.path())));
            }
            if (*received == 0) {
                break;
            }
            const std::string_view text = as_text({buffer.data(), *received});
            if (!importer) {
                auto made = importer_for(text, parsed_);
                if (!made) {
                    return std::unexpected(std::move(made).error().during("{}", wire::quoted(input.path())));
                }
                importer = std::move(*made);
            }
            importer->take(text, records_);
            send(text.size());
        }
        if (importer) {
            importer->finish(records_);
            send(0);
            add_counts(counts_, importer->counts());
        }
        ++read_files_;
        return {};
    }

    // The records made so far, to the daemon.  Waits while it is behind.
    void send(std::size_t bytes_read) {
        bytes_ += bytes_read;
        const std::uint64_t before = writer_.records();
        for (ByteView rest = records_; !rest.empty() && !writer_.failed();) {
            const ByteView record = rest.first(wire::RecordCodec::size(rest.data()));
            rest = rest.subspan(record.size());
            (void)writer_.add_encoded(record);  // It fits; a daemon that is gone for good shows in failed().
        }
        records_.clear();
        progress_.add(bytes_read, writer_.records() - before);
    }

    // True: `fd` is readable.  Meanwhile what was read is sent; while the daemon is behind, nothing is read.
    bool wait_for_input(int fd) {
        while (!stop_.raised() && !writer_.failed()) {
            std::array<pollfd, 3> entries{{{.fd = writer_.full() ? -1 : fd, .events = POLLIN, .revents = 0},
                                           {.fd = writer_.fd(), .events = writer_.wanted_events(), .revents = 0},
                                           {.fd = stop_.fd(), .events = POLLIN, .revents = 0}}};
            if (::poll(entries.data(), entries.size(), 0) == 0) {
                (void)writer_.send();
                entries[1] = {.fd = writer_.fd(), .events = writer_.wanted_events(), .revents = 0};
                ::poll(entries.data(), entries.size(), poll_milliseconds(writer_.wait_max()));
            }
            if (entries[0].revents == 0 || entries[1].revents != 0) {
                (void)writer_.process();
            }
            if (entries[0].revents != 0) {
                return true;
            }
        }
        return false;
    }

    void finish() {
        drain(writer_, stop_, notice_);
        if (writer_.failed() && exit_code_ == kExitDone) {
            exit_code_ = report("import", *writer_.failed());
        }
    }

    void summarise(Duration took) {
        const double seconds = std::chrono::duration<double>(took).count();
        const std::uint64_t stored = writer_.counters().acknowledged_records;
        fmt::print("{} records from {} of {} files, {} in {:.1f} s ({}/s)\n", stored, read_files_, files_.size(),
                   human_bytes(static_cast<double>(bytes_)), seconds,
                   human_count(static_cast<double>(stored) / std::max(seconds, 1e-3)));
        print_counts(counts_);
        print_count(dropped_fields_, "fields were dropped: names that begin with '_' are the daemon's own");
        print_count(writer_.counters().rejected_records, "records were refused");
        if (!writer_.idle()) {
            const auto& counters = writer_.counters();
            print_count(writer_.records() - counters.acknowledged_records - counters.rejected_records,
                        "records are not acknowledged and may be stored or not");
        }
        if (stop_.raised()) {
            fmt::print("  stopped by a signal after {} bytes\n", bytes_);
            exit_code_ = exit_code_ == kExitDone ? kExitFailed : exit_code_;
        }
    }

    ImportPlan parsed_;
    std::vector<std::string> files_;
    client::LogWriter& writer_;
    WaitingNotice notice_;
    StopSignals stop_;
    Progress progress_;
    SystemClock clock_;
    Bytes records_;  // Made and not yet handed to the writer.
    wire::ImportCounts counts_;
    std::uint64_t bytes_ = 0;
    std::size_t read_files_ = 0;
    std::uint64_t dropped_fields_ = 0;
    int exit_code_ = kExitDone;
};

int run_import(const Context& context, const ImportCommandOptions& options) {
    auto parsed = plan_import(options);
    if (!parsed) {
        return report_usage("import", parsed.error().text());
    }
    std::vector<std::string> files = options.files.empty() ? std::vector<std::string>{"-"} : options.files;
    if (options.dry_run) {
        return dry_run(*parsed, files);
    }
    client::LogWriterOptions writer;
    writer.socket_path = context.socket_path();
    writer.connect.client_name = "sluice import";
    writer.level = parsed->level;
    writer.linger = std::chrono::seconds(1);  // The loop sends as soon as its input pauses.
    writer.wait_for_daemon = options.wait;
    writer.wait_when_full = false;
    const std::string path = writer.socket_path;
    auto opened = client::LogWriter::open(std::move(writer));
    if (!opened) {
        return report_no_daemon("import", path, opened.error());
    }
    return ImportCommand(std::move(*parsed), std::move(files), **opened, path).run();
}

}  // namespace

void add_import(args::Program& program, Context& context) {
    args::Command command = program.command("import", kHelp);
    auto options = std::make_shared<ImportCommandOptions>();
    command.option("--format", options->format, "auto (seen at the start of each file), json, journal or text")
        .one_of({"auto", "json", "journal", "text"});
    command.option("--time-pattern", options->time_pattern, "How the time of a line of text is written")
        .type_name("PATTERN");
    command.option("--zone", options->zone, "Zone of times that do not say: +01:00 or Europe/Berlin; else UTC")
        .type_name("ZONE");
    command.option("--time-field", options->time_field, "JSON: the key of the time").type_name("KEY");
    command.option("--level-field", options->level_field, "JSON: the key of the severity").type_name("KEY");
    command.option("--message-field", options->message_field, "JSON: the key of the message").type_name("KEY");
    command.flag("--dry-run", options->dry_run, "Show the first records and the counts, and store nothing");
    command.flag("--force", options->force, "Also what does not look like its format, or is binary");
    command.flag("--keep-time", options->keep_time, "The time stays in the message");
    command.option("--stream", options->stream, "Stream of the records that name none");
    command.option("--severity", options->severity, "Severity of the records that name none").type_name("NAME");
    command.option("--ack", options->level, "Wait until accepted, written or durable").type_name("LEVEL");
    command.flag("--wait", options->wait, "Wait for a daemon that is not there yet");
    command.option("files", options->files, "Files; '-' is standard input").type_name("FILE");
    command.action([&context, options] { return run_import(context, *options); });
}

}  // namespace sluice::cli
