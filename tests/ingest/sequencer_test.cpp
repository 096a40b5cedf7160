#include "ingest/sequencer.h"

#include <gtest/gtest.h>

namespace sluice::ingest {
namespace {

using Verdict = Sequencer::Verdict;

wire::ProducerId id_of(std::uint8_t value) {
    wire::ProducerId id{};
    id[0] = std::byte{value};
    return id;
}

TEST(Sequencer, UnknownProducerMayStartAnywhereAndThenGoesUpByOne) {
    Sequencer sequencer(8);
    EXPECT_EQ(sequencer.judge(id_of(1), 500), Verdict::next);
    sequencer.stage(id_of(1), 500);
    EXPECT_EQ(sequencer.judge(id_of(1), 500), Verdict::duplicate);
    EXPECT_EQ(sequencer.judge(id_of(1), 499), Verdict::duplicate);
    EXPECT_EQ(sequencer.judge(id_of(1), 501), Verdict::next);
    EXPECT_EQ(sequencer.judge(id_of(1), 502), Verdict::skips);
    EXPECT_EQ(sequencer.judge(id_of(2), 1), Verdict::next);
}

TEST(Sequencer, FirstBatchThatWasMetIsTheFirstAlsoIfItWasNotStaged) {
    Sequencer sequencer(8);
    sequencer.meet(id_of(1), 1);
    EXPECT_EQ(sequencer.judge(id_of(1), 2), Verdict::skips);
    EXPECT_EQ(sequencer.judge(id_of(1), 1), Verdict::next);
    sequencer.stage(id_of(1), 1);
    sequencer.meet(id_of(1), 7);  // Known: changes nothing.
    EXPECT_EQ(sequencer.judge(id_of(1), 2), Verdict::next);
}

TEST(Sequencer, CommittedIsADuplicateForGood) {
    Sequencer sequencer(8);
    sequencer.stage(id_of(1), 1);
    sequencer.commit(id_of(1), 1, 77);
    sequencer.unstage_all();
    EXPECT_EQ(sequencer.judge(id_of(1), 1), Verdict::duplicate);
    ASSERT_NE(sequencer.find(id_of(1)), nullptr);
    EXPECT_EQ(sequencer.find(id_of(1))->last_sequence, 77U);
}

TEST(Sequencer, WhatWasStagedMayComeAgainAfterAFailure) {
    Sequencer sequencer(8);
    sequencer.commit(id_of(1), 4, 10);
    sequencer.stage(id_of(1), 5);
    sequencer.stage(id_of(1), 6);
    sequencer.stage(id_of(2), 9);  // Nothing of it was ever stored.
    sequencer.unstage_all();
    EXPECT_EQ(sequencer.judge(id_of(1), 5), Verdict::next);
    EXPECT_EQ(sequencer.judge(id_of(1), 6), Verdict::skips);
    EXPECT_EQ(sequencer.judge(id_of(2), 9), Verdict::next);
    EXPECT_EQ(sequencer.judge(id_of(2), 10), Verdict::skips);  // It may be on its way behind the refused one.
}

TEST(Sequencer, ForgetsTheOneSilentLongestButNoneWithSomethingOnItsWay) {
    Sequencer sequencer(2);
    sequencer.stage(id_of(1), 1);
    sequencer.commit(id_of(2), 1, 5);
    sequencer.commit(id_of(3), 1, 6);
    EXPECT_NE(sequencer.find(id_of(1)), nullptr);
    EXPECT_EQ(sequencer.find(id_of(2)), nullptr);
    EXPECT_NE(sequencer.find(id_of(3)), nullptr);
    EXPECT_EQ(sequencer.size(), 2U);
}

TEST(Sequencer, ActivityKeepsAProducerRemembered) {
    Sequencer sequencer(2);
    sequencer.commit(id_of(1), 1, 5);
    sequencer.commit(id_of(2), 1, 6);
    sequencer.commit(id_of(1), 2, 7);
    sequencer.commit(id_of(3), 1, 8);
    EXPECT_NE(sequencer.find(id_of(1)), nullptr);
    EXPECT_EQ(sequencer.find(id_of(2)), nullptr);
}

}  // namespace
}  // namespace sluice::ingest
