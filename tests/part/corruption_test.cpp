// A damaged file never yields a wrong record: damage is found, said to be corrupt, and bounded by its block.
#include <gmock/gmock.h>

#include <random>

#include "part/layout.h"
#include "part/part_fixture.h"
#include "part/sample_rows.h"
#include "sanitizer.h"

namespace sluice::part {
namespace {

constexpr std::uint32_t kPageRows = 1000;
constexpr int kDamages = ::sluice::test::kAddressSanitizer ? 1'000 : 5'000;  // Of each kind of part.

// Everything that a reader can ask for, as text, or what was refused.
struct Seen {
    std::vector<std::vector<std::string>> columns;  // Of each column and page; "corrupt" where refused.
    std::vector<std::string> rows;                  // Of each page: its encoded entries.
};

std::string values_of(const Part& part, std::uint32_t column, std::uint32_t page) {
    const auto values = part.page(column, page);
    if (!values) {
        EXPECT_EQ(values.error().code(), Errc::corrupt) << values.error();
        return "corrupt";
    }
    std::string text = fmt::format("{} {}|", (*values)->rows, fmt::join((*values)->positions, ","));
    for (const std::string_view value : (*values)->texts) {
        text.append(value).push_back('\n');
    }
    return text + fmt::format("{}|{}|{}", fmt::join((*values)->codes, ","), fmt::join((*values)->ints, ","),
                              fmt::join((*values)->floats, ","));
}

std::string entries_of(const Part& part, std::uint32_t page) {
    std::vector<std::uint16_t> rows(part.page_rows(page));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i] = static_cast<std::uint16_t>(i);
    }
    Bytes entries;
    const auto read = part.append_entries(page, rows, entries);
    if (!read) {
        EXPECT_EQ(read.error().code(), Errc::corrupt) << read.error();
        EXPECT_TRUE(entries.empty());
        return "corrupt";
    }
    return std::string(as_text(entries));
}

Seen read_all(const Part& part) {
    Seen seen;
    seen.columns.resize(part.columns().size());
    for (std::uint32_t page = 0; page < part.pages(); ++page) {
        for (std::uint32_t column = 0; column < part.columns().size(); ++column) {
            seen.columns[column].push_back(values_of(part, column, page));
        }
        seen.rows.push_back(entries_of(part, page));
    }
    return seen;
}

class Damage {
 public:
    Damage(Bytes image, Bytes other) : image_(std::move(image)), other_(std::move(other)) {}

    // A copy with one damage, different from the image.
    Bytes make() {
        for (;;) {
            Bytes damaged = image_;
            const std::size_t at = random_() % damaged.size();
            const std::size_t bytes = std::min<std::size_t>(1 + random_() % 4096, damaged.size() - at);
            const auto to = damaged.begin() + static_cast<std::ptrdiff_t>(at);
            switch (random_() % 4) {
                case 0:
                    damaged[at] ^= static_cast<std::byte>(1U << random_() % 8);
                    break;
                case 1:
                    damaged.resize(at);
                    break;
                case 2:
                    std::fill_n(to, bytes, std::byte{0});
                    break;
                default: {  // What stood somewhere else: in this file, or in the same place of another.
                    const bool same_place = random_() % 2 == 0;
                    const Bytes& from = random_() % 2 == 0 ? image_ : other_;
                    const std::size_t there = same_place ? at : random_() % from.size();
                    if (there < from.size()) {
                        std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(there),
                                    std::min(bytes, from.size() - there), to);
                    }
                    break;
                }
            }
            if (damaged != image_) {
                return damaged;
            }
        }
    }

 private:
    std::mt19937_64 random_{7};
    Bytes image_;
    Bytes other_;
};

// Fields that have columns; and such that have none.
class PartCorruptionOf : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Columns, PartCorruptionOf, testing::Values(1024, 4));

TEST_P(PartCorruptionOf, IsFoundAndNothingWrongIsServed) {
    const BuildOptions options{.page_rows = kPageRows, .columns_max = GetParam()};
    const Bytes image = sample_rows(6000).build(options);
    Damage damage(image, sample_rows(6000, 2).build(options));
    const Seen whole = read_all(*open_part(image));
    int opened = 0;
    for (int i = 0; i < kDamages; ++i) {
        const auto part = Part::open(std::make_shared<MemorySource>(damage.make()), nullptr);
        if (!part) {
            ASSERT_TRUE(part.error().code() == Errc::corrupt || part.error().code() == Errc::unsupported)
                << part.error();
            continue;
        }
        ++opened;
        const auto verified = (*part)->verify();
        ASSERT_FALSE(verified) << "damage " << i << " was not found";
        ASSERT_EQ(verified.error().code(), Errc::corrupt) << verified.error();
        if (i % 100 != 0) {
            continue;
        }
        const Seen seen = read_all(**part);
        for (std::size_t page = 0; page < seen.rows.size(); ++page) {
            ASSERT_TRUE(seen.rows[page] == "corrupt" || seen.rows[page] == whole.rows[page]) << "damage " << i;
            for (std::size_t column = 0; column < seen.columns.size(); ++column) {
                ASSERT_TRUE(seen.columns[column][page] == "corrupt" ||
                            seen.columns[column][page] == whole.columns[column][page])
                    << "damage " << i;
            }
        }
    }
    EXPECT_GT(opened, kDamages / 4);  // Most damages are in blocks, and their neighbours are readable.
}

// One block at a time: what has no stream in it is read as before.
TEST(PartCorruption, IsBoundedByItsBlock) {
    const Bytes image = sample_rows(6000).build({.page_rows = kPageRows});
    const auto part = open_part(image);
    const Seen whole = read_all(*part);
    Bytes header(image.begin(), image.begin() + kPartHeaderBytes);
    const Bytes end(image.end() - kPartTailBytes, image.end());
    const auto tail = read_tail(header, end, image.size());
    ASSERT_TRUE(tail);
    const auto layout = read_footer(header, *tail, ByteView(image).subspan(tail->footer_offset));
    ASSERT_TRUE(layout);
    ASSERT_GT(layout->blocks.blocks.size(), 3U);
    for (const Block& block : layout->blocks.blocks) {
        Bytes damaged = image;
        damaged[block.offset] ^= std::byte{1};
        const auto opened = open_part(std::move(damaged));
        const Seen seen = read_all(*opened);
        std::size_t lost = 0;
        for (std::size_t column = 0; column < seen.columns.size(); ++column) {
            lost += seen.columns[column] == whole.columns[column] ? 0 : 1;
        }
        EXPECT_LT(lost, seen.columns.size()) << "block at " << block.offset;
    }
}

TEST(PartCorruption, NamesThePlace) {
    Bytes image = sample_rows(6000).build({.page_rows = kPageRows});
    image[kPartHeaderBytes] ^= std::byte{1};
    const auto verified = open_part(std::move(image))->verify();
    ASSERT_FALSE(verified);
    EXPECT_THAT(verified.error().text(), testing::StartsWith("block at offset 8, "));
}

TEST(PartCorruption, OfAnotherVersionIsNoDamage) {
    for (const std::uint16_t version : {std::uint16_t{kPartVersionOldest - 1}, std::uint16_t{kPartVersion + 1}}) {
        Bytes image = sample_rows(5).build();
        store_int(image.data() + 4, version);
        store_int(image.data() + image.size() - 8, version);
        const auto part = Part::open(std::make_shared<MemorySource>(image), nullptr);
        ASSERT_FALSE(part);
        EXPECT_EQ(part.error().code(), Errc::unsupported);
    }
}

}  // namespace
}  // namespace sluice::part
