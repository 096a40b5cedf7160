#include <algorithm>

#include "wire/tail_messages.h"

namespace sluice::wire {
namespace {

bool stream_matches(std::string_view pattern, std::string_view stream) noexcept {
    if (pattern.ends_with('*')) {
        return stream.starts_with(pattern.substr(0, pattern.size() - 1));
    }
    return stream == pattern;
}

bool has_field(const FieldRange& fields, const TailFilter::FieldCondition& wanted) noexcept {
    for (const FieldView field : fields) {
        if (field.name == wanted.name && field.value_equals(wanted.value)) {
            return true;
        }
    }
    return false;
}

// memmem runs at memory speed in glibc; std::string_view::find restarts at every first byte.
bool contains(std::string_view text, std::string_view part) noexcept {
    return ::memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

}  // namespace

bool valid_stream_pattern(std::string_view pattern) noexcept {
    if (pattern.ends_with('*')) {
        return valid_stream_name(pattern.substr(0, pattern.size() - 1));
    }
    return !pattern.empty() && valid_stream_name(pattern);
}

bool TailFilter::matches_all() const noexcept {
    return severity_max == Severity::debug && streams.empty() && fields.empty() && greps.empty();
}

bool TailFilter::matches(const RecordView& record, const FieldRange& trusted) const noexcept {
    if (record.severity() > severity_max) {
        return false;
    }
    if (!streams.empty()) {
        const std::string_view stream = record.stream_or_default();
        if (std::none_of(streams.begin(), streams.end(),
                         [&](const std::string& pattern) { return stream_matches(pattern, stream); })) {
            return false;
        }
    }
    for (const FieldCondition& wanted : fields) {
        if (!has_field(record.fields(), wanted) && !has_field(trusted, wanted)) {
            return false;
        }
    }
    return std::all_of(greps.begin(), greps.end(),
                       [&](const std::string& part) { return contains(record.message(), part); });
}

}  // namespace sluice::wire
