// What a run of the daemon leaves to the next one of a connection that goes on.
//
//   magic 8 | checksum of all behind it 8 | str listener | str protocol | flag looked_again 1 | flag sender 1 | zero 2
//   | pid 4 | uid 4 | gid 4 | decoder ...                                 str: length 4, bytes; as in wire/codec.h
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "io/message.h"
#include "listeners/options.h"
#include "wire/intake.h"

namespace sluice::listeners {

struct ConnectionState {
    static constexpr std::size_t kBytesMax = wire::StreamDecoder::kSavedBytesMax + 1024;

    std::string listener;  // Its name.
    Protocol protocol = Protocol::json;
    bool looked_again = false;                  // At the sender, behind the header of a stdout stream.
    std::optional<io::PeerCredentials> sender;  // Who began what has not ended; empty: nothing has begun.
    Bytes decoder;                              // StreamDecoder::save().

    Bytes encode() const;
    // Untrusted bytes.  Errors: malformed, not what encode() of this version writes; invalid_argument, too_large.
    static Result<ConnectionState> decode(ByteView bytes);
};

}  // namespace sluice::listeners
