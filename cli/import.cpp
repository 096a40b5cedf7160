// sluice import: the logs of other programs become records.
#include "wire/import.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/text.h"
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

constexpr std::size_t kReadBytes = 512U << 10U;

struct Options {
    std::string format = "auto";
    std::string time_pattern;
    std::string zone;
    bool keep_time = false;
    std::string stream;
    std::string severity = "info";
    std::string level = "written";
    bool wait = false;
    std::vector<std::string> files;
};

struct Parsed {
    wire::ImportOptions import;
    std::optional<wire::ImportFormat> format;  // None: seen in each file.
    wire::AckLevel level = wire::AckLevel::written;
};

Result<Parsed> parse(const Options& options) {
    Parsed parsed;
    SLUICE_TRY(parsed.level, parse_level(options.level));
    SLUICE_TRY(parsed.import.severity, parse_severity(options.severity));
    if (!wire::valid_stream_name(options.stream)) {
        return fail(Errc::invalid_argument, "a stream name has 1 to 255 letters, digits and ._/@:- and {} has not",
                    wire::quoted(options.stream));
    }
    parsed.import.stream = options.stream;
    parsed.import.time = options.keep_time ? wire::ImportOptions::Time::keep : wire::ImportOptions::Time::cut;
    if (options.format == "json") {
        parsed.format = wire::ImportFormat::json;
    } else if (options.format == "journal") {
        parsed.format = wire::ImportFormat::journal;
    } else if (options.format == "text" || !options.time_pattern.empty()) {
        parsed.format = wire::ImportFormat::text;
    }
    if (options.time_pattern.empty()) {
        if (!options.zone.empty() || options.keep_time) {
            return fail(Errc::invalid_argument, "--zone and --keep-time need --time-pattern");
        }
        return parsed;
    }
    if (parsed.format != wire::ImportFormat::text) {
        return fail(Errc::invalid_argument, "--time-pattern is for text");
    }
    const auto zone = wire::TextPattern::parse_zone(options.zone.empty() ? "Z" : options.zone);
    if (!zone) {
        return fail(Errc::invalid_argument, "{} is not a zone; use Z, +01:00 or -0530", wire::quoted(options.zone));
    }
    auto pattern =
        wire::TextPattern::compile(options.time_pattern, {.zone_seconds = *zone, .now = SystemClock().wall_now()});
    if (!pattern) {
        return std::unexpected(std::move(pattern).error().during("--time-pattern"));
    }
    parsed.import.pattern = std::move(*pattern);
    return parsed;
}

// One input; standard input is not closed.
class Input {
 public:
    explicit Input(const std::string& path) : path_(path), fd_(path == "-" ? STDIN_FILENO : -1) {}
    ~Input() {
        if (fd_ > STDIN_FILENO) {
            ::close(fd_);
        }
    }
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    Result<void> open() {
        if (fd_ < 0) {
            fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
        }
        return fd_ >= 0 ? Result<void>{} : fail_errno(errno, "open {}", wire::quoted(path_));
    }
    int fd() const noexcept { return fd_; }
    const std::string& path() const noexcept { return path_; }

 private:
    std::string path_;
    int fd_;
};

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

// Compressed bytes would be taken for text, line by line.
Result<void> refuse_compressed(std::string_view start) {
    const auto refuse = [](std::string_view what, std::string_view tool) {
        return fail(Errc::unsupported, "it is compressed ({}); use '{} FILE | sluice import'", what, tool);
    };
    if (start.starts_with("\x28\xB5\x2F\xFD")) {
        return refuse("zstd", "zstdcat");
    }
    if (start.starts_with("\x1F\x8B")) {
        return refuse("gzip", "zcat");
    }
    return start.starts_with(
               "\xFD"
               "7zXZ")
               ? refuse("xz", "xzcat")
               : Result<void>{};
}

class ImportCommand {
 public:
    ImportCommand(Parsed parsed, std::vector<std::string> files, client::LogWriter& writer, std::string path)
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
        drain();
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
        Input input(path);
        SLUICE_CHECK(input.open());
        std::unique_ptr<wire::Importer> importer;
        Bytes buffer(kReadBytes);
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
                if (const auto plain = refuse_compressed(text); !plain) {
                    return std::unexpected(Error(plain.error()).during("{}", wire::quoted(input.path())));
                }
                importer =
                    wire::make_importer(parsed_.format.value_or(wire::detect_import_format(text)), parsed_.import);
            }
            importer->take(text, records_);
            send(text.size());
        }
        if (importer) {
            importer->finish(records_);
            send(0);
            add(importer->counts());
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
                ::poll(entries.data(), entries.size(), milliseconds(writer_.wait_max()));
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

    // Until everything is acknowledged.  A second signal kills.
    void drain() {
        (void)writer_.send();
        while (!writer_.idle() && !writer_.failed()) {
            pollfd entry{.fd = writer_.fd(), .events = writer_.wanted_events(), .revents = 0};
            ::poll(&entry, 1, milliseconds(writer_.wait_max()));
            (void)writer_.process();
        }
        if (writer_.failed() && exit_code_ == kExitDone) {
            exit_code_ = report("import", *writer_.failed());
        }
    }

    static int milliseconds(Duration wait) {
        return wait > std::chrono::hours(1)
                   ? -1
                   : static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
    }

    void add(const wire::ImportCounts& counts) {
        counts_.not_understood += counts.not_understood;
        counts_.mended += counts.mended;
        counts_.untimed += counts.untimed;
        counts_.joined += counts.joined;
        counts_.split += counts.split;
        counts_.left_out += counts.left_out;
    }

    void summarise(Duration took) {
        const double seconds = std::chrono::duration<double>(took).count();
        const std::uint64_t stored = writer_.counters().acknowledged_records;
        fmt::print("{} records from {} of {} files, {} in {:.1f} s ({}/s)\n", stored, read_files_, files_.size(),
                   human_bytes(static_cast<double>(bytes_)), seconds,
                   human_count(static_cast<double>(stored) / std::max(seconds, 1e-3)));
        const auto line = [](std::uint64_t count, std::string_view what) {
            if (count > 0) {
                fmt::print("  {} {}\n", count, what);
            }
        };
        line(counts_.not_understood, "lines were not understood and are kept whole as messages");
        line(counts_.mended, "lines have a value that was mended: parse_error says which");
        line(counts_.untimed, "lines before the first with a time");
        line(counts_.joined, "lines continue the record before");
        line(counts_.split, "messages were too long for one record: line_part numbers the parts");
        line(counts_.left_out, "values were too long: cut or left out");
        line(dropped_fields_, "fields were dropped: names that begin with '_' are the daemon's own");
        line(writer_.counters().rejected_records, "records were refused");
        if (stop_.raised()) {
            fmt::print("  stopped by a signal after {} bytes\n", bytes_);
            exit_code_ = exit_code_ == kExitDone ? kExitFailed : exit_code_;
        }
    }

    Parsed parsed_;
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

int run_import(const Context& context, const Options& options) {
    auto parsed = parse(options);
    if (!parsed) {
        return report_usage("import", parsed.error().text());
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
    std::vector<std::string> files = options.files.empty() ? std::vector<std::string>{"-"} : options.files;
    return ImportCommand(std::move(*parsed), std::move(files), **opened, path).run();
}

}  // namespace

void add_import(args::Program& program, Context& context) {
    args::Command command = program.command("import", kHelp);
    auto options = std::make_shared<Options>();
    command.option("--format", options->format, "auto (seen at the start of each file), json, journal or text")
        .one_of({"auto", "json", "journal", "text"});
    command.option("--time-pattern", options->time_pattern, "How the time of a line of text is written")
        .type_name("PATTERN");
    command.option("--zone", options->zone, "Zone of times that do not say: +01:00; else UTC").type_name("OFFSET");
    command.flag("--keep-time", options->keep_time, "The time stays in the message");
    command.option("--stream", options->stream, "Stream of the records that name none");
    command.option("--severity", options->severity, "Severity of the records that name none").type_name("NAME");
    command.option("--ack", options->level, "Wait until accepted, written or durable").type_name("LEVEL");
    command.flag("--wait", options->wait, "Wait for a daemon that is not there yet");
    command.option("files", options->files, "Files; '-' is standard input").type_name("FILE");
    command.action([&context, options] { return run_import(context, *options); });
}

}  // namespace sluice::cli
