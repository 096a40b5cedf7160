#include "golden.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace sluice::test {

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file.good()) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

HexText parse_hex(std::string_view text) {
    HexText parsed;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        const std::size_t comment = std::min(line.find('#'), line.size());
        const bool marked = line.substr(comment).starts_with("# @");
        std::istringstream pairs(line.substr(0, comment));
        for (std::string pair; pairs >> pair;) {
            std::size_t used = 0;
            const int value = std::stoi(pair, &used, 16);
            EXPECT_TRUE(pair.size() == 2 && used == 2) << line;
            if (marked) {
                parsed.length_bytes.push_back(parsed.bytes.size());
            }
            parsed.bytes.push_back(static_cast<std::byte>(value));
        }
    }
    return parsed;
}

HexText golden(std::string_view name) {
    return parse_hex(read_file(fmt::format("{}/tests/golden/{}.hex", SLUICE_SOURCE_DIR, name)));
}

std::vector<std::string> golden_names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(SLUICE_SOURCE_DIR "/tests/golden")) {
        if (entry.path().extension() == ".hex") {
            names.push_back(entry.path().stem());
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

Bytes golden_records(WallNs second_time) {
    Bytes bytes;
    wire::RecordBuilder record(bytes);
    const std::array key{std::byte{0}, std::byte{0xFF}, std::byte{0x80}};
    const auto first = record.begin(wire::Severity::warning, "sshd", kGoldenTime)
                           .message("login failed")
                           .field("user", "anna")
                           .field("key", ByteView(key))
                           .field("port", -22)
                           .field("load", 0.5)
                           .field("ok", true)
                           .finish();
    const auto second = record.begin(wire::Severity::info, {}, second_time).message("hello").finish();
    EXPECT_TRUE(first && second);
    return bytes;
}

}  // namespace sluice::test
