// What a query means there where LogsQL says it, by the rows that it finds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/parser.h"
#include "query/store_fixture.h"

namespace sluice::query::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr WallNs kMinute = 60 * kSecond;
constexpr WallNs kHour = 60 * kMinute;

// ---- comments ----

TEST(Comment, EndsWithItsLine) {
    EXPECT_EQ(read_again("* # some comment | foo bar"), "*");
    EXPECT_EQ(read_again("foo | # some comment | foo bar\n  fields x # another\n |where x:\"a#b's\"#that is one"),
              "foo | fields x | where x:\"a#b's\"");
    EXPECT_EQ(read_again("# only a comment"), "*");
    EXPECT_EQ(read_again("user:(a # b\n or c)#"), "user:a or user:c");
    EXPECT_EQ(read_again("a*#x"), "a*");
    EXPECT_EQ(read_again("* | sort by (a #x\n)"), "* | sort by (a)");
}

TEST(Comment, DoesNotTouchAWordInFrontOfIt) {
    for (const std::string_view text : {"a#b", "C#", "user:a#b", "user:=a#b", "user:in(a#b)", "user:#b", "ms:>5#b"}) {
        EXPECT_THAT(read_again(text), testing::StartsWith("column ")) << text;
        EXPECT_THAT(read_again(text), HasSubstr("found '#")) << text;
    }
    EXPECT_THAT(read_again("a#b"), HasSubstr("a space in front of '#', which begins a comment, or quotes"));
    EXPECT_THAT(read_again("* | fields a#b"), HasSubstr("found '#b'"));
}

// ---- times with an offset ----

class Times : public testing::Test {
 protected:
    Times() {
        for (const int minutes : {-90, -65, -61, -60, -5, -4, 0, 5}) {
            store_.add(RowDraft(std::to_string(minutes)).time(kNoon + minutes * kMinute));
        }
        store_.seal();
        store_.add(RowDraft("day before").time(kNoon - 24 * kHour));
    }
    std::vector<std::string> found(std::string_view text) const { return store_.messages(text); }
    Store store_;
};

TEST_F(Times, AreShiftedBackByTheirOffset) {
    EXPECT_THAT(found("_time:1h offset 5m"), ElementsAre("-65", "-61", "-60", "-5"));
    EXPECT_THAT(found("_time:1h OFFSET 1h"), ElementsAre("-90", "-65", "-61", "-60"));
    EXPECT_THAT(found("_time:5m offset -5m"), ElementsAre("0", "5"));
    EXPECT_THAT(found("_time:1h -_time:1h offset 4m"), ElementsAre("0", "5"));
    EXPECT_THAT(found("_time:2026-03-01 offset 1d"), ElementsAre("day before"));
    EXPECT_THAT(found("_time:[2026-03-01T12:00, 2026-03-01T12:04] offset 1h"), ElementsAre("-60"));
    EXPECT_THAT(found("_time:[1h, 0m) offset 5m"), ElementsAre("-65", "-61", "-60"));
    EXPECT_THAT(found("_time:<2026-03-01T11:55 offset 1h"), ElementsAre("-90", "day before"));
    EXPECT_THAT(found("_time:>2026-03-01T12:05:00Z offset 5m"), ElementsAre("5"));
    EXPECT_THAT(found("_time:>=2026-03-01T12:05:00Z offset 5m"), ElementsAre("0", "5"));
    EXPECT_THAT(found("receive_time:(1h offset 1h or <now offset 2h)"), IsEmpty());
    EXPECT_THAT(found("* | fields time, message | where _time:1h offset 5m | stats count() as n | where n:4"),
                testing::SizeIs(1));
}

TEST_F(Times, WithAnOffsetArePrintedWithIt) {
    EXPECT_EQ(read_again("_time:1h offset 5.3m x"), "_time:1h offset 5.3m and x");
    EXPECT_EQ(read_again("_time:[2h, 1h) oFFset -2h30m"), "_time:[2h, 1h) offset \"-2h30m\"");
    EXPECT_EQ(read_again("_time:1h offset '-2h'"), "_time:1h offset \"-2h\"");
    EXPECT_EQ(read_again("_time:1h \"offset\""), "_time:1h and \"offset\"");
    EXPECT_EQ(read_again("user:1h offset"), "user:1h and \"offset\"");
}

TEST_F(Times, WithWhatIsNoOffsetAreErrors) {
    const std::string_view how_far = "expected how far back, such as 5m or -2h, or quotes around 'offset'";
    for (const std::string_view text :
         {"_time:5m offset", "_time:5m offset foo", "_time:5m offset 5", "_time:5m offset --5m", "_time:5m offset)"}) {
        EXPECT_THAT(read_again(text), HasSubstr(how_far)) << text;
    }
    EXPECT_THAT(read_again("_time:offset 1d"), HasSubstr("column 7: expected a time in front of 'offset'"));
    EXPECT_THAT(read_again("_time:* offset 1d"), HasSubstr("column 9: expected a time or a range of times"));
    EXPECT_THAT(read_again("_time:(1h or 2h) offset 1d"), HasSubstr("column 18: expected the offset behind each time"));
    EXPECT_THAT(read_again("_time:-5m"), HasSubstr("column 7: expected how long ago, without '-', or 'not'"));
}

// ---- buckets ----

TEST_F(Times, AreGroupedByBucketsOfUtcOrShiftedOnes) {
    EXPECT_THAT(store_.run("* | stats by (_time:1d) count() as n").lines,
                ElementsAre("row 0: _time=text 2026-02-28T00:00:00.000000000Z n=int 1",
                            "row 0: _time=text 2026-03-01T00:00:00.000000000Z n=int 8"));
    // Days of a zone two hours in front of UTC.
    EXPECT_THAT(store_.run("* | stats by (_time:1d offset 2h) count() as n").lines,
                ElementsAre("row 0: _time=text 2026-02-27T22:00:00.000000000Z n=int 1",
                            "row 0: _time=text 2026-02-28T22:00:00.000000000Z n=int 8"));
    EXPECT_THAT(store_.run("* | stats by (_time:1d offset -12h1m) count() as n").lines,
                ElementsAre("row 0: _time=text 2026-02-27T12:01:00.000000000Z n=int 1",
                            "row 0: _time=text 2026-02-28T12:01:00.000000000Z n=int 7",
                            "row 0: _time=text 2026-03-01T12:01:00.000000000Z n=int 1"));
    EXPECT_EQ(read_again("* | stats by (time:1d offset -2h, a) count() as n"),
              "* | stats by (time:1d offset \"-2h\", a) count() as \"n\"");
}

TEST_F(Times, BeforeTheEpochAreGroupedLikewise) {
    Store store;
    store.add(RowDraft("").time(-kHour));
    store.add(RowDraft("").time(-3 * kHour));
    EXPECT_THAT(store.run("* | stats by (_time:1d offset 2h) count() as n").lines,
                ElementsAre("row 0: _time=text 1969-12-30T22:00:00.000000000Z n=int 1",
                            "row 0: _time=text 1969-12-31T22:00:00.000000000Z n=int 1"));
}

TEST(Buckets, OfTimesHaveADurationAndOfNumbersANumber) {
    const std::string_view of_times = "expected the width of a bucket of times, such as 5m or 1d, found ";
    for (const std::string_view width : {"60", "10KB", "86400000000000", "-1h", "0s", "day", "/24"}) {
        EXPECT_THAT(read_again(fmt::format("* | stats by (_time:{}) count() as n", width)), HasSubstr(of_times))
            << width;
    }
    const std::string_view of_numbers = "expected the width of a bucket, a number such as 1000, found ";
    for (const std::string_view width : {"5m", "-10", "0", "foo", "/24", "1h offset 5m"}) {
        EXPECT_THAT(read_again(fmt::format("* | stats by (took:{}) count() as n", width)), HasSubstr(of_numbers))
            << width;
    }
    EXPECT_THAT(read_again("* | stats by (level:2) count()"), HasSubstr("expected ',' or ')': severities have no"));
    EXPECT_THAT(read_again("* | stats by (ms:10 offset 5) count()"), HasSubstr("expected ':', ',' or ')', found 'off"));
    EXPECT_EQ(read_again("* | stats by (user) min(time) as first | stats by (first:1d) count() as n"),
              "* | stats by (user) min(time) as \"first\" | stats by (first:1d) count() as \"n\"");
}

// ---- addresses ----

TEST(Addresses, OfANetworkAreWholeValues) {
    Store store;
    for (const std::string_view address :
         {"10.0.0.7", "10.0.1.7", "10.0.0.255", "10.0.0.256", "10.0.0.7:443", "10.0.0", ""}) {
        store.add(RowDraft(std::string(address)).field("ip", address));
    }
    store.add(RowDraft("number").field("ip", 10));
    store.add(RowDraft("none"));
    for (int i = 0; i < 2; ++i) {
        EXPECT_THAT(store.messages("ip:ipv4_range(10.0.0.0/24)"), ElementsAre("10.0.0.7", "10.0.0.255"));
        EXPECT_THAT(store.messages("ipv4_range(10.0.0.8, 10.0.1.7)"), ElementsAre("10.0.1.7", "10.0.0.255"));
        EXPECT_THAT(store.messages("ip:ipv4_range(10.0.0.7)"), ElementsAre("10.0.0.7"));
        EXPECT_THAT(store.messages("ip:ipv4_range(10.0.0.9, 10.0.0.8)"), IsEmpty());
        EXPECT_THAT(store.messages("ip:* -ip:ipv4_range(0.0.0.0/0)"),
                    ElementsAre("10.0.0.256", "10.0.0.7:443", "10.0.0", "number"));
        store.seal();
    }
}

// ---- results ----

class Results : public testing::Test {
 protected:
    Results() {
        const std::string_view values[] = {"7", "1", "5", "3"};
        for (const std::string_view value : values) {
            store_.add(RowDraft("").field("even", value).field("text", "x"));
        }
        store_.add(RowDraft("START of a\nmessage of\nlines END").field("odd", "1"));
        store_.seal();
    }
    std::vector<std::string> lines(std::string_view text) const { return store_.run(text).lines; }
    Store store_;
};

TEST_F(Results, OfQuantilesAreTheGreaterOfTwoInTheMiddle) {
    EXPECT_THAT(lines("* | stats median(even) as m, quantile(0.25, even) as q, quantile(0.2499, even) as below"),
                ElementsAre("row 0: m=int 5 q=int 3 below=int 1"));
    EXPECT_THAT(lines("* | stats quantile(0, even) as first, quantile(1, even) as last, quantile(0.99, even) as p99"),
                ElementsAre("row 0: first=int 1 last=int 7 p99=int 7"));
}

TEST_F(Results, OfNoNumbersAreNone) {
    EXPECT_THAT(lines("* | stats sum(text) as s, avg(text) as a, median(text) as m, sum(odd) as one"),
                ElementsAre("row 0: one=int 1"));
    EXPECT_THAT(lines("* | stats by (odd) sum(even) as s"), ElementsAre("row 0: s=int 16", "row 0: odd=text 1"));
}

TEST_F(Results, CountOfTheEmptyNameIsOfTheMessage) {
    EXPECT_THAT(lines("* | stats count() as rows, count('') as messages"),
                ElementsAre("row 0: rows=int 5 messages=int 1"));
}

TEST_F(Results, OfARegularExpressionGoOverLineBreaks) {
    EXPECT_THAT(store_.messages("~'START.+END'"), testing::SizeIs(1));
    EXPECT_THAT(store_.messages("~'(?-s)START.+END'"), IsEmpty());
    EXPECT_THAT(store_.messages("~'^message'"), IsEmpty());
}

}  // namespace
}  // namespace sluice::query::test
