// Texts that are numbers: the last that is one, and the first that is not.
#include "part/typed_text.h"

#include <gtest/gtest.h>

#include "base/format.h"

namespace sluice::part {
namespace {

using Texts = std::vector<std::string_view>;

// What the texts are: "type digits separator point rest: numbers"; empty: nothing.
std::string shape_of(const Texts& texts) {
    std::vector<std::int64_t> numbers;
    const auto shape = find_shape(texts, numbers);
    if (!shape) {
        return "";
    }
    std::string text;
    switch (shape->type) {
        case TextType::integers:
            text = "integers";
            break;
        case TextType::padded:
            text = fmt::format("padded {}", shape->digits);
            break;
        case TextType::decimals:
            text = fmt::format("decimals {}", shape->digits);
            break;
        case TextType::addresses:
            text = "addresses";
            break;
        case TextType::timestamps:
            text = fmt::format("timestamps {} '{}' {} '{}'", shape->digits, shape->date_separator,
                               shape->point == 0 ? '0' : shape->point, shape->rest);
            break;
    }
    return fmt::format("{}: {}", text, fmt::join(numbers, " "));
}

// The texts of the numbers, one behind the other with a bar between; "none": one has none.
std::string rendered(const TextShape& shape, const std::vector<std::int64_t>& numbers) {
    std::vector<std::string_view> texts(numbers.size());
    TextArena arena;
    return render(shape, numbers, texts, arena) ? fmt::format("{}", fmt::join(texts, "|")) : "none";
}

TEST(TypedText, IntegersHaveUpTo18Digits) {
    EXPECT_EQ(shape_of({"0", "-17", "999999999999999999", "-999999999999999999"}),
              "integers: 0 -17 999999999999999999 -999999999999999999");
    EXPECT_EQ(shape_of({"9"}), "integers: 9");
    for (const char* other : {"1000000000000000000", "-", "", "-0", "01", "1a", "a1", "1 ", "+1", "/", ":"}) {
        EXPECT_EQ(shape_of({"7", other}), "") << other;
        EXPECT_EQ(shape_of({other, "7"}), "") << other;
    }
}

TEST(TypedText, PaddedAreDigitsOfOneLength) {
    EXPECT_EQ(shape_of({"007", "123"}), "padded 3: 7 123");
    EXPECT_EQ(shape_of({"123", "007"}), "padded 3: 123 7");
    EXPECT_EQ(shape_of({"00"}), "padded 2: 0");
    EXPECT_EQ(shape_of({"000000000000000009"}), "padded 18: 9");
    EXPECT_EQ(shape_of({"0000000000000000009"}), "");
    EXPECT_EQ(shape_of({"007", "0123"}), "");
    EXPECT_EQ(shape_of({"007", "-12"}), "");
}

TEST(TypedText, DecimalsHaveUpTo9DigitsBehindThePoint) {
    EXPECT_EQ(shape_of({"0.50", "-12.25", "-0.01"}), "decimals 2: 50 -1225 -1");
    EXPECT_EQ(shape_of({"7.5", "0.0"}), "decimals 1: 75 0");
    EXPECT_EQ(shape_of({"12345678.123456789"}), "decimals 9: 12345678123456789");
    EXPECT_EQ(shape_of({"-12345678.123456789"}), "decimals 9: -12345678123456789");
    for (const char* other : {"123456789.123456789", "0.1234567890", ".5", "5.", "-0.0", "00.5", "1.5.", "1.5x", "x.5",
                              "1x5", "1,5", "-.5"}) {
        EXPECT_EQ(shape_of({other}), "") << other;
    }
    EXPECT_EQ(shape_of({"1.5", "1.50"}), "");
    EXPECT_EQ(shape_of({"1.5", "15"}), "");
}

TEST(TypedText, AddressesAreFourOctets) {
    EXPECT_EQ(shape_of({"0.0.0.0", "255.255.255.255", "10.1.2.3"}), "addresses: 0 4294967295 167838211");
    for (const char* other : {"1.2.3", "1.2.3.", "1.2.3.4.5", "1..2.3", "256.1.1.1", "1.1.1.256", "01.1.1.1",
                              "1.1.1.01", "1000.1.1.1", "1.1.1.1000", "1.1.1.x", "-1.1.1.1", "1.-1.1.1"}) {
        EXPECT_EQ(shape_of({other}), "") << other;
        EXPECT_EQ(shape_of({"1.1.1.1", other}), "") << other;
    }
}

TEST(TypedText, TimestampsAreDaysThatThereAre) {
    EXPECT_EQ(shape_of({"1970-01-01T00:00:00Z", "1970-01-02T03:04:05Z", "1969-12-31T23:59:59Z"}),
              "timestamps 0 'T' 0 'Z': 0 97445 -1");
    EXPECT_EQ(shape_of({"1970-01-01 00:00:01,250"}), "timestamps 3 ' ' , '': 1250");
    EXPECT_EQ(shape_of({"1970-01-01T00:00:01.123456789+01:0000"}), "timestamps 9 'T' . '+01:0000': 1123456789");
    EXPECT_EQ(shape_of({"0000-01-01T00:00:00"}), "timestamps 0 'T' 0 '': -62167219200");
    EXPECT_EQ(shape_of({"9999-12-31T23:59:59"}), "timestamps 0 'T' 0 '': 253402300799");
    EXPECT_EQ(shape_of({"2024-02-29T00:00:00"}), "timestamps 0 'T' 0 '': 1709164800");
    EXPECT_EQ(shape_of({"1970-01-01T00:00:00."}), "timestamps 0 'T' 0 '.': 0");
    for (const char* other :
         {"1970-00-01T00:00:00",   "1970-13-01T00:00:00",          "1970-01-00T00:00:00",
          "1970-04-31T00:00:00",   "2023-02-29T00:00:00",          "1970-01-01T24:00:00",
          "1970-01-01T00:60:00",   "1970-01-01T00:00:60",          "1970-01-01x00:00:00",
          "1970/01-01T00:00:00",   "1970-01/01T00:00:00",          "1970-01-01T00-00:00",
          "1970-01-01T00:00-00",   "x970-01-01T00:00:00",          "1970-x1-01T00:00:00",
          "1970-01-x1T00:00:00",   "1970-01-01Tx0:00:00",          "1970-01-01T00:x0:00",
          "1970-01-01T00:00:x0",   "1970-01-01T00:00:0",           "1970-01-01T00:00:00.1234567890",
          "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00123456789", "1970-01-01T00:00:00.123456789+01:00000",
          "-970-01-01T00:00:00"}) {
        EXPECT_EQ(shape_of({other}), "") << other;
    }
    const Texts first{"1970-01-01T00:00:00.5Z"};
    for (const char* other : {"1970-01-01T00:00:00.5z", "1970-01-01T00:00:00,5Z", "1970-01-01 00:00:00.5Z",
                              "1970-01-01T00:00:00.55Z", "1970-01-01T00:00:00.5", "1970-01-01T00:00:00.xZ"}) {
        EXPECT_EQ(shape_of({first[0], other}), "") << other;
    }
}

TEST(TypedText, TimestampsAreThoseThat64BitsHold) {
    EXPECT_EQ(shape_of({"2262-04-11T23:47:16.854775807"}), "timestamps 9 'T' . '': 9223372036854775807");
    EXPECT_EQ(shape_of({"2262-04-11T23:47:16.854775808"}), "");
    EXPECT_EQ(shape_of({"2262-04-11T23:47:17.000000000"}), "");
    EXPECT_EQ(shape_of({"1677-09-21T00:12:44.000000000"}), "timestamps 9 'T' . '': -9223372036000000000");
    EXPECT_EQ(shape_of({"1677-09-21T00:12:43.999999999"}), "");
}

TEST(TypedText, RenderedAreTheSameTexts) {
    EXPECT_EQ(rendered({.type = TextType::integers}, {0, 9, 10, 99, 100, -1, 4'294'967'295, 4'294'967'296, INT64_MAX,
                                                      INT64_MIN, 999'999'999'999'999'999, 1'000'000'000'000'000'000}),
              "0|9|10|99|100|-1|4294967295|4294967296|9223372036854775807|-9223372036854775808|999999999999999999|"
              "1000000000000000000");
    EXPECT_EQ(rendered({.type = TextType::padded, .digits = 3}, {0, 7, 42, 999}), "000|007|042|999");
    EXPECT_EQ(rendered({.type = TextType::padded, .digits = 18}, {5'000'000'000}), "000000005000000000");
    EXPECT_EQ(rendered({.type = TextType::decimals, .digits = 2}, {0, 5, -5, 1234, -1234}),
              "0.00|0.05|-0.05|12.34|-12.34");
    EXPECT_EQ(rendered({.type = TextType::decimals, .digits = 9}, {INT64_MIN, 1}), "-9223372036.854775808|0.000000001");
    EXPECT_EQ(rendered({.type = TextType::addresses}, {0, 4'294'967'295, 167'838'211}),
              "0.0.0.0|255.255.255.255|10.1.2.3");
    EXPECT_EQ(rendered({.type = TextType::timestamps, .digits = 0, .date_separator = 'T', .rest = "Z"},
                       {0, -1, 97'445, -62'167'219'200, 253'402'300'799, 86'399, 86'400}),
              "1970-01-01T00:00:00Z|1969-12-31T23:59:59Z|1970-01-02T03:04:05Z|0000-01-01T00:00:00Z|"
              "9999-12-31T23:59:59Z|1970-01-01T23:59:59Z|1970-01-02T00:00:00Z");
    EXPECT_EQ(rendered({.type = TextType::timestamps, .digits = 3, .date_separator = ' ', .point = ','},
                       {1, -1, -1000, -1001, 45'296'789, -86'400'000, -86'400'001}),
              "1970-01-01 00:00:00,001|1969-12-31 23:59:59,999|1969-12-31 23:59:59,000|1969-12-31 23:59:58,999|"
              "1970-01-01 12:34:56,789|1969-12-31 00:00:00,000|1969-12-30 23:59:59,999");
    EXPECT_EQ(rendered({.type = TextType::timestamps, .digits = 9, .date_separator = 'T', .point = '.'},
                       {INT64_MAX, INT64_MIN}),
              "2262-04-11T23:47:16.854775807|1677-09-21T00:12:43.145224192");
}

TEST(TypedText, NumbersWithoutATextAreRefused) {
    EXPECT_EQ(rendered({.type = TextType::padded, .digits = 3}, {5, 1000}), "none");
    EXPECT_EQ(rendered({.type = TextType::padded, .digits = 3}, {-1}), "none");
    EXPECT_EQ(rendered({.type = TextType::padded, .digits = 18}, {1'000'000'000'000'000'000}), "none");
    EXPECT_EQ(rendered({.type = TextType::padded, .digits = 19}, {1}), "none");
    EXPECT_EQ(rendered({.type = TextType::decimals, .digits = 10}, {1}), "none");
    EXPECT_EQ(rendered({.type = TextType::addresses}, {-1}), "none");
    EXPECT_EQ(rendered({.type = TextType::addresses}, {4'294'967'296}), "none");
    const TextShape seconds{.type = TextType::timestamps, .date_separator = 'T'};
    EXPECT_EQ(rendered(seconds, {-62'167'219'201}), "none");
    EXPECT_EQ(rendered(seconds, {253'402'300'800}), "none");
    TextShape rest = seconds;
    rest.rest = "12345678";
    EXPECT_EQ(rendered(rest, {0}), "1970-01-01T00:00:0012345678");
    rest.rest = "123456789";
    EXPECT_EQ(rendered(rest, {0}), "none");
}

}  // namespace
}  // namespace sluice::part
