#include "part/template_match.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "part/template_gen.h"
#include "part/variables.h"
#include "part/words.h"

namespace sluice::part {
namespace {

const Template kLogin{{"User ", " logged in from ", ":", "ms"}};

TEST(MatchSubstring, IsCertainOfWhatOneLiteralHas) {
    EXPECT_EQ(match_substring(kLogin, "logged in", false), Match::always);
    EXPECT_EQ(match_substring(kLogin, "ogge", false), Match::always);
    EXPECT_EQ(match_substring(kLogin, "USER", true), Match::always);
    EXPECT_EQ(match_substring(kLogin, "", false), Match::always);
}

TEST(MatchSubstring, RefusesWhatNoVariableCanContain) {
    EXPECT_EQ(match_substring(kLogin, "USER", false), Match::maybe);  // USER5 can be a variable.
    EXPECT_EQ(match_substring(kLogin, "logged out", false), Match::never);
    EXPECT_EQ(match_substring(kLogin, "in from x y", false), Match::never);
    EXPECT_EQ(match_substring(kLogin, "a/b", false), Match::never);
    EXPECT_EQ(match_substring(kLogin, ".timeout.", false), Match::never);
    EXPECT_EQ(match_substring(Template{{"only this"}}, "5", false), Match::never);
}

TEST(MatchSubstring, FollowsTheTextAcrossSlots) {
    EXPECT_EQ(match_substring(kLogin, "User 5 logged in from 10.0.3.4:17ms", false), Match::maybe);
    EXPECT_EQ(match_substring(kLogin, "er 5 logged in from 10.0.3.4:1", false), Match::maybe);
    EXPECT_EQ(match_substring(kLogin, "User  logged", false), Match::never);
    EXPECT_EQ(match_substring(kLogin, "User x logged", false), Match::never);
    EXPECT_EQ(match_substring(kLogin, "User beef logged", false), Match::maybe);
    EXPECT_EQ(match_substring(kLogin, "User -5 logged", false), Match::maybe);
    EXPECT_EQ(match_substring(kLogin, "User .5 logged", false), Match::never);
    EXPECT_EQ(match_substring(kLogin, "User 5. logged", false), Match::never);
    EXPECT_EQ(match_substring(kLogin, "user 5 LOGGED", true), Match::maybe);
}

TEST(MatchPhrase, KnowsThatAWordWithoutADigitIsInNoVariable) {
    EXPECT_EQ(match_phrase(kLogin, "timeout", true), Match::never);
    EXPECT_EQ(match_phrase(kLogin, "logged", true), Match::always);
    EXPECT_EQ(match_phrase(kLogin, "logg", true), Match::never);
    EXPECT_EQ(match_phrase(kLogin, "cafe", true), Match::maybe);
    EXPECT_EQ(match_phrase(kLogin, "10.0.3.4", true), Match::maybe);
    EXPECT_EQ(match_phrase(kLogin, "17ms", true), Match::maybe);
    EXPECT_EQ(match_phrase(kLogin, "ms", true), Match::never);  // Always behind a digit or letter.
    EXPECT_EQ(match_phrase(kLogin, "from 10.0.3.4", true), Match::maybe);
    EXPECT_EQ(match_phrase(kLogin, "from 10.0.3.4 port", true), Match::never);
    EXPECT_EQ(match_phrase(kLogin, "logged in from", true), Match::always);
}

TEST(MatchPhrase, MayEndAtASlotOnlyWhereASignCanFollow) {
    EXPECT_EQ(match_phrase(Template{{"blk_", ""}}, "blk_", false), Match::maybe);
    EXPECT_EQ(match_phrase(Template{{"eth", ""}}, "eth", false), Match::never);
    EXPECT_EQ(match_phrase(Template{{"eth", ""}}, "eth0", false), Match::maybe);
}

TEST(MatchPrefix, LetsTheLastWordGoOn) {
    EXPECT_EQ(match_prefix(kLogin, "logg", true), Match::always);
    EXPECT_EQ(match_prefix(kLogin, "ogged in", true), Match::never);
    EXPECT_EQ(match_prefix(kLogin, "timeout", true), Match::maybe);  // timeout5
    EXPECT_EQ(match_prefix(kLogin, "from 10.", true), Match::maybe);
    EXPECT_EQ(match_prefix(Template{{"eth", ""}}, "et", false), Match::always);
}

TEST(TemplateMatcher, ReadsOnlyTheBeginningOfALongTextButStaysSound) {
    const std::string digits(1000, '7');
    EXPECT_EQ(match_phrase(kLogin, "User " + digits + " logged in", false), Match::maybe);
    EXPECT_EQ(match_phrase(kLogin, "Uses " + digits + " logged in", false), Match::never);
    const std::string literal(1000, 'x');
    EXPECT_EQ(match_substring(Template{{literal, ""}}, literal.substr(1), false), Match::always);
    EXPECT_EQ(match_substring(Template{{literal, " y"}}, literal + "7 y", false), Match::maybe);
    EXPECT_EQ(match_substring(Template{{literal}}, literal + "7", false), Match::never);
}

// A variable by the rule of variables.h, and often one that the splitter would not make.
std::string any_variable(bool sign) {
    std::string variable = sign && *rc::gen::inRange(0, 4) == 0 ? "-" : "";
    const auto words = *rc::gen::inRange(1, 4);
    for (int i = 0; i < words; ++i) {
        variable += i > 0 ? run_of(".:-", 1) : "";
        std::string word = run_of(*rc::gen::inRange(0, 2) == 0 ? "abAF" : "xyabX\xC3", 3);
        if (!may_be_variable_word(word)) {
            word.insert(*rc::gen::inRange<std::size_t>(0, word.size() + 1), "5");
        }
        variable += word;
    }
    return variable;
}

Template any_template() {
    Template made;
    made.literals.push_back(*rc::gen::inRange(0, 2) == 0 ? "" : run_of("abxX5 ._=", 4));
    const auto slots = *rc::gen::inRange(0, 4);
    for (int i = 0; i < slots; ++i) {
        const bool may_be_empty = i + 1 == slots && *rc::gen::inRange(0, 2) == 0;
        made.literals.push_back(may_be_empty ? "" : run_of("abxX5 ._=", 4));
    }
    return made;
}

std::string any_value(const Template& from) {
    std::vector<std::string> variables;
    for (std::size_t i = 0; i < from.slots(); ++i) {
        const std::string& before = from.literals[i];
        variables.push_back(any_variable(before.empty() ? i == 0 : may_precede_sign(before.back())));
    }
    std::string value;
    join(from, views_of(variables), value);
    return value;
}

bool contains(std::string_view value, std::string_view text, Edges edges, bool ignore_case) {
    const LiteralSearcher searcher(text, ignore_case);
    const auto at = edges == Edges::any     ? searcher.find(value)
                    : edges == Edges::begin ? searcher.find_prefix(value)
                                            : searcher.find_phrase(value);
    return at != std::string_view::npos;
}

void expect_sound(const Template& from, std::string_view value, std::string_view text) {
    for (const Edges edges : {Edges::any, Edges::begin, Edges::words}) {
        for (const bool ignore_case : {false, true}) {
            const Match match = TemplateMatcher(text, edges, ignore_case).match(from);
            if (contains(value, text, edges, ignore_case)) {
                RC_ASSERT(match != Match::never);
            } else {
                RC_ASSERT(match != Match::always);
            }
        }
    }
}

// The texts are cut out of values, so that most of them are there and begin and end anywhere.
RC_GTEST_PROP(TemplateMatcher, NeverSaysAlwaysOrNeverWronglyOfRandomVariables, ()) {
    const Template from = any_template();
    const std::string source = any_value(from);
    const auto begin = *rc::gen::inRange<std::size_t>(0, source.size() + 1);
    const auto size = *rc::gen::inRange<std::size_t>(0, source.size() + 1 - begin);
    std::string text = source.substr(begin, size);
    expect_sound(from, source, text);
    if (!text.empty() && *rc::gen::inRange(0, 3) == 0) {
        text[*rc::gen::inRange<std::size_t>(0, text.size())] = run_of("abxX5 ._=-:", 1).front();
    }
    expect_sound(from, source, text);
    expect_sound(from, any_value(from), text);
}

RC_GTEST_PROP(TemplateMatcher, NeverSaysAlwaysOrNeverWronglyOfWhatWasSplit, ()) {
    auto column = any_column();
    const auto once = column;
    column.insert(column.end(), once.begin(), once.end());
    if (column.empty()) {
        return;
    }
    const TemplateSplit result = split(views_of(column));
    const std::string& source = column[*rc::gen::inRange<std::size_t>(0, column.size())];
    const auto begin = *rc::gen::inRange<std::size_t>(0, source.size() + 1);
    const std::string text = source.substr(begin, *rc::gen::inRange<std::size_t>(0, 12));
    for (std::size_t i = 0; i < once.size(); ++i) {
        expect_sound(result.templates[result.ids[i]], column[i], text);
    }
}

}  // namespace
}  // namespace sluice::part
