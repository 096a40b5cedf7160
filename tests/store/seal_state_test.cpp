#include "store/seal_state.h"

#include <gtest/gtest.h>

#include <array>
#include <tuple>

#include "base/checksum.h"
#include "guarded_bytes.h"
#include "store/small_head.h"

namespace sluice::store {
namespace {

SealState state_with(std::vector<EpochStart> epochs) {
    SealState state;
    for (std::size_t i = 0; i < state.store_id.size(); ++i) {
        state.store_id[i] = static_cast<std::byte>(i + 1);
    }
    state.sealed_end = 0x1112131415161718;
    state.missing_rows = 0x2122232425262728;
    state.epochs = std::move(epochs);
    return state;
}

Bytes resealed(Bytes bytes) {
    store_int(bytes.data() + 8, checksum64(ByteView(bytes).subspan(16)));
    return bytes;
}

std::string refusal_of(ByteView bytes) {
    const Result<SealState> parsed = parse_seal_state(bytes);
    return parsed ? "accepted" : fmt::format("{}", parsed.error());
}

constexpr std::string_view kDamaged = "corrupt: 'sealed' does not hold what it should";

TEST(SealStateBytes, LieWhereTheHeaderSays) {
    SealState state = state_with({{0x31323334, 0x4142434445464748}});
    state.removed_of("ab") = {.class_name = "ab", .end_sequence = 5, .parts = 6, .rows = 7, .bytes = 8};
    const Bytes bytes = encode_seal_state(state);
    ASSERT_EQ(bytes.size(), 56U + 16 + 36 + 2);
    const std::byte* at = bytes.data();
    EXPECT_EQ(as_text(ByteView(bytes).first(4)), "SWPS");
    EXPECT_EQ(load_int<std::uint32_t>(at + 4), 1U);
    EXPECT_EQ(load_int<std::uint64_t>(at + 8), checksum64(ByteView(bytes).subspan(16)));
    EXPECT_TRUE(std::equal(state.store_id.begin(), state.store_id.end(), bytes.begin() + 16));
    EXPECT_EQ(load_int<std::uint64_t>(at + 32), state.sealed_end);
    EXPECT_EQ(load_int<std::uint64_t>(at + 40), state.missing_rows);
    EXPECT_EQ(load_int<std::uint32_t>(at + 48), 1U);
    EXPECT_EQ(load_int<std::uint32_t>(at + 52), 1U);
    EXPECT_EQ(load_int<std::uint32_t>(at + 56), 0x31323334U);
    EXPECT_EQ(load_int<std::uint32_t>(at + 60), 0U);
    EXPECT_EQ(load_int<std::uint64_t>(at + 64), 0x4142434445464748U);
    for (std::uint64_t i = 0; i < 4; ++i) {
        EXPECT_EQ(load_int<std::uint64_t>(at + 72 + 8 * i), 5 + i);
    }
    EXPECT_EQ(load_int<std::uint32_t>(at + 104), 2U);
    EXPECT_EQ(as_text(ByteView(bytes).subspan(108)), "ab");
    const Result<SealState> read = parse_seal_state(bytes);
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(*read, state);
}

TEST(SealStateBytes, OfAnEmptyStateAreTheHeadAlone) {
    const SealState state = state_with({});
    const Bytes bytes = encode_seal_state(state);
    ASSERT_EQ(bytes.size(), 56U);
    const Result<SealState> read = parse_seal_state(bytes);
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(*read, state);
}

TEST(SealStateBytes, SayWhatIsWrongWithThem) {
    Bytes bytes = encode_seal_state(state_with({}));
    EXPECT_EQ(refusal_of(ByteView(bytes).first(15)), kDamaged);
    EXPECT_EQ(refusal_of(ByteView(bytes).first(55)), "corrupt: 'sealed' fails its checksum");
    EXPECT_EQ(refusal_of(resealed(Bytes(bytes.begin(), bytes.begin() + 55))), kDamaged);
    EXPECT_EQ(refusal_of({}), kDamaged);
    bytes[0] ^= std::byte{1};
    EXPECT_EQ(refusal_of(bytes), kDamaged);
    bytes[0] ^= std::byte{1};
    bytes[20] ^= std::byte{1};
    EXPECT_EQ(refusal_of(bytes), "corrupt: 'sealed' fails its checksum");
    bytes.push_back(std::byte{0});
    EXPECT_EQ(refusal_of(resealed(bytes)), kDamaged) << "a byte too many";
}

TEST(SealStateBytes, EndOfZeroIsRefused) {
    SealState state = state_with({});
    state.sealed_end = 1;
    EXPECT_TRUE(parse_seal_state(encode_seal_state(state)));
    state.sealed_end = 0;
    EXPECT_EQ(refusal_of(encode_seal_state(state)), kDamaged);
}

TEST(SealStateBytes, EpochsAscendAndTheirRecordsDoNotDescend) {
    EXPECT_TRUE(parse_seal_state(encode_seal_state(state_with({{1, 5}, {2, 5}, {4, 6}}))));
    EXPECT_EQ(refusal_of(encode_seal_state(state_with({{2, 5}, {2, 6}}))), kDamaged);
    EXPECT_EQ(refusal_of(encode_seal_state(state_with({{2, 5}, {1, 6}}))), kDamaged);
    EXPECT_EQ(refusal_of(encode_seal_state(state_with({{1, 5}, {2, 4}}))), kDamaged);
    EXPECT_EQ(refusal_of(encode_seal_state(state_with({{1, 1}, {2, 7}, {3, 6}}))), kDamaged);
}

TEST(SealStateBytes, EpochsThatAreNotThereAreRefused) {
    Bytes bytes = encode_seal_state(state_with({{1, 5}}));
    store_int(bytes.data() + 48, std::uint32_t{2});
    EXPECT_EQ(refusal_of(resealed(bytes)), kDamaged);
    bytes.resize(bytes.size() + 15);
    EXPECT_EQ(refusal_of(resealed(bytes)), kDamaged);
    bytes = encode_seal_state(state_with({{1, 5}}));
    store_int(bytes.data() + 48, std::uint32_t{0});
    EXPECT_EQ(refusal_of(resealed(bytes)), kDamaged) << "bytes that belong to nothing";
}

TEST(SealStateBytes, CountsWithoutAnyBytesAreRefused) {
    for (const std::size_t at : {48U, 52U}) {
        Bytes bytes = encode_seal_state(state_with({}));
        store_int(bytes.data() + at, std::uint32_t{1});
        EXPECT_EQ(refusal_of(resealed(bytes)), kDamaged) << at;
    }
}

TEST(SealStateBytes, RemovedClassesThatAreNotThereAreRefused) {
    SealState state = state_with({});
    state.removed_of("a").end_sequence = 3;
    const Bytes whole = encode_seal_state(state);
    Bytes bytes = whole;
    store_int(bytes.data() + 52, std::uint32_t{2});
    EXPECT_EQ(refusal_of(resealed(bytes)), kDamaged);
    for (const std::uint32_t length : {0U, 2U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
        bytes = whole;
        store_int(bytes.data() + 56 + 32, length);
        EXPECT_EQ(refusal_of(resealed(bytes)), kDamaged) << length;
    }
    bytes = whole;
    bytes.back() = std::byte{'A'};
    EXPECT_EQ(refusal_of(resealed(bytes)), kDamaged);
    bytes = whole;
    bytes.pop_back();
    EXPECT_EQ(refusal_of(resealed(bytes)), kDamaged);
    bytes.pop_back();
    EXPECT_EQ(refusal_of(resealed(bytes)), kDamaged) << "less than the fixed bytes of one";
}

TEST(SealStateBytes, NothingBehindThemIsRead) {
    SealState state = state_with({{1, 5}});
    state.removed_of("a").end_sequence = 3;
    const Bytes whole = encode_seal_state(state);
    for (std::size_t size = 16; size < whole.size(); ++size) {  // Sound but for their end.
        const Bytes cut = resealed(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
        EXPECT_EQ(refusal_of(test::GuardedBytes(cut).bytes()), kDamaged) << size;
    }
    for (const auto& [at, count] : {std::pair{48U, 2U}, std::pair{48U, 4U}, std::pair{48U, 0xFFFFFFFFU},
                                    std::pair{52U, 2U}, std::pair{52U, 0xFFFFFFFFU}, std::pair{104U, 2U}}) {
        Bytes wrong = whole;
        store_int(wrong.data() + at, count);
        EXPECT_EQ(refusal_of(test::GuardedBytes(resealed(wrong)).bytes()), kDamaged) << at << " " << count;
    }
    Bytes epochs = encode_seal_state(state_with({{1, 5}}));
    store_int(epochs.data() + 48, std::uint32_t{2});
    EXPECT_EQ(refusal_of(test::GuardedBytes(resealed(epochs)).bytes()), kDamaged);
}

TEST(SealState, FindsWhatWasRemovedOfAClass) {
    SealState state;
    EXPECT_EQ(state.sealed_end, 1U);
    EXPECT_FALSE(state.has_removed({"a", 1, 2}));
    state.removed_of("a").end_sequence = 7;
    state.removed_of("b").end_sequence = 9;
    state.removed_of("a").rows = 5;
    ASSERT_EQ(state.removed.size(), 2U);
    EXPECT_TRUE(state.has_removed({"a", 3, 7}));
    EXPECT_FALSE(state.has_removed({"a", 3, 8}));
    EXPECT_TRUE(state.has_removed({"b", 3, 9}));
    EXPECT_FALSE(state.has_removed({"c", 1, 2}));
    EXPECT_EQ(state.removed[0], (RemovedOfClass{.class_name = "a", .end_sequence = 7, .rows = 5}));
}

SealState some_state() {
    SealState state;
    state.store_id[0] = std::byte{7};
    state.sealed_end = 4711;
    state.missing_rows = 3;
    state.epochs = {{1, 1}, {2, 900}};
    state.removed_of("debug") = {.class_name = "debug", .end_sequence = 100, .parts = 2, .rows = 50, .bytes = 999};
    return state;
}

TEST(SealState, FindsWhatWasRemovedBetweenPartsThatStay) {
    SealState state;
    state.removed_of("a") = {.class_name = "a", .end_sequence = 7, .beyond = {{10, 20}, {30, 41}}};
    EXPECT_EQ(state.removed[0].last_end(), 41U);
    for (const auto& [first, end, removed] :
         {std::tuple(10, 20, true), std::tuple(30, 41, true), std::tuple(12, 13, true), std::tuple(9, 20, false),
          std::tuple(10, 21, false), std::tuple(15, 35, false), std::tuple(20, 30, false), std::tuple(3, 7, true),
          std::tuple(40, 42, false)}) {
        const PartName name{"a", static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(end)};
        EXPECT_EQ(state.has_removed(name), removed) << first;
        EXPECT_FALSE(state.has_removed({"b", name.first_sequence, name.end_sequence}));
    }
    state.removed_of("a").beyond.clear();
    EXPECT_EQ(state.removed[0].last_end(), 7U);
}

SealState state_with_ranges() {
    SealState state = state_with({});
    state.removed_of("a") = {.class_name = "a", .end_sequence = 5, .parts = 6, .rows = 7, .bytes = 8};
    state.removed_of("b") = {.class_name = "b", .end_sequence = 5, .beyond = {{7, 9}, {9, 10}}};
    return state;
}

// Without ranges version 1 is written, which older programs read.
TEST(SealStateBytes, OfRangesAreVersionTwo) {
    const Bytes bytes = encode_seal_state(state_with_ranges());
    ASSERT_EQ(bytes.size(), 56U + 2 * (36 + 1 + 4) + 2 * 16);
    EXPECT_EQ(load_int<std::uint32_t>(bytes.data() + 4), 2U);
    EXPECT_EQ(load_int<std::uint64_t>(bytes.data() + 8),
              checksum64(ByteView(bytes).subspan(16), load_int<std::uint64_t>(bytes.data())));
    EXPECT_EQ(load_int<std::uint32_t>(bytes.data() + 93), 0U);
    EXPECT_EQ(load_int<std::uint32_t>(bytes.data() + 134), 2U);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(load_int<std::uint64_t>(bytes.data() + 138 + 8 * i), (std::array{7U, 9U, 9U, 10U}[i]));
    }
    const Result<SealState> read = parse_seal_state(bytes);
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(*read, state_with_ranges());
    SealState without = *read;
    without.removed_of("b").beyond.clear();
    EXPECT_EQ(load_int<std::uint32_t>(encode_seal_state(without).data() + 4), 1U);
}

TEST(SealStateBytes, RangesAscendAboveTheRemovedEnd) {
    for (const std::vector<RemovedRange>& wrong :
         {std::vector<RemovedRange>{{4, 6}}, {{7, 7}}, {{8, 7}}, {{7, 9}, {8, 10}}, {{9, 10}, {6, 7}}}) {
        SealState state = state_with_ranges();
        state.removed_of("b").beyond = wrong;
        EXPECT_EQ(refusal_of(encode_seal_state(state)), kDamaged);
    }
}

TEST(SealStateBytes, RangesThatAreNotThereAreRefused) {
    const auto sealed = [](Bytes bytes) {
        seal_small_head(bytes, load_int<std::uint32_t>(bytes.data()), 2);
        return refusal_of(test::GuardedBytes(bytes).bytes());
    };
    const Bytes whole = encode_seal_state(state_with_ranges());
    EXPECT_EQ(sealed(whole), "accepted");
    for (const std::uint32_t count : {0U, 1U, 3U, 0xFFFFFFFFU}) {
        Bytes wrong = whole;
        store_int(wrong.data() + 134, count);
        EXPECT_EQ(sealed(wrong), kDamaged) << count;
    }
    for (std::size_t size = 56; size < whole.size(); ++size) {
        EXPECT_EQ(sealed(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))), kDamaged) << size;
    }
}

TEST(SealState, IsReadBack) {
    const auto read = parse_seal_state(encode_seal_state(some_state()));
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(*read, some_state());
}

TEST(SealState, EveryFlippedBitAndEveryCutIsDamage) {
    for (const Bytes& whole : {encode_seal_state(some_state()), encode_seal_state(state_with_ranges())}) {
        for (std::size_t i = 0; i < whole.size(); ++i) {
            for (int bit = 0; bit < 8; ++bit) {
                Bytes damaged = whole;
                damaged[i] ^= static_cast<std::byte>(1U << bit);
                EXPECT_TRUE(refusal_of(damaged).starts_with("corrupt: ")) << i << " " << bit;
            }
            EXPECT_TRUE(refusal_of(ByteView(whole).first(i)).starts_with("corrupt: ")) << i;
        }
    }
}

// The bytes of a program to come: whole, and nothing else is known of them.
TEST(SealState, WholeFileOfANewerProgramIsNoDamage) {
    for (const std::uint32_t version : {0x100U, 0xFFFFFFFFU}) {
        Bytes newer(kSmallHeadBytes + 5, std::byte{7});
        seal_small_head(newer, load_int<std::uint32_t>(encode_seal_state(some_state()).data()), version);
        EXPECT_EQ(refusal_of(newer), fmt::format("unsupported: 'sealed' has format {}, this program reads 1 to {}",
                                                 version, kSealStateVersion));
        newer.back() ^= std::byte{1};
        EXPECT_EQ(refusal_of(newer), "corrupt: 'sealed' fails its checksum");
    }
}

TEST(SealState, RefusesCountsThatItsBytesDoNotHold) {
    Bytes bytes = encode_seal_state(some_state());
    for (const std::size_t at : {48U, 52U}) {
        Bytes wrong = bytes;
        store_int(wrong.data() + at, std::uint32_t{0xFFFFFFFF});
        store_int(wrong.data() + 8, checksum64(ByteView(wrong).subspan(16)));
        EXPECT_EQ(parse_seal_state(wrong).error().code(), Errc::corrupt);
    }
}

}  // namespace
}  // namespace sluice::store
