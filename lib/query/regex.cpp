#include "query/regex.h"

#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>

namespace sluice::query {
namespace {

constexpr int kAtomBytesMin = 3;
// With so much RE2 gives up on a program at about 4,000 instructions, while it is made; what is left of it before its
// classes are inlined may be twice as long in the end.
constexpr std::int64_t kCheckBytesMax = std::int64_t{400} << 10U;

re2::StringPiece piece(std::string_view text) {
    return {text.data(), text.size()};
}

re2::RE2::Options options(std::int64_t bytes_max) {
    re2::RE2::Options made;
    made.set_log_errors(false);
    made.set_max_mem(bytes_max);
    made.set_dot_nl(true);  // As in LogsQL: a message of several lines is one text.
    return made;
}

std::size_t classes_in(std::string_view pattern) noexcept {
    std::size_t count = 0;
    for (std::size_t at = 0; at + 1 < pattern.size(); ++at) {
        if (pattern[at] == '\\') {
            ++at;
            count += pattern[at] == 'p' || pattern[at] == 'P' ? 1 : 0;
        }
    }
    return count;
}

}  // namespace

Regex::Regex() = default;
Regex::~Regex() = default;

Result<std::size_t> Regex::check(const std::string& pattern) {
    if (const std::size_t classes = classes_in(pattern); classes > kClassesMax) {
        return fail(Errc::invalid_argument, "a regular expression with at most {} of \\p and \\P, this one has {}",
                    kClassesMax, classes);
    }
    const re2::RE2 regex(piece(pattern), options(kCheckBytesMax));
    const bool too_large = regex.error_code() == re2::RE2::ErrorPatternTooLarge;
    if (!regex.ok() && !too_large) {
        return fail(Errc::invalid_argument, "a regular expression ({})", regex.error());
    }
    const auto size = static_cast<std::size_t>(std::max(regex.ProgramSize(), 0));
    if (too_large || size > kProgramMax) {
        return fail(Errc::invalid_argument,
                    "a smaller regular expression, of at most {} instructions: fewer or smaller repeats and classes",
                    kProgramMax);
    }
    return size;
}

Result<std::unique_ptr<const Regex>> Regex::make(const std::string& pattern) {
    SLUICE_CHECK(check(pattern));
    std::unique_ptr<Regex> made(new Regex);
    made->filtered_ = std::make_unique<re2::FilteredRE2>(kAtomBytesMin);
    int id = 0;
    if (made->filtered_->Add(piece(pattern), options(kBytesMax), &id) != re2::RE2::NoError) {
        return fail(Errc::invalid_argument, "a regular expression ({})", pattern);
    }
    made->filtered_->Compile(&made->atoms_);
    made->regex_ = &made->filtered_->GetRE2(id);
    return made;
}

bool Regex::matches(std::string_view text) const {
    return re2::RE2::PartialMatch(piece(text), *regex_);
}

bool Regex::is_ascii(std::size_t atom) const noexcept {
    return std::ranges::all_of(atoms_[atom], [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool Regex::possible(const std::vector<int>& present) const {
    if (atoms_.empty()) {
        return true;
    }
    std::vector<int> matching;
    filtered_->AllPotentials(present, &matching);
    return !matching.empty();
}

}  // namespace sluice::query
