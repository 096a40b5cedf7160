// Golden vectors: hex text with comments.  "# @" marks a line that is a length or a count: blown up, it must be
// refused.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "wire/record.h"

namespace sluice::test {

struct HexText {
    Bytes bytes;
    std::vector<std::size_t> length_bytes;  // Offsets of the bytes of marked lines.
};

// Hex pairs separated by blanks; '#' starts a comment.  Fails the test on anything else.
HexText parse_hex(std::string_view text);

// tests/golden/<name>.hex
HexText golden(std::string_view name);
std::vector<std::string> golden_names();

std::string read_file(const std::string& path);

// The two records that the golden batches hold.
inline constexpr WallNs kGoldenTime = 1700528523123456789;
Bytes golden_records(WallNs second_time);

}  // namespace sluice::test
