#include "part/template_match.h"

#include <algorithm>
#include <bitset>

#include "part/variables.h"
#include "part/words.h"

namespace sluice::part {
namespace {

// What is known of the variable that is being laid over the text, as a set: how its current word stands.
using States = std::uint8_t;
constexpr States kEntered = 1;      // No byte yet.
constexpr States kBetween = 2;      // The last byte was one of . : -
constexpr States kHexLetters = 4;   // So far the word is all of a..f.
constexpr States kWithDigit = 8;    // The word has a digit.
constexpr States kNeedsDigit = 16;  // It has neither: the variable cannot end here.
constexpr States kUnseen = 32;      // The word began before the text did.
constexpr States kMayEnd = kHexLetters | kWithDigit | kUnseen;

States if_any(States states, States of, States then) noexcept {
    return (states & of) != 0 ? then : States{0};
}

// The states after one more byte of the variable; `sign`: it may begin with '-'.
States step(States states, char c, bool sign) noexcept {
    if (!is_variable_byte(c)) {
        return 0;
    }
    if (!is_word_byte(c)) {
        const States first = sign && c == '-' ? kEntered : States{0};
        return if_any(states, first | kBetween | kMayEnd, kBetween);
    }
    const States unseen = states & kUnseen;
    if (c >= '0' && c <= '9') {
        return unseen | if_any(states, static_cast<States>(~kUnseen), kWithDigit);
    }
    const char small = lower(c);
    const States fresh = small >= 'a' && small <= 'f' ? kHexLetters : kNeedsDigit;
    return unseen | (states & (kWithDigit | kNeedsDigit)) | if_any(states, kEntered | kBetween | kHexLetters, fresh);
}

}  // namespace

// Lays the probe over a template from left to right.  A set of bits says after which bytes of the probe the walk can
// stand at a border between literal and variable.
class TemplateMatcher::Walk {
 public:
    Walk(const TemplateMatcher& matcher, const Template& candidate)
        : matcher_(matcher), candidate_(candidate), probe_(matcher.probe_.needle()) {}

    bool is_possible() {
        for (std::size_t i = 0; i <= candidate_.slots(); ++i) {
            if (over_literal(i) || (i < candidate_.slots() && over_variable(i))) {
                return true;
            }
        }
        return false;
    }

 private:
    using Places = std::bitset<kProbeBytes + 1>;

    bool equal(std::string_view literal, std::string_view part) const noexcept {
        if (!matcher_.probe_.ignore_case()) {
            return literal == part;
        }
        return std::ranges::equal(literal, part, {}, lower);
    }

    // True: the probe ends in this literal.
    bool over_literal(std::size_t number) {
        const std::string_view literal = candidate_.literals[number];
        entered_.reset();
        for (std::size_t done = 1; done < probe_.size() && left_.any(); ++done) {
            if (!left_[done]) {
                continue;
            }
            const std::string_view rest = probe_.substr(done);
            const std::size_t common = std::min(rest.size(), literal.size());
            if (!equal(literal.substr(0, common), rest.substr(0, common))) {
                continue;
            }
            if (common < rest.size()) {
                entered_.set(done + common);
            } else if (matcher_.is_cut_ || matcher_.ends_at(candidate_, number, common) != Match::never) {
                return true;
            }
        }
        return begins_in(literal, number);
    }

    // The probe begins in this literal and goes on behind it.  True: it is cut and ends in it.
    bool begins_in(std::string_view literal, std::size_t number) {
        const std::size_t most = std::min(probe_.size() - 1, literal.size());
        for (std::size_t size = 0; size <= most; ++size) {
            const std::size_t at = literal.size() - size;
            if (equal(literal.substr(at), probe_.substr(0, size)) && matcher_.begins_at(candidate_, number, at)) {
                entered_.set(size);
            }
        }
        if (!matcher_.is_cut_) {
            return false;  // match() has looked for it inside literals.
        }
        for (std::size_t at = matcher_.probe_.find(literal); at != std::string_view::npos;
             at = matcher_.probe_.find(literal, at + 1)) {
            if (matcher_.begins_at(candidate_, number, at)) {
                return true;
            }
        }
        return false;
    }

    // True: the probe ends in this variable.
    bool over_variable(std::size_t number) {
        const std::string_view literal = candidate_.literals[number];
        const bool sign = literal.empty() ? number == 0 : may_precede_sign(literal.back());
        left_.reset();
        States states = matcher_.word_begins_ ? kBetween : kUnseen;  // The probe begins inside the variable.
        for (std::size_t done = 0; done < probe_.size(); ++done) {
            states |= entered_[done] ? kEntered : States{0};
            states = step(states, probe_[done], sign);
            left_.set(done + 1, (states & kMayEnd) != 0);
        }
        return states != 0 && (matcher_.is_cut_ || !matcher_.word_ends_ || (states & kMayEnd) != 0);
    }

    const TemplateMatcher& matcher_;
    const Template& candidate_;
    std::string_view probe_;
    Places entered_;  // So much of the probe is done at the beginning of the variable.
    Places left_;     // At its end.
};

TemplateMatcher::TemplateMatcher(std::string_view text, Edges edges, bool ignore_case)
    : whole_(text, ignore_case),
      probe_(text.substr(0, kProbeBytes), ignore_case),
      word_begins_(edges != Edges::any && !text.empty() && is_word_byte(text.front())),
      word_ends_(edges == Edges::words && !text.empty() && is_word_byte(text.back())),
      is_cut_(text.size() > kProbeBytes) {}

// Whether the text may begin there: a variable ends with a byte of a word.
bool TemplateMatcher::begins_at(const Template& candidate, std::size_t literal, std::size_t at) const noexcept {
    if (!word_begins_) {
        return true;
    }
    return at == 0 ? literal == 0 : !is_word_byte(candidate.literals[literal][at - 1]);
}

// Whether it may end there: a variable begins with a byte of a word, or with a sign.
Match TemplateMatcher::ends_at(const Template& candidate, std::size_t literal, std::size_t at) const noexcept {
    const std::string_view text = candidate.literals[literal];
    if (!word_ends_ || (at == text.size() && literal == candidate.slots())) {
        return Match::always;
    }
    if (at < text.size()) {
        return is_word_byte(text[at]) ? Match::never : Match::always;
    }
    return may_precede_sign(whole_.needle().back()) ? Match::maybe : Match::never;
}

Match TemplateMatcher::match(const Template& candidate) const {
    bool possible = false;
    for (std::size_t i = 0; i < candidate.literals.size(); ++i) {
        const std::string_view literal = candidate.literals[i];
        for (std::size_t at = whole_.find(literal); at != std::string_view::npos; at = whole_.find(literal, at + 1)) {
            const Match end =
                begins_at(candidate, i, at) ? ends_at(candidate, i, at + whole_.needle().size()) : Match::never;
            if (end == Match::always) {
                return Match::always;
            }
            possible = possible || end == Match::maybe;
        }
    }
    if (!possible && candidate.slots() > 0) {
        possible = Walk(*this, candidate).is_possible();
    }
    return possible ? Match::maybe : Match::never;
}

Match match_substring(const Template& candidate, std::string_view text, bool ignore_case) {
    return TemplateMatcher(text, Edges::any, ignore_case).match(candidate);
}

Match match_phrase(const Template& candidate, std::string_view text, bool ignore_case) {
    return TemplateMatcher(text, Edges::words, ignore_case).match(candidate);
}

Match match_prefix(const Template& candidate, std::string_view text, bool ignore_case) {
    return TemplateMatcher(text, Edges::begin, ignore_case).match(candidate);
}

}  // namespace sluice::part
