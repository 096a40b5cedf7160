// docs/protocol.md says what the code does: its hexdumps are decoded, its tables compared.
#include <gtest/gtest.h>

#include <sstream>

#include "golden.h"
#include "reencode.h"
#include "wire/messages.h"

namespace sluice::wire {
namespace {

const std::string& document() {
    static const std::string text = sluice::test::read_file(SLUICE_SOURCE_DIR "/docs/protocol.md");
    return text;
}

// Contents of the blocks that are fenced with ```hex.
std::vector<std::string> hex_blocks() {
    std::vector<std::string> blocks;
    constexpr std::string_view kOpen = "\n```hex\n";
    for (std::size_t at = document().find(kOpen); at != std::string::npos; at = document().find(kOpen, at)) {
        at += kOpen.size();
        blocks.push_back(document().substr(at, document().find("```", at) - at));
    }
    return blocks;
}

// Cells of the table rows whose first cell is one of `first`.
std::vector<std::vector<std::string>> table_rows(std::string_view heading) {
    std::vector<std::vector<std::string>> rows;
    const std::size_t start = document().find(heading);
    EXPECT_NE(start, std::string::npos) << heading;
    if (start == std::string::npos) {
        return rows;
    }
    std::istringstream lines(document().substr(start, document().find("\n## ", start + 1) - start));
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("| ")) {
            continue;
        }
        std::vector<std::string> cells;
        std::istringstream parts(line.substr(1));
        for (std::string cell; std::getline(parts, cell, '|');) {
            const std::size_t from = cell.find_first_not_of(" `");
            const std::size_t to = cell.find_last_not_of(" `");
            cells.push_back(from == std::string::npos ? "" : cell.substr(from, to - from + 1));
        }
        rows.push_back(std::move(cells));
    }
    return rows;
}

TEST(ProtocolDocument, HexdumpsAreWholeValidFrames) {
    std::string types;
    for (const std::string& block : hex_blocks()) {
        const Bytes bytes = sluice::test::parse_hex(block).bytes;
        FrameSplitter splitter;
        splitter.feed(bytes);
        for (;;) {
            const auto frame = splitter.next();
            ASSERT_TRUE(frame) << frame.error();
            if (!*frame) {
                break;
            }
            const auto again = sluice::test::reencode(**frame);
            ASSERT_TRUE(again) << again.error() << "\n" << block;
            EXPECT_EQ(as_text(ByteView(*again).subspan(kFrameHeaderSize)), as_text((*frame)->payload));
            types += fmt::format("{:x} ", static_cast<unsigned>((*frame)->header.type));
        }
        EXPECT_EQ(splitter.bytes_needed(), 0U) << block;
    }
    EXPECT_EQ(types, "1 8001 10 8010 11 8011 2 8002 ffff ");
}

TEST(ProtocolDocument, ErrorTableEqualsTheCode) {
    std::map<int, std::string> documented;
    for (const auto& row : table_rows("\n## Errors")) {
        if (row.size() >= 2 && !row[0].empty() && row[0].find_first_not_of("0123456789") == std::string::npos) {
            EXPECT_TRUE(documented.emplace(std::stoi(row[0]), row[1]).second) << row[0];
        }
    }
    std::map<int, std::string> known;
    for (int code = 0; code < 1000; ++code) {
        if (const auto name = errc_name(static_cast<Errc>(code)); name != "unknown") {
            known.emplace(code, name);
        }
    }
    EXPECT_EQ(documented, known);
}

TEST(ProtocolDocument, TypeTableEqualsTheCode) {
    std::map<int, std::string> documented;
    for (const auto& row : table_rows("\n## Messages")) {
        if (row.size() >= 2 && !row[0].empty() && row[0].find_first_not_of("0123456789") == std::string::npos) {
            std::string name = row[1];
            std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
            documented.emplace(std::stoi(row[0]), name);
        }
    }
    std::map<int, std::string> known;
    for (int type = 0; type < kReplyBit; ++type) {
        if (const auto name = message_type_name(static_cast<MessageType>(type)); name != "unknown") {
            known.emplace(type, name);
        }
    }
    EXPECT_EQ(documented, known);
}

// Both ways: no row that the code does not have, and no limit of the code without a row.
TEST(ProtocolDocument, LimitTableEqualsTheCode) {
    std::map<std::string, std::string> documented;
    for (const auto& row : table_rows("\n## Limits")) {
        ASSERT_EQ(row.size(), 3U);
        EXPECT_FALSE(row[2].empty()) << row[0];
        if (row[0] != "limit") {
            EXPECT_TRUE(documented.emplace(row[0], row[1]).second) << row[0] << " twice";
        }
    }
    const std::map<std::string, std::uint64_t> known{{"frame_bytes_max", kFrameBytesMax},
                                                     {"requests_in_flight_max", kRequestsInFlightMax},
                                                     {"log_records_max", kLogRecordsMax},
                                                     {"handles_max", kHandlesMax},
                                                     {"READ bytes", kFrameBytesMax - kFrameHeaderSize},
                                                     {"message bytes", kMessageBytesMax},
                                                     {"fields of a record", kFieldsMax},
                                                     {"names", kNameBytesMax},
                                                     {"path bytes", kPathBytesMax},
                                                     {"TAIL streams", kTailStreamsMax},
                                                     {"TAIL field conditions", kTailFieldsMax},
                                                     {"TAIL substrings", kTailGrepsMax},
                                                     {"TAIL text bytes", kTailTextBytesMax},
                                                     {"query text bytes", kQueryTextBytesMax},
                                                     {"explanation bytes", kExplainBytesMax},
                                                     {"error text bytes", kErrorTextBytesMax}};
    std::map<std::string, std::string> expected;
    for (const auto& [name, value] : known) {
        expected.emplace(name, std::to_string(value));
    }
    EXPECT_EQ(documented, expected);
    const std::string limits = sluice::test::read_file(SLUICE_SOURCE_DIR "/lib/wire/limits.h");
    std::size_t constants = 0;
    for (std::size_t at = 0; (at = limits.find("inline constexpr", at)) != std::string::npos; ++at) {
        ++constants;
    }
    EXPECT_EQ(constants + 1, known.size());  // READ has no constant of its own.
}

TEST(ProtocolDocument, StaysReadable) {
    EXPECT_LE(std::count(document().begin(), document().end(), '\n'), 350);
}

}  // namespace
}  // namespace sluice::wire
