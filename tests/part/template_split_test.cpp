#include "part/template_split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "part/template_gen.h"
#include "part/variables.h"

namespace sluice::part {
namespace {

using testing::ElementsAre;

std::vector<std::string> joined(const TemplateSplit& split) {
    std::vector<std::string> values;
    std::span<const std::string_view> variables = split.variables;
    for (const std::uint32_t id : split.ids) {
        const Template& from = split.templates.at(id);
        join(from, variables.first(from.slots()), values.emplace_back());
        variables = variables.subspan(from.slots());
    }
    EXPECT_TRUE(variables.empty());
    return values;
}

TEST(TemplateSplit, TellsLiteralsAndVariablesApart) {
    const auto result =
        split(std::vector<std::string_view>{"user 17 logged in from 10.0.3.4", "user 4 logged in from 10.0.3.17",
                                            "tick", "tick", "user 5 logged in from 10.0.3.4"});
    EXPECT_THAT(result.ids, ElementsAre(0, 0, 1, 1, 0));
    EXPECT_THAT(result.templates, ElementsAre(Template{{"user ", " logged in from ", ""}}, Template{{"tick"}}));
    EXPECT_THAT(result.variables, ElementsAre("17", "10.0.3.4", "4", "10.0.3.17", "5", "10.0.3.4"));
}

TEST(TemplateSplit, MakesASlotWithOneValuePartOfTheLiterals) {
    const auto result = split(std::vector<std::string_view>{"GET /1 HTTP/1.1", "GET /2 HTTP/1.1", "GET /3 HTTP/1.1"});
    EXPECT_THAT(result.templates, ElementsAre(Template{{"GET /", " HTTP/1.1"}}));
    EXPECT_THAT(result.variables, ElementsAre("1", "2", "3"));
}

TEST(TemplateSplit, KeepsTokensWholeWhereTheirLettersVary) {
    std::vector<std::string> column;
    for (int i = 0; i < 500; ++i) {
        column.push_back(std::string("id ") + static_cast<char>('g' + i % 20) + static_cast<char>('g' + i / 20 % 20) +
                         std::to_string(i) + " done");
        column.push_back("eth" + std::to_string(i % 7) + " up");
    }
    const auto result = split(views_of(column));
    EXPECT_THAT(result.templates, ElementsAre(Template{{"id ", " done"}}, Template{{"eth", " up"}}));
    EXPECT_EQ(joined(result), column);
}

TEST(TemplateSplit, GivesUpWhenMoreThanHalfOfTheValuesAreTemplates) {
    EXPECT_TRUE(split(std::vector<std::string_view>{"a", "b", "c", "a", "a"}).templates.empty());
    EXPECT_EQ(split(std::vector<std::string_view>{"a", "b", "a", "a", "b"}).templates.size(), 2U);
    const TemplateSplit one = split(std::vector<std::string_view>{"one"});
    EXPECT_TRUE(one.templates.empty());
    EXPECT_TRUE(one.ids.empty());
    EXPECT_TRUE(one.variables.empty());
    EXPECT_TRUE(split({}).ids.empty());
}

// Bytes that stand for slots inside must not be taken for slots: each value here has the text of another's skeleton.
TEST(TemplateSplit, TellsSlotsFromTheBytesThatMarkThem) {
    std::vector<std::string> column;
    for (int round = 0; round < 3; ++round) {
        for (const char* text : {"a 1 b", "a \x11\x01 b", "a \x11 b", "a \x11\x02 b", "a \x11\x11 b"}) {
            column.push_back(text);
        }
        column.push_back("a 2 b");
    }
    const auto result = split(views_of(column));
    EXPECT_EQ(result.templates.size(), 5U);
    EXPECT_EQ(joined(result), column);
}

TEST(TemplateSplit, StandsMegabytesOfTheShapesItLooksAheadFor) {
    std::vector<std::string> column;
    for (const char* shape : {"1.", "1:", "1::", "a:", "12345678-", "12345678-1234-1234-1234-", "-1", "0x", "a1", "1T",
                              "\x11", "aaaaaaaaaaaaaaa", "01T02", "1 "}) {
        std::string value;
        while (value.size() < (1U << 20U)) {
            value += shape;
        }
        column.push_back(value);
        column.push_back(value);
        column.push_back(value + "9");
    }
    const auto result = split(views_of(column));
    ASSERT_FALSE(result.templates.empty());
    EXPECT_TRUE(joined(result) == column);
}

RC_GTEST_PROP(TemplateSplit, LosesNothing, ()) {
    auto column = any_column();
    if (*rc::gen::inRange(0, 2) == 0) {
        const auto once = column;
        column.insert(column.end(), once.begin(), once.end());  // Never more templates than half of the values.
    }
    const auto result = split(views_of(column));
    if (result.templates.empty()) {
        RC_ASSERT(result.ids.empty());
        RC_ASSERT(result.variables.empty());
        return;
    }
    RC_ASSERT(result.templates.size() <= column.size() / 2);
    RC_ASSERT(joined(result) == column);
    std::uint32_t next = 0;
    for (const std::uint32_t id : result.ids) {
        RC_ASSERT(id <= next);
        next = std::max(next, id + 1);
    }
    RC_ASSERT(next == result.templates.size());
    for (const std::string_view variable : result.variables) {
        RC_ASSERT(!variable.empty());
    }
    const auto again = split(views_of(column));
    RC_ASSERT(again.templates == result.templates);
    RC_ASSERT(again.ids == result.ids);
}

}  // namespace
}  // namespace sluice::part
