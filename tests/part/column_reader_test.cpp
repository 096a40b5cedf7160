// Dictionaries and chunks from bytes that may be anything.
#include "part/column_reader.h"

#include <gtest/gtest.h>

#include "part/float_stream.h"
#include "part/int_stream.h"
#include "part/text_stream.h"

namespace sluice::part {
namespace {

using Ints = std::vector<std::int64_t>;
using Words = std::vector<std::string_view>;

Bytes dictionary_bytes(const std::vector<std::uint64_t>& counts, const std::function<void(Bytes&)>& entries) {
    Bytes bytes;
    for (const std::uint64_t count : counts) {
        append_varint(bytes, count);
    }
    entries(bytes);
    return bytes;
}
Bytes numbers(const std::vector<std::uint64_t>& counts, const Ints& values) {
    return dictionary_bytes(counts, [&](Bytes& to) { append_ints(to, values); });
}
Bytes words(const std::vector<std::uint64_t>& counts, const Words& values) {
    return dictionary_bytes(counts, [&](Bytes& to) { append_texts(to, values); });
}

std::shared_ptr<const Dictionary> read(const ColumnInfo& info, const Bytes& bytes, std::uint32_t entries,
                                       std::uint64_t values) {
    return read_dictionary(info, {.codec = Codec::dictionary, .entries = entries}, values, {nullptr, bytes});
}

// Whole, and neither a byte less nor a byte more.
void expect_exact_dictionary(const ColumnInfo& info, Bytes bytes, std::uint32_t entries, std::uint64_t values) {
    EXPECT_NE(read(info, bytes, entries, values), nullptr);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_EQ(read(info, Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)), entries, values),
                  nullptr)
            << size;
    }
    bytes.push_back(std::byte{0});
    EXPECT_EQ(read(info, bytes, entries, values), nullptr) << "a byte behind the last entry";
}

const ColumnInfo kSeverity{.kind = ColumnKind::severity};
const ColumnInfo kMessage{.kind = ColumnKind::message};

TEST(ReadDictionary, TakesNumbersAndTextsWhole) {
    expect_exact_dictionary(kSeverity, numbers({2, 3}, {6, 3}), 2, 5);
    expect_exact_dictionary(kMessage, words({2, 3}, {"one", "two"}), 2, 5);
    const auto severities = read(kSeverity, numbers({2, 3}, {6, 3}), 2, 5);
    EXPECT_TRUE(std::ranges::equal(severities->ints, Ints{6, 3}));
    EXPECT_TRUE(std::ranges::equal(severities->entries, Words{"6", "3"}));
    EXPECT_TRUE(std::ranges::equal(severities->counts, std::vector<std::uint32_t>{2, 3}));
    const ColumnInfo flag{.type = wire::FieldType::boolean};
    const auto flags = read(flag, numbers({1, 1}, {1, 0}), 2, 2);
    ASSERT_NE(flags, nullptr);
    EXPECT_TRUE(std::ranges::equal(flags->entries, Words{"true", "false"}));
    const ColumnInfo number{.type = wire::FieldType::int64};
    EXPECT_TRUE(std::ranges::equal(read(number, numbers({1, 1}, {1, 0}), 2, 2)->entries, Words{"1", "0"}));
}

TEST(ReadDictionary, CountsAreThoseOfTheRows) {
    for (const std::uint64_t values : {4U, 6U}) {
        EXPECT_EQ(read(kSeverity, numbers({2, 3}, {6, 3}), 2, values), nullptr) << values;
    }
    constexpr std::uint64_t kMost = UINT32_MAX;
    EXPECT_NE(read(kSeverity, numbers({kMost}, {6}), 1, kMost), nullptr);
    EXPECT_EQ(read(kSeverity, numbers({kMost + 1}, {6}), 1, kMost + 1), nullptr);
    EXPECT_EQ(read(kSeverity, numbers({1}, {6}), UINT32_MAX, 1), nullptr) << "more entries than bytes: not allocated";
}

TEST(ReadDictionary, NumbersAreWhatARecordCanHave) {
    const auto fits = [](const ColumnInfo& info, std::int64_t value) {
        return read(info, numbers({1}, {value}), 1, 1) != nullptr;
    };
    struct Range {
        ColumnInfo info;
        std::int64_t max;
    };
    for (const Range& range : {Range{{.kind = ColumnKind::epoch}, UINT32_MAX},
                               {{.kind = ColumnKind::flags}, UINT16_MAX},
                               {{.kind = ColumnKind::severity}, 7},
                               {{.type = wire::FieldType::boolean}, 1}}) {
        EXPECT_TRUE(fits(range.info, 0));
        EXPECT_TRUE(fits(range.info, range.max));
        EXPECT_FALSE(fits(range.info, -1));
        EXPECT_FALSE(fits(range.info, range.max + 1)) << range.max;
    }
    for (const std::int64_t value : {INT64_MIN, INT64_MAX}) {
        EXPECT_TRUE(fits({.type = wire::FieldType::int64}, value));
    }
}

TEST(ReadDictionary, StreamsHaveTheNamesOfStreams) {
    const ColumnInfo stream{.kind = ColumnKind::stream};
    EXPECT_NE(read(stream, words({1, 1}, {"", "web"}), 2, 2), nullptr);
    EXPECT_EQ(read(stream, words({1, 1}, {"", "w\n"}), 2, 2), nullptr);
    EXPECT_NE(read(kMessage, words({1, 1}, {"", "w\n"}), 2, 2), nullptr);
}

TEST(ReadChunk, TakesEveryValueAndNoOtherByte) {
    Bytes codes;
    append_codes(codes, Ints{0, 1, 0}, 0);
    Bytes ints;
    append_ints(ints, Ints{5, -7, 1000});
    Bytes floats;
    append_floats(floats, Ints{0, 1, 2});
    Bytes texts;
    append_texts(texts, Words{"a", "b", "cc"});
    const auto holds = [](Codec codec, ByteView bytes, std::uint32_t entries = 2) {
        return read_chunk({.codec = codec, .entries = entries}, 3, {nullptr, bytes}) != nullptr;
    };
    for (const auto& [codec, bytes] : {std::pair<Codec, const Bytes*>{Codec::dictionary, &codes},
                                       {Codec::templates, &codes},
                                       {Codec::integer, &ints},
                                       {Codec::floating, &floats},
                                       {Codec::text, &texts}}) {
        const int name = static_cast<int>(codec);
        EXPECT_TRUE(holds(codec, *bytes)) << name;
        EXPECT_FALSE(holds(codec, ByteView(*bytes).first(bytes->size() - 1))) << name;
        Bytes longer = *bytes;
        longer.push_back(std::byte{0});
        EXPECT_FALSE(holds(codec, longer)) << name;
    }
    EXPECT_FALSE(holds(Codec::dictionary, codes, 0));
    EXPECT_TRUE(holds(Codec::dictionary, {}, 1)) << "a constant has no codes";
    EXPECT_TRUE(holds(Codec::templates, codes, 0)) << "how many there are is not known here";
    EXPECT_FALSE(holds(Codec::column, {})) << "it has no stream";
}

// What the cache counts.
TEST(ReadChunk, MemoryIsThatOfTheValues) {
    Bytes texts;
    append_texts(texts, Words{"a", "b", "cc"});
    const auto chunk = read_chunk({.codec = Codec::text}, 3, {nullptr, texts});
    ASSERT_NE(chunk, nullptr);
    EXPECT_EQ(chunk->memory(), sizeof(Chunk) + 3 * sizeof(std::string_view) + texts.size() + chunk->arena.memory());
    Chunk filled;
    filled.codes.resize(10);
    EXPECT_EQ(filled.memory(), Chunk().memory() + 40);
    filled.ints.resize(10);
    EXPECT_EQ(filled.memory(), Chunk().memory() + 120);
    filled.floats.resize(1);
    EXPECT_EQ(filled.memory(), Chunk().memory() + 128);
    Dictionary dictionary;
    const std::size_t empty = memory_of(dictionary);
    const std::vector<std::string_view> entries(3);
    dictionary.entries = entries;
    EXPECT_EQ(memory_of(dictionary), empty + 3 * (sizeof(std::string_view) + sizeof(std::uint32_t)));
    const Ints numbers_of(3);
    dictionary.ints = numbers_of;
    dictionary.text_store = std::string(5, 'x');
    EXPECT_EQ(memory_of(dictionary), empty + 3 * (sizeof(std::string_view) + sizeof(std::uint32_t)) + 29);
}

}  // namespace
}  // namespace sluice::part
