#include "log_model.h"

#include <gtest/gtest.h>

namespace sluice::store::test {

void LogModel::acknowledged(std::uint64_t sequence, std::uint32_t epoch, const std::string& message) {
    const auto [place, is_new] = told_.try_emplace(sequence, Told{epoch, message});
    if (!is_new) {
        EXPECT_GE(sequence, durable_) << "the number of a durable record was given again";
        EXPECT_GT(epoch, place->second.epoch) << "number " << sequence << " was given twice";
        place->second = {epoch, message};
    }
    refused_.erase(message);
}

void LogModel::check(const Found& found) {
    std::uint64_t expected = found.oldest;
    std::set<std::string> seen;
    for (const auto& [sequence, message] : found.log) {
        if (sequence < found.oldest) {
            continue;
        }
        EXPECT_EQ(sequence, expected) << "a hole";
        expected = sequence + 1;
        EXPECT_TRUE(seen.insert(message).second) << "number " << sequence << " doubles a message";
        const auto told = told_.find(sequence);
        if (told != told_.end() && told->second.message == message) {
            continue;
        }
        EXPECT_GE(sequence, durable_) << "a durable record has become another one";
        const bool refused = found.refused_may_be_there && refused_.contains(message);
        EXPECT_TRUE(refused || unanswered_.contains(message)) << "nobody was told of number " << sequence;
    }
    EXPECT_EQ(found.next, expected);
    EXPECT_GE(found.next, durable_) << "lost what was durable";
    const auto gone = told_.lower_bound(found.next);
    if (gone != told_.end()) {
        EXPECT_GT(found.epoch, std::prev(told_.end())->second.epoch) << "numbers that were seen are given again";
    }
}

}  // namespace sluice::store::test
