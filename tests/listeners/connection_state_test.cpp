#include "listeners/connection_state.h"

#include <gtest/gtest.h>

#include "base/checksum.h"

namespace sluice::listeners {
namespace {

ConnectionState example() {
    ConnectionState state;
    state.listener = "stdout";
    state.protocol = Protocol::stdout_stream;
    state.looked_again = true;
    state.sender = io::PeerCredentials{.pid = 7, .uid = 8, .gid = 9};
    state.decoder = {std::byte{1}, std::byte{2}};
    return state;
}

TEST(ConnectionState, ComesBackAsItWas) {
    for (const bool with_sender : {true, false}) {
        ConnectionState state = example();
        if (!with_sender) {
            state.sender.reset();
        }
        const auto back = ConnectionState::decode(state.encode());
        ASSERT_TRUE(back) << back.error();
        EXPECT_EQ(back->listener, state.listener);
        EXPECT_EQ(back->protocol, state.protocol);
        EXPECT_EQ(back->looked_again, state.looked_again);
        EXPECT_EQ(back->sender, state.sender);
        EXPECT_EQ(back->decoder, state.decoder);
    }
}

TEST(ConnectionState, DamagedIsRefused) {
    const Bytes whole = example().encode();
    for (std::size_t i = 0; i < whole.size(); ++i) {
        EXPECT_FALSE(ConnectionState::decode(ByteView(whole).first(i))) << i;
        Bytes damaged = whole;
        damaged[i] ^= std::byte{0x10};
        EXPECT_FALSE(ConnectionState::decode(damaged)) << i;
    }
}

// Whoever can write the file can make its checksum, too.
TEST(ConnectionState, LengthsAndWordsAreCheckedBehindTheChecksum) {
    constexpr std::size_t kHead = 16;
    const auto with = [](std::size_t at, std::uint32_t value) {
        Bytes bytes = example().encode();
        store_int(bytes.data() + at, value);
        store_int(bytes.data() + 8, checksum64(ByteView(bytes).subspan(kHead)));
        return ConnectionState::decode(bytes);
    };
    EXPECT_TRUE(with(kHead, 6));
    EXPECT_EQ(with(kHead, 0xFFFF'FFFF).error().code(), Errc::too_large);
    EXPECT_EQ(with(kHead, 200).error().code(), Errc::malformed);
    constexpr std::size_t kProtocol = kHead + 4 + 6 + 4;
    EXPECT_EQ(with(kProtocol, 0).error().code(), Errc::invalid_argument);
}

}  // namespace
}  // namespace sluice::listeners
