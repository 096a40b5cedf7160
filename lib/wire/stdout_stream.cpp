#include "wire/stdout_stream.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/format.h"
#include "wire/intake_record.h"

namespace sluice::wire {
namespace {

constexpr std::size_t kHeaderLineBytesMax = 4096;
constexpr unsigned kStdoutPriorityMax = 999;   // As in journald.
constexpr std::size_t kFacilityDigitsMax = 3;  // Of kStdoutPriorityMax / 8.
constexpr std::size_t kFaultBytesMax = 256;    // More than reject_header() writes.

constexpr std::string_view kNulBreak = "nul";
constexpr std::string_view kLineMaxBreak = "line-max";
constexpr std::string_view kEofBreak = "eof";
constexpr std::string_view kPidChangeBreak = "pid-change";

constexpr std::string_view kSpace = " \t\r\n";

std::string_view stripped(std::string_view text) noexcept {
    text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
    return text.substr(0, text.find_last_not_of(kSpace) + 1);  // npos + 1 is 0.
}

// As parse_boolean() of systemd.
std::optional<bool> parse_boolean(std::string_view text) {
    std::string lower(text.substr(0, 8));
    for (char& c : lower) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    }
    constexpr std::string_view kYes[] = {"1", "yes", "y", "true", "t", "on"};
    constexpr std::string_view kNo[] = {"0", "no", "n", "false", "f", "off"};
    if (std::ranges::find(kYes, lower) != std::end(kYes)) {
        return true;
    }
    return std::ranges::find(kNo, lower) != std::end(kNo) ? std::optional(false) : std::nullopt;
}

}  // namespace

void StdoutStreamDecoder::take(std::string_view bytes, const IntakeContext& context, Bytes& into,
                               IntakeCounts& counts) {
    const Sink sink{context, into, counts};
    while (!bytes.empty() && header_lines_ < kHeaderLines) {  // Bounded: each turn takes bytes.
        take_header(bytes, sink);
    }
    take_lines(bytes, sink);
}

void StdoutStreamDecoder::finish(const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
    const Sink sink{context, into, counts};
    if (header_lines_ < kHeaderLines && !(header_.empty() && held_.empty())) {
        reject_header("more, and the connection ended", sink);
    }
    append(held_, kEofBreak, sink);
    clear_held(held_);
}

void StdoutStreamDecoder::sender_changed(const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
    if (header_lines_ == kHeaderLines) {  // A header is the connection's, whoever writes it.
        append(held_, kPidChangeBreak, {context, into, counts});
        clear_held(held_);
    }
}

void StdoutStreamDecoder::save(Unfinished unfinished, Bytes& into) const {
    const bool all = unfinished == Unfinished::included;
    if (!all && !has_header()) {
        StdoutStreamDecoder(options_).save(Unfinished::included, into);
        return;
    }
    append_int(into, static_cast<std::uint8_t>(header_lines_));
    append_int(into, static_cast<std::uint8_t>(has_priority_ ? 1 : 0));
    append_int(into, static_cast<std::uint8_t>(severity_));
    append_int(into, static_cast<std::uint8_t>(has_level_prefix_ ? 1 : 0));
    for (const std::string* text : {&identifier_, &unit_, &facility_, &header_}) {
        append_str(into, *text);
    }
    append_str(into, all ? fault_ : std::string_view());
    append_str(into, all ? held_ : std::string_view());
}

Result<> StdoutStreamDecoder::restore(ByteView saved) {
    Reader from(saved);
    StdoutStreamDecoder next(options_);
    next.header_lines_ = from.u8();
    if (next.header_lines_ > kHeaderLines) {
        from.refuse(Errc::invalid_argument, "more header lines than there are");
    }
    const bool complete = next.has_header();
    next.has_priority_ = from.flag(from.u8());
    next.severity_ = restore_severity(from);
    next.has_level_prefix_ = from.flag(from.u8());
    next.identifier_ = from.str(kHeaderLineBytesMax);
    next.unit_ = from.str(kHeaderLineBytesMax);
    next.facility_ = from.str(kFacilityDigitsMax);
    next.header_ = from.str(complete ? 0 : next.header_lines_ * (kHeaderLineBytesMax + 1));
    next.fault_ = from.str(kFaultBytesMax);
    next.held_ = from.str(complete ? options_.line_bytes_max : kHeaderLineBytesMax);
    if (!std::ranges::all_of(next.facility_, is_digit)) {
        from.refuse(Errc::invalid_argument, "no facility");
    }
    SLUICE_CHECK(from.finish("what was saved of a stdout stream"));
    *this = std::move(next);
    return {};
}

void StdoutStreamDecoder::take_header(std::string_view& bytes, const Sink& sink) {
    const std::string_view window = bytes.substr(0, kHeaderLineBytesMax + 1 - held_.size());
    const std::size_t end = window.find('\n');
    held_ += window.substr(0, end);
    bytes.remove_prefix(std::min(end, window.size()));
    if (end == std::string_view::npos) {
        if (held_.size() > kHeaderLineBytesMax) {
            reject_header(fmt::format("at most {} bytes", kHeaderLineBytesMax), sink);
        }
        return;
    }
    if (const std::string_view expected = read_header_line(held_); !expected.empty()) {
        reject_header(expected, sink);  // Its line end is still in `bytes`.
        return;
    }
    bytes.remove_prefix(1);
    header_ += held_;
    header_ += '\n';
    held_.clear();
    if (++header_lines_ == kHeaderLines) {
        header_ = std::string();
    }
}

// Returns what was expected and not found; empty: nothing.
std::string_view StdoutStreamDecoder::read_header_line(std::string_view line) {
    if (line.find('\0') != std::string_view::npos) {
        return "a line without NUL";
    }
    line = stripped(line);
    switch (header_lines_) {
        case 0:
            identifier_ = line;
            return {};
        case 1:
            unit_ = line;
            return {};
        case 2: {
            unsigned priority = 0;
            const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), priority);
            if (error != std::errc() || end != line.data() + line.size() || priority > kStdoutPriorityMax) {
                return "a priority from 0 to 999";
            }
            has_priority_ = true;
            severity_ = static_cast<Severity>(priority % 8);
            facility_ = priority < 8 ? std::string() : fmt::to_string(priority / 8);
            return {};
        }
        default: {
            const std::optional<bool> value = parse_boolean(line);
            if (!value) {
                return "a boolean such as 0 or 1";
            }
            has_level_prefix_ = header_lines_ == 3 ? *value : has_level_prefix_;
            return {};
        }
    }
}

// What came so far becomes messages; nothing it said counts.
void StdoutStreamDecoder::reject_header(std::string_view expected, const Sink& sink) {
    fault_ = fmt::format("stdout header line {}: expected {}", header_lines_ + 1, expected);
    header_lines_ = kHeaderLines;
    identifier_.clear();
    unit_.clear();
    has_priority_ = false;
    facility_.clear();
    has_level_prefix_ = false;
    header_ += held_;
    held_.clear();
    const std::uint64_t before = sink.counts.malformed;
    rejecting_ = true;
    take_lines(header_, sink);
    rejecting_ = false;
    if (held_.empty() && sink.counts.malformed != before) {
        fault_.clear();  // Else it belongs to the line that was wrong, which has not ended.
    }
    header_ = std::string();
}

void StdoutStreamDecoder::take_lines(std::string_view bytes, const Sink& sink) {
    const std::size_t line_bytes_max =
        std::max<std::size_t>(1, std::min(options_.line_bytes_max, intake_message_bytes_max(sink.context.limits)));
    while (!bytes.empty()) {  // Bounded: each turn takes bytes.
        const std::string_view window = bytes.substr(0, line_bytes_max - std::min(held_.size(), line_bytes_max - 1));
        std::size_t end = window.find('\n');
        const std::size_t nul = window.substr(0, end).find('\0');
        end = std::min(end, nul);
        const bool ended = end != std::string_view::npos;
        const std::string_view piece = window.substr(0, end);
        bytes.remove_prefix(piece.size() + (ended ? 1 : 0));
        if (!ended && held_.size() + piece.size() < line_bytes_max) {
            held_ += piece;
            return;
        }
        const std::string_view line_break = !ended ? kLineMaxBreak : end == nul ? kNulBreak : std::string_view();
        if (held_.empty()) {
            append(piece, line_break, sink);
        } else {
            held_ += piece;
            append(held_, line_break, sink);
            clear_held(held_);
        }
    }
}

void StdoutStreamDecoder::append(std::string_view line, std::string_view line_break, const Sink& sink) {
    const auto& [context, into, counts] = sink;
    // As journald does; but not where a line only goes on, and one of white space alone stays what it is.
    if (line_break != kLineMaxBreak && line.find_last_not_of(kSpace) != std::string_view::npos) {
        line = line.substr(0, line.find_last_not_of(kSpace) + 1);
    }
    RecordWriter::Head head{has_priority_ ? severity_ : context.severity, {}, context.time_ns};
    if (has_level_prefix_ && line.size() >= 3 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>') {
        head.severity = static_cast<Severity>(line[1] - '0');
        line.remove_prefix(3);
    }
    if (line.empty()) {
        return;
    }
    head.stream = context.names.stream(identifier_);
    RecordWriter record(into, context.limits);
    record.begin(head, line, 128);
    if (!facility_.empty()) {
        record.text("syslog_facility", facility_);
    }
    if (!unit_.empty()) {
        record.text("unit", unit_);
    }
    record.identifier(identifier_, head.stream);
    if (!line_break.empty()) {
        record.text("line_break", line_break);
    }
    if (!fault_.empty()) {
        record.text(kParseErrorName, fault_);
        ++counts.malformed;
        fault_.resize(rejecting_ ? fault_.size() : 0);
    }
    record.finish(counts);
}

}  // namespace sluice::wire
