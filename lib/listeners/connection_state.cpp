#include "listeners/connection_state.h"

#include <algorithm>

#include "base/checksum.h"
#include "wire/codec.h"

namespace sluice::listeners {
namespace {

// The last byte is the version.
constexpr std::string_view kMagic("sluconn\x01", 8);
constexpr std::size_t kWordBytesMax = 255;
constexpr std::string_view kWhat = "the state of a connection";

}  // namespace

Bytes ConnectionState::encode() const {
    Bytes bytes;
    append(bytes, as_bytes(kMagic));
    append_int(bytes, std::uint64_t{0});
    wire::append_str(bytes, listener);
    wire::append_str(bytes, protocol_name(protocol));
    append_int(bytes, static_cast<std::uint8_t>(looked_again ? 1 : 0));
    append_int(bytes, static_cast<std::uint8_t>(sender ? 1 : 0));
    wire::append_zeros(bytes, 2);
    const io::PeerCredentials who = sender.value_or(io::PeerCredentials());
    append_int(bytes, static_cast<std::int32_t>(who.pid));
    append_int(bytes, static_cast<std::uint32_t>(who.uid));
    append_int(bytes, static_cast<std::uint32_t>(who.gid));
    append(bytes, decoder);
    constexpr std::size_t kHead = kMagic.size() + sizeof(std::uint64_t);
    store_int(bytes.data() + kMagic.size(), checksum64(ByteView(bytes).subspan(kHead)));
    return bytes;
}

Result<ConnectionState> ConnectionState::decode(ByteView bytes) {
    wire::Reader from(bytes);
    if (as_text(from.bytes(kMagic.size())) != kMagic) {
        return fail(Errc::malformed, "{}: of another version, or none", kWhat);
    }
    const std::uint64_t checksum = from.u64();
    if (from.failed() || checksum64(bytes.last(from.left())) != checksum) {
        return fail(Errc::malformed, "{}: damaged", kWhat);
    }
    ConnectionState state;
    state.listener = from.str(kWordBytesMax);
    const std::string_view word = from.str(kWordBytesMax);
    const auto* known = std::ranges::find(kProtocolNames, word, &std::pair<std::string_view, Protocol>::first);
    if (known == kProtocolNames.end()) {
        from.refuse(Errc::invalid_argument, "no protocol");
    } else {
        state.protocol = known->second;
    }
    state.looked_again = from.flag(from.u8());
    const bool has_sender = from.flag(from.u8());
    from.zeros(2);
    const io::PeerCredentials who{
        .pid = from.take<std::int32_t>(), .uid = from.take<std::uint32_t>(), .gid = from.take<std::uint32_t>()};
    if (has_sender) {
        state.sender = who;
    }
    const ByteView decoder = from.rest();
    SLUICE_CHECK(from.finish(kWhat));
    state.decoder.assign(decoder.begin(), decoder.end());
    return state;
}

}  // namespace sluice::listeners
