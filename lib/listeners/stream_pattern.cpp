#include "listeners/stream_pattern.h"

#include "base/assert.h"
#include "wire/escape.h"
#include "wire/record.h"

namespace sluice::listeners {

namespace {
constexpr std::string_view kStandard = "{identifier|comm|listener}";
constexpr std::size_t kPatternBytesMax = 255;
}  // namespace

StreamPattern::Fact StreamPattern::fact_named(std::string_view name) noexcept {
    constexpr std::pair<std::string_view, Fact> kFacts[] = {
        {"identifier", &Facts::identifier}, {"comm", &Facts::comm}, {"unit", &Facts::unit},
        {"container", &Facts::container},   {"uid", &Facts::uid},   {"listener", &Facts::listener},
    };
    for (const auto& [known, fact] : kFacts) {
        if (known == name) {
            return fact;
        }
    }
    return nullptr;
}

Result<StreamPattern> StreamPattern::parse(std::string_view text) {
    StreamPattern pattern;
    pattern.text_ = text;
    if (text.empty() || text.size() > kPatternBytesMax) {
        return fail(Errc::invalid_argument, "a stream pattern has 1 to {} bytes", kPatternBytesMax);
    }
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] != '{') {
            if (!wire::valid_stream_name(text.substr(at, 1))) {
                return fail(Errc::invalid_argument,
                            "column {}: {} cannot be in the name of a stream; use A-Za-z0-9._/@:- and {{...}}", at + 1,
                            wire::quoted(text.substr(at, 1)));
            }
            if (pattern.pieces_.empty() || !pattern.pieces_.back().choices.empty()) {
                pattern.pieces_.emplace_back();
            }
            pattern.pieces_.back().literal += text[at++];
            continue;
        }
        Piece piece;
        for (bool closed = false; !closed;) {  // Bounded: each turn moves on.
            const std::size_t end = text.find_first_of("|}", at + 1);
            const std::string_view name = text.substr(at + 1, end == std::string_view::npos ? end : end - at - 1);
            const Fact fact = fact_named(name);
            if (fact == nullptr || end == std::string_view::npos) {
                return fail(Errc::invalid_argument,
                            "column {}: expected identifier, comm, unit, container, uid or listener, then '|' or '}}'",
                            at + 2);
            }
            piece.choices.push_back(fact);
            closed = text[end] == '}';
            at = end;
        }
        ++at;
        pattern.pieces_.push_back(std::move(piece));
    }
    return pattern;
}

StreamPattern StreamPattern::standard() {
    Result<StreamPattern> pattern = parse(kStandard);
    SLUICE_ASSERT(pattern.has_value(), "the standard pattern is one");
    return std::move(*pattern);
}

std::string_view StreamPattern::choose(const Piece& piece, const Facts& facts) noexcept {
    for (const Fact fact : piece.choices) {
        if (!(facts.*fact).empty()) {
            return facts.*fact;
        }
    }
    return piece.literal;
}

std::string_view StreamPattern::name(const Facts& facts, std::string& scratch) const {
    if (pieces_.size() == 1) {  // Nearly always: nothing is copied.
        const std::string_view only = choose(pieces_.front(), facts);
        if (!only.empty() && wire::valid_stream_name(only)) {
            return only;
        }
    }
    scratch.clear();
    for (const Piece& piece : pieces_) {
        const std::string_view part = choose(piece, facts);
        scratch.append(part.substr(0, wire::kNameBytesMax - scratch.size()));
    }
    for (char& c : scratch) {
        c = wire::valid_stream_name({&c, 1}) ? c : '_';
    }
    return scratch.empty() ? facts.listener : std::string_view(scratch);
}

}  // namespace sluice::listeners
