// docs/storage-format.md says what a part is: its hexdump is one.
#include <fstream>
#include <sstream>

#include "part/part_fixture.h"

namespace sluice::part {
namespace {

// The block that is fenced with ```hex part.
Bytes part_of_document() {
    std::ifstream file(SLUICE_SOURCE_DIR "/docs/storage-format.md");
    Bytes bytes;
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("```")) {
            inside = line == "```hex part";
        } else if (inside) {
            std::istringstream pairs(line);
            for (std::string pair; pairs >> pair;) {
                bytes.push_back(static_cast<std::byte>(std::stoi(pair, nullptr, 16)));
            }
        }
    }
    return bytes;
}

TEST(PartDocument, HexdumpIsAPart) {
    const auto part = open_part(part_of_document());
    ASSERT_NE(part, nullptr);
    const auto verified = part->verify();
    ASSERT_TRUE(verified) << verified.error();
    Rows rows;
    Rows::Draft first{.sequence = 41, .receive_time = 1700528523000000000, .time = 1700528522000000000};
    first.stream = "web";
    first.message = "hello";
    first.fields = {int_field("_uid", 1000), text_field("path", "/a")};
    Rows::Draft second = first;
    second.sequence = 42;
    second.time += 500;
    second.message = "bye";
    second.fields.pop_back();
    rows.add(first);
    rows.add(second);
    EXPECT_TRUE(same_rows(rows, read_rows(*part)));
    EXPECT_EQ(wire::format_id(part->summary().store_id), "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
}

}  // namespace
}  // namespace sluice::part
