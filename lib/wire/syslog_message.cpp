#include "wire/syslog_message.h"

#include <array>

#include "base/format.h"
#include "wire/syslog_head.h"

namespace sluice::wire {
namespace {

class SyslogWriter {
 public:
    SyslogWriter(std::string_view text, const IntakeContext& context, Bytes& into, IntakeCounts& counts)
        : head_(parse_syslog_head(text, context)), record_(into, context.limits), counts_(counts) {
        if (!head_.fault.empty()) {
            head_ = {.severity = head_.severity,
                     .facility = head_.facility,
                     .time_ns = context.time_ns,
                     .fields_bytes = 256,
                     .fault = head_.fault,
                     .fault_at = head_.fault_at};
            add_fault(fmt::format("{} at byte {}", head_.fault, head_.fault_at + 1));
        }
        record_head_ = {head_.severity, context.names.stream(head_.identifier), head_.time_ns};
        add_fault(syslog_nul_fault(text));
    }

    const RecordWriter::Head& record_head() const noexcept { return record_head_; }
    std::size_t message_at() const noexcept { return head_.message_at; }
    bool malformed() const noexcept { return !faults_.empty(); }

    void add_fault(std::string_view fault) {
        if (!fault.empty()) {
            faults_ += faults_.empty() ? "" : "; ";
            faults_ += fault;
        }
    }

    // `more`: it is the first part of a message.
    void append(std::string_view message, bool more) {
        record_.begin(record_head_, message, head_.fields_bytes + 2 * faults_.size());
        if (head_.facility != 0) {
            const std::array<char, 2> digits{static_cast<char>('0' + head_.facility / 10),
                                             static_cast<char>('0' + head_.facility % 10)};
            record_.text("syslog_facility", std::string_view(digits.data(), 2).substr(head_.facility < 10 ? 1 : 0));
        }
        if (!head_.hostname.empty()) {
            record_.text("hostname", head_.hostname);
        }
        if (head_.has_pid) {
            record_.text("syslog_pid", head_.pid);
        }
        if (!head_.msgid.empty()) {
            record_.text("syslog_msgid", head_.msgid);
        }
        if (!head_.timestamp.empty()) {
            record_.text("syslog_timestamp", head_.timestamp);
        }
        if (!head_.structured.empty()) {
            append_structured_data(head_.structured, record_);
        }
        record_.identifier(head_.identifier, record_head_.stream);
        if (!faults_.empty()) {
            record_.text(kParseErrorName, faults_);
            ++counts_.malformed;
        }
        if (more) {
            record_.part(1, true);
        }
        record_.finish(counts_);
    }

 private:
    SyslogHead head_;
    RecordWriter record_;
    RecordWriter::Head record_head_{};
    std::string faults_;
    IntakeCounts& counts_;
};

}  // namespace

std::string_view strip_syslog(std::string_view text) noexcept {
    constexpr std::string_view kStripped("\0 \t\n\v\f\r", 7);
    const std::size_t last = text.find_last_not_of(kStripped);
    return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

std::string_view syslog_nul_fault(std::string_view text) noexcept {
    return text.find('\0') == std::string_view::npos ? std::string_view() : "NUL inside the message";
}

void append_syslog(std::string_view message, const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
    append_syslog_frame(message, {}, context, into, counts);
}

void append_syslog_frame(std::string_view message, std::string_view fault, const IntakeContext& context, Bytes& into,
                         IntakeCounts& counts) {
    const std::string_view text = strip_syslog(message);
    if (text.empty()) {
        return;
    }
    SyslogWriter writer(text, context, into, counts);
    writer.add_fault(fault);
    std::string_view rest = text.substr(writer.message_at());
    const std::size_t part_bytes = intake_message_bytes_max(context.limits);
    if (rest.size() <= part_bytes) {
        writer.append(rest, /*more=*/false);
        return;
    }
    writer.append(rest.substr(0, part_bytes), /*more=*/true);
    LongMessage parts(writer.record_head(), writer.malformed());
    for (rest.remove_prefix(part_bytes); !rest.empty(); rest.remove_prefix(std::min(part_bytes, rest.size()))) {
        parts.append(rest.substr(0, part_bytes), rest.size() > part_bytes, {}, context.limits, into, counts);
    }
}

LongMessage begin_long_syslog(std::string_view start, const IntakeContext& context, Bytes& into, IntakeCounts& counts,
                              std::size_t& used) {
    SyslogWriter writer(start, context, into, counts);
    const std::string_view rest = start.substr(writer.message_at());
    const std::string_view part = rest.substr(0, intake_message_bytes_max(context.limits));
    writer.append(part, /*more=*/true);
    used = writer.message_at() + part.size();
    return {writer.record_head(), writer.malformed()};
}

}  // namespace sluice::wire
