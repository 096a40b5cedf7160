// The last value that fits and the first that does not: of streams, of spans, and of the values of a part.
#include <bit>
#include <cmath>
#include <limits>

#include "part/column_reader.h"
#include "part/float_stream.h"
#include "part/forged_part.h"
#include "part/layout.h"
#include "part/merge.h"
#include "part/part_fixture.h"
#include "part/part_writer.h"
#include "part/text_stream.h"

namespace sluice::part {
namespace {

Bytes bytes_of(std::initializer_list<unsigned> values) {
    Bytes bytes;
    for (const unsigned value : values) {
        bytes.push_back(static_cast<std::byte>(value));
    }
    return bytes;
}

TEST(Input, TakesWhatIsThereAndNotAByteMore) {
    const Bytes four = bytes_of({1, 2, 3, 4});
    Input all(four);
    EXPECT_EQ(all.bytes(4).size(), 4U);
    EXPECT_TRUE(all.done());
    Input beyond(four);
    EXPECT_TRUE(beyond.bytes(5).empty());
    EXPECT_TRUE(beyond.failed());
    EXPECT_EQ(beyond.left(), 0U) << "what comes behind a fault is not read";
    Input behind(four);
    behind.byte();
    EXPECT_FALSE(behind.done());
}

TEST(Input, BoundsVarintsByTheirLengthAndTheLimit) {
    Bytes largest;
    append_varint(largest, UINT64_MAX);
    EXPECT_EQ(largest.size(), 10U);
    Input whole(largest);
    EXPECT_EQ(whole.varint(), UINT64_MAX);
    EXPECT_TRUE(whole.done());
    const Bytes endless(11, std::byte{0x80});
    Input longer(endless);
    EXPECT_EQ(longer.varint(), 0U);
    EXPECT_TRUE(longer.failed());
    const Bytes cut(9, std::byte{0x80});
    Input shorter(cut);
    shorter.varint();
    EXPECT_TRUE(shorter.failed());

    const Bytes seven = bytes_of({7});
    Input fits(seven);
    EXPECT_EQ(fits.varint_max(7), 7U);
    EXPECT_FALSE(fits.failed());
    Input too_large(seven);
    EXPECT_EQ(too_large.varint_max(6), 0U);
    EXPECT_TRUE(too_large.failed());
    // Seven elements of at least a byte each.
    const Bytes elements = bytes_of({7, 0, 0, 0, 0, 0, 0, 0});
    Input enough(elements);
    EXPECT_EQ(enough.count(), 7U);
    Input few(ByteView(elements).first(6));
    EXPECT_EQ(few.count(), 0U);
    EXPECT_TRUE(few.failed());
}

// `read` takes the whole stream; with a byte more, or less, it must not.
template <class Read>
void expect_exact(const Bytes& stream, Read&& read) {
    EXPECT_TRUE(read(ByteView(stream)));
    Bytes longer = stream;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(read(ByteView(longer))) << "a byte behind the last value";
    for (std::size_t size = 0; size < stream.size(); ++size) {
        EXPECT_FALSE(read(ByteView(stream).first(size))) << size << " of " << stream.size() << " bytes";
    }
}

TEST(Streams, TakeEveryByteAndNoOther) {
    for (const std::vector<std::int64_t>& values :
         {std::vector<std::int64_t>{1, 99, -5, 1000}, {INT64_MIN, INT64_MAX, 0}, {5, 10, 15, 21}, {8, 8, 8}}) {
        Bytes ints;
        append_ints(ints, values);
        expect_exact(ints, [&](ByteView bytes) {
            std::vector<std::int64_t> read(values.size());
            Input from(bytes);
            return read_ints(from, read) && from.done() && read == values;
        });
    }
    const std::vector<std::int64_t> codes{0, 1, 2, 0, 3};
    Bytes of_codes;
    append_codes(of_codes, codes, 0);
    expect_exact(of_codes, [&](ByteView bytes) {
        std::vector<std::uint32_t> read(codes.size());
        return read_codes(bytes, 4, read);
    });
    for (const std::vector<double>& values : {std::vector<double>{0.5, 1.25}, {1.0 / 3, std::nan("")}}) {
        std::vector<std::int64_t> bits;
        for (const double value : values) {
            bits.push_back(std::bit_cast<std::int64_t>(value));
        }
        Bytes floats;
        append_floats(floats, bits);
        expect_exact(floats, [&](ByteView bytes) {
            std::vector<double> read(values.size());
            Input from(bytes);
            return read_floats(from, read);
        });
    }
    using Texts = std::vector<std::string_view>;
    for (const Texts& values : {Texts{"a", "", "bc"}, Texts{std::string_view("a\0b", 3), "c"}, Texts{"12", "-7"},
                                Texts{"007", "123"}, Texts{"0.50", "1.25"}, Texts{"2023-11-21T01:02:03Z"},
                                Texts{"10.0.0.1"}, Texts{"deadbeef"}, Texts{"550e8400-e29b-41d4-a716-446655440000"}}) {
        Bytes texts;
        append_texts(texts, values);
        SCOPED_TRACE(values.front());
        expect_exact(texts, [&](ByteView bytes) {
            Texts read(values.size());
            TextArena arena;
            Input from(bytes);
            return read_texts(from, read, arena);
        });
    }
}

TEST(Streams, RefuseWhatNoWriterMakes) {
    std::vector<std::int64_t> one(1);
    const auto ints = [&](const Bytes& bytes) {
        Input from(bytes);
        return read_ints(from, one) && from.done();
    };
    // Mode, width, divisor, minimum, planes.
    EXPECT_TRUE(ints(bytes_of({0, 8, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8})));
    EXPECT_FALSE(ints(bytes_of({0, 9, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9})));
    EXPECT_TRUE(ints(bytes_of({2, 0, 1, 0, 5})));
    EXPECT_FALSE(ints(bytes_of({3, 0, 1, 0, 5})));
    std::vector<double> number(1);
    const auto floats = [&](const Bytes& bytes) {
        Input from(bytes);
        return read_floats(from, number);
    };
    EXPECT_TRUE(floats(bytes_of({1, 15, 0, 0, 1, 2})));
    EXPECT_EQ(number[0], 1e-15);
    EXPECT_FALSE(floats(bytes_of({1, 16, 0, 0, 1, 2})));
    EXPECT_FALSE(floats(bytes_of({2, 0, 0, 1, 2})));
    std::vector<std::uint32_t> code(1);
    EXPECT_TRUE(read_codes(bytes_of({0, 0, 1, 6}), 4, code));  // Zigzag: 3.
    EXPECT_FALSE(read_codes(bytes_of({0, 0, 1, 8}), 4, code));
    EXPECT_FALSE(read_codes(bytes_of({0, 0, 1, 1}), 4, code));  // -1.
}

// ---- spans ----

class SpansTest : public testing::Test {
 protected:
    SpansTest() : pages_{{0, 10, 0}, {10, 20, 0}, {30, 5, 0}} {}
    // Not dense; then (pages to skip, count, begins a chunk) of each.
    struct Entry {
        std::uint64_t skip;
        std::uint64_t count;
        bool begins;
    };
    bool read(const std::vector<Entry>& entries, std::size_t said) {
        Bytes bytes;
        append_varint(bytes, 0);
        append_varint(bytes, said);
        for (const Entry& entry : entries) {
            append_varint(bytes, entry.skip);
            append_varint(bytes, entry.count << 1U | (entry.begins ? 1U : 0U));
        }
        spans_ = Spans();
        Input from(bytes);
        return read_spans(from, pages_, spans_) && from.done();
    }
    bool read(const std::vector<Entry>& entries) { return read(entries, entries.size()); }

    std::vector<PageLayout> pages_;
    Spans spans_;
};

TEST_F(SpansTest, EndWithThePagesAndTheirRows) {
    EXPECT_TRUE(read({{0, 10, true}, {0, 20, false}, {0, 5, true}}));
    EXPECT_EQ(spans_.values, 35U);
    EXPECT_EQ(spans_.chunks, (std::vector<std::uint32_t>{30, 5}));
    EXPECT_EQ(spans_.pages[1].offset, 10U);
    EXPECT_TRUE(read({{2, 5, true}}));
    EXPECT_FALSE(read({{3, 5, true}})) << "a page behind the last";
    EXPECT_FALSE(read({{2, 5, true}, {0, 1, false}}));
    EXPECT_FALSE(read({{0, 11, true}})) << "a value more than rows";
    EXPECT_FALSE(read({{2, 6, true}}));
    EXPECT_TRUE(read({{0, 1, true}}));
    EXPECT_FALSE(read({{0, 0, true}})) << "a page without values is left out";
    EXPECT_FALSE(read({{0, 10, false}})) << "the first begins a chunk";
    EXPECT_FALSE(read({{0, 10, true}}, 2)) << "one more is said than is there";
    EXPECT_FALSE(read({{0, 10, true}, {0, 20, true}}, 1)) << "bytes behind the last";
}

TEST_F(SpansTest, AreDenseOrNotAndNothingElse) {
    const auto flag = [&](unsigned value, bool with_entries) {
        Bytes bytes = bytes_of({value});
        append(bytes, with_entries ? bytes_of({1, 0, 10 << 1U | 1U}) : Bytes());
        spans_ = Spans();
        Input from(bytes);
        return read_spans(from, pages_, spans_) && from.done();
    };
    EXPECT_TRUE(flag(0, true));
    EXPECT_FALSE(spans_.dense);
    EXPECT_TRUE(flag(1, false));
    EXPECT_TRUE(spans_.dense);
    EXPECT_EQ(spans_.chunks, (std::vector<std::uint32_t>{10, 20, 5}));
    EXPECT_FALSE(flag(2, true));
    EXPECT_FALSE(flag(2, false));
}

TEST_F(SpansTest, ChunksAreBounded) {
    pages_ = {{0, kPageRowsMax, 0}, {kPageRowsMax, kPageRowsMax, 0}, {2 * kPageRowsMax, kPageRowsMax, 0}};
    const std::uint64_t rest = kChunkValuesMax - 2 * kPageRowsMax;
    EXPECT_TRUE(read({{0, kPageRowsMax, true}, {0, kPageRowsMax, false}, {0, rest, false}}));
    EXPECT_FALSE(read({{0, kPageRowsMax, true}, {0, kPageRowsMax, false}, {0, rest + 1, false}}));
    EXPECT_TRUE(read({{0, kPageRowsMax, true}, {0, kPageRowsMax, false}, {0, rest + 1, true}}));
}

TEST_F(SpansTest, ComeBackAsTheyWereWritten) {
    Spans written;
    written.add(0, 10, true);
    written.add(2, 5, false);
    written.add(5, 1, true);
    pages_.resize(6, {35, 1, 0});
    Bytes bytes;
    append_spans(bytes, written);
    Input from(bytes);
    ASSERT_TRUE(read_spans(from, pages_, spans_));
    EXPECT_TRUE(from.done());
    EXPECT_EQ(spans_.chunks, written.chunks);
    for (const std::uint32_t page : {0U, 2U, 5U}) {
        ASSERT_NE(spans_.find(page), nullptr);
        EXPECT_EQ(spans_.find(page)->count, written.find(page)->count);
        EXPECT_EQ(spans_.find(page)->offset, written.find(page)->offset);
    }
    for (const std::uint32_t page : {1U, 3U, 4U, 6U}) {
        EXPECT_EQ(spans_.find(page), nullptr) << page;
    }
}

// ---- values ----

constexpr std::int64_t kEnds[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};

std::vector<double> odd_doubles() {
    const double exact = 9007199254740992.0;  // 2^53.
    std::vector<double> all{0.0,
                            -0.0,
                            HUGE_VAL,
                            -HUGE_VAL,
                            5e-324,
                            -5e-324,
                            exact,
                            exact + 2,
                            -exact,
                            exact - 1,
                            1e15,
                            std::numeric_limits<double>::max(),
                            std::numeric_limits<double>::min(),
                            0.1,
                            1e-15};
    for (const std::uint64_t bits :
         {0x7ff8000000000000U, 0xfff8000000000001U, 0x7ff0000000000001U, 0x7fffffffffffffffU}) {
        all.push_back(std::bit_cast<double>(std::uint64_t{bits}));  // Quiet and signalling NaN of both signs.
    }
    return all;
}

Rows rows_of_ends() {
    Rows rows;
    for (const double value : odd_doubles()) {
        rows.add({.fields = {float_field("d", value), float_field("_t", -value)}});
    }
    for (const std::int64_t value : kEnds) {
        rows.add({.receive_time = value, .time = value, .fields = {int_field("i", value), int_field("_pid", value)}});
    }
    return rows;
}

TEST(PartBoundary, EndsOfTheRangeAndNotANumberComeBackBitForBit) {
    for (const std::uint32_t page_rows : {1U, 3U, 8192U}) {
        EXPECT_TRUE(round_trips(rows_of_ends(), {.page_rows = page_rows}));
    }
    for (const double value : odd_doubles()) {  // Alone, each chooses its own way.
        Rows rows;
        rows.add({.fields = {float_field("d", value)}});
        EXPECT_TRUE(round_trips(rows)) << value;
    }
}

// A page takes rows to its last byte; one that is larger by itself has a page of its own.
TEST(PartBoundary, PageIsFilledToItsLastByte) {
    const auto row_of = [](std::size_t bytes) {  // Of an encoded row.
        Rows probe;
        probe.add({});
        return Rows::Draft{.message = std::string(bytes - probe.bytes().size(), 'm')};
    };
    const auto pages = [&](std::initializer_list<std::size_t> sizes) {
        Rows rows;
        std::size_t before = 0;
        for (const std::size_t size : sizes) {
            rows.add(row_of(size));
            EXPECT_EQ(rows.bytes().size() - before, size);
            before = rows.bytes().size();
        }
        const auto part = open_part(rows.build());
        std::vector<std::uint32_t> filled;
        for (std::uint32_t page = 0; page < part->pages(); ++page) {
            filled.push_back(part->page_rows(page));
        }
        return filled;
    };
    using Filled = std::vector<std::uint32_t>;
    constexpr std::size_t kQuarter = kPageBytes / 4;
    EXPECT_EQ(pages({kQuarter, kQuarter, kQuarter, kQuarter, kQuarter}), (Filled{4, 1}));
    EXPECT_EQ(pages({kQuarter, kQuarter, kQuarter, kQuarter + 8, kQuarter}), (Filled{3, 2}));
    EXPECT_EQ(pages({kPageBytes, 400, 400}), (Filled{1, 2}));
    EXPECT_EQ(pages({kPageBytes + 8, 400, kPageBytes + 8}), (Filled{1, 1, 1}));
}

// Of each page one row has the field.  Value by value: how many bytes the value has.
std::vector<std::uint32_t> chunks_of(const std::vector<std::size_t>& values, const BuildOptions& options,
                                     const std::function<void(Rows::Draft&, std::size_t)>& put) {
    Rows rows;
    for (const std::size_t bytes : values) {
        Rows::Draft draft;
        put(draft, bytes);
        rows.add(draft);
        draft.fields.resize(draft.fields.size() - 1);
        rows.add(draft);
    }
    EXPECT_TRUE(round_trips(rows, options));
    return ForgedPart(rows.build(options)).layout.columns.back().spans.chunks;
}

// A chunk ends with the page that brings its text to kChunkBytes; the next one begins from nothing.
TEST(PartBoundary, ChunkIsFilledToItsLastByte) {
    const std::vector<std::size_t> values{kChunkBytes - 100, 99, 100, kChunkBytes - 1, 100, kChunkBytes, 100};
    const std::vector<std::uint32_t> chunks{3, 2, 1, 1};
    const auto column = [](Rows::Draft& draft, std::size_t bytes) {
        draft.fields.push_back(text_field("t", std::string(bytes, 't')));
    };
    EXPECT_EQ(chunks_of(values, {.page_rows = 2}, column), chunks);
    const auto other = [](Rows::Draft& draft, std::size_t bytes) {  // In front of it: how it stands in the row.
        draft.fields = {int_field("a", 1), text_field("t", std::string(bytes - wire::kFieldHeaderSize - 2, 't'))};
    };
    EXPECT_EQ(chunks_of(values, {.page_rows = 2, .columns_max = 1}, other), chunks);
}

TEST(PartBoundary, RangesReachToTheEndsAndSurviveAMerge) {
    const auto one = open_part(rows_of_ends().build({.page_rows = 4}));
    Rows later;
    later.add({.sequence = 1000, .fields = {int_field("i", 5)}});
    const auto merged = merge(std::vector{one, open_part(later.build())}, {.page_rows = 8192});
    ASSERT_TRUE(merged);
    const auto part = open_part(*merged);
    ASSERT_TRUE(part->verify());
    for (const std::uint32_t column : {part->find("i")[0], Part::fixed(ColumnKind::time)}) {
        const auto range = part->range(column, 0);
        ASSERT_TRUE(range);
        EXPECT_EQ(range->min, INT64_MIN);
        EXPECT_EQ(range->max, INT64_MAX);
    }
    EXPECT_EQ(part->summary().receive_min, INT64_MIN);
    EXPECT_EQ(part->summary().receive_max, INT64_MAX);
}

}  // namespace
}  // namespace sluice::part
