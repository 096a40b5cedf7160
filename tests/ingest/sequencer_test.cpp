#include "ingest/sequencer.h"

#include <gtest/gtest.h>

namespace sluice::ingest {
namespace {

using Verdict = Sequencer::Verdict;
constexpr std::uint32_t kUser = 1000;

wire::ProducerId id_of(std::uint8_t value) {
    wire::ProducerId id{};
    id[0] = std::byte{value};
    return id;
}

TEST(Sequencer, UnknownProducerMayStartAnywhereAndThenGoesUpByOne) {
    Sequencer sequencer(8);
    EXPECT_EQ(sequencer.judge(id_of(1), 500), Verdict::next);
    sequencer.stage(id_of(1), kUser, 500);
    EXPECT_EQ(sequencer.judge(id_of(1), 500), Verdict::duplicate);
    EXPECT_EQ(sequencer.judge(id_of(1), 499), Verdict::duplicate);
    EXPECT_EQ(sequencer.judge(id_of(1), 501), Verdict::next);
    EXPECT_EQ(sequencer.judge(id_of(1), 502), Verdict::skips);
    EXPECT_EQ(sequencer.judge(id_of(2), 1), Verdict::next);
}

TEST(Sequencer, FirstBatchThatWasMetIsTheFirstAlsoIfItWasNotStaged) {
    Sequencer sequencer(8);
    sequencer.meet(id_of(1), kUser, 1);
    EXPECT_EQ(sequencer.judge(id_of(1), 2), Verdict::skips);
    EXPECT_EQ(sequencer.judge(id_of(1), 1), Verdict::next);
    sequencer.stage(id_of(1), kUser, 1);
    sequencer.meet(id_of(1), kUser, 7);  // Known: changes nothing.
    EXPECT_EQ(sequencer.judge(id_of(1), 2), Verdict::next);
}

TEST(Sequencer, CommittedIsADuplicateForGood) {
    Sequencer sequencer(8);
    sequencer.stage(id_of(1), kUser, 1);
    sequencer.commit(id_of(1), kUser, {1, 77});
    sequencer.unstage_all();
    EXPECT_EQ(sequencer.judge(id_of(1), 1), Verdict::duplicate);
    ASSERT_NE(sequencer.find(id_of(1)), nullptr);
    EXPECT_EQ(sequencer.find(id_of(1))->last_sequence, 77U);
}

TEST(Sequencer, WhatWasStagedMayComeAgainAfterAFailure) {
    Sequencer sequencer(8);
    sequencer.commit(id_of(1), kUser, {4, 10});
    sequencer.stage(id_of(1), kUser, 5);
    sequencer.stage(id_of(1), kUser, 6);
    sequencer.stage(id_of(2), kUser, 9);  // Nothing of it was ever stored.
    sequencer.unstage_all();
    EXPECT_EQ(sequencer.judge(id_of(1), 5), Verdict::next);
    EXPECT_EQ(sequencer.judge(id_of(1), 6), Verdict::skips);
    EXPECT_EQ(sequencer.judge(id_of(2), 9), Verdict::next);
    EXPECT_EQ(sequencer.judge(id_of(2), 10), Verdict::skips);  // It may be on its way behind the refused one.
}

TEST(Sequencer, ForgetsTheOneSilentLongestButNoneWithSomethingOnItsWay) {
    Sequencer sequencer(2);
    sequencer.stage(id_of(1), kUser, 1);
    sequencer.commit(id_of(2), kUser, {1, 5});
    sequencer.commit(id_of(3), kUser, {1, 6});
    EXPECT_NE(sequencer.find(id_of(1)), nullptr);
    EXPECT_EQ(sequencer.find(id_of(2)), nullptr);
    EXPECT_NE(sequencer.find(id_of(3)), nullptr);
    EXPECT_EQ(sequencer.size(), 2U);
}

TEST(Sequencer, ActivityKeepsAProducerRemembered) {
    Sequencer sequencer(2);
    sequencer.commit(id_of(1), kUser, {1, 5});
    sequencer.commit(id_of(2), kUser, {1, 6});
    sequencer.commit(id_of(1), kUser, {2, 7});
    sequencer.commit(id_of(3), kUser, {1, 8});
    EXPECT_NE(sequencer.find(id_of(1)), nullptr);
    EXPECT_EQ(sequencer.find(id_of(2)), nullptr);
}

// What one user floods it with pushes out that user's own.
TEST(Sequencer, AUserCannotMakeItForgetAnothersProducers) {
    Sequencer sequencer(8);
    for (const std::uint8_t victim : std::initializer_list<std::uint8_t>{1, 2, 3}) {
        sequencer.commit(id_of(victim), kUser, {1, 5});
    }
    for (std::uint8_t flood = 100; flood < 200; ++flood) {
        sequencer.meet(id_of(flood), kUser + 1, 1);
    }
    for (const std::uint8_t victim : std::initializer_list<std::uint8_t>{1, 2, 3}) {
        EXPECT_EQ(sequencer.judge(id_of(victim), 1), Verdict::duplicate);
    }
    EXPECT_EQ(sequencer.size(), 8U);
}

TEST(Sequencer, WhatIsOnItsWayIsRememberedBeyondTheLimit) {
    Sequencer sequencer(2);
    for (const std::uint8_t value : std::initializer_list<std::uint8_t>{1, 2, 3}) {
        sequencer.stage(id_of(value), kUser, 1);
    }
    EXPECT_EQ(sequencer.size(), 3U);
    sequencer.commit(id_of(2), kUser, {1, 5});
    sequencer.stage(id_of(4), kUser, 1);
    EXPECT_EQ(sequencer.find(id_of(2)), nullptr);
    sequencer.unstage_all();
    sequencer.meet(id_of(5), kUser, 1);
    EXPECT_EQ(sequencer.find(id_of(1)), nullptr);
    EXPECT_NE(sequencer.find(id_of(3)), nullptr);
}

}  // namespace
}  // namespace sluice::ingest
