#include "query/regex.h"

#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>

namespace sluice::query {
namespace {

constexpr std::int64_t kRegexBytesMax = std::int64_t{8} << 20U;  // Of the automata, as they grow.
constexpr int kAtomBytesMin = 3;

re2::StringPiece piece(std::string_view text) {
    return {text.data(), text.size()};
}

}  // namespace

Regex::Regex() = default;
Regex::~Regex() = default;

Result<std::unique_ptr<const Regex>> Regex::make(const std::string& pattern) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kRegexBytesMax);
    std::unique_ptr<Regex> made(new Regex);
    made->regex_ = std::make_unique<re2::RE2>(piece(pattern), options);
    if (!made->regex_->ok()) {
        return fail(Errc::invalid_argument, "a regular expression ({})", made->regex_->error());
    }
    made->filtered_ = std::make_unique<re2::FilteredRE2>(kAtomBytesMin);
    int id = 0;
    if (made->filtered_->Add(piece(pattern), options, &id) == re2::RE2::NoError) {
        made->filtered_->Compile(&made->atoms_);
    }
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
