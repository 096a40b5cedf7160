#include "wire/syslog_stream.h"

#include <charconv>
#include <utility>

#include "base/format.h"
#include "wire/syslog_head.h"

namespace sluice::wire {
namespace {

constexpr std::size_t kLengthDigitsMax = 8;
constexpr std::size_t kPriorityDigitsMax = 3;
constexpr std::size_t kCountedBytesMax = 99'999'999;  // kLengthDigitsMax nines.

// A longer frame comes out in parts, the first of which is read from so many bytes.
std::size_t whole_bytes_max(const RecordLimits& limits) noexcept {
    const std::size_t message = intake_message_bytes_max(limits);
    return message + std::min(message, kIntakeFieldBytes);
}

// Whether "<PRI>" may go on with `c`; complete: it ends with '>'.
bool continues_priority(std::string_view begun, char c) noexcept {
    if (begun.empty()) {
        return c == '<';
    }
    const std::size_t digits = begun.size() - 1;
    return !begun.ends_with('>') && (c == '>' ? digits > 0 : c >= '0' && c <= '9' && digits < kPriorityDigitsMax);
}

// The same of "LENGTH <PRI>".
bool continues_count(std::string_view begun, char c) noexcept {
    if (const std::size_t space = begun.find(' '); space != std::string_view::npos) {
        return continues_priority(begun.substr(space + 1), c);
    }
    return c == ' ' ? !begun.empty() : c >= (begun.empty() ? '1' : '0') && c <= '9' && begun.size() < kLengthDigitsMax;
}

}  // namespace

void SyslogStreamDecoder::take(std::string_view bytes, const IntakeContext& context, Bytes& into,
                               IntakeCounts& counts) {
    const Sink sink{context, into, counts};
    while (!bytes.empty()) {  // Bounded: each step takes bytes, or goes to a state that does.
        step(bytes, sink);
    }
}

void SyslogStreamDecoder::finish(const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
    const Sink sink{context, into, counts};
    if (state_ == State::counted) {
        end_frame({}, fmt::format("the connection ended {} bytes before the message", left_), sink);
    } else {
        add(std::exchange(begun_, {}), sink);
        if (!held_.empty() || long_) {
            end_frame({}, {}, sink);
        }
    }
    state_ = State::start;
}

void SyslogStreamDecoder::save(Unfinished unfinished, Bytes& into) const {
    if (unfinished == Unfinished::left_out) {
        SyslogStreamDecoder().save(Unfinished::included, into);
        return;
    }
    append_int(into, static_cast<std::uint8_t>(state_));
    append_int(into, static_cast<std::uint8_t>(after_nul_ ? 1 : 0));
    append_int(into, static_cast<std::uint32_t>(left_));
    append_str(into, begun_);
    append_str(into, held_);
    LongMessage::save(long_, into);
}

Result<> SyslogStreamDecoder::restore(ByteView saved) {
    Reader from(saved);
    SyslogStreamDecoder next;
    const std::uint8_t state = from.u8();
    if (state > static_cast<std::uint8_t>(State::after_counted)) {
        from.refuse(Errc::invalid_argument, "no state");
    } else {
        next.state_ = static_cast<State>(state);
    }
    next.after_nul_ = from.flag(from.u8());
    next.left_ = from.u32();
    next.begun_ = from.str(kLengthDigitsMax + 1 + kPriorityDigitsMax + 2);
    next.held_ = from.str(2 * kImportRecordBytesMax);
    next.long_ = LongMessage::restore(from);
    if (next.left_ > kCountedBytesMax || (next.state_ == State::counted) != (next.left_ != 0)) {
        from.refuse(Errc::invalid_argument, "no length of a counted message");
    }
    if (!can_have_begun(next.state_, next.begun_)) {
        from.refuse(Errc::invalid_argument, "no beginning of a message");
    }
    SLUICE_CHECK(from.finish("what was saved of a syslog stream"));
    *this = std::move(next);
    return {};
}

// Whether step_start() or step_line_end() can have come so far, and not to its end.
bool SyslogStreamDecoder::can_have_begun(State state, std::string_view begun) noexcept {
    if (state == State::line_end) {
        if (!begun.starts_with('\n')) {
            return false;
        }
        begun.remove_prefix(1);
    } else if (state != State::start) {
        return begun.empty();
    }
    const auto continues = state == State::start ? continues_count : continues_priority;
    for (std::size_t i = 0; i < begun.size(); ++i) {
        if (!continues(begun.substr(0, i), begun[i])) {
            return false;
        }
    }
    return !begun.ends_with('>');
}

void SyslogStreamDecoder::step(std::string_view& bytes, const Sink& sink) {
    switch (state_) {
        case State::start:
            return step_start(bytes, sink);
        case State::line:
            return step_line(bytes, sink);
        case State::lines:
            return step_lines(bytes, sink);
        case State::line_end:
            return step_line_end(bytes, sink);
        case State::counted:
            return step_counted(bytes, sink);
        case State::after_counted:
            bytes.remove_prefix(bytes.front() == '\n' ? 1 : 0);
            state_ = State::start;
            return;
    }
}

// Takes the length of a counted frame and its "<PRI>", or what looks like that until here.
void SyslogStreamDecoder::step_start(std::string_view& bytes, const Sink& sink) {
    while (!bytes.empty() && continues_count(begun_, bytes.front())) {
        begun_ += bytes.front();
        bytes.remove_prefix(1);
    }
    if (begun_.ends_with('>')) {
        std::from_chars(begun_.data(), begun_.data() + begun_.size(), left_);
        const std::size_t priority_bytes = begun_.size() - begun_.find('<');
        if (left_ >= priority_bytes) {
            held_ = begun_.substr(begun_.size() - priority_bytes);
            begun_.clear();
            left_ -= priority_bytes;
            state_ = State::counted;
            if (left_ == 0) {
                step_counted(bytes, sink);
            }
            return;
        }
        left_ = 0;
    } else if (bytes.empty()) {
        return;
    }
    state_ = after_nul_ && begun_.empty() && bytes.front() == '<' ? State::lines : State::line;
    held_ = std::exchange(begun_, {});
}

void SyslogStreamDecoder::step_line(std::string_view& bytes, const Sink& sink) {
    const std::size_t line_end = bytes.find('\n');
    const std::size_t nul = bytes.substr(0, line_end).find('\0');
    const std::size_t end = std::min(line_end, nul);
    if (end == std::string_view::npos) {
        add(bytes, sink);
        bytes = {};
        return;
    }
    const bool empty = held_.empty() && !long_ && end == 0;
    after_nul_ = end == nul && (after_nul_ || !empty);
    state_ = State::start;
    end_frame(bytes.substr(0, end), {}, sink);
    bytes.remove_prefix(end + 1);
}

// As syslog(3) of glibc writes them: a message of lines, up to a NUL.
void SyslogStreamDecoder::step_lines(std::string_view& bytes, const Sink& sink) {
    const std::size_t end = bytes.find_first_of(std::string_view("\n\0", 2));
    if (end == std::string_view::npos) {
        add(bytes, sink);
        bytes = {};
        return;
    }
    if (bytes[end] == '\0') {
        state_ = State::start;
        end_frame(bytes.substr(0, end), {}, sink);
    } else {
        state_ = State::line_end;
        add(bytes.substr(0, end), sink);
        begun_ = '\n';
    }
    bytes.remove_prefix(end + 1);
}

// A line that begins with "<PRI>" is a message of its own, and LF ends messages again.
void SyslogStreamDecoder::step_line_end(std::string_view& bytes, const Sink& sink) {
    while (!bytes.empty() && continues_priority(std::string_view(begun_).substr(1), bytes.front())) {
        begun_ += bytes.front();
        bytes.remove_prefix(1);
    }
    if (begun_.ends_with('>')) {
        end_frame({}, {}, sink);
        held_ = begun_.substr(1);
        begun_.clear();
        after_nul_ = false;
        state_ = State::line;
    } else if (!bytes.empty()) {
        add(std::exchange(begun_, {}), sink);
        state_ = State::lines;
    }
}

void SyslogStreamDecoder::step_counted(std::string_view& bytes, const Sink& sink) {
    const std::string_view piece = bytes.substr(0, left_);
    left_ -= piece.size();
    if (left_ == 0) {
        state_ = State::after_counted;
        end_frame(piece, {}, sink);
    } else {
        add(piece, sink);
    }
    bytes.remove_prefix(piece.size());
}

void SyslogStreamDecoder::add(std::string_view bytes, const Sink& sink) {
    const std::size_t step_bytes = whole_bytes_max(sink.context.limits);
    while (!bytes.empty()) {  // Step by step, so that no more is held than has to be.
        const std::string_view piece = bytes.substr(0, step_bytes + 1 - std::min(held_.size(), step_bytes));
        held_ += piece;
        bytes.remove_prefix(piece.size());
        take_parts(sink);
    }
}

// Leaves at most what the last part can have.
void SyslogStreamDecoder::take_parts(const Sink& sink) {
    const auto& [context, into, counts] = sink;
    const std::size_t start_bytes = whole_bytes_max(context.limits);
    if (!long_ && held_.size() > start_bytes) {
        std::size_t used = 0;
        long_ = begin_long_syslog(std::string_view(held_).substr(0, start_bytes), context, into, counts, used);
        held_.erase(0, used);
    }
    const std::size_t part_bytes = intake_message_bytes_max(context.limits);
    while (long_ && held_.size() > part_bytes) {
        const std::string_view part = std::string_view(held_).substr(0, part_bytes);
        long_->append(part, /*more=*/true, syslog_nul_fault(part), context.limits, into, counts);
        held_.erase(0, part_bytes);
    }
}

void SyslogStreamDecoder::end_frame(std::string_view last, std::string_view fault, const Sink& sink) {
    const auto& [context, into, counts] = sink;
    if (held_.empty() && !long_ && last.size() <= whole_bytes_max(context.limits)) {
        append_syslog_frame(last, fault, context, into, counts);
        return;
    }
    add(last, sink);
    if (long_) {
        const std::string_view text = strip_syslog(held_);
        long_->append(text, /*more=*/false, fault.empty() ? syslog_nul_fault(text) : fault, context.limits, into,
                      counts);
        long_.reset();
    } else {
        append_syslog_frame(held_, fault, context, into, counts);
    }
    clear_held(held_);
}

}  // namespace sluice::wire
