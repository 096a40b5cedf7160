// docs/storage-format.md says what a part is: its hexdump is one.
#include <fstream>
#include <sstream>

#include "part/part_fixture.h"

namespace sluice::part {
namespace {

// The block that is fenced with ```hex and this name.
Bytes part_of_document(std::string_view name) {
    std::ifstream file(SLUICE_SOURCE_DIR "/docs/storage-format.md");
    Bytes bytes;
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("```")) {
            inside = line == fmt::format("```hex {}", name);
        } else if (inside) {
            std::istringstream pairs(line);
            for (std::string pair; pairs >> pair;) {
                bytes.push_back(static_cast<std::byte>(std::stoi(pair, nullptr, 16)));
            }
        }
    }
    return bytes;
}

void expect_example(const std::shared_ptr<const Part>& part) {
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

TEST(PartDocument, HexdumpIsAPart) {
    const auto part = open_part(part_of_document("part"));
    expect_example(part);
    EXPECT_FALSE(part->others());
}

TEST(PartDocument, HexdumpOfVersionTwoIsTheSamePartWithOthers) {
    const auto part = open_part(part_of_document("part-others"));
    expect_example(part);
    ASSERT_TRUE(part->others());
    EXPECT_EQ(part->columns()[*part->others()].values, 1U);
}

TEST(PartDocument, LimitsOfTheWriterAreAsWritten) {
    std::ifstream file(SLUICE_SOURCE_DIR "/docs/storage-format.md");
    std::stringstream text;
    text << file.rdbuf();
    EXPECT_EQ(BuildOptions().columns_max, 512U);
    EXPECT_EQ(BuildOptions().schema_cells_max, 65536U);
    EXPECT_NE(text.str().find("columns to the 512 most"), std::string::npos);
    EXPECT_NE(text.str().find("schemas up to 65,536 columns together"), std::string::npos);
}

}  // namespace
}  // namespace sluice::part
