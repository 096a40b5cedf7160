#include "store/frame_reader.h"

#include "store_fixture.h"

namespace sluice::store::test {
namespace {

constexpr std::uint32_t kBlock = 512;
constexpr std::size_t kFileBytes = 2U << 20U;

// A segment file made by hand.
class Image {
 public:
    Image() : bytes_(kFileBytes) {
        header.segment_id = 7;
        header.segment_bytes = kFileBytes;
        header.first_sequence = 1;
        header.block_bytes = kBlock;
        header.salt = 42;
        encode_segment_header(header, bytes_);
    }
    // Appends a frame that says `text`; returns its offset.
    std::size_t add(std::string_view text) {
        const std::size_t at = tail_;
        const std::span<std::byte> frame = std::span(bytes_).subspan(at, sizeof(FrameHeader) + text.size());
        std::ranges::copy(as_bytes(text), frame.begin() + sizeof(FrameHeader));
        FrameHeader frame_header;
        frame_header.segment_id = header.segment_id;
        frame_header.first_sequence = sequence_;
        frame_header.count = 1;
        seal_frame(frame_header, frame, header.salt);
        ++sequence_;
        tail_ = round_up(at + frame.size(), kBlock);
        return at;
    }
    Bytes& bytes() noexcept { return bytes_; }
    std::size_t tail() const noexcept { return tail_; }
    void skip(std::size_t bytes) noexcept { tail_ += bytes; }

    SegmentHeader header;

 private:
    Bytes bytes_;
    std::size_t tail_ = kHeaderBlock;
    std::uint64_t sequence_ = 1;
};

std::string describe(const FrameReader::Item& item) {
    if (const auto* frame = std::get_if<FrameView>(&item)) {
        const std::string_view text = as_text(frame->payload);
        return text.size() < 40 ? std::string(text) : fmt::format("{}*{}", text.front(), text.size());
    }
    if (const auto* hole = std::get_if<FrameReader::Hole>(&item)) {
        return fmt::format("hole {}+{}", hole->offset, hole->bytes);
    }
    const auto& end = std::get<FrameReader::End>(item);
    return fmt::format("{} {}", end.torn ? "torn" : "end", end.offset);
}

using Items = std::vector<std::string>;

class FrameReaderTest : public testing::Test {
 protected:
    static const inline std::string kPath = "/log";
    FrameReaderTest() : world_(1), kernel_(world_, io::SimKernel::Options{}) {}

    void put(Image& image) { world_.disk().put_file(kPath, image.bytes()); }
    void truncate(std::uint64_t size) {
        const auto cut = [](io::Kernel& kernel, std::uint64_t to) -> Task<Result<>> {
            const io::OpenOptions options{.flags = O_RDWR};
            SLUICE_CO_TRY(const io::Handle file, co_await kernel.open(-1, kPath, options));
            co_return co_await kernel.truncate(file, to);
        };
        ASSERT_TRUE(io::block_on(kernel_, "test", cut, std::ref<io::Kernel>(kernel_), size));
    }
    // Everything that the reader says until the first End.
    Items read(Image& image, bool search = true, bool direct = false) {
        put(image);
        auto items = io::block_on(kernel_, "test", &FrameReaderTest::read_all, this, image.header,
                                  std::uint64_t{image.bytes().size()}, search, direct);
        EXPECT_TRUE(items) << items.error();
        return items.value_or(Items{});
    }
    Task<Result<Items>> read_all(SegmentHeader header, std::uint64_t file_bytes, bool search, bool direct) {
        const io::OpenOptions options{.flags = O_RDONLY | (direct ? O_DIRECT : 0)};
        SLUICE_CO_TRY(const io::Handle file, co_await kernel_.open(-1, kPath, options));
        FrameReader reader(kernel_, file, header, file_bytes, search);
        Items items;
        for (;;) {
            SLUICE_CO_TRY(const FrameReader::Item item, co_await reader.next());
            items.push_back(describe(item));
            if (std::holds_alternative<FrameReader::End>(item)) {
                co_return items;
            }
        }
    }

    io::SimWorld world_;
    io::SimKernel kernel_;
};

TEST_F(FrameReaderTest, ReadsFramesInOrderAndEndsAtZeros) {
    Image image;
    image.add("one");
    image.add("two");
    image.add(std::string(700, 'x'));
    EXPECT_EQ(read(image), (Items{"one", "two", "x*700", fmt::format("end {}", image.tail())}));
    EXPECT_EQ(image.tail(), kHeaderBlock + 2 * kBlock + 2 * kBlock);
}

TEST_F(FrameReaderTest, EmptySegmentEndsAtOnce) {
    Image image;
    EXPECT_EQ(read(image), (Items{"end 4096"}));
}

TEST_F(FrameReaderTest, FullFileEndsAtItsEnd) {
    Image image;
    image.add("one");
    image.add("two");
    image.bytes().resize(image.tail());
    EXPECT_EQ(read(image), (Items{"one", "two", fmt::format("end {}", image.tail())}));
    image.bytes().resize(image.tail() - 100);  // Padding cut off: the frame is whole all the same.
    EXPECT_EQ(read(image), (Items{"one", "two", fmt::format("end {}", image.tail())}));
}

// Larger than what is read ahead, and across its borders.
TEST_F(FrameReaderTest, LargeFramesAreReadWhole) {
    Image image;
    Items expected;
    for (const std::size_t bytes : {300'000U, 100'000U, 100'000U, 100'000U, 262'080U, 262'081U, 10U}) {
        const std::string text(bytes, static_cast<char>('a' + expected.size()));
        image.add(text);
        expected.push_back(bytes < 40 ? text : fmt::format("{}*{}", text.front(), bytes));
    }
    expected.push_back(fmt::format("end {}", image.tail()));
    EXPECT_EQ(read(image), expected);
    EXPECT_EQ(read(image, true, /*direct=*/true), expected);
}

TEST_F(FrameReaderTest, ShortReadsChangeNothing) {
    world_.faults().rates.short_read = 0.7;
    Image image;
    Items expected;
    for (int i = 0; i < 40; ++i) {
        const std::string text(static_cast<std::size_t>(i) * 997 + 41, 'a');
        image.add(text);
        expected.push_back(fmt::format("a*{}", text.size()));
    }
    expected.push_back(fmt::format("end {}", image.tail()));
    EXPECT_EQ(read(image), expected);
    EXPECT_EQ(read(image, true, /*direct=*/true), expected);
    EXPECT_GT(world_.faults().injected(), 10U);
}

TEST_F(FrameReaderTest, TornLastFrameIsATornEnd) {
    Image image;
    image.add("one");
    const std::size_t last = image.add(std::string(2000, 'x'));
    std::ranges::fill(std::span(image.bytes()).subspan(last + 1024, 512), std::byte{0});
    EXPECT_EQ(read(image), (Items{"one", fmt::format("torn {}", last)}));
}

TEST_F(FrameReaderTest, FrameCutByTheEndOfTheFileIsATornEnd) {
    Image image;
    image.add("one");
    const std::size_t last = image.add(std::string(2000, 'x'));
    image.bytes().resize(last + 600);
    EXPECT_EQ(read(image), (Items{"one", fmt::format("torn {}", last)}));
}

TEST_F(FrameReaderTest, DamageBetweenFramesIsAHole) {
    Image image;
    image.add("one");
    const std::size_t second = image.add(std::string(2000, 'x'));
    const std::size_t third = image.add("three");
    image.bytes()[second + 1000] ^= std::byte{4};
    EXPECT_EQ(read(image), (Items{"one", fmt::format("hole {}+{}", second, third - second), "three",
                                  fmt::format("end {}", image.tail())}));
    EXPECT_EQ(read(image, /*search=*/false), (Items{"one", fmt::format("torn {}", second)}));
}

TEST_F(FrameReaderTest, LargeHoleIsCrossed) {
    Image image;
    image.add("one");
    const std::size_t hole = image.tail();
    image.skip(1'000'000 / kBlock * kBlock);
    const std::size_t next = image.add("far away");
    EXPECT_EQ(read(image), (Items{"one", fmt::format("hole {}+{}", hole, next - hole), "far away",
                                  fmt::format("end {}", image.tail())}));
}

// The length is outside of what the checksum can protect while it is not known.
TEST_F(FrameReaderTest, DamagedLengthDoesNotHideTheNextFrame) {
    for (const std::uint32_t length : {0U, 1U, 500U, 100'000U, 0xFFFFFFFFU}) {
        Image image;
        const std::size_t first = image.add("one");
        const std::size_t second = image.add("two");
        store_int(image.bytes().data() + first + 4, length);
        EXPECT_EQ(read(image),
                  (Items{fmt::format("hole {}+{}", first, second - first), "two", fmt::format("end {}", image.tail())}))
            << length;
    }
}

// A recycled file is full of frames of its earlier life.
TEST_F(FrameReaderTest, FramesOfAnEarlierLifeAreNotRead) {
    Image old;
    for (int i = 0; i < 100; ++i) {
        old.add(fmt::format("old {}", i));
    }
    Image image;
    image.bytes() = old.bytes();
    image.header.segment_id = 8;
    image.header.salt = 43;
    encode_segment_header(image.header, image.bytes());
    image.add("new");
    EXPECT_EQ(read(image), (Items{"new", fmt::format("end {}", image.tail())}));
}

TEST_F(FrameReaderTest, RefreshSeesWhatHasGrown) {
    Image image;
    image.add("one");
    put(image);
    const auto step = [](FrameReader& reader) -> Task<Result<std::string>> {
        SLUICE_CO_TRY(const FrameReader::Item item, co_await reader.next());
        co_return describe(item);
    };
    const auto open = [](io::Kernel& kernel) -> Task<Result<io::Handle>> {
        co_return co_await kernel.open(-1, kPath, io::OpenOptions());
    };
    auto file = io::block_on(kernel_, "test", open, std::ref<io::Kernel>(kernel_));
    ASSERT_TRUE(file) << file.error();
    FrameReader reader(kernel_, *file, image.header, kFileBytes, /*search=*/true);
    const auto next = [&] { return io::block_on(kernel_, "test", step, std::ref(reader)).value_or("error"); };
    EXPECT_EQ(next(), "one");
    const std::size_t second = image.add("two");
    const Bytes grown = image.bytes();
    auto write = [](io::Kernel& kernel, const Bytes& bytes, std::size_t at) -> Task<Result<std::size_t>> {
        const io::OpenOptions options{.flags = O_RDWR};
        SLUICE_CO_TRY(const io::Handle out, co_await kernel.open(-1, kPath, options));
        const ByteView piece = ByteView(bytes).subspan(at, kBlock);
        co_return co_await kernel.write_at(out, at, piece, io::WriteSync::none);
    };
    ASSERT_TRUE(io::block_on(kernel_, "test", write, std::ref<io::Kernel>(kernel_), std::cref(grown), second));
    EXPECT_EQ(next(), fmt::format("end {}", second));  // Read ahead, before it was there.
    reader.refresh();
    EXPECT_EQ(next(), "two");
    EXPECT_EQ(next(), fmt::format("end {}", image.tail()));
}

// Nothing but its header, which is the last that the file holds.
TEST_F(FrameReaderTest, FrameWithoutPayloadAtTheVeryEndIsRead) {
    Image image;
    image.add("one");
    const std::size_t last = image.add("");
    image.bytes().resize(last + sizeof(FrameHeader));
    EXPECT_EQ(read(image), (Items{"one", "", fmt::format("end {}", last + kBlock)}));
    image.bytes().pop_back();
    EXPECT_EQ(read(image), (Items{"one", fmt::format("end {}", last)}));
}

TEST_F(FrameReaderTest, FrameWithoutPayloadAtTheVeryEndIsFoundBehindAGap) {
    Image image;
    const std::size_t first = image.add("one");
    const std::size_t last = image.add("");
    image.bytes()[first + 65] ^= std::byte{1};
    image.bytes().resize(last + sizeof(FrameHeader));
    EXPECT_EQ(read(image),
              (Items{fmt::format("hole {}+{}", first, last - first), "", fmt::format("end {}", last + kBlock)}));
    image.bytes().pop_back();
    EXPECT_EQ(read(image), (Items{fmt::format("torn {}", first)}));
}

TEST_F(FrameReaderTest, LargeFrameBehindAGapIsReadWhole) {
    Image image;
    const std::size_t first = image.add("one");
    const std::size_t second = image.add(std::string(900'000, 'x'));
    image.bytes()[first] ^= std::byte{1};
    const Items expected{fmt::format("hole {}+{}", first, second - first), "x*900000",
                         fmt::format("end {}", image.tail())};
    EXPECT_EQ(read(image), expected);
    image.bytes()[second + 800'000] ^= std::byte{1};
    EXPECT_EQ(read(image), (Items{fmt::format("end {}", first)}));
}

class FrameReaderStepTest : public FrameReaderTest {
 protected:
    void open(Image& image, std::uint64_t file_bytes, bool search = true) {
        put(image);
        const auto open = [](io::Kernel& kernel) -> Task<Result<io::Handle>> {
            co_return co_await kernel.open(-1, kPath, io::OpenOptions());
        };
        auto file = io::block_on(kernel_, "test", open, std::ref<io::Kernel>(kernel_));
        ASSERT_TRUE(file) << file.error();
        file_ = *std::move(file);
        reader = std::make_unique<FrameReader>(kernel_, file_, image.header, file_bytes, search);
        reads_ = world_.faults().add(io::fail_from(io::OpCode::read, kPath, 1, 0));
    }
    std::string next() {
        const auto step = [](FrameReader& of) -> Task<Result<std::string>> {
            SLUICE_CO_TRY(const FrameReader::Item item, co_await of.next());
            co_return describe(item);
        };
        const Result<std::string> said = io::block_on(kernel_, "test", step, std::ref(*reader));
        return said ? *said : fmt::format("{}", said.error());
    }
    std::uint64_t reads() { return world_.faults().hits(reads_); }
    std::unique_ptr<FrameReader> reader;

 private:
    io::Handle file_;
    std::size_t reads_ = 0;
};

TEST_F(FrameReaderStepTest, EndStaysWhereItWasAfterASearchToTheEnd) {
    Image image;
    image.add("one");
    const std::string end = fmt::format("end {}", image.tail());
    open(image, kFileBytes);
    EXPECT_EQ(reader->offset(), kHeaderBlock);
    EXPECT_EQ(next(), "one");
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(next(), end);
        EXPECT_EQ(reader->offset(), image.tail());
    }
    reader->seek(kHeaderBlock);
    EXPECT_EQ(next(), "one");
}

TEST_F(FrameReaderStepTest, ReadsAheadAndNothingTwice) {
    Image image;
    for (int i = 0; i < 500; ++i) {
        image.add(fmt::format("frame {}", i));
    }
    open(image, kFileBytes, /*search=*/false);
    for (int i = 0; i < 500; ++i) {
        EXPECT_EQ(next(), fmt::format("frame {}", i));
    }
    EXPECT_EQ(reads(), 1U);
}

// Cut or overwritten while it is read: what was read before must not come again.
TEST_F(FrameReaderStepTest, FileThatEndsBeforeItsSizeIsAnEnd) {
    Image image;
    const std::size_t first = image.add("one");
    const std::size_t second = image.add("two");
    open(image, kFileBytes);
    EXPECT_EQ(next(), "one");
    truncate(first + sizeof(FrameHeader) + 3);
    reader->refresh();
    const std::uint64_t before = reads();
    EXPECT_EQ(next(), fmt::format("end {}", second));
    EXPECT_LE(reads() - before, 10U) << "goes on beyond the end";
    EXPECT_EQ(reader->offset(), second);
}

TEST_F(FrameReaderStepTest, ReadThatFailsIsAnErrorWhereverItIs) {
    Image image;
    const std::size_t first = image.add("one");
    image.add(std::string(600'000, 'x'));
    image.bytes()[first] ^= std::byte{1};
    std::uint64_t failed = 0;
    for (std::uint64_t nth = 1;; ++nth) {
        world_.faults().clear_rules();
        const std::size_t rule = world_.faults().add(io::fail_nth(io::OpCode::read, kPath, nth, EIO));
        open(image, kFileBytes);
        const std::string said = next();
        if (world_.faults().hits(rule) == 0) {
            EXPECT_TRUE(said.starts_with("hole")) << said;
            break;
        }
        EXPECT_TRUE(said.starts_with("io_error")) << said;
        ++failed;
    }
    EXPECT_GE(failed, 2U);
}

TEST_F(FrameReaderTest, OpenSegmentTellsHeaderAndSize) {
    Image image;
    image.header.epoch = 5;
    encode_segment_header(image.header, image.bytes());
    image.bytes().resize(sizeof(SegmentHeader));
    world_.faults().rates.short_read = 0.9;
    for (int i = 0; i < 20; ++i) {
        put(image);
        const auto opened =
            io::block_on(kernel_, "test", open_segment, std::ref<io::Kernel>(kernel_), -1, kPath, /*direct=*/false);
        ASSERT_TRUE(opened) << opened.error();
        EXPECT_EQ(opened->info.header.epoch, 5U);
        EXPECT_EQ(opened->info.header.segment_id, 7U);
        EXPECT_EQ(opened->info.file_bytes, sizeof(SegmentHeader));
    }
}

TEST_F(FrameReaderTest, OpenSegmentAsksForDirectIoWhereItIsWanted) {
    Image image;
    put(image);
    world_.disk().set_direct_io_alignment(0);
    for (const bool direct : {true, false}) {
        const auto opened =
            io::block_on(kernel_, "test", open_segment, std::ref<io::Kernel>(kernel_), -1, kPath, bool{direct});
        EXPECT_EQ(code_of(opened), direct ? Errc::invalid_argument : Errc{});
    }
}

TEST_F(FrameReaderTest, OpenSegmentTellsWhatFails) {
    Image image;
    put(image);
    for (const io::OpCode code : {io::OpCode::open, io::OpCode::stat, io::OpCode::read}) {
        const std::size_t rule = world_.faults().add(io::fail_nth(code, kPath, 1, EIO));
        const auto opened =
            io::block_on(kernel_, "test", open_segment, std::ref<io::Kernel>(kernel_), -1, kPath, /*direct=*/false);
        EXPECT_EQ(world_.faults().hits(rule), 1U);
        EXPECT_EQ(code_of(opened), Errc::io_error);
    }
    image.bytes().resize(100);
    put(image);
    const auto cut =
        io::block_on(kernel_, "test", open_segment, std::ref<io::Kernel>(kernel_), -1, kPath, /*direct=*/false);
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().text(), "'/log': a segment header has 128 bytes, this file ends after 100");
}

TEST_F(FrameReaderTest, OpenSegmentSaysWhatIsWrongWithAHeader) {
    Image image;
    image.bytes()[70] ^= std::byte{1};
    put(image);
    const auto opened =
        io::block_on(kernel_, "test", open_segment, std::ref<io::Kernel>(kernel_), -1, kPath, /*direct=*/false);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Errc::corrupt);
    EXPECT_NE(opened.error().text().find("'/log'"), std::string::npos) << opened.error();
}

}  // namespace
}  // namespace sluice::store::test
