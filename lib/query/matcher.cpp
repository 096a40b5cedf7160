#include "query/matcher.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "part/case_fold.h"
#include "part/words.h"
#include "query/scanner.h"
#include "wire/severity.h"

namespace sluice::query {
namespace {

constexpr WallNs kSecond = 1'000'000'000;

WallNs saturated_next(WallNs time) noexcept {
    return time == TimeSpan::kEnd ? time : time + 1;
}

// Durations are compared with durations: nobody knows in which unit a bare number is.  Zero is zero in every unit.
bool have_same_unit(const Number& value, const Number& literal) noexcept {
    return value.is_duration == literal.is_duration || literal.as_double() == 0;
}

WallNs earlier(WallNs time, Duration offset) noexcept {
    WallNs shifted = 0;
    const bool overflows = __builtin_sub_overflow(time, offset.count(), &shifted);
    return !overflows ? shifted : offset.count() > 0 ? INT64_MIN : TimeSpan::kEnd;
}

std::optional<TimeSpan> time_of(const std::string& text, WallNs now, Duration offset) {
    std::optional<TimeSpan> span = parse_time_literal(text, now);
    if (span && offset != Duration::zero()) {
        span->begin = earlier(span->begin, offset);
        span->end = span->end == TimeSpan::kEnd ? span->end : earlier(span->end, offset);
    }
    return span;
}

Matcher::Form form_of(const std::string& text, WallNs now, Duration offset) {
    Matcher::Form form{
        .text = text, .number = number_of_text(text), .time = time_of(text, now, offset), .severity = {}};
    if (const auto severity = wire::parse_severity(text)) {
        form.severity = static_cast<std::int64_t>(*severity);
    }
    return form;
}

std::optional<Matcher::BoundForm> bound_of(const std::optional<Bound>& bound, WallNs now, Duration offset) {
    if (!bound) {
        return std::nullopt;
    }
    Matcher::BoundForm made{.inclusive = bound->inclusive,
                            .is_number = bound->value.number.has_value(),
                            .form = form_of(bound->value.text, now, offset)};
    if (made.is_number && !made.form.number) {
        made.form.number = Number{false, 0, *bound->value.number};
    }
    if (auto& span = made.form.time; span && !made.inclusive && span->end - span->begin <= kSecond) {
        span->end = saturated_next(span->begin);  // A moment: what is later is more.
    }
    return made;
}

template <class T>
bool satisfies(const std::weak_ordering& order, const T& bound, bool is_low) noexcept {
    return order == 0 ? bound.inclusive : (order > 0) == is_low;
}

bool is_nan(const Number& number) noexcept {
    return !number.is_integer && std::isnan(number.floating);
}

// Does it compare with integers at all?
bool orders_integers(const Matcher::BoundForm& bound) noexcept {
    return bound.is_number && have_same_unit(Number{}, *bound.form.number);
}

// Does the value keep to one bound?
bool keeps_to(const ValueView& value, const Matcher::BoundForm& bound, bool is_low) {
    switch (value.kind) {
        case ValueKind::missing:
            return false;
        case ValueKind::time: {
            const auto& span = bound.form.time;
            if (!span) {
                return false;
            }
            const bool below_end = value.integer < span->end || span->end == TimeSpan::kEnd;
            return is_low ? (bound.inclusive ? value.integer >= span->begin : !below_end)
                          : (bound.inclusive ? below_end : value.integer < span->begin);
        }
        case ValueKind::severity:
            return bound.form.severity && satisfies(value.integer <=> *bound.form.severity, bound, is_low);
        default:
            break;
    }
    if (bound.is_number) {
        const std::optional<Number> number = number_of(value);
        return number && !is_nan(*number) && have_same_unit(*number, *bound.form.number) &&
               satisfies(compare(*number, *bound.form.number), bound, is_low);
    }
    if (value.kind == ValueKind::integer || value.kind == ValueKind::floating) {
        return false;
    }
    std::string scratch;
    return satisfies(text_of(value, scratch) <=> std::string_view(bound.form.text), bound, is_low);
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    part::for_each_word(text, [&](std::string_view word) { words.push_back(part::lower_case(word)); });
    return words;
}

// Words that are whole wherever the text is found: not those at an end that may be cut.
std::vector<std::string> whole_words(std::string_view text, bool cut_in_front, bool cut_behind) {
    std::vector<std::string> words = words_of(text);
    if (cut_behind && !words.empty() && part::is_word_byte(text.back())) {
        words.pop_back();
    }
    if (cut_in_front && !words.empty() && part::is_word_byte(text.front())) {
        words.erase(words.begin());
    }
    return words;
}

// Each has a block of its own in the heap, and vectors may be half empty.
std::uint64_t bytes_of_text(std::string_view text) {
    constexpr std::uint64_t kCopies = 4;  // Test, form, needle, words.
    std::uint64_t words = 0;
    part::for_each_word(text, [&](std::string_view) { ++words; });
    return kCopies * (text.size() + 2 * sizeof(std::string)) + words * 3 * sizeof(std::string);
}

// What a matcher comes to, without its regular expression.
std::uint64_t bytes_max(const Test& test) {
    constexpr std::uint64_t kOfValue = 2 * (sizeof(Matcher::Form) + sizeof(std::vector<std::string>));
    std::uint64_t bytes = sizeof(Matcher) + kOfValue + bytes_of_text(test.text);
    for (const std::string& text : test.texts) {
        bytes += kOfValue + bytes_of_text(text);
    }
    for (const auto* bound : {&test.low, &test.high}) {
        bytes += *bound ? bytes_of_text((*bound)->value.text) : 0;
    }
    return bytes;
}

}  // namespace

std::optional<std::string_view> wrong_literal(LiteralKind kind, std::string_view text) {
    if (kind == LiteralKind::time && !parse_time_literal(text, 0)) {
        return "a time such as 2026-03-01T12:00Z, or how long ago, such as 5m";
    }
    if (kind == LiteralKind::severity && !wire::parse_severity(text)) {
        return "a severity: emerg, alert, crit, err, warning, notice, info, debug, or 0 to 7";
    }
    return std::nullopt;
}

Result<> Matcher::check(LiteralKind kind) const {
    const auto bad = [&](std::string_view text) -> Result<> {
        if (const auto expected = wrong_literal(kind, text)) {
            return fail(Errc::invalid_argument, "'{}': expected {}", text, *expected);
        }
        return {};
    };
    for (const auto* bound : {&low_, &high_}) {
        if (*bound) {
            SLUICE_CHECK(bad((*bound)->form.text));
        }
    }
    if (test_.kind == TestKind::phrase || test_.kind == TestKind::exact || test_.kind == TestKind::any_of) {
        for (const Form& form : forms_) {
            SLUICE_CHECK(bad(form.text));
        }
    }
    return {};
}

Result<std::shared_ptr<const Matcher>> Matcher::make(const Test& test, LiteralKind kind, WallNs now, Budget& memory) {
    SLUICE_CHECK(memory.charge(bytes_max(test), "its filter"));
    std::shared_ptr<Matcher> made(new Matcher(test));
    const Duration offset = parse_offset(test.offset).value_or(Duration::zero());
    switch (test.kind) {
        case TestKind::phrase:
        case TestKind::prefix:
        case TestKind::substring:
            made->set_searcher();
            made->forms_.push_back(form_of(test.text, now, offset));
            made->matches_missing_ = test.text.empty();
            break;
        case TestKind::exact:
            made->test_.texts = {test.text};
            made->forms_.push_back(form_of(test.text, now, offset));
            made->matches_missing_ = test.text.empty();
            break;
        case TestKind::any_of:
            std::ranges::sort(made->test_.texts);  // For a binary search.
            for (const std::string& text : test.texts) {
                made->forms_.push_back(form_of(text, now, offset));
                made->matches_missing_ = made->matches_missing_ || text.empty();
            }
            break;
        case TestKind::regex: {
            SLUICE_TRY(made->regex_, Regex::make(test.text, memory));
            made->matches_missing_ = made->regex_->matches({});
            break;
        }
        case TestKind::compare:
        case TestKind::range:
            made->low_ = bound_of(test.low, now, offset);
            made->high_ = bound_of(test.high, now, offset);
            made->matches_missing_ = kind == LiteralKind::any && made->within(ValueView::of_text({}));
            break;
        case TestKind::network:
            made->network_ = {.first = parse_ipv4(test.low->value.text).value_or(0),
                              .last = parse_ipv4(test.high->value.text).value_or(0)};
            break;
        case TestKind::exists:
            break;
    }
    if (kind == LiteralKind::time && test.kind == TestKind::phrase && parse_duration(test.text)) {
        // The last five minutes, and clocks that are ahead; with an offset those five minutes, both ends included.
        made->forms_.front().time->end = test.offset.empty() ? TimeSpan::kEnd : saturated_next(earlier(now, offset));
    }
    SLUICE_CHECK(made->check(kind));
    made->find_required_words();
    return made;
}

// Smart case: a text without capital letters finds any case.  ASCII is folded while it is compared; for other letters
// that have cases, text and needle are folded first.
void Matcher::set_searcher() {
    const bool any_case = test_.kind != TestKind::substring && !part::has_capital(test_.text);
    folds_ = any_case && part::has_case_beyond_ascii(test_.text);
    if (folds_) {
        searcher_.emplace(part::fold_case(test_.text), /*ignore_case=*/false);
    } else {
        searcher_.emplace(test_.text, any_case);
    }
}

void Matcher::find_required_words() {
    std::vector<std::string> words;
    switch (test_.kind) {
        case TestKind::phrase:
        case TestKind::exact:
            words = words_of(test_.text);
            break;
        case TestKind::prefix:
            words = whole_words(test_.text, /*cut_in_front=*/false, /*cut_behind=*/true);
            break;
        case TestKind::substring:
            words = whole_words(test_.text, /*cut_in_front=*/true, /*cut_behind=*/true);
            break;
        case TestKind::any_of:
            for (const std::string& text : test_.texts) {
                words_.push_back(words_of(text));
            }
            if (std::ranges::any_of(words_, [](const auto& list) { return list.empty(); })) {
                words_.clear();
            }
            return;
        default:
            return;
    }
    if (!words.empty()) {
        words_.push_back(std::move(words));
    }
}

bool Matcher::matches_text(std::string_view text) const {
    switch (test_.kind) {
        case TestKind::phrase:
        case TestKind::prefix: {
            const std::string folded = folds_ ? part::fold_case(text) : std::string();
            const std::string_view searched = folds_ ? folded : text;
            const std::size_t at =
                test_.kind == TestKind::phrase ? searcher_->find_phrase(searched) : searcher_->find_prefix(searched);
            return at != std::string_view::npos;
        }
        case TestKind::substring:
            return searcher_->find(text) != std::string_view::npos;
        case TestKind::exact:
            return text == test_.text;
        case TestKind::any_of:
            return std::ranges::binary_search(test_.texts, text, std::less<>());
        case TestKind::regex:
            return regex_->matches(text);
        case TestKind::compare:
        case TestKind::range:
            return within(ValueView::of_text(text));
        case TestKind::network: {
            const auto address = parse_ipv4(text);
            return address && *address >= network_.first && *address <= network_.last;
        }
        case TestKind::exists:
            return !text.empty();
    }
    return false;
}

bool Matcher::within(const ValueView& value) const {
    return (!low_ || keeps_to(value, *low_, /*is_low=*/true)) && (!high_ || keeps_to(value, *high_, /*is_low=*/false));
}

// Of values that are no texts.
bool Matcher::equals_any(const ValueView& value) const {
    std::string scratch;
    return std::ranges::any_of(forms_, [&](const Form& form) {
        switch (value.kind) {
            case ValueKind::time:
                return form.time && form.time->contains(value.integer);
            case ValueKind::severity:
                return form.severity == value.integer;
            case ValueKind::integer:
            case ValueKind::floating:
                if (form.number && have_same_unit(*number_of(value), *form.number)) {
                    return compare(*number_of(value), *form.number) == 0;
                }
                [[fallthrough]];
            default:
                return text_of(value, scratch) == form.text;
        }
    });
}

bool Matcher::matches(const ValueView& value) const {
    if (value.kind == ValueKind::text || value.kind == ValueKind::bytes) {
        return matches_text(value.text);
    }
    switch (test_.kind) {
        case TestKind::phrase:
        case TestKind::exact:
        case TestKind::any_of:
            return equals_any(value);
        case TestKind::compare:
        case TestKind::range:
            return within(value);
        case TestKind::exists:
            return value.kind != ValueKind::missing;
        default: {
            std::string scratch;
            return matches_text(text_of(value, scratch));
        }
    }
}

std::optional<TimeSpan> Matcher::time_span() const {
    TimeSpan span;
    switch (test_.kind) {
        case TestKind::phrase:
        case TestKind::exact:
            return forms_.front().time;
        case TestKind::compare:
        case TestKind::range:
            if ((low_ && !low_->form.time) || (high_ && !high_->form.time)) {
                return std::nullopt;
            }
            if (low_) {
                span.begin = low_->inclusive ? low_->form.time->begin : low_->form.time->end;
                if (!low_->inclusive && low_->form.time->end == TimeSpan::kEnd) {
                    return std::nullopt;
                }
            }
            if (high_) {
                span.end = high_->inclusive ? high_->form.time->end : high_->form.time->begin;
            }
            return span;
        default:
            return std::nullopt;
    }
}

// First and last integer that keep to the bounds; compare(), which is exact, settles what a double leaves open.
std::optional<Matcher::IntegerSpan> Matcher::integer_span() const {
    constexpr double kLimit = 9223372036854775808.0;  // 2^63
    const auto near = [](const Number& number) {
        return number.is_integer           ? number.integer
               : number.floating >= kLimit ? INT64_MAX
               : number.floating < -kLimit ? INT64_MIN
                                           : static_cast<std::int64_t>(std::floor(number.floating));
    };
    IntegerSpan span;
    switch (test_.kind) {
        case TestKind::phrase:
        case TestKind::exact: {
            const auto& number = forms_.front().number;
            if (!number) {
                return std::nullopt;
            }
            if (!have_same_unit(Number{}, *number)) {
                return IntegerSpan{0, -1};
            }
            span.first = span.last = near(*number);
            return matches(ValueView::of_integer(span.first)) ? span : IntegerSpan{0, -1};
        }
        case TestKind::compare:
        case TestKind::range:
            if ((low_ && !orders_integers(*low_)) || (high_ && !orders_integers(*high_))) {
                return IntegerSpan{0, -1};
            }
            if (low_) {
                span.first = near(*low_->form.number);
                if (!keeps_to(ValueView::of_integer(span.first), *low_, /*is_low=*/true)) {
                    if (span.first == INT64_MAX) {
                        return IntegerSpan{0, -1};
                    }
                    ++span.first;
                }
            }
            if (high_) {
                span.last = near(*high_->form.number);
                if (!keeps_to(ValueView::of_integer(span.last), *high_, /*is_low=*/false)) {
                    if (span.last == INT64_MIN) {
                        return IntegerSpan{0, -1};
                    }
                    --span.last;
                }
            }
            return span;
        default:
            return std::nullopt;
    }
}

}  // namespace sluice::query
