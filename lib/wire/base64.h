// Base64 (RFC 4648, with padding): how JSON carries bytes that are not text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace sluice::wire {

void append_base64(std::string& to, ByteView bytes);
// Strict: the alphabet, the padding, and zero bits at the end.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace sluice::wire
