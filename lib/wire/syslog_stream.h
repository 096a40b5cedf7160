// Syslog over a stream socket.  Each frame is a message of syslog_message.h, and frames of all kinds may follow each
// other:
//   LENGTH SP message      octet counting (RFC 6587, 3.4.1): LENGTH is 1 to 8 digits, the message begins with "<PRI>";
//   a
//                          LF behind it is skipped.  "404 <html>" is a line.
//   message LF             (RFC 6587, 3.4.2)
//   message NUL            syslog(3) of glibc; such a message may have line ends inside.  So what follows a NUL and
//                          begins with '<' does not end with its line, unless the next line begins with "<PRI>": a
//                          NUL in the text of a program that ends its messages with LF costs at most that message.
// The last frame may end with the connection.  A frame that is longer than a record can be comes out in parts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/intake.h"
#include "wire/intake_record.h"

namespace sluice::wire {

// Threads: one.
class SyslogStreamDecoder final : public StreamDecoder {
 public:
    void take(std::string_view bytes, const IntakeContext& context, Bytes& into, IntakeCounts& counts) override;
    void finish(const IntakeContext& context, Bytes& into, IntakeCounts& counts) override;
    std::size_t held_bytes() const noexcept override { return held_.size() + begun_.size(); }
    // Nothing holds for all of a connection: without what is unfinished it begins anew.
    void save(Unfinished unfinished, Bytes& into) const override;
    Result<> restore(ByteView saved) override;

 private:
    enum class State : std::uint8_t { start, line, lines, line_end, counted, after_counted };

    void step(std::string_view& bytes, const Sink& sink);
    void step_start(std::string_view& bytes, const Sink& sink);
    void step_line(std::string_view& bytes, const Sink& sink);
    void step_lines(std::string_view& bytes, const Sink& sink);
    void step_line_end(std::string_view& bytes, const Sink& sink);
    void step_counted(std::string_view& bytes, const Sink& sink);
    void add(std::string_view bytes, const Sink& sink);
    void end_frame(std::string_view last, std::string_view fault, const Sink& sink);
    void take_parts(const Sink& sink);
    static bool can_have_begun(State state, std::string_view begun) noexcept;

    State state_ = State::start;
    bool after_nul_ = false;           // NUL ended the last frame that was not counted.
    std::size_t left_ = 0;             // Bytes of the counted frame that are still to come.
    std::string begun_;                // What may become "LENGTH <PRI>" or, behind a line, LF "<PRI>".
    std::string held_;                 // Of the frame that has not ended.
    std::optional<LongMessage> long_;  // Parts of it are out already.
};

}  // namespace sluice::wire
