// Parts made of plain records, for tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "part/builder.h"
#include "store/part_store.h"
#include "store/retention.h"

namespace sluice::store::test {

struct PartOf {
    std::string class_name = "default";
    std::vector<std::uint64_t> sequences{};
    wire::StoreId store_id{};
    WallNs received = 1000;  // Of the first record; each further one is 1 later.
    std::uint32_t epoch = 1;
    std::uint32_t page_rows = 2;
    std::size_t filler = 0;  // Bytes in each message that do not compress.
};

inline std::string filler(std::uint64_t seed, std::size_t bytes) {
    std::string text;
    for (std::uint64_t x = seed; text.size() < bytes; x = x * 6364136223846793005U + 1442695040888963407U) {
        text += static_cast<char>('A' + (x >> 33U) % 58);
    }
    return text;
}

// Record n says "record n".
inline PartImage make_part(const PartOf& of) {
    part::Builder builder(part::BuildOptions{.zstd_level = 1, .page_rows = of.page_rows, .store_id = of.store_id});
    for (std::size_t i = 0; i < of.sequences.size(); ++i) {
        Bytes bytes;
        wire::RecordBuilder record(bytes);
        record.begin(wire::Severity::info, "s", 5)
            .message(fmt::format("record {}{}", of.sequences[i], filler(of.sequences[i], of.filler)));
        EXPECT_TRUE(record.finish());
        const wire::TailEntry entry{.sequence = of.sequences[i],
                                    .receive_time_ns = of.received + static_cast<WallNs>(i),
                                    .flags = 0,
                                    .trusted = {},
                                    .record = wire::RecordView::unchecked(bytes.data())};
        builder.add({.entry = entry, .epoch = of.epoch});
    }
    Result<Bytes> image = builder.finish();
    EXPECT_TRUE(image) << image.error();
    return {.name = {of.class_name, of.sequences.front(), of.sequences.back() + 1}, .bytes = std::move(*image)};
}

inline PartPointer open_part(const PartOf& of) {
    PartImage image = make_part(of);
    auto stored = std::make_shared<StoredPart>();
    stored->name = image.name;
    stored->file = part_file_name(image.name);
    stored->bytes = image.bytes.size();
    auto opened = part::Part::open(std::make_shared<part::MemorySource>(std::move(image.bytes)), nullptr);
    EXPECT_TRUE(opened) << opened.error();
    stored->part = *opened;
    return stored;
}

inline std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t end) {
    std::vector<std::uint64_t> all;
    for (std::uint64_t i = first; i < end; ++i) {
        all.push_back(i);
    }
    return all;
}

}  // namespace sluice::store::test
