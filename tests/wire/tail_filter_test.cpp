#include <gtest/gtest.h>

#include "wire/tail_messages.h"

namespace sluice::wire {
namespace {

class TailFilterTest : public testing::Test {
 protected:
    TailFilterTest() {
        RecordBuilder record(bytes_);
        EXPECT_TRUE(record.begin(Severity::warning, "web/api", 1)
                        .message("GET /index took 5 ms")
                        .field("status", 404)
                        .field("tag", "a")
                        .field("tag", "b")
                        .finish());
        trusted_.field("_pid", 77);
    }
    bool matches(const TailFilter& filter) const {
        return filter.matches(RecordView::unchecked(bytes_.data()), trusted_.fields());
    }
    Bytes bytes_;
    FieldBlock trusted_;
};

TEST_F(TailFilterTest, EmptyFilterMatchesAll) {
    EXPECT_TRUE(TailFilter{}.matches_all());
    EXPECT_TRUE(matches({}));
}

TEST_F(TailFilterTest, SeverityIsAnUpperNumber) {
    EXPECT_TRUE(matches({.severity_max = Severity::warning}));
    EXPECT_FALSE(matches({.severity_max = Severity::err}));
}

TEST_F(TailFilterTest, OneOfTheStreamsSuffices) {
    const auto with = [](std::vector<std::string> streams) {
        TailFilter filter;
        filter.streams = std::move(streams);
        return filter;
    };
    EXPECT_TRUE(matches(with({"web/api"})));
    EXPECT_TRUE(matches(with({"x", "web/*"})));
    EXPECT_TRUE(matches(with({"*"})));
    EXPECT_FALSE(matches(with({"web"})));
    EXPECT_FALSE(matches(with({"default"})));
    bytes_.clear();
    RecordBuilder record(bytes_);
    ASSERT_TRUE(record.begin(Severity::info).finish());
    EXPECT_TRUE(matches(with({"default"})));
    EXPECT_TRUE(matches(with({"def*"})));
}

TEST_F(TailFilterTest, EveryFieldConditionMustHold) {
    const auto with = [](std::vector<TailFilter::FieldCondition> fields) {
        TailFilter filter;
        filter.fields = std::move(fields);
        return filter;
    };
    EXPECT_TRUE(matches(with({{"status", "404"}, {"tag", "b"}, {"_pid", "77"}})));
    EXPECT_FALSE(matches(with({{"status", "404"}, {"tag", "c"}})));
    EXPECT_FALSE(matches(with({{"status", "0404"}})));
}

TEST_F(TailFilterTest, EverySubstringMustOccur) {
    const auto with = [](std::vector<std::string> greps) {
        TailFilter filter;
        filter.greps = std::move(greps);
        return filter;
    };
    EXPECT_TRUE(matches(with({"/index", "GET", "ms", ""})));
    EXPECT_FALSE(matches(with({"/index", "get"})));
}

}  // namespace
}  // namespace sluice::wire
