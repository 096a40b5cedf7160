// sluice log: send records, one from the command line or one per line of standard input.
#include <poll.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/drain.h"
#include "cli/text.h"
#include "client/log_writer.h"
#include "wire/json.h"

namespace sluice::cli {
namespace {

constexpr const char* kHelp =
    "Send records: MESSAGE, or else a record per line of standard input.\n"
    "A daemon that restarts is waited for; each line is stored exactly once, in order.\n"
    "\n"
    "Examples:\n"
    "  sluice log 'disk replaced'\n"
    "  sluice log --stream shop/web --severity err --field user=ada --ack durable 'payment failed'\n"
    "  make 2>&1 | sluice log --stream build\n"
    "  tail -F app.json | sluice log --format json    keys become fields\n"
    "  sluice log --print-cursor marker               then: sluice tail -f --after CURSOR\n"
    "\n"
    "--ack says what is waited for: accepted (in the daemon's memory), written (survives the death of the daemon;\n"
    "the default) or durable (survives loss of power). Bytes are stored as they come, also those that are not UTF-8.\n"
    "A line above 1 MiB becomes several records with the fields line_part (1, 2, ...) and line_more (true but in the\n"
    "last).\n";

constexpr std::size_t kReadBytes = 256U << 10U;
constexpr std::size_t kLineBytesMax = wire::kMessageBytesMax;

struct Options {
    std::string stream;
    std::string severity = "info";
    std::vector<std::string> fields;
    std::string level = "written";
    bool print_cursor = false;
    bool wait = false;
    std::string format = "text";
    std::optional<std::string> message;
};

struct Template {
    wire::Severity severity = wire::Severity::info;
    wire::AckLevel level = wire::AckLevel::written;
    std::vector<KeyValue> fields;
};

// Adds string fields to an encoded record that is the whole of `record`.
void add_fields(Bytes& record, const std::vector<KeyValue>& fields) {
    auto count = load_int<std::uint16_t>(record.data() + 6);
    for (const KeyValue& field : fields) {
        if (count < wire::kFieldsMax) {
            wire::append_field(record, wire::FieldType::string, field.key, as_bytes(field.value));
            ++count;
        }
    }
    store_int(record.data() + 6, count);
    store_int(record.data(), static_cast<std::uint32_t>(record.size()));
}

class LogCommand {
 public:
    LogCommand(const Options& options, Template parsed, client::LogWriter& writer, std::string path)
        : options_(options), template_(std::move(parsed)), writer_(writer), notice_("log", std::move(path)) {
        writer_.on_acknowledged = [this](const client::Acknowledged& acknowledged) { on_acknowledged(acknowledged); };
        writer_.on_rejected = [this](const client::Rejected& rejected) { on_rejected(rejected); };
        writer_.on_waiting = [this](const client::Waiting& waiting) {
            progress_.hide();
            notice_.waiting(waiting);
        };
    }

    int run() {
        if (options_.message) {
            add_line(*options_.message);
        } else {
            read_lines();
        }
        drain(writer_, stop_, notice_);
        progress_.hide();
        return conclude();
    }

 private:
    void on_acknowledged(const client::Acknowledged& acknowledged) {
        notice_.over();
        dropped_fields_ += acknowledged.dropped_fields;
        last_.reset();  // A repeated batch that is not the last one is stored somewhere, and nobody remembers where.
        if (acknowledged.first_sequence != 0) {
            last_ = {.store = writer_.store(),
                     .epoch = acknowledged.epoch,
                     .sequence = acknowledged.first_sequence + acknowledged.count - 1};
        }
    }

    void on_rejected(const client::Rejected& rejected) {
        progress_.hide();
        const Error with_place(rejected.error.code(), rejected.error.sys_errno(),
                               fmt::format("records {} to {} are {}: {}", rejected.first_record + 1,
                                           rejected.first_record + rejected.count,
                                           rejected.may_be_stored ? "given up and may be stored or not" : "refused",
                                           rejected.error.text()));
        exit_code_ = report("log", with_place);
    }

    // One record alone was refused on this side; the others go on.
    void check(const Result<void>& added) {
        if (!added && !writer_.failed()) {
            progress_.hide();
            exit_code_ = report(
                "log", Error(added.error().code(), fmt::format("record {}: {}", lines_ + 1, added.error().text())));
        }
    }

    void add_text(std::string_view message, std::uint32_t part, bool more) {
        auto& record = writer_.begin(template_.severity, options_.stream).message(message);
        for (const KeyValue& field : template_.fields) {
            record.string_field(field.key, field.value);
        }
        if (part > 0) {
            record.int_field("line_part", part).bool_field("line_more", more);
        }
        check(writer_.finish_record());
    }

    void add_line(std::string_view line) {
        if (options_.format == "json" && add_json(line)) {
            return;
        }
        if (line.size() <= kLineBytesMax) {
            add_text(line, 0, false);
            return;
        }
        for (std::uint32_t part = 1; !line.empty(); ++part) {
            const std::string_view piece = line.substr(0, kLineBytesMax);
            line.remove_prefix(piece.size());
            add_text(piece, part, !line.empty());
        }
    }

    // False: too long for one record; it is then sent as text, in parts.
    bool add_json(std::string_view line) {
        json_record_.clear();
        const wire::JsonDefaults defaults{
            .severity = template_.severity, .stream = options_.stream, .time_ns = SystemClock().wall_now()};
        const auto outcome = json_.append_record(line, defaults, json_record_);
        if (!outcome) {
            return false;
        }
        plain_lines_ += *outcome == wire::JsonOutcome::plain_text ? 1 : 0;
        mended_lines_ += *outcome == wire::JsonOutcome::mended ? 1 : 0;
        for (ByteView rest = json_record_; !rest.empty();) {  // Bounded: each turn takes a record.
            const std::size_t size = wire::RecordCodec::size(rest.data());
            Bytes record(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size));
            rest = rest.subspan(size);
            add_fields(record, template_.fields);
            check(writer_.add_encoded(record));
        }
        return true;
    }

    void read_lines() {
        Bytes buffer(kReadBytes);
        bool end = false;
        while (!end && !stop_.raised() && !writer_.failed()) {
            const bool readable = wait();
            if (!readable) {
                continue;
            }
            auto received = read_some(STDIN_FILENO, buffer);
            if (!received) {
                exit_code_ = report("log", received.error());
                break;
            }
            end = *received == 0;
            take({as_text({buffer.data(), *received})});
        }
        if (!partial_.empty() || partial_started_) {
            emit(partial_);
        }
    }

    // Waits for standard input (while there is room for its lines), the daemon or a signal.  True: input is there.
    // Before it would wait, what was read is sent.
    bool wait() {
        std::array<pollfd, 3> entries{{{.fd = writer_.full() ? -1 : STDIN_FILENO, .events = POLLIN, .revents = 0},
                                       {.fd = writer_.fd(), .events = writer_.wanted_events(), .revents = 0},
                                       {.fd = stop_.fd(), .events = POLLIN, .revents = 0}}};
        if (::poll(entries.data(), entries.size(), 0) == 0) {
            (void)writer_.send();
            entries[1] = {.fd = writer_.fd(), .events = writer_.wanted_events(), .revents = 0};
            ::poll(entries.data(), entries.size(), poll_milliseconds(writer_.wait_max()));
        }
        if (entries[0].revents == 0 || entries[1].revents != 0) {
            (void)writer_.process();  // A failure shows in failed() and was told by on_rejected.
        }
        return entries[0].revents != 0;
    }

    void take(std::string_view text) {
        progress_.add(text.size());
        while (!text.empty()) {
            const std::size_t end = text.find('\n');
            if (end == std::string_view::npos) {
                keep_partial(text);
                return;
            }
            if (partial_started_) {
                partial_ += text.substr(0, end);
                emit(partial_);
            } else {
                emit(text.substr(0, end));
            }
            text.remove_prefix(end + 1);
        }
    }

    // A line of any length needs no more memory than one part of it.
    void keep_partial(std::string_view text) {
        partial_ += text;
        partial_started_ = true;
        while (partial_.size() > kLineBytesMax) {
            add_text(std::string_view(partial_).substr(0, kLineBytesMax), ++partial_part_, true);
            partial_.erase(0, kLineBytesMax);
        }
    }

    void emit(std::string_view line) {
        line = lines_ == 0 && partial_part_ == 0 ? wire::without_byte_order_mark(line) : line;
        if (partial_part_ == 0) {
            add_line(line);
        } else {
            while (line.size() > kLineBytesMax) {
                add_text(line.substr(0, kLineBytesMax), ++partial_part_, true);
                line.remove_prefix(kLineBytesMax);
            }
            add_text(line, ++partial_part_, false);
        }
        ++lines_;
        progress_.add(0, 1);
        partial_.clear();
        partial_started_ = false;
        partial_part_ = 0;
    }

    int conclude() {
        if (writer_.failed()) {
            return exit_code_ != kExitDone ? exit_code_ : report("log", *writer_.failed());
        }
        if (!writer_.idle()) {
            const auto& counters = writer_.counters();
            tell("sluice log: stopped; {} records are not acknowledged and may be stored or not\n",
                 writer_.records() - counters.acknowledged_records - counters.rejected_records);
            exit_code_ = kExitFailed;
        }
        if (dropped_fields_ > 0) {
            tell("sluice log: {} fields were dropped: names that begin with '_' are the daemon's own\n",
                 dropped_fields_);
        }
        if (plain_lines_ > 0) {
            tell("sluice log: {} lines are not JSON objects that can be records; stored as messages\n", plain_lines_);
        }
        if (mended_lines_ > 0) {
            tell("sluice log: {} lines have a value that was mended; their field parse_error says which\n",
                 mended_lines_);
        }
        if (options_.print_cursor && exit_code_ == kExitDone) {
            print_cursor();
        }
        return exit_code_;
    }

    void print_cursor() {
        if (last_) {
            fmt::print("{}\n", wire::format_cursor(*last_));
        } else {
            tell("sluice log: no cursor: {}\n",
                 writer_.records() == 0 ? "there was no record" : "the daemon does not know the place any more");
            exit_code_ = kExitFailed;
        }
    }

    const Options& options_;
    Template template_;
    client::LogWriter& writer_;
    WaitingNotice notice_;
    StopSignals stop_;
    Progress progress_;
    wire::JsonReader json_{{.fields_max = wire::kFieldsMax - static_cast<std::uint32_t>(std::min<std::size_t>(
                                                                 template_.fields.size(), wire::kFieldsMax))}};
    Bytes json_record_;

    std::string partial_;  // The line that has not ended yet.
    bool partial_started_ = false;
    std::uint32_t partial_part_ = 0;  // Parts of it that were sent already.
    std::uint64_t lines_ = 0;

    std::optional<wire::Cursor> last_;  // Of the last batch acknowledged, where its place is known.
    std::uint64_t plain_lines_ = 0;     // With --format json.
    std::uint64_t mended_lines_ = 0;    // The same.
    std::uint64_t dropped_fields_ = 0;
    int exit_code_ = kExitDone;
};

Result<Template> parse(const Options& options) {
    Template parsed;
    SLUICE_TRY(parsed.severity, parse_severity(options.severity));
    SLUICE_TRY(parsed.level, parse_level(options.level));
    SLUICE_TRY(parsed.fields, parse_key_values(options.fields));
    if (!wire::valid_stream_name(options.stream)) {
        return fail(Errc::invalid_argument, "a stream name has 1 to 255 letters, digits and ._/@:- and '{}' has not",
                    options.stream);
    }
    if (options.print_cursor && parsed.level == wire::AckLevel::accepted) {
        return fail(Errc::invalid_argument, "--print-cursor needs --ack written or durable");
    }
    return parsed;
}

int run_log(const Context& context, const Options& options) {
    auto parsed = parse(options);
    if (!parsed) {
        return report_usage("log", parsed.error().text());
    }
    client::LogWriterOptions writer;
    writer.socket_path = context.socket_path();
    writer.connect.client_name = "sluice log";
    writer.level = parsed->level;
    writer.linger = std::chrono::seconds(1);  // The loop sends as soon as its input pauses.
    writer.wait_for_daemon = options.wait;
    writer.wait_when_full = false;
    const std::string path = writer.socket_path;
    auto opened = client::LogWriter::open(std::move(writer));
    if (!opened) {
        return report_no_daemon("log", path, opened.error());
    }
    return LogCommand(options, std::move(*parsed), **opened, path).run();
}

}  // namespace

void add_log(args::Program& program, Context& context) {
    args::Command command = program.command("log", kHelp);
    auto options = std::make_shared<Options>();
    command.option("--stream", options->stream, "Name of the stream: letters, digits and ._/@:-");
    command.option("--severity", options->severity, "emerg, alert, crit, err, warning, notice, info or debug")
        .type_name("NAME");
    command.option("--field", options->fields, "A field of each record; repeat for several")
        .type_name("K=V")
        .one_value_each();
    command.option("--ack", options->level, "Wait until accepted, written or durable").type_name("LEVEL");
    command.option("--format", options->format, "text: a line is a message; json: a line is an object")
        .one_of({"text", "json"});
    command.flag("--print-cursor", options->print_cursor, "At the end, print the cursor of the last record");
    command.flag("--wait", options->wait, "Wait for a daemon that is not there yet");
    command.option("message", options->message, "The message; without it, standard input is read");
    command.action([&context, options] { return run_log(context, *options); });
}

}  // namespace sluice::cli
