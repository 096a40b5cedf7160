// Names of parts, and the file `sealed`.
#include "base/checksum.h"
#include "store/part_name.h"
#include "store/seal_state.h"
#include "store_fixture.h"

namespace sluice::store::test {
namespace {

TEST(PartName, IsReadBackAndOnlyInTheFormItIsWritten) {
    const PartName name{"debug_1", 0x1F, 0x12345};
    const std::string file = part_file_name(name);
    EXPECT_EQ(file, "part-debug_1-000000000000001f-0000000000012345.slp");
    EXPECT_EQ(parse_part_file_name(file), name);
    for (const char* other :
         {"part-debug-000000000000001f-0000000000012345.slp.tmp", "part--000000000000001f-0000000000012345.slp",
          "part-a-1f-12345.slp", "part-A-000000000000001f-0000000000012345.slp",
          "part-a-000000000000001F-0000000000012345.slp", "part-a-0000000000012345-0000000000012345.slp",
          "log-0000000000000001.wal", ""}) {
        EXPECT_FALSE(parse_part_file_name(other)) << other;
    }
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

TEST(SealState, IsReadBack) {
    const auto read = parse_seal_state(encode_seal_state(some_state()));
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(*read, some_state());
}

TEST(SealState, RefusesEveryFlippedByteAndEveryCut) {
    const Bytes whole = encode_seal_state(some_state());
    for (std::size_t i = 0; i < whole.size(); ++i) {
        Bytes damaged = whole;
        damaged[i] ^= std::byte{0x40};
        EXPECT_FALSE(parse_seal_state(damaged)) << i;
        EXPECT_FALSE(parse_seal_state(ByteView(whole).first(i))) << i;
    }
}

TEST(SealState, RefusesCountsThatItsBytesDoNotHold) {
    Bytes bytes = encode_seal_state(some_state());
    for (const std::size_t at : {48U, 52U}) {
        Bytes wrong = bytes;
        store_int(wrong.data() + at, std::uint32_t{0xFFFFFFFF});
        store_int(wrong.data() + 8, checksum64(ByteView(wrong).subspan(16)));
        EXPECT_EQ(code_of(parse_seal_state(wrong)), Errc::corrupt);
    }
}

}  // namespace
}  // namespace sluice::store::test
