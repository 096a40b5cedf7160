#include "wire/journal_entry.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "wire/escape.h"
#include "wire/journal_names.h"

namespace sluice::wire {
namespace {

using Field = JournalEntry::Field;

template <class T>
std::optional<T> parse_number(std::string_view text, int base = 10) noexcept {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::optional<double> parse_float(std::string_view text) noexcept {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::optional<Severity> parse_priority(std::string_view text) noexcept {
    return text.size() == 1 && text[0] >= '0' && text[0] <= '7' ? std::optional(static_cast<Severity>(text[0] - '0'))
                                                                : std::nullopt;
}

// "_SYSTEMD_UNIT" as systemd_unit.
std::string own_name(std::string_view name) {
    name.remove_prefix(std::min(name.find_first_not_of('_'), name.size()));
    std::string lower(name);
    for (char& c : lower) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    }
    return lower.empty() ? std::string("field") : lower;
}

// What a stream name can have of `text`.
std::string stream_of(std::string_view text) {
    std::string stream(text.substr(0, kNameBytesMax));
    for (char& c : stream) {
        c = valid_stream_name({&c, 1}) ? c : '_';
    }
    return stream;
}

struct LayoutField {
    char letter;
    std::string_view name;
};

// SLUICE_FIELDS.  None: it is not what we write.
std::optional<std::vector<LayoutField>> parse_layout(std::string_view text, std::size_t fields_max) {
    std::vector<LayoutField> layout;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('='), text.size());
        const std::string_view one = text.substr(0, end);
        const bool known = one.size() > 2 && one[1] == ':' &&
                           (kTypeLetters.find(one[0]) != std::string_view::npos || one[0] == kOddFloatLetter);
        if (!known || !valid_field_name(one.substr(2)) || layout.size() == fields_max) {
            return std::nullopt;
        }
        layout.push_back({one[0], one.substr(2)});
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return layout;
}

// Turns one entry into one record.
class EntryReader {
 public:
    EntryReader(const ImportOptions& options, std::vector<JournalEntry::Field> fields, Bytes& into,
                ImportCounts& counts)
        : options_(options), fields_(std::move(fields)), record_(into, options.limits), counts_(counts) {}

    void read() {
        std::optional<std::vector<LayoutField>> layout;
        if (const Field* own = find(kFieldsName)) {
            layout = parse_layout(own->value, options_.limits.fields_max);
        }
        take_envelope(layout.has_value());
        record_.begin(severity_, stream_, time_ns_).message(message_);
        bytes_ = kRecordHeaderSize + stream_.size() + message_.size();
        if (layout) {
            add_own(*layout);
        }
        for (const Field& field : fields_) {
            const bool own = layout && (field.name.starts_with('_') || field.name.starts_with(kOwnPrefix));
            if (!field.used && !own && !field.name.starts_with("__")) {
                const auto type = valid_utf8(field.value) ? FieldType::string : FieldType::bytes;
                add(type, own_name(field.name), as_bytes(field.value));
            }
        }
        counts_.records += record_.finish() ? 1 : 0;  // Every limit was heeded on the way.
    }

 private:
    Field* find(std::string_view name) noexcept {
        const auto it = std::ranges::find(fields_, name, &Field::name);
        return it == fields_.end() ? nullptr : &*it;
    }
    // The value of the first field of that name, if `parse` accepts it; the field is then used.
    template <class Parse>
    auto take(std::string_view name, Parse&& parse) {
        Field* field = find(name);
        auto value = field == nullptr ? decltype(parse(std::string_view())){} : parse(field->value);
        if (value) {
            field->used = true;
        }
        return value;
    }

    void take_envelope(bool own) {
        const auto as_it_is = [](std::string_view text) { return std::optional(text); };
        const auto as_integer = [](std::string_view text) { return parse_number<std::int64_t>(text); };
        severity_ = take(kPriorityName, parse_priority).value_or(options_.severity);
        message_ = take(kMessageName, as_it_is).value_or("");
        if (message_.size() > options_.limits.message_bytes_max) {
            message_ = message_.substr(0, options_.limits.message_bytes_max);
            ++counts_.left_out;
        }
        const auto time_us = take(kRealtimeName, as_integer);
        if (time_us && *time_us > 0 && *time_us < INT64_MAX / 1000) {
            time_ns_ = *time_us * 1000;
        }
        take_stream(own);
        if (own) {
            time_ns_ = take(kTimeName, as_integer).value_or(time_ns_);
        }
    }

    void take_stream(bool own) {
        const auto valid = [](std::string_view text) {
            return valid_stream_name(text) ? std::optional(text) : std::nullopt;
        };
        if (own) {
            if (const auto exact = take(kStreamName, valid)) {
                (void)take(kIdentifierName, valid);
                stream_ = *exact;
                return;
            }
        }
        const auto named = [](std::string_view text) {
            return !text.empty() && valid_stream_name(text) ? std::optional(text) : std::nullopt;
        };
        const Field* identifier = find(kIdentifierName);
        if (const auto stream = take(kIdentifierName, named)) {
            stream_ = *stream;
        } else if (identifier != nullptr && !identifier->value.empty()) {
            stream_ = stream_of(identifier->value);
        } else if (const Field* comm = find("_COMM"); comm != nullptr && options_.stream.empty()) {
            stream_ = stream_of(comm->value);
        } else {
            stream_ = options_.stream;
        }
    }

    void add_own(const std::vector<LayoutField>& layout) {
        std::size_t next = 0;  // Lines are in the order of the layout unless a journal has stored them.
        for (const LayoutField& wanted : layout) {
            const std::string name = journal_name(wanted.name);
            for (std::size_t tried = 0; tried < fields_.size(); ++tried, ++next) {
                next = next < fields_.size() ? next : 0;
                if (!fields_[next].used && fields_[next].name == name) {
                    fields_[next].used = true;
                    add_typed(wanted, fields_[next].value);
                    ++next;
                    break;
                }
            }
        }
    }

    // A value that is not of its type stays what it is: text.
    void add_typed(const LayoutField& field, std::string_view value) {
        const auto add_number = [&](FieldType type, auto number) {
            if (!number) {
                add(FieldType::string, field.name, as_bytes(value));
            } else {
                add(type, field.name, std::as_bytes(std::span(&*number, 1)));
            }
        };
        switch (field.letter) {
            case 'i':
                return add_number(FieldType::int64, parse_number<std::int64_t>(value));
            case 'f':
                return add_number(FieldType::float64, parse_float(value));
            case kOddFloatLetter:
                return add_number(FieldType::float64, parse_number<std::uint64_t>(value, 16));
            case 'b': {
                const bool known = value == "true" || value == "false";
                return add_number(FieldType::boolean,
                                  known ? std::optional<std::uint8_t>(value == "true" ? 1 : 0) : std::nullopt);
            }
            default:
                return add(field.letter == 'y' ? FieldType::bytes : FieldType::string, field.name, as_bytes(value));
        }
    }

    void add(FieldType type, std::string_view name, ByteView value) {
        const std::size_t bytes = kFieldHeaderSize + name.size() + value.size();
        if (count_ >= options_.limits.fields_max || bytes > kImportRecordBytesMax - bytes_) {
            ++counts_.left_out;
            return;
        }
        record_.raw_field(type, name, value);
        ++count_;
        bytes_ += bytes;
    }

    const ImportOptions& options_;
    std::vector<JournalEntry::Field> fields_;
    RecordBuilder record_;
    ImportCounts& counts_;
    Severity severity_ = Severity::info;
    WallNs time_ns_ = 0;
    std::string stream_;
    std::string_view message_;
    std::size_t bytes_ = 0;
    std::uint32_t count_ = 0;
};

}  // namespace

bool JournalEntry::add(std::string_view name, std::string_view value) {
    if (places_.size() >= kFieldsMax || name.size() + value.size() > kBytesMax - text_.size()) {
        return false;
    }
    places_.push_back({text_.size(), name.size(), value.size()});
    text_ += name;
    text_ += value;
    return true;
}

std::vector<JournalEntry::Field> JournalEntry::fields() const {
    const std::string_view text = text_;
    std::vector<Field> fields;
    fields.reserve(places_.size());
    for (const Place& place : places_) {
        fields.push_back({text.substr(place.at, place.name), text.substr(place.at + place.name, place.value), false});
    }
    return fields;
}

void JournalEntry::append_record(const ImportOptions& options, Bytes& into, ImportCounts& counts) const {
    EntryReader(options, fields(), into, counts).read();
}

}  // namespace sluice::wire
