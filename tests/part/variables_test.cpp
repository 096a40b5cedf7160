#include "part/variables.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "part/template_gen.h"
#include "part/words.h"

namespace sluice::part {
namespace {

// The text with each variable in <>.
std::string marked(std::string_view text, Detail detail = Detail::parts) {
    Variables found;
    find_variables(text, detail, found);
    std::string result;
    std::size_t done = 0;
    for (std::size_t i = 0; i < found.count; ++i) {
        const auto [begin, end] = found.pieces[i];
        result.append(text.substr(done, begin - done)).append("<").append(text.substr(begin, end - begin)).append(">");
        done = end;
    }
    return result.append(text.substr(done));
}

TEST(FindVariables, TakesTokensWithADigitAndCutsThemAtPunctuation) {
    EXPECT_EQ(marked("no digits at all, e.g. here"), "no digits at all, e.g. here");
    EXPECT_EQ(marked("key=12 [test,4] /users/17?x=5 a_3_b"), "key=<12> [test,<4>] /users/<17>?x=<5> a_<3>_b");
    EXPECT_EQ(marked("12:34:56,789"), "<12>:<34>:<56>,<789>");
    EXPECT_EQ(marked(""), "");
}

TEST(FindVariables, CutsLettersBeforeANumberAndUnitsAfterIt) {
    EXPECT_EQ(marked("worker12 eth0 v1.2.3 15ms 3.5GiB 7µs"), "worker<12> eth<0> v<1.2.3> <15>ms <3.5>GiB <7>µs");
    EXPECT_EQ(marked("worker12 eth0 v1.2.3 15ms 3.5GiB", Detail::tokens), "<worker12> <eth0> <v1.2.3> <15ms> <3.5GiB>");
    EXPECT_EQ(marked("2024-03-01T12:00:05.123Z"), "<2024>-<03>-<01>T<12>:<00>:<05.123>Z");
    EXPECT_EQ(marked("at 0x7f3a and 0xff, 0x"), "at 0x<7f3a> and 0x<ff>, <0>x");
}

TEST(FindVariables, KeepsWholeWhatBelongsTogether) {
    EXPECT_EQ(marked("10.0.3.17:8080"), "<10.0.3.17>:<8080>");
    EXPECT_EQ(marked("id 9f8c6fd6f35c21e5 deadbeef bad"), "id <9f8c6fd6f35c21e5> <deadbeef> bad");
    EXPECT_EQ(marked("job c7ba1da1-fcc3-4ed6-d7ec-7be592605e6b."), "job <c7ba1da1-fcc3-4ed6-d7ec-7be592605e6b>.");
    EXPECT_EQ(marked("c7ba1da1-fcc3-4ed6-d7ec-7be592605e6bz"), "<c7ba1da1>-<fcc3>-<4ed6>-<d7ec>-<7be592605e6bz>");
    EXPECT_EQ(marked("2f:89:0c:34:05:43 fe80::1 2001:db8::ff00:42:8329/64"),
              "<2f:89:0c:34:05:43> <fe80::1> <2001:db8::ff00:42:8329>/<64>");
    EXPECT_EQ(marked("std::dead::beef fe80:: 1:2:3:4:5:6::"), "std::dead::beef <fe80>:: <1:2:3:4:5:6>::");
    EXPECT_EQ(marked("session CHhAvVGS1DHFjwGM9 svk3l"), "session <CHhAvVGS1DHFjwGM9> <svk3l>");
}

TEST(FindVariables, TakesTheSignOfANumberAndNoHyphen) {
    EXPECT_EQ(marked("-5 x=-5 (-5) blk_-16 a:-7ms"), "<-5> x=<-5> (<-5>) blk_<-16> a:<-7>ms");
    EXPECT_EQ(marked("test-5 10-20 --5 -5f"), "test-<5> <10>-<20> --<5> -<5f>");
}

TEST(FindVariables, LeavesTheRestLiteralAfterTheMostSlots) {
    std::string list;
    for (std::size_t i = 0; i < 2 * kSlotsMax; ++i) {
        list += "7,";
    }
    Variables found;
    find_variables(list, Detail::parts, found);
    EXPECT_EQ(found.count, kSlotsMax);
}

void expect_rule(std::string_view text, Detail detail) {
    Variables found;
    find_variables(text, detail, found);
    std::size_t done = 0;
    for (std::size_t i = 0; i < found.count; ++i) {
        const auto [begin, end] = found.pieces[i];
        RC_ASSERT(i == 0 || begin > done);
        RC_ASSERT(begin < end);
        RC_ASSERT(end <= text.size());
        done = end;
        const std::string_view variable = text.substr(begin, end - begin);
        RC_ASSERT(std::ranges::all_of(variable, is_variable_byte));
        RC_ASSERT(is_word_byte(variable.back()));
        const bool sign = variable.front() == '-' && (begin == 0 || may_precede_sign(text[begin - 1]));
        RC_ASSERT(is_word_byte(variable.front()) || sign);
        for_each_word(variable, [](std::string_view word) { RC_ASSERT(may_be_variable_word(word)); });
    }
}

RC_GTEST_PROP(FindVariables, GivesOnlyWhatTheRuleOfVariablesAllows, ()) {
    for (const Detail detail : {Detail::parts, Detail::tokens}) {
        expect_rule(any_message(), detail);
        expect_rule(any_bytes(), detail);
    }
}

}  // namespace
}  // namespace sluice::part
