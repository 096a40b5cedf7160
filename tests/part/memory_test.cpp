// What a part takes while it is open, and what is kept of it: bounded, and counted.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <random>

#include "part/merge.h"
#include "part/part_fixture.h"
#include "sanitizer.h"

namespace sluice::part {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20U;

std::size_t heap_bytes() {
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

// By how much the heap is larger behind `work`, whose result is alive then.
template <class Work>
std::size_t heap_growth(const Work& work) {
    const std::size_t before = heap_bytes();
    const auto kept = work();
    const std::size_t after = heap_bytes();
    return after > before ? after - before : 0;
}

class PartMemory : public testing::Test {
 protected:
    void SetUp() override {
        if (::sluice::test::kAddressSanitizer) {
            GTEST_SKIP() << "the sanitizer has a heap of its own";
        }
    }
};

std::size_t memory_when_open(const Rows& rows) {
    const auto source = std::make_shared<MemorySource>(rows.build());
    const auto cache = std::make_shared<Cache>(kMiB);
    (void)Part::open(source, cache);  // Buffers of the decompressor stay.
    return heap_growth([&] { return Part::open(source, cache); });
}

TEST_F(PartMemory, OfNamesThatOccurOnceIsBounded) {
    Rows rows;
    for (int i = 0; i < 200; ++i) {
        Rows::Draft draft;
        for (int f = 0; f < 200; ++f) {
            draft.fields.push_back(int_field(fmt::format("counts.by-id.{:016}", i * 200 + f), f));
        }
        rows.add(draft);
    }
    EXPECT_LT(memory_when_open(rows), kMiB / 2);
}

TEST_F(PartMemory, OfRowsThatAreAllDifferentIsBounded) {
    std::mt19937_64 random(1);
    Rows rows;
    for (int i = 0; i < 20'000; ++i) {
        Rows::Draft draft;
        for (int f = 0; f < 24; ++f) {
            if (random() % 2 == 0) {
                draft.fields.push_back(int_field(fmt::format("optional{}", f), f));
            }
        }
        rows.add(draft);
    }
    EXPECT_LT(memory_when_open(rows), kMiB);
}

TEST_F(PartMemory, IsCountedByTheCache) {
    std::mt19937_64 random(1);
    Rows rows;
    for (int i = 0; i < 20'000; ++i) {
        rows.add({.fields = {text_field("text", fmt::format("{:0500x}", random())),
                             int_field(fmt::format("f{}", i % 300), i)}});
    }
    const auto cache = std::make_shared<Cache>(64 * kMiB);
    const auto part = open_part(rows.build({.page_rows = 1000}), cache);
    const std::size_t grown = heap_growth([&] {
        for (std::uint32_t page = 0; page < part->pages(); ++page) {
            for (std::uint32_t column = 0; column < part->columns().size(); ++column) {
                EXPECT_TRUE(part->page(column, page));
            }
        }
        return cache;
    });
    EXPECT_GT(cache->bytes(), 10 * kMiB);
    EXPECT_LT(grown, cache->bytes() + cache->bytes() / 4);
}

class CountingSource final : public Source {
 public:
    explicit CountingSource(Bytes bytes) : source_(std::move(bytes)) {}
    std::uint64_t size() const noexcept override { return source_.size(); }
    Result<> read(std::uint64_t offset, std::span<std::byte> into) const override {
        read_ += into.size();
        return source_.read(offset, into);
    }
    std::uint64_t bytes_read() const noexcept { return read_; }

 private:
    MemorySource source_;
    mutable std::atomic<std::uint64_t> read_ = 0;
};

// A copy of it for each page was kept until the column was written.
TEST(Merge, ADictionaryThatIsLargerThanItsCacheIsReadOnce) {
    std::mt19937_64 random(1);
    Rows rows;
    for (int i = 0; i < 50'000; ++i) {
        rows.add({.stream = fmt::format("{:016x}{:0180}", random(), i)});
    }
    const auto source = std::make_shared<CountingSource>(rows.build({.page_rows = 1000}));
    const auto part = Part::open(source, nullptr);
    ASSERT_TRUE(part);
    const std::vector<std::shared_ptr<const Part>> parts{*part};
    const std::uint64_t before = source->bytes_read();
    ASSERT_TRUE(merge(parts, {}));
    EXPECT_LT(source->bytes_read() - before, 2 * source->size());
}

}  // namespace
}  // namespace sluice::part
