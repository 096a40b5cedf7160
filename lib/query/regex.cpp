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

// RE2 divides what max_mem allows: two thirds for the program and what runs it forwards, a third for what runs it
// backwards.  The table of an expression that one pass decides has a quarter of the former; half of what is left then
// is for the automaton that finds out whether there is a match, half for one that finds the first, which nobody asks
// for here. An expression that ends with the text is run backwards, all others forwards, none both ways: half of
// max_mem is all that automata come to.
constexpr std::uint64_t kAutomataShare = 2;
// An automaton needs room for 20 of its states, which grow with the program, or RE2 goes without, at a hundredth of the
// speed.  More than 4 MiB gains little.
constexpr std::uint64_t kBytesPerInstruction = 768;
constexpr std::uint64_t kAutomataBytesMin = std::uint64_t{128} << 10U;
constexpr std::uint64_t kMaxMemMax = std::uint64_t{4} << 20U;
// Beside: the programs, the parsed expression and its atoms (measured, with a half more).
constexpr std::uint64_t kTreeBytesPerInstruction = 40;
constexpr std::uint64_t kTreeBytesPerByte = 200;
constexpr std::uint64_t kTreeBytes = std::uint64_t{8} << 10U;

std::uint64_t max_mem(std::size_t instructions) noexcept {
    // At least as much as check() has: what it takes can be made.
    return std::clamp(kAutomataBytesMin + kBytesPerInstruction * instructions,
                      static_cast<std::uint64_t>(kCheckBytesMax), kMaxMemMax);
}

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

std::uint64_t Regex::bytes_max(std::size_t instructions, std::size_t pattern_bytes) noexcept {
    return max_mem(instructions) / kAutomataShare + kTreeBytesPerInstruction * instructions +
           kTreeBytesPerByte * pattern_bytes + kTreeBytes;
}

Result<std::unique_ptr<const Regex>> Regex::make(const std::string& pattern, Budget& memory) {
    SLUICE_TRY(const std::size_t instructions, check(pattern));
    SLUICE_CHECK(memory.charge(bytes_max(instructions, pattern.size()), "a regular expression"));
    std::unique_ptr<Regex> made(new Regex);
    made->filtered_ = std::make_unique<re2::FilteredRE2>(kAtomBytesMin);
    int id = 0;
    const re2::RE2::Options allowed = options(static_cast<std::int64_t>(max_mem(instructions)));
    if (made->filtered_->Add(piece(pattern), allowed, &id) != re2::RE2::NoError) {
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
