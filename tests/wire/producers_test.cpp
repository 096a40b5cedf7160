#include "wire/producers.h"

#include <gmock/gmock.h>

namespace sluice::wire {
namespace {

using testing::ElementsAre;

class ProducersTableTest : public testing::Test {
 protected:
    static ProducerId id_of(int value) {
        ProducerId id{};
        id[15] = static_cast<std::byte>(value);  // Not among the bytes of the hash.
        return id;
    }
    std::vector<int> ids() {
        std::vector<int> all;
        for (const auto* entry : table_.in_order()) {
            all.push_back(std::to_integer<int>(entry->id[15]));
        }
        return all;
    }
    Producers<int> table_{6};
};

TEST_F(ProducersTableTest, KeepsTheStateOfEach) {
    table_.touch(id_of(1), 10) = 7;
    table_.touch(id_of(2), 10) = 8;
    EXPECT_EQ(table_.touch(id_of(1), 10), 7);
    EXPECT_EQ(table_.find(id_of(2))->state, 8);
    EXPECT_EQ(table_.find(id_of(3)), nullptr);
    EXPECT_EQ(table_.size(), 2U);
    EXPECT_THAT(ids(), ElementsAre(2, 1));
    table_.clear();
    EXPECT_EQ(table_.size(), 0U);
    EXPECT_EQ(table_.touch(id_of(1), 10), 0);
}

TEST_F(ProducersTableTest, ForgetsTheLongestSilentOfWhoHasMost) {
    for (const int id : {1, 2}) {
        table_.touch(id_of(id), 10);
    }
    for (const int id : {3, 4, 5, 6}) {
        table_.touch(id_of(id), 20);
    }
    table_.touch(id_of(3), 20);
    table_.touch(id_of(7), 30);
    EXPECT_THAT(ids(), ElementsAre(1, 2, 5, 6, 3, 7));
    table_.touch(id_of(8), 10);  // User 20 still has most.
    EXPECT_THAT(ids(), ElementsAre(1, 2, 6, 3, 7, 8));
    table_.touch(id_of(9), 10);  // Now user 10 has, itself.
    EXPECT_THAT(ids(), ElementsAre(2, 6, 3, 7, 8, 9));
}

TEST_F(ProducersTableTest, PinnedOnesStay) {
    for (const int id : {1, 2, 3, 4, 5, 6}) {
        table_.touch(id_of(id), id < 5 ? 20U : 10U);
        table_.pin(id_of(id), id < 5);
    }
    table_.touch(id_of(7), 10);  // All of user 20's are pinned.
    EXPECT_THAT(ids(), ElementsAre(1, 2, 3, 4, 6, 7));
    table_.pin(id_of(6), true);
    table_.pin(id_of(7), true);
    table_.pin(id_of(7), true);
    table_.touch(id_of(8), 10);  // Nobody can go.
    EXPECT_EQ(table_.size(), 7U);
    std::vector<int> pinned;
    table_.for_each_pinned([&](const ProducerId& id, int& state) {
        pinned.push_back(std::to_integer<int>(id[15]));
        state = 5;
    });
    EXPECT_THAT(pinned, testing::UnorderedElementsAre(1, 2, 3, 4, 6, 7));
    EXPECT_EQ(table_.find(id_of(6))->state, 5);
    table_.pin(id_of(3), false);
    table_.touch(id_of(9), 30);
    EXPECT_EQ(table_.find(id_of(3)), nullptr);
    table_.unpin_all();
    table_.for_each_pinned([](const ProducerId&, int&) { ADD_FAILURE(); });
    for (const int id : {11, 12}) {
        table_.touch(id_of(id), 40);
    }
    EXPECT_EQ(table_.find(id_of(1)), nullptr);
}

TEST_F(ProducersTableTest, BelongToWhoeverUsesThem) {
    table_.touch(id_of(1), kNoUid);
    EXPECT_EQ(table_.find(id_of(1))->uid, kNoUid);
    table_.touch(id_of(1), 10) = 3;
    EXPECT_EQ(table_.find(id_of(1))->uid, 10U);
    table_.touch(id_of(1), kNoUid);
    EXPECT_EQ(table_.find(id_of(1))->uid, 10U);
    table_.pin(id_of(1), true);
    table_.touch(id_of(1), 20);
    EXPECT_EQ(table_.find(id_of(1))->uid, 20U);
    EXPECT_EQ(table_.find(id_of(1))->state, 3);
    table_.pin(id_of(1), false);
    for (const int id : {2, 3, 4, 5, 6}) {
        table_.touch(id_of(id), 10);
    }
    table_.touch(id_of(7), 30);
    EXPECT_NE(table_.find(id_of(1)), nullptr);
    EXPECT_EQ(table_.find(id_of(2)), nullptr);
}

}  // namespace
}  // namespace sluice::wire
