// journald's stdout protocol: what systemd-cat, sd_journal_stream_fd and services that systemd starts write.  Seven
// header lines, then a message per line:
//   1 identifier     names the stream; may be empty
//   2 unit           may be empty; the field `unit` of each record where it is not
//   3 priority       0 to 999: severity in the lowest three bits; a facility above them that is not 0 is the field
//                    syslog_facility
//   4 level prefix   a boolean (1, yes, y, true, t, on; 0, no, n, false, f, off), 1: a line may begin with "<0>" to
//   "<7>", its severity;  0: it is text 5, 6, 7          booleans: forwarding to syslog, kmsg, console; not used
// Empty lines are no messages; white space at the end of a line is left out.  A message ends with LF, NUL,
// Options::line_bytes_max, the connection or its sender; if it is not LF, the field line_break says so: nul, line-max,
// eof, pid-change. A header that is not like that: its lines are messages too, with the line that was wrong in
// parse_error, and all that follows are lines without a header.
#pragma once

#include <string>
#include <string_view>

#include "wire/intake.h"

namespace sluice::wire {

// Threads: one.
class StdoutStreamDecoder final : public StreamDecoder {
 public:
    struct Options {
        std::size_t line_bytes_max = 48U << 10U;  // A longer line is several messages.  Also bounded by a message's.
    };
    StdoutStreamDecoder() = default;
    explicit StdoutStreamDecoder(Options options) noexcept : options_(options) {}

    void take(std::string_view bytes, const IntakeContext& context, Bytes& into, IntakeCounts& counts) override;
    void finish(const IntakeContext& context, Bytes& into, IntakeCounts& counts) override;
    std::size_t held_bytes() const noexcept override { return held_.size() + header_.size(); }
    // A header that is not complete is unfinished.
    void save(Unfinished unfinished, Bytes& into) const override;
    Result<> restore(ByteView saved) override;

    // From here on another process writes: what is held is a message of its own, of the process before, which
    // `context` names.
    void sender_changed(const IntakeContext& context, Bytes& into, IntakeCounts& counts);

    bool has_header() const noexcept { return header_lines_ == kHeaderLines; }  // Or found that there is none.
    // As the header says; empty until it is read.
    std::string_view identifier() const noexcept { return identifier_; }
    std::string_view unit() const noexcept { return unit_; }

 private:
    static constexpr unsigned kHeaderLines = 7;

    void take_header(std::string_view& bytes, const Sink& sink);
    void take_lines(std::string_view bytes, const Sink& sink);
    std::string_view read_header_line(std::string_view line);
    void reject_header(std::string_view fault, const Sink& sink);
    void append(std::string_view line, std::string_view line_break, const Sink& sink);

    Options options_{};
    std::string held_;           // Of the line that has not ended.
    std::string header_;         // Its lines so far, with their ends.
    unsigned header_lines_ = 0;  // Seven: what follows are messages.
    std::string fault_;          // Of the header; goes into parse_error.
    bool rejecting_ = false;     // While the lines of a header become messages.
    std::string identifier_;
    std::string unit_;
    bool has_priority_ = false;  // Else messages have the severity of the context.
    Severity severity_ = Severity::info;
    std::string facility_;  // Decimal; empty: 0.
    bool has_level_prefix_ = false;
};

}  // namespace sluice::wire
