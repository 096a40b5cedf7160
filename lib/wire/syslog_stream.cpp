#include "wire/syslog_stream.h"

#include <charconv>

#include "base/format.h"
#include "wire/syslog_head.h"

namespace sluice::wire {
namespace {

constexpr std::size_t kLengthDigitsMax = 8;

// A longer frame comes out in parts, the first of which is read from so many bytes.
std::size_t whole_bytes_max(const RecordLimits& limits) noexcept {
    const std::size_t message = intake_message_bytes_max(limits);
    return message + std::min(message, kIntakeFieldBytes);
}

// What may stand before "<" of a counted frame: 1 to 8 digits, then a space.
bool continues_length(std::string_view length, char c) noexcept {
    if (length.ends_with(' ')) {
        return false;
    }
    return c == ' ' ? !length.empty()
                    : c >= (length.empty() ? '1' : '0') && c <= '9' && length.size() < kLengthDigitsMax;
}

}  // namespace

void SyslogStreamDecoder::take(std::string_view bytes, const IntakeContext& context, Bytes& into,
                               IntakeCounts& counts) {
    const Sink sink{context, into, counts};
    while (!bytes.empty()) {  // Bounded: each step takes bytes, or leaves the state `start` or `after_counted`.
        step(bytes, sink);
    }
}

void SyslogStreamDecoder::finish(const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
    const Sink sink{context, into, counts};
    if (state_ == State::counted) {
        end_frame({}, fmt::format("the connection ended {} bytes before the message", left_), sink);
    } else if (!held_.empty() || long_) {
        end_frame({}, {}, sink);
    }
    state_ = State::start;
}

void SyslogStreamDecoder::step(std::string_view& bytes, const Sink& sink) {
    switch (state_) {
        case State::start:
            return step_start(bytes);
        case State::line:
            return step_line(bytes, sink);
        case State::counted:
            return step_counted(bytes, sink);
        case State::after_counted:
            bytes.remove_prefix(bytes.front() == '\n' ? 1 : 0);
            state_ = State::start;
            return;
    }
}

// Takes the length of a counted frame, or what looks like one until here.
void SyslogStreamDecoder::step_start(std::string_view& bytes) {
    while (!bytes.empty() && continues_length(held_, bytes.front())) {
        held_ += bytes.front();
        bytes.remove_prefix(1);
    }
    if (bytes.empty()) {
        return;
    }
    state_ = State::line;
    if (bytes.front() == '<' && held_.ends_with(' ')) {
        std::from_chars(held_.data(), held_.data() + held_.size(), left_);
        held_.clear();
        state_ = State::counted;
    }
}

void SyslogStreamDecoder::step_line(std::string_view& bytes, const Sink& sink) {
    std::size_t end = ends_with_nul_ ? std::string_view::npos : bytes.find('\n');
    const std::size_t nul = bytes.substr(0, end).find('\0');
    end = std::min(end, nul);
    if (end == std::string_view::npos) {
        add(bytes, sink);
        bytes = {};
        return;
    }
    const bool empty = held_.empty() && !long_ && end == 0;
    ends_with_nul_ |= end == nul && !empty;
    state_ = State::start;
    end_frame(bytes.substr(0, end), {}, sink);
    bytes.remove_prefix(end + 1);
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
