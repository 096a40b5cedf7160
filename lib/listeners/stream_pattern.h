// How a listener names the stream of a record: text with parts in braces, each with alternatives.
//
//   {identifier|comm}        what the message says of its program, else the name of the process
//   apps/{unit|comm}/{uid}   alternatives from left to right, the first that is not empty
// Parts: identifier, comm, unit, container, uid, listener.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::listeners {

// Immutable.  Threads: any.
class StreamPattern {
 public:
    // What the parts stand for.
    struct Facts {
        std::string_view identifier{};
        std::string_view comm{};
        std::string_view unit{};
        std::string_view container{};
        std::string_view uid{};
        std::string_view listener{};
    };

    // Errors: invalid_argument, with the column (from 1) and what is possible there.
    static Result<StreamPattern> parse(std::string_view text);
    static StreamPattern standard();  // {identifier|comm|listener}

    const std::string& text() const noexcept { return text_; }
    // A valid stream name: what streams cannot have becomes '_', what is too long is cut; where nothing is left it is
    // the listener's name.  A view of a fact or of `scratch`.
    std::string_view name(const Facts& facts, std::string& scratch) const;

    friend bool operator==(const StreamPattern& a, const StreamPattern& b) { return a.text_ == b.text_; }

 private:
    using Fact = std::string_view Facts::*;
    struct Piece {
        std::string literal;        // Or:
        std::vector<Fact> choices;  // not empty
        friend bool operator==(const Piece&, const Piece&) = default;
    };
    static std::string_view choose(const Piece& piece, const Facts& facts) noexcept;
    static Fact fact_named(std::string_view name) noexcept;

    std::string text_;
    std::vector<Piece> pieces_;
};

}  // namespace sluice::listeners
