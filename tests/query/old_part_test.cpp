// Parts whose token filters fold ASCII only, and those that fold all languages.
#include <gtest/gtest.h>

#include <sstream>

#include "query/column_test.h"
#include "query/store_fixture.h"

namespace sluice::query::test {
namespace {

constexpr std::string_view kError = "\u041E\u0428\u0418\u0411\u041A\u0410";
constexpr std::string_view kErrorInSmallLetters = "\u043E\u0448\u0438\u0431\u043A\u0430";

// Of version 1, with these messages: kError and a word, "\u00E9clair", "disk full".
constexpr std::string_view kVersion1 =
    "53 4c 50 54 01 00 00 00 01 00 01 02 02 03 00 00 "
    "01 02 00 00 01 80 80 b4 bd b6 f6 da 98 31 00 00 "
    "01 80 80 b4 bd b6 f6 da 98 31 03 00 00 01 00 03 "
    "00 00 01 0c 03 00 73 00 00 d0 9e d0 a8 d0 98 d0 "
    "91 d0 9a d0 90 20 d0 b4 d0 b8 d1 81 d0 ba d0 b0 "
    "00 c3 a9 63 6c 61 69 72 00 64 69 73 6b 20 66 75 "
    "6c 6c 00 0a 20 01 02 08 84 09 00 c0 0c 01 00 08 "
    "a0 00 44 80 80 88 00 1a 04 80 00 01 0c 00 06 03 "
    "00 0c 02 28 b5 2f fd 00 00 f5 03 00 22 47 1a 26 "
    "90 29 e9 f0 fb ed 82 81 8f d2 81 31 7a d1 b1 29 "
    "16 7f 8c ea 58 72 f6 db a7 73 72 a5 5c 6a 1b 69 "
    "ad b5 d6 f6 96 29 df 4e 47 67 d4 87 3a 34 a0 ff "
    "f4 67 a7 3b 79 f3 c1 bb 64 26 94 88 73 7d bc 38 "
    "f6 22 76 a9 60 90 18 6b 8d 51 13 62 e1 d0 6c 08 "
    "0f 45 55 05 18 ef 90 c0 08 1a 96 85 bd b2 b7 57 "
    "db 9e c4 02 a9 b8 b3 19 06 00 5c 05 1a 9a 1b 04 "
    "8e d7 ac 2e 82 eb e0 c0 32 07 49 2f 63 c5 2e 58 "
    "6d b2 2a 01 00 00 00 00 00 00 87 00 00 00 b3 00 "
    "00 00 01 00 00 00 53 4c 50 45 ";

std::shared_ptr<const part::Part> part_of_version_1() {
    std::istringstream pairs{std::string(kVersion1)};
    Bytes image;
    for (std::string pair; pairs >> pair;) {
        image.push_back(static_cast<std::byte>(std::stoi(pair, nullptr, 16)));
    }
    return part::Part::open(std::make_shared<part::MemorySource>(std::move(image)),
                            std::make_shared<part::Cache>(std::size_t{1} << 20U))
        .value_or(nullptr);
}

std::shared_ptr<const part::Part> part_of_this_version() {
    Store store;
    store.add(RowDraft(std::string(kError) + " 17"));
    store.add(RowDraft("\u00E9clair"));
    store.add(RowDraft("disk full"));
    store.seal();
    return store.parts().front();
}

// What the token filter of the messages says.
Verdict verdict(const part::Part& part, std::string_view filter) {
    const Test test = parse_filter(filter)->test;
    Budget memory(1U << 20U);
    const auto matcher = Matcher::make(test, LiteralKind::any, 0, memory);
    return ColumnTest(part, part::Part::fixed(part::ColumnKind::message), **matcher, {}).verdict();
}

TEST(TokenFilters, OfVersion1AreNotAskedForWordsInAnotherCase) {
    const auto part = part_of_version_1();
    ASSERT_NE(part, nullptr);
    ASSERT_TRUE(part->verify());
    EXPECT_EQ(verdict(*part, kErrorInSmallLetters), Verdict::some);
    EXPECT_EQ(verdict(*part, "\u044F"), Verdict::some);  // Nobody knows.
    EXPECT_EQ(verdict(*part, kError), Verdict::some);
    EXPECT_EQ(verdict(*part, "\u042F"), Verdict::never);
    EXPECT_EQ(verdict(*part, "Disk"), Verdict::some);
    EXPECT_EQ(verdict(*part, "absent"), Verdict::never);
    EXPECT_EQ(verdict(*part, fmt::format("\"absent {}\"", kErrorInSmallLetters)), Verdict::never);
}

TEST(TokenFilters, OfThisVersionKnowWordsInAnyCase) {
    const auto part = part_of_this_version();
    EXPECT_EQ(verdict(*part, kErrorInSmallLetters), Verdict::some);
    EXPECT_EQ(verdict(*part, kError), Verdict::some);
    EXPECT_EQ(verdict(*part, "i(\u00C9CLAIR)"), Verdict::some);
    EXPECT_EQ(verdict(*part, "\u044F"), Verdict::never);
    EXPECT_EQ(verdict(*part, "\u042F"), Verdict::never);
    EXPECT_EQ(verdict(*part, "\"disk full\""), Verdict::some);
}

}  // namespace
}  // namespace sluice::query::test
