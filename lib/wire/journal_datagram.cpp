// The fields of an entry are encoded as they are found, into memory that is kept; what makes the head of the record is
// remembered as views into the datagram.  When the entry ends, the record is written in one go.
#include "wire/journal_datagram.h"

#include <array>

#include "base/format.h"
#include "wire/escape.h"
#include "wire/intake_record.h"
#include "wire/journal_names.h"

namespace sluice::wire {
namespace {

constexpr std::size_t kJournalNameBytesMax = 64;
// A longer one is no identifier, but a field.
constexpr std::size_t kIdentifierBytesMax = 4096;
// A longer text in parse_error says no more.
constexpr std::size_t kErrorsBytesMax = 1024;
// Of a record: head, stream, syslog_identifier, parse_error, the head of `unparsed`.
constexpr std::size_t kBesidesBytesMax =
    kRecordHeaderSize + kNameBytesMax + kIdentifierBytesMax + 2 * kErrorsBytesMax + 256;
static_assert(kBesidesBytesMax < kIntakeFieldBytes);
constexpr std::string_view kUnparsedName = "unparsed";

// Bytes of names in lower case; 0: no byte of a name.
constexpr std::array<char, 256> kLower = [] {
    std::array<char, 256> lower{};
    for (char c = 'A'; c <= 'Z'; ++c) {
        lower[static_cast<std::size_t>(c)] = static_cast<char>(c + ('a' - 'A'));
    }
    for (char c = '0'; c <= '9'; ++c) {
        lower[static_cast<std::size_t>(c)] = c;
    }
    lower['_'] = '_';
    return lower;
}();

bool begins_name(char c) noexcept {
    return c >= 'A' && c <= 'Z';
}

}  // namespace

class JournalDatagramReader::Entry {
 public:
    Entry(std::string_view datagram, JournalDatagramReader& reader, const IntakeContext& context,
          IntakeCounts& counts) noexcept
        : datagram_(datagram),
          fields_(reader.fields_),
          errors_(reader.errors_),
          context_(context),
          counts_(counts),
          severity_(context.severity) {
        errors_.clear();
    }

    // Reads the entry at `at`; returns the offset of the next.
    std::size_t read(std::size_t at) {
        while (at < datagram_.size()) {  // Bounded: each turn takes a line, or all.
            const char first = datagram_[at];
            if (first == '\n') {
                return at + 1;
            }
            if (first == '#' || first == '.') {
                const std::size_t end = datagram_.find('\n', at);
                at = end == std::string_view::npos ? datagram_.size() : end + 1;
            } else {
                at = read_field(at);
            }
        }
        return at;
    }

    void append(Bytes& into) {
        if (!any_ && unparsed_.empty()) {
            return;
        }
        const std::string_view stream = context_.names.stream(identifier_);
        std::string_view message = any_ ? message_ : unparsed_;
        std::string_view unparsed = any_ ? unparsed_ : std::string_view();
        if (const std::size_t most = intake_message_bytes_max(context_.limits); message.size() > most) {
            cut(fmt::format("message of {} bytes cut to {}", message.size(), most));
            message = message.substr(0, most);
        }
        const bool named = !identifier_.empty() && identifier_ != stream;
        make_room(message.size(), (named ? 1U : 0U) + (unparsed.empty() ? 0U : 1U));

        RecordWriter record(into, context_.limits);
        record.begin({severity_, stream, context_.time_ns}, message, used_ + 64);
        record.encoded(ByteView(fields_).first(used_), count_);
        record.identifier(identifier_, stream);
        if (!unparsed.empty()) {
            const std::size_t most = kImportRecordBytesMax - record.bytes() - 2 * kErrorsBytesMax;
            if (unparsed.size() > most) {
                cut(fmt::format("{} of {} bytes kept", most, unparsed.size()));
                unparsed = unparsed.substr(0, most);
            }
            record.field(FieldType::bytes, kUnparsedName, as_bytes(unparsed));
        }
        if (!errors_.empty()) {
            record.text(kParseErrorName, errors_);
        }
        record.finish(counts_);
    }

 private:
    // Returns the offset behind it.
    std::size_t read_field(std::size_t at) {
        const char* const line = datagram_.data() + at;
        const std::size_t left = datagram_.size() - at;
        auto* const name = reinterpret_cast<char*>(room(kFieldHeaderSize + kJournalNameBytesMax) + kFieldHeaderSize);
        const std::size_t name_max = std::min(left, kJournalNameBytesMax);
        std::size_t n = 0;
        for (; n < name_max; ++n) {
            const char lower = kLower[static_cast<unsigned char>(line[n])];
            if (lower == 0) {
                break;
            }
            name[n] = lower;
        }
        if (n == left || !begins_name(line[0]) || (line[n] != '=' && line[n] != '\n')) {
            return read_odd_line(at);
        }
        return line[n] == '=' ? read_text(at, n, /*keep_it=*/true) : read_binary(at, n, /*keep_it=*/true);
    }

    // A name that journald refuses, or no field at all.
    std::size_t read_odd_line(std::size_t at) {
        const std::string_view rest = datagram_.substr(at);
        const std::size_t end = rest.find('\n');
        const std::size_t equals = rest.substr(0, end).find('=');
        if (equals != std::string_view::npos) {
            return read_text(at, equals, /*keep_it=*/false);
        }
        if (end == std::string_view::npos) {
            return give_up(at, "the last line is no field");
        }
        return read_binary(at, end, /*keep_it=*/false);
    }

    std::size_t read_text(std::size_t at, std::size_t name, bool keep_it) {
        const std::size_t value = at + name + 1;
        std::size_t end = datagram_.find('\n', value);
        if (end == std::string_view::npos) {
            end = datagram_.size();
            if (keep_it) {
                malformed(fmt::format("no line end behind the last field, {}", datagram_.substr(at, name)));
            }
        }
        take(datagram_.substr(at, name), datagram_.substr(value, end - value), keep_it);
        return std::min(end + 1, datagram_.size());
    }

    std::size_t read_binary(std::size_t at, std::size_t name, bool keep_it) {
        const std::string_view behind = datagram_.substr(at + name + 1);
        if (behind.size() < sizeof(std::uint64_t)) {
            return give_up(at, "the length of a binary field is cut short");
        }
        const auto size = load_int<std::uint64_t>(as_bytes(behind).data());
        const std::string_view rest = behind.substr(sizeof size);
        if (size > rest.size()) {
            return give_up(at, fmt::format("a binary field of {} bytes, where {} are left", size, rest.size()));
        }
        if (size == rest.size() || rest[size] != '\n') {
            return give_up(at, "no line end behind the value of a binary field");
        }
        take(datagram_.substr(at, name), rest.substr(0, size), keep_it);
        return at + name + 1 + sizeof size + size + 1;
    }

    // From here on nothing is understood.
    std::size_t give_up(std::size_t at, std::string_view what) {
        malformed(fmt::format("{}, at byte {}", what, at + 1));
        unparsed_ = datagram_.substr(at);
        return datagram_.size();
    }

    // `keep_it`: the name is good, and in room() in lower case.
    void take(std::string_view name, std::string_view value, bool keep_it) {
        if (!keep_it) {
            ++counts_.dropped_fields;
            return;
        }
        any_ = true;
        if (name == kMessageName && !has_message_) {
            has_message_ = true;
            message_ = value;
        } else if (name == kPriorityName && !has_priority_ && value.size() == 1 && value[0] >= '0' && value[0] <= '7') {
            has_priority_ = true;
            severity_ = static_cast<Severity>(value[0] - '0');
        } else if (name == kIdentifierName && !has_identifier_ && value.size() <= kIdentifierBytesMax) {
            has_identifier_ = true;
            identifier_ = value;
        } else {
            add(name, value);
        }
    }

    void add(std::string_view name, std::string_view value) {
        const std::size_t size = kFieldHeaderSize + name.size() + value.size();
        if (count_ >= context_.limits.fields_max) {
            ++beyond_;
            return;
        }
        if (size >
            kImportRecordBytesMax - kBesidesBytesMax - std::min(used_, kImportRecordBytesMax - kBesidesBytesMax)) {
            leave_out(name, value.size());
            return;
        }
        std::byte* const at = room(size);
        const FieldType type = valid_utf8(value) ? FieldType::string : FieldType::bytes;
        at[0] = static_cast<std::byte>(type);
        at[1] = static_cast<std::byte>(name.size());
        store_int<std::uint16_t>(at + 2, 0);
        store_int(at + 4, static_cast<std::uint32_t>(value.size()));
        std::copy(value.begin(), value.end(), reinterpret_cast<char*>(at + kFieldHeaderSize + name.size()));
        used_ += size;
        ++count_;
    }

    // Leaves out what does not fit beside `message` bytes and `others` more fields.
    void make_room(std::size_t message, std::uint32_t others) {
        if (used_ > kImportRecordBytesMax - kBesidesBytesMax - message) {
            keep_those_that_fit(kImportRecordBytesMax - kBesidesBytesMax - message);
        }
        const std::uint32_t fields_max = context_.limits.fields_max;
        if (beyond_ > 0 || count_ + others + (errors_.empty() ? 0U : 1U) > fields_max) {
            const std::uint32_t kept = fields_max - std::min(fields_max, others + 1);
            beyond_ += count_ - std::min(count_, kept);
            keep_first(kept);
            counts_.cut += beyond_;
            error(fmt::format("more than {} fields: {} left out", fields_max, beyond_));
        }
    }

    void keep_those_that_fit(std::size_t bytes_max) {
        std::size_t to = 0;
        std::size_t from = 0;
        std::uint32_t kept = 0;
        for (std::uint32_t i = 0; i < count_; ++i) {
            const std::size_t size = FieldCodec::size(fields_.data() + from);
            if (size <= bytes_max - to) {
                std::memmove(fields_.data() + to, fields_.data() + from, size);
                to += size;
                ++kept;
            } else {
                const FieldView field = FieldCodec::view(fields_.data() + from);
                leave_out(field.name, field.value.size());
            }
            from += size;
        }
        used_ = to;
        count_ = kept;
    }

    void keep_first(std::uint32_t count) noexcept {
        std::size_t at = 0;
        count_ = std::min(count_, count);
        for (std::uint32_t i = 0; i < count_; ++i) {
            at += FieldCodec::size(fields_.data() + at);
        }
        used_ = at;
    }

    void leave_out(std::string_view name, std::size_t bytes) {
        cut(fmt::format("the field {} of {} bytes left out", name, bytes));
    }
    void cut(std::string_view what) {
        ++counts_.cut;
        error(what);
    }
    void malformed(std::string_view what) {
        ++counts_.malformed;
        error(what);
    }
    void error(std::string_view what) {
        if (errors_.size() + what.size() < kErrorsBytesMax) {
            errors_ += errors_.empty() ? "" : "; ";
            errors_ += what;
        }
    }

    // Behind the fields so far.
    std::byte* room(std::size_t bytes) {
        if (fields_.size() - used_ < bytes) {
            fields_.resize(std::max(used_ + bytes, 2 * fields_.size()));
        }
        return fields_.data() + used_;
    }

    const std::string_view datagram_;
    Bytes& fields_;
    std::string& errors_;
    const IntakeContext& context_;
    IntakeCounts& counts_;
    std::size_t used_ = 0;  // Of fields_.
    std::uint32_t count_ = 0;
    std::uint32_t beyond_ = 0;  // Fields that came after the last one a record may have.
    Severity severity_;
    bool any_ = false;
    bool has_message_ = false;
    bool has_priority_ = false;
    bool has_identifier_ = false;
    std::string_view message_;
    std::string_view identifier_;
    std::string_view unparsed_;
};

void JournalDatagramReader::append_records(std::string_view datagram, const IntakeContext& context, Bytes& into,
                                           IntakeCounts& counts) {
    for (std::size_t at = 0; at < datagram.size();) {
        at = append_some(datagram, at, /*into_bytes_max=*/SIZE_MAX, context, into, counts);
    }
}

std::size_t JournalDatagramReader::append_some(std::string_view datagram, std::size_t at, std::size_t into_bytes_max,
                                               const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
    do {
        Entry entry(datagram, *this, context, counts);
        at = entry.read(at);
        entry.append(into);
    } while (at < datagram.size() && into.size() < into_bytes_max);
    return at;
}

}  // namespace sluice::wire
