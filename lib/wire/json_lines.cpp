#include "wire/json_lines.h"

namespace sluice::wire {

void JsonLinesDecoder::take(std::string_view bytes, const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
    const Sink sink{context, into, counts};
    for (std::size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
        end_line(bytes.substr(0, end), sink);
        bytes.remove_prefix(end + 1);
    }
    add(bytes, sink);
}

void JsonLinesDecoder::finish(const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
    end_line({}, {context, into, counts});
}

void JsonLinesDecoder::save(Unfinished unfinished, Bytes& into) const {
    const bool all = unfinished == Unfinished::included;
    append_str(into, all ? held_ : std::string_view());
    LongMessage::save(all ? long_ : std::nullopt, into);
}

Result<> JsonLinesDecoder::restore(ByteView saved) {
    Reader from(saved);
    const std::string_view held = from.str(2 * kImportRecordBytesMax);
    std::optional<LongMessage> message = LongMessage::restore(from);
    SLUICE_CHECK(from.finish("what was saved of a stream of JSON lines"));
    held_ = held;
    long_ = std::move(message);
    return {};
}

void JsonLinesDecoder::add(std::string_view bytes, const Sink& sink) {
    while (!bytes.empty()) {  // Step by step, so that no more is held than has to be.
        const std::string_view piece =
            bytes.substr(0, options_.line_bytes_max + 1 - std::min(held_.size(), options_.line_bytes_max));
        held_ += piece;
        bytes.remove_prefix(piece.size());
        take_parts(sink);
    }
}

// Leaves at most what the last part can have.
void JsonLinesDecoder::take_parts(const Sink& sink) {
    const auto& [context, into, counts] = sink;
    const std::size_t part_bytes = intake_message_bytes_max(context.limits);
    if (!long_ && held_.size() > options_.line_bytes_max) {
        const std::string_view part = std::string_view(held_).substr(0, part_bytes);
        const RecordWriter::Head head{context.severity, context.names.stream({}), context.time_ns};
        RecordWriter record(into, context.limits);
        record.begin(head, part, 128);
        record.text(kParseErrorName, fmt::format("a line of more than {} bytes", options_.line_bytes_max));
        record.part(1, /*more=*/true);
        record.finish(counts);
        ++counts.malformed;
        long_ = LongMessage(head, /*malformed=*/true);
        held_.erase(0, part.size());
    }
    while (long_ && held_.size() > part_bytes) {
        long_->append(std::string_view(held_).substr(0, part_bytes), /*more=*/true, {}, context.limits, into, counts);
        held_.erase(0, part_bytes);
    }
}

void JsonLinesDecoder::end_line(std::string_view last, const Sink& sink) {
    if (held_.empty() && !long_ && last.size() <= options_.line_bytes_max) {
        read_line(last, sink);
        return;
    }
    add(last, sink);
    if (long_) {
        long_->append(held_, /*more=*/false, {}, sink.context.limits, sink.into, sink.counts);
        long_.reset();
    } else {
        read_line(held_, sink);
    }
    clear_held(held_);
}

void JsonLinesDecoder::read_line(std::string_view line, const Sink& sink) {
    const auto& [context, into, counts] = sink;
    if (line.empty() || line == "\r") {
        return;
    }
    const auto read = reader_.append_object(
        line, {.severity = context.severity, .time_ns = context.time_ns, .names = &context.names}, into);
    if (read) {
        counts += *read;
    } else {
        append_malformed(line, {context.severity, context.names.stream({}), context.time_ns}, read.error().text(),
                         context.limits, into, counts);
    }
}

}  // namespace sluice::wire
