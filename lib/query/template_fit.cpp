#include "query/template_fit.h"

#include <algorithm>

namespace sluice::query {
namespace {

// With more texts of an in() it is cheaper to read the values than to look for each text in each template.
constexpr std::size_t kTextsMax = 64;

Fit fit_of(part::Match match) noexcept {
    return match == part::Match::never ? Fit::never : match == part::Match::always ? Fit::always : Fit::maybe;
}

}  // namespace

TemplateFit::TemplateFit(const Matcher& matcher) : matcher_(matcher) {
    const auto add = [this](std::string_view text, part::Edges edges, bool ignore_case) {
        texts_.emplace_back(text, edges, ignore_case);
    };
    switch (matcher.kind()) {
        case TestKind::phrase:
            add(matcher.searcher()->needle(), part::Edges::words, matcher.searcher()->ignore_case());
            break;
        case TestKind::prefix:
            add(matcher.searcher()->needle(), part::Edges::begin, matcher.searcher()->ignore_case());
            break;
        case TestKind::substring:
            add(matcher.searcher()->needle(), part::Edges::any, matcher.searcher()->ignore_case());
            break;
        case TestKind::exact:
        case TestKind::any_of:
            if (matcher.texts().size() > kTextsMax) {
                break;
            }
            for (const std::string& text : matcher.texts()) {
                add(text, part::Edges::any, /*ignore_case=*/false);
            }
            break;
        case TestKind::regex:
            for (const std::string& atom : matcher.regex()->atoms()) {
                add(atom, part::Edges::any, /*ignore_case=*/true);
            }
            break;
        default:
            break;
    }
}

// Atoms that no value of the template can have are missing; could the others do?
Fit TemplateFit::of_regex(const part::Template& candidate) const {
    std::vector<int> present;
    for (std::size_t i = 0; i < texts_.size(); ++i) {
        if (!matcher_.regex()->is_ascii(i) || texts_[i].match(candidate) != part::Match::never) {
            present.push_back(static_cast<int>(i));
        }
    }
    return matcher_.regex()->possible(present) ? Fit::maybe : Fit::never;
}

Fit TemplateFit::of(const part::Template& candidate) const {
    if (candidate.slots() == 0) {
        return matcher_.matches_text(candidate.literals.front()) ? Fit::always : Fit::never;
    }
    switch (matcher_.kind()) {
        case TestKind::phrase:
        case TestKind::prefix:
        case TestKind::substring:
            return matcher_.folds() ? Fit::maybe : fit_of(texts_.front().match(candidate));
        case TestKind::exact:
        case TestKind::any_of:  // The text may be part of a longer one.
            if (texts_.empty()) {
                return Fit::maybe;
            }
            return std::ranges::any_of(texts_,
                                       [&](const auto& text) { return text.match(candidate) != part::Match::never; })
                       ? Fit::maybe
                       : Fit::never;
        case TestKind::regex:
            return of_regex(candidate);
        case TestKind::exists:
            return std::ranges::any_of(candidate.literals, [](const std::string& literal) { return !literal.empty(); })
                       ? Fit::always
                       : Fit::maybe;
        default:
            return Fit::maybe;
    }
}

}  // namespace sluice::query
