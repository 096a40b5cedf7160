#include "wire/import.h"

#include <algorithm>
#include <utility>

#include "wire/journal_export.h"
#include "wire/json.h"
#include "wire/whole_message.h"

namespace sluice::wire {
namespace {

// Cuts bytes into lines.  What is above the limit of a message comes in pieces.
class LineImporter : public Importer {
 public:
    explicit LineImporter(const ImportOptions& options) : options_(options) {}

    void take(std::string_view bytes, Bytes& into) final {
        while (!bytes.empty()) {  // Bounded: each turn takes a line or ends.
            const std::size_t end = bytes.find('\n');
            if (end == std::string_view::npos) {
                held_ += bytes;
                open_ = true;
                take_pieces(into);
                return;
            }
            if (open_) {
                held_ += bytes.substr(0, end);
                take_pieces(into);
                end_line(held_, into);
                held_.clear();
            } else if (end <= options_.limits.message_bytes_max) {
                line(bytes.substr(0, end), into);
            } else {
                held_ = bytes.substr(0, end);
                take_pieces(into);
                end_line(held_, into);
                held_.clear();
            }
            bytes.remove_prefix(end + 1);
        }
    }

    void finish(Bytes& into) final {
        if (open_) {
            end_line(held_, into);
            held_.clear();
        }
        end(into);
    }

    std::size_t held_bytes() const noexcept override { return held_.size(); }

 protected:
    // A whole line, not longer than a message.
    virtual void line(std::string_view text, Bytes& into) = 0;
    // A part of a line that is longer; the last one has `more` false.
    virtual void piece(std::string_view text, bool first, bool more, Bytes& into) = 0;
    virtual void end(Bytes& into) = 0;

    ImportOptions options_;

 private:
    void take_pieces(Bytes& into) {
        const std::size_t piece_bytes = options_.limits.message_bytes_max;
        std::size_t at = 0;
        while (held_.size() - at > piece_bytes) {
            piece(std::string_view(held_).substr(at, piece_bytes), !in_pieces_, true, into);
            in_pieces_ = true;
            at += piece_bytes;
        }
        held_.erase(0, at);
    }
    void end_line(std::string_view text, Bytes& into) {
        if (in_pieces_) {
            piece(text, false, false, into);
        } else {
            line(text, into);
        }
        in_pieces_ = false;
        open_ = false;
    }

    std::string held_;        // Of the line that has not ended.
    bool open_ = false;       // There is one; it may be empty so far.
    bool in_pieces_ = false;  // Pieces of it were taken already.
};

class JsonImporter final : public LineImporter {
 public:
    explicit JsonImporter(const ImportOptions& options) : LineImporter(options), reader_(options.limits) {}

 private:
    MessageHead head() const noexcept { return {.severity = options_.severity, .stream = options_.stream}; }

    void line(std::string_view text, Bytes& into) override {
        if (text.empty() || text == "\r") {
            return;
        }
        const JsonDefaults defaults{.severity = options_.severity,
                                    .stream = options_.stream,
                                    .reserved = JsonDefaults::Reserved::rename,
                                    .time_key = options_.time_key,
                                    .severity_key = options_.severity_key,
                                    .message_key = options_.message_key};
        if (const auto counts = reader_.append_object(text, defaults, into)) {
            counts_.records += counts->records;
            counts_.mended += counts->malformed;
            return;
        }
        ++counts_.not_understood;
        append_whole_message(text, head(), options_.limits, into, counts_);
    }

    void piece(std::string_view text, bool first, bool more, Bytes& into) override {
        part_ = first ? 1 : part_ + 1;
        append_message_part(text, head(), part_, more, into, counts_);
        counts_.split += first ? 1 : 0;
        counts_.not_understood += first ? 1 : 0;
    }

    void end(Bytes&) override {}

    JsonReader reader_;
    std::uint32_t part_ = 0;
};

// A record is complete when the next one begins.
class TextImporter final : public LineImporter {
 public:
    using LineImporter::LineImporter;
    std::size_t held_bytes() const noexcept override { return LineImporter::held_bytes() + message_.size(); }

 private:
    void line(std::string_view text, Bytes& into) override {
        begin_or_join(without_line_end(text), into);
        if (!options_.pattern) {
            end(into);
        }
    }

    void piece(std::string_view text, bool first, bool more, Bytes& into) override {
        if (first) {
            begin_or_join(text, into);
        } else {
            add(more ? text : without_line_end(text), into);
        }
        if (!more && !options_.pattern) {
            end(into);
        }
    }

    // Windows ends lines with CR LF.
    static std::string_view without_line_end(std::string_view text) noexcept {
        return text.ends_with('\r') ? text.substr(0, text.size() - 1) : text;
    }

    void begin_or_join(std::string_view text, Bytes& into) {
        text = std::exchange(at_start_, false) ? without_byte_order_mark(text) : text;
        const auto match = options_.pattern ? options_.pattern->match(text) : std::nullopt;
        if (pending_ && !match) {
            ++counts_.joined;
            add("\n", into);
            add(text, into);
            return;
        }
        end(into);
        pending_ = true;
        head_ = {.severity = options_.severity, .stream = options_.stream};
        if (match) {
            head_.severity = match->severity.value_or(options_.severity);
            head_.time_ns = match->time_ns;
            if (options_.pattern->anchored() && options_.time == ImportOptions::Time::cut) {
                text.remove_prefix(match->end);
                text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
            }
        } else {
            counts_.untimed += options_.pattern ? 1 : 0;
        }
        add(text, into);
    }

    void add(std::string_view text, Bytes& into) {
        message_ += text;
        const std::size_t part_bytes = options_.limits.message_bytes_max;
        std::size_t at = 0;
        while (message_.size() - at > part_bytes) {
            append_message_part(std::string_view(message_).substr(at, part_bytes), head_, ++part_, true, into, counts_);
            at += part_bytes;
        }
        message_.erase(0, at);
    }

    void end(Bytes& into) override {
        if (!pending_) {
            return;
        }
        append_message_part(message_, head_, part_ == 0 ? 0 : part_ + 1, false, into, counts_);
        counts_.split += part_ == 0 ? 0 : 1;
        message_.clear();
        part_ = 0;
        pending_ = false;
    }

    bool at_start_ = true;
    bool pending_ = false;
    MessageHead head_;
    std::string message_;
    std::uint32_t part_ = 0;  // Parts of it that are out already.
};

}  // namespace

ImportFormat detect_import_format(std::string_view start) noexcept {
    start = without_byte_order_mark(start);
    const std::string_view text = start.substr(std::min(start.find_first_not_of(" \t\r\n"), start.size()));
    if (text.starts_with('{')) {
        return ImportFormat::json;
    }
    const bool address = text.starts_with("__CURSOR=") || text.starts_with("__REALTIME_TIMESTAMP=") ||
                         text.starts_with("__MONOTONIC_TIMESTAMP=") || text.starts_with("__SEQNUM=");
    return address ? ImportFormat::journal : ImportFormat::text;
}

std::string import_doubt(std::string_view start, std::optional<ImportFormat> format) {
    const ImportFormat seen = detect_import_format(start);
    if (start.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return {};
    }
    // The journal's format has binary fields.
    if (format.value_or(seen) != ImportFormat::journal && start.find('\0') != std::string_view::npos) {
        return "has NUL bytes: it is no text";
    }
    if (format == ImportFormat::json && seen != ImportFormat::json) {
        return "does not begin with a JSON object";
    }
    if (format == ImportFormat::journal && seen != ImportFormat::journal) {
        const std::size_t name = start.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        const bool field = name != 0 && name != std::string_view::npos && (start[name] == '=' || start[name] == '\n');
        return field ? std::string() : "does not begin as the journal's export format does";
    }
    return {};
}

std::unique_ptr<Importer> make_importer(ImportFormat format, const ImportOptions& options) {
    switch (format) {
        case ImportFormat::json:
            return std::make_unique<JsonImporter>(options);
        case ImportFormat::journal:
            return make_journal_importer(options);
        case ImportFormat::text:
            break;
    }
    return std::make_unique<TextImporter>(options);
}

void append_message_part(std::string_view text, const MessageHead& head, std::uint32_t part, bool more, Bytes& into,
                         ImportCounts& counts) {
    RecordBuilder record(into);
    record.begin(head.severity, head.stream, head.time_ns).message(text);
    if (part > 0) {
        record.int_field("line_part", part).bool_field("line_more", more);
    }
    counts.records += record.finish() ? 1 : 0;  // No limit can be met: the caller has cut the text.
}

void append_whole_message(std::string_view text, const MessageHead& head, const RecordLimits& limits, Bytes& into,
                          ImportCounts& counts) {
    const std::size_t part_bytes = limits.message_bytes_max;
    if (text.size() <= part_bytes) {
        append_message_part(text, head, 0, false, into, counts);
        return;
    }
    ++counts.split;
    for (std::uint32_t part = 1; !text.empty(); ++part) {
        const std::string_view piece = text.substr(0, part_bytes);
        text.remove_prefix(piece.size());
        append_message_part(piece, head, part, !text.empty(), into, counts);
    }
}

}  // namespace sluice::wire
