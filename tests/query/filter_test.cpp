// What each test finds: the same rows open, in a part, and in a part where no field has a column of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/store_fixture.h"

namespace sluice::query::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

enum class Rows { open, sealed, sealed_without_columns };

class Filters : public testing::TestWithParam<Rows> {
 protected:
    // Adds the rows and seals them, or not.
    void store(const std::vector<RowDraft>& rows) {
        for (const RowDraft& row : rows) {
            store_.add(row);
        }
        if (GetParam() != Rows::open) {
            store_.seal();
        }
    }
    auto found(std::string_view query) const { return store_.messages(query); }

    Store store_{{.page_rows = 8, .columns_max = GetParam() == Rows::sealed_without_columns ? 0U : 512U}};
};
INSTANTIATE_TEST_SUITE_P(Everywhere, Filters, testing::Values(Rows::open, Rows::sealed, Rows::sealed_without_columns),
                         [](const auto& given) {
                             return given.param == Rows::open     ? "open"
                                    : given.param == Rows::sealed ? "sealed"
                                                                  : "sealed_without_columns";
                         });

TEST_P(Filters, WordsAreWholeAndLowerCaseFindsAnyCase) {
    store(
        {RowDraft("Connection refused by 10.0.0.7"), RowDraft("connections refused"), RowDraft("refused connection")});
    EXPECT_THAT(found("connection"), ElementsAre("Connection refused by 10.0.0.7", "refused connection"));
    EXPECT_THAT(found("Connection"), ElementsAre("Connection refused by 10.0.0.7"));
    EXPECT_THAT(found("\"connection refused\""), ElementsAre("Connection refused by 10.0.0.7"));
    EXPECT_THAT(found("connect*"),
                ElementsAre("Connection refused by 10.0.0.7", "connections refused", "refused connection"));
    EXPECT_THAT(found("10.0.0.7"), ElementsAre("Connection refused by 10.0.0.7"));
    EXPECT_THAT(found("0.0.7"), ElementsAre("Connection refused by 10.0.0.7"));
    EXPECT_THAT(found("*onnection*"),
                ElementsAre("Connection refused by 10.0.0.7", "connections refused", "refused connection"));
    EXPECT_THAT(found("absent"), IsEmpty());
}

TEST_P(Filters, LowerCaseFindsAnyCaseOfAnyLanguage) {
    store({RowDraft("\u00C9CLAIR au caf\u00E9"), RowDraft("\u00E9clair"),
           RowDraft("\u041E\u0428\u0418\u0411\u041A\u0410 1"), RowDraft("\u041E\u0448\u0438\u0431\u043A\u0430 2"),
           RowDraft("\u0442\u0430\u0439\u043C\u0430\u0443\u0442 3"), RowDraft("\u03BB\u03CC\u03B3\u03BF\u03C2")});
    EXPECT_THAT(found("\u00E9clair"), ElementsAre("\u00C9CLAIR au caf\u00E9", "\u00E9clair"));
    EXPECT_THAT(found("\u00C9CLAIR"), ElementsAre("\u00C9CLAIR au caf\u00E9"));
    EXPECT_THAT(found("i(\u00C9Clair)"), ElementsAre("\u00C9CLAIR au caf\u00E9", "\u00E9clair"));
    EXPECT_THAT(found("\"\u00E9clair au CAF\u00C9\""), IsEmpty());
    EXPECT_THAT(found("\"\u00E9clair au caf\u00E9\""), ElementsAre("\u00C9CLAIR au caf\u00E9"));
    EXPECT_THAT(found("\u043E\u0448\u0438\u0431\u043A\u0430"),
                ElementsAre("\u041E\u0428\u0418\u0411\u041A\u0410 1", "\u041E\u0448\u0438\u0431\u043A\u0430 2"));
    EXPECT_THAT(found("\u041E\u0448\u0438\u0431\u043A\u0430"), ElementsAre("\u041E\u0448\u0438\u0431\u043A\u0430 2"));
    EXPECT_THAT(found("\u043E\u0448*"),
                ElementsAre("\u041E\u0428\u0418\u0411\u041A\u0410 1", "\u041E\u0448\u0438\u0431\u043A\u0430 2"));
    EXPECT_THAT(found("\u0448\u0438\u0431\u043A\u0430"), IsEmpty());
    EXPECT_THAT(found("\u03BB\u03CC\u03B3\u03BF\u03C2"), ElementsAre("\u03BB\u03CC\u03B3\u03BF\u03C2"));
    EXPECT_THAT(found("message:=\"\u00E9clair\""), ElementsAre("\u00E9clair"));
}

TEST_P(Filters, RegularExpressionsAreFoundAnywhere) {
    store({RowDraft("quota exceeded for tenant-0042"), RowDraft("quota is fine"), RowDraft("Quota exceeded")});
    EXPECT_THAT(found("~`quota \\w+ for tenant-\\d{4}`"), ElementsAre("quota exceeded for tenant-0042"));
    EXPECT_THAT(found("~'^quota'"), ElementsAre("quota exceeded for tenant-0042", "quota is fine"));
    EXPECT_THAT(found("~'(?i)QUOTA EXC'"), ElementsAre("quota exceeded for tenant-0042", "Quota exceeded"));
    EXPECT_THAT(found("!~quota"), ElementsAre("Quota exceeded"));
}

TEST_P(Filters, NumbersCompareExactlyWhateverTheyAreWrittenAs) {
    store({RowDraft("a").field("n", 4096), RowDraft("b").field("n", 4096.5), RowDraft("c").field("n", "4KiB"),
           RowDraft("d").field("n", "many"), RowDraft("e").field("n", std::int64_t{9'007'199'254'740'993})});
    EXPECT_THAT(found("n:4096"), ElementsAre("a"));
    EXPECT_THAT(found("n:4KiB"), ElementsAre("a", "c"));
    EXPECT_THAT(found("n:<=4096"), ElementsAre("a", "c"));
    EXPECT_THAT(found("n:>4096"), ElementsAre("b", "e"));
    EXPECT_THAT(found("n:[4096, 4097)"), ElementsAre("a", "b", "c"));
    EXPECT_THAT(found("n:range(4096, 5000]"), ElementsAre("b"));
    EXPECT_THAT(found("n:>9007199254740992"), ElementsAre("e"));
    EXPECT_THAT(found("n:>=\"a\""), ElementsAre("d"));
    EXPECT_THAT(found("n:>\"4096\""), ElementsAre("b", "e"));
    EXPECT_THAT(found("n:<=4.096K"), ElementsAre("a", "c"));
}

TEST_P(Filters, DurationsCompareWithDurationsOnly) {
    store({RowDraft("micro").field("took", "360.541\xC2\xB5s"), RowDraft("milli").field("took", "1.5ms"),
           RowDraft("long").field("took", "1m30.5s"), RowDraft("negative").field("took", "-2s"),
           RowDraft("none").field("took", "-"), RowDraft("integer").field("took", 700),
           RowDraft("float").field("took", 0.25), RowDraft("text").field("took", "900")});
    EXPECT_THAT(found("took:>1ms"), ElementsAre("milli", "long"));
    EXPECT_THAT(found("took:<1ms"), ElementsAre("micro", "negative"));
    EXPECT_THAT(found("took:[90s, 2m]"), ElementsAre("long"));
    EXPECT_THAT(found("took:<400\xCE\xBCs took:>=360.541us"), ElementsAre("micro"));
    EXPECT_THAT(found("took:>500"), ElementsAre("integer", "text"));
    EXPECT_THAT(found("took:<0"), ElementsAre("negative"));
    EXPECT_THAT(found("took:=700s"), IsEmpty());
    EXPECT_THAT(found("took:in(700, 250ms)"), ElementsAre("integer"));
}

TEST_P(Filters, MissingFieldsReadAsTheEmptyText) {
    store({RowDraft("none"), RowDraft("empty").field("user", ""), RowDraft("ada").field("user", "ada")});
    EXPECT_THAT(found("user:*"), ElementsAre("ada"));
    EXPECT_THAT(found("user:\"\""), ElementsAre("none", "empty"));
    EXPECT_THAT(found("-user:ada"), ElementsAre("none", "empty"));
    EXPECT_THAT(found("user:!=ada"), ElementsAre("none", "empty"));
    EXPECT_THAT(found("user:in('', bob)"), ElementsAre("none", "empty"));
    EXPECT_THAT(found("user:~'^$'"), ElementsAre("none", "empty"));
    EXPECT_THAT(found("user:<\"z\""), ElementsAre("none", "empty", "ada"));
    EXPECT_THAT(found("user:[\"\", \"ada\")"), ElementsAre("none", "empty"));
    EXPECT_THAT(found("user:>=\"a\""), ElementsAre("ada"));
    EXPECT_THAT(found("user:<5"), IsEmpty());
}

TEST_P(Filters, AnyOfSeveralValuesCountsTrustedOnesToo) {
    store({RowDraft("twice").field("tag", "red").field("tag", 7), RowDraft("trusted").field("_pid", 7),
           RowDraft("own").field("pid", 7)});
    EXPECT_THAT(found("tag:red"), ElementsAre("twice"));
    EXPECT_THAT(found("tag:7"), ElementsAre("twice"));
    EXPECT_THAT(found("_pid:7"), ElementsAre("trusted"));
}

TEST_P(Filters, ManyValuesOfInAreFound) {
    std::string list = "none";
    for (int i = 99; i > 0; --i) {
        list += fmt::format(", 'job {} done', {}", i, i);
    }
    store({RowDraft("job 7 done").field("n", 7), RowDraft("job 99 done").field("n", "99"),
           RowDraft("job 100 done").field("n", 100), RowDraft("job 7 done now").field("n", 7.5)});
    EXPECT_THAT(found("message:in(" + list + ")"), ElementsAre("job 7 done", "job 99 done"));
    EXPECT_THAT(found("n:in(" + list + ")"), ElementsAre("job 7 done", "job 99 done"));
}

TEST_P(Filters, SeveritiesAreTheNumbersOfSyslog) {
    store({RowDraft("e").severity(wire::Severity::err), RowDraft("w").severity(wire::Severity::warning),
           RowDraft("i").severity(wire::Severity::info), RowDraft("d").severity(wire::Severity::debug)});
    EXPECT_THAT(found("level:<=warning"), ElementsAre("e", "w"));
    EXPECT_THAT(found("level:error"), ElementsAre("e"));
    EXPECT_THAT(found("severity:in(err, 6)"), ElementsAre("e", "i"));
    EXPECT_THAT(found("level:>info"), ElementsAre("d"));
    EXPECT_THAT(found("level:[err, info)"), ElementsAre("e", "w"));
    EXPECT_THAT(found("level:~'^(err|info)$'"), ElementsAre("e", "i"));
}

TEST_P(Filters, TimesAreSpansWithZonesOrDurationsBeforeNow) {
    store({RowDraft("day before").time(kNoon - 86'400 * kSecond), RowDraft("hour before").time(kNoon - 3600 * kSecond),
           RowDraft("minute before").time(kNoon - 60 * kSecond), RowDraft("now").time(kNoon),
           RowDraft("after").time(kNoon + kSecond)});
    EXPECT_THAT(found("_time:5m"), ElementsAre("minute before", "now", "after"));
    EXPECT_THAT(found("_time:2026-03-01T12"), ElementsAre("now", "after"));
    EXPECT_THAT(found("_time:2026-02-28"), ElementsAre("day before"));
    EXPECT_THAT(found("_time:>=2026-03-01T13:00+01:00"), ElementsAre("now", "after"));
    EXPECT_THAT(found("_time:[2026-03-01T11:00Z, 2026-03-01T12:00Z)"), ElementsAre("hour before", "minute before"));
    EXPECT_THAT(found("_time:<=2026-02-28"), ElementsAre("day before"));
    EXPECT_THAT(found("_time:>=2026-03"), ElementsAre("hour before", "minute before", "now", "after"));
    EXPECT_THAT(found("_time:>2026-03-01T11:59:59Z"), ElementsAre("now", "after"));
    EXPECT_THAT(found("_time:[2h, 30s]"), ElementsAre("hour before", "minute before"));
}

TEST_P(Filters, StreamsAndEscapedNamesAreFound) {
    store({RowDraft("web").stream("shop/web"), RowDraft("unnamed"), RowDraft("field").field("stream", "other")});
    EXPECT_THAT(found("stream:=shop/web"), ElementsAre("web"));
    EXPECT_THAT(found("stream:default"), ElementsAre("unnamed", "field"));
    EXPECT_THAT(found("field.stream:other"), ElementsAre("field"));
    EXPECT_THAT(found("sequence:>1"), ElementsAre("unnamed", "field"));
}

TEST_P(Filters, BytesThatAreNoTextAreComparedAsTheyAre) {
    store(
        {RowDraft("raw").bytes_field("b", std::string_view("\xff\x00z", 3)), RowDraft("other").bytes_field("b", "z")});
    EXPECT_THAT(found("b:=\"\\xff\\x00z\""), ElementsAre("raw"));
    EXPECT_THAT(found("b:*\"\\x00\"*"), ElementsAre("raw"));
}

TEST(Filter, ErrorsOfTheTreeSayWhichTest) {
    Filter filter{.kind = FilterKind::match, .parts = {}, .field = "level", .test = {}};
    filter.test.kind = TestKind::exact;
    filter.test.text = "loud";
    Budget memory(1U << 20U);
    const auto made = RowFilter::make(filter, kNoon, memory);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code(), Errc::invalid_argument);
    EXPECT_THAT(made.error().text(), HasSubstr("level:=\"loud\": 'loud': expected a severity"));
}

}  // namespace
}  // namespace sluice::query::test
