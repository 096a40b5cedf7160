// A reader of the log by itself: what it holds and for how long, what it reads again, and which errors it tells.
#include "server/log_follower.h"

#include <gmock/gmock.h>

#include <set>

#include "log_life_fixture.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Nothing is sealed before seal() is called, and nothing stays in memory but the last group.
class LogFollowerTest : public LogLifeTest {
 protected:
    LogFollowerTest() {
        SealOptions& seal = options.pipeline.seal;
        seal.rows_max = 1'000'000;
        seal.open_bytes_max = 1;
        seal.page_rows = 16;
        options.pipeline.memory_bytes_max = 1;
        options.pipeline.sync_interval = milliseconds(5);
        io::SimKernel::Options as;
        as.name = "reader";
        kernel_.emplace(world, as);
    }
    // Records "1 ...", "2 ...", of 4000 bytes each.
    void write(std::uint64_t last) {
        if (client_ == nullptr) {
            start();
            client_ = &greet();
            auto opened = io::block_on(*kernel_, "open", &LogFollowerTest::open_store, &*kernel_);
            ASSERT_TRUE(opened) << opened.error();
            directory_ = *std::move(opened);
            hub().set_offload(nullptr);  // The reader is of another loop than the daemon.
            follower_.emplace(*kernel_, directory_.fd(), hub());
        }
        while (written_ < last) {
            ++written_;
            log(*client_, written_ + 1,
                {{fmt::format("{}{}", written_, std::string(4000, ' ')), "", wire::Severity::info}});
        }
    }
    // What is written so far; one more record stays open.
    void seal() {
        daemon->pipeline().set_log_bytes_max(options.writer.segment_bytes);
        write(written_ + 1);
        pass(seconds(5));
        ASSERT_EQ(hub().sealed_end(), written_);
    }
    // The group at the follower's place: "first to last", or the error.
    std::string read(std::uint64_t limit = store::kNoLimit) {
        limit = std::min(limit, hub().end_sequence());
        const auto group = next_group(limit);
        if (!group) {
            return fmt::format("{}", group.error());
        }
        return *group ? fmt::format("{} to {}", (*group)->first_sequence, (*group)->end_sequence - 1) : "nothing";
    }
    std::string path_of(std::size_t segment) {
        return sim::kStorePath + "/" + store::segment_name(hub().catalog().at(segment).header.segment_id);
    }
    // Of the frame of a record in the first segment.
    std::uint64_t place_of(std::uint64_t record) {
        const Bytes content = *world.disk().content(path_of(0));
        const std::size_t at = as_text(content).find(fmt::format("{}{}", record, std::string(100, ' ')));
        EXPECT_NE(at, std::string_view::npos);
        return at / 512 * 512;
    }
    // The same, which is damaged now.
    std::uint64_t spoil(std::uint64_t record) {
        const std::uint64_t at = place_of(record);
        world.disk().flip(path_of(0), at + 100, std::byte{1});
        return at;
    }
    // What the last call has lost: "first to last" of each place.
    std::string lost() {
        std::string text;
        for (const store::Damage& damage : follower().lost()) {
            text += fmt::format("{}{} to {}", text.empty() ? "" : ", ", damage.first_sequence, damage.end_sequence - 1);
        }
        return text;
    }
    Result<std::optional<GroupView>> next_group(std::uint64_t limit) {
        return io::block_on(*kernel_, "read", &LogFollowerTest::next, &*follower_, limit);
    }
    std::size_t files_open() { return world.open_descriptors(*kernel_) - 1; }
    LogFollower& follower() { return *follower_; }
    std::size_t count(io::OpCode code) {
        io::FaultRule rule = io::fail_from(code, "/store/*", 1, 0);
        rule.fault.delay = std::chrono::nanoseconds(1);
        return world.faults().add(rule);
    }

 private:
    static Task<Result<io::Handle>> open_store(io::SimKernel* kernel) {
        const io::OpenOptions open{.flags = O_RDONLY | O_DIRECTORY};
        co_return co_await kernel->open(-1, sim::kStorePath, open);
    }
    static Task<Result<std::optional<GroupView>>> next(LogFollower* follower, std::uint64_t limit) {
        co_return co_await follower->next(limit);
    }

    std::optional<io::SimKernel> kernel_;
    io::Handle directory_;
    std::optional<LogFollower> follower_;
    RawClient* client_ = nullptr;
    std::uint64_t written_ = 0;
};

// One file at a time, and none where the records are in memory.
TEST_F(LogFollowerTest, FileIsHeldAsLongAsItIsRead) {
    write(150);
    ASSERT_GE(hub().catalog().size(), 3U);
    EXPECT_EQ(read(), "1 to 1");
    EXPECT_EQ(files_open(), 1U);
    follower().seek(2);
    EXPECT_EQ(read(), "2 to 2");
    follower().seek(hub().catalog()[1].header.first_sequence);
    EXPECT_THAT(read(), testing::StartsWith(fmt::format("{} to", follower().position())));
    EXPECT_EQ(files_open(), 1U);
    follower().seek(150);
    EXPECT_EQ(read(), "150 to 150");
    EXPECT_EQ(files_open(), 0U) << "that one is in memory";
    follower().seek(3);
    EXPECT_EQ(read(), "3 to 3");
    EXPECT_EQ(files_open(), 1U);
    follower().rest();
    EXPECT_EQ(files_open(), 0U);
    EXPECT_EQ(read(), "3 to 3");
    seal();
    EXPECT_EQ(read(), "3 to 16") << "a page of the part";
    EXPECT_EQ(files_open(), 0U);
}

TEST_F(LogFollowerTest, FileIsReadOnInOrderAndNotFromItsBeginning) {
    write(60);
    const std::size_t opens = count(io::OpCode::open);
    for (std::uint64_t n = 1; n < 60; ++n) {
        EXPECT_EQ(read(), fmt::format("{0} to {0}", n));
        follower().seek(n + 1);
    }
    EXPECT_EQ(world.faults().hits(opens), hub().catalog().size());
    follower().seek(7);
    EXPECT_EQ(read(), "7 to 7") << "backwards: from its beginning again";
    EXPECT_EQ(world.faults().hits(opens), hub().catalog().size() + 1);
}

// What was read of parts keeps them, whatever retention does; who rests keeps nothing.
TEST_F(LogFollowerTest, PartsAreHeldAsLongAsTheyAreRead) {
    write(150);
    seal();
    const auto change = [&] {  // As a merge does: a set of the hub alone.
        std::weak_ptr<const store::PartSet> old = hub().parts();
        hub().set_parts(std::make_shared<store::PartSet>(*hub().parts()), 0);
        return old;
    };
    change();
    EXPECT_EQ(read(), "1 to 16");
    const auto first = change();
    EXPECT_FALSE(first.expired());
    follower().rest();
    EXPECT_TRUE(first.expired());
    follower().seek(17);
    EXPECT_EQ(read(), "17 to 32");
    const auto second = change();
    EXPECT_FALSE(second.expired());
    follower().seek(151);
    EXPECT_EQ(read(), "151 to 151");
    EXPECT_TRUE(second.expired()) << "that one is in memory";
}

// A view lives on, whatever becomes of its group in memory.
TEST_F(LogFollowerTest, GroupInMemoryStaysWhereItIsUntilTheNext) {
    write(5);
    follower().seek(5);
    EXPECT_EQ(read(), "5 to 5");
    const std::weak_ptr<const void> group = hub().recent().back().owner;
    write(6);
    ASSERT_EQ(hub().recent().front().first_sequence, 6U);
    EXPECT_FALSE(group.expired());
    follower().rest();
    EXPECT_TRUE(group.expired());
}

TEST_F(LogFollowerTest, NothingIsReadAtTheLimit) {
    write(10);
    const std::size_t opens = count(io::OpCode::open);
    EXPECT_EQ(read(1), "nothing");
    follower().seek(10);
    EXPECT_EQ(read(10), "nothing");
    EXPECT_EQ(read(9), "nothing");
    EXPECT_EQ(follower().position(), 10U);
    EXPECT_EQ(world.faults().hits(opens), 0U);
    EXPECT_FALSE(follower().reads_files(11)) << "in memory";
    follower().seek(9);
    EXPECT_TRUE(follower().reads_files(10));
    EXPECT_FALSE(follower().reads_files(9));
}

// An error of the disk is told as such: the place is not lost.
TEST_F(LogFollowerTest, ErrorOfTheDiskIsNoLostPlace) {
    write(60);
    for (const io::OpCode code : {io::OpCode::open, io::OpCode::read, io::OpCode::stat}) {
        follower().rest();
        follower().seek(1);
        const std::size_t rule = world.faults().add(io::fail_nth(code, "/store/*.wal", 1, EIO));
        const std::string outcome = read();
        if (world.faults().hits(rule) != 0) {
            EXPECT_THAT(outcome, testing::StartsWith("io_error: ")) << static_cast<int>(code);
        }
        world.faults().clear_rules();
        EXPECT_EQ(read(), "1 to 1");
    }
}

TEST_F(LogFollowerTest, PlaceMovesOverWhatIsLost) {
    write(20);
    const std::string path = sim::kStorePath + "/" + store::segment_name(hub().catalog()[0].header.segment_id);
    const std::size_t at = as_text(*world.disk().content(path)).find("5   ");
    ASSERT_NE(at, std::string_view::npos);
    world.disk().flip(path, at, std::byte{1});
    follower().seek(5);
    EXPECT_EQ(read(), "6 to 6");
    EXPECT_EQ(follower().position(), 6U);
}

// The limit may lie within what is damaged: the frame behind that is read when it is wanted.
TEST_F(LogFollowerTest, LimitWithinWhatIsLostCostsNothingBehindIt) {
    write(20);
    spoil(5);
    spoil(6);
    follower().seek(5);
    EXPECT_EQ(read(6), "nothing");
    EXPECT_EQ(follower().position(), 6U);
    EXPECT_EQ(lost(), "5 to 5");
    EXPECT_EQ(read(), "7 to 7");
    EXPECT_EQ(lost(), "6 to 6");
}

// Each place of damage is told with where it is itself, whatever was met in another segment before.
TEST_F(LogFollowerTest, DamageOfASegmentIsToldWithItsOwnPlace) {
    write(150);
    ASSERT_GE(hub().catalog().size(), 3U);
    const std::uint64_t second = hub().catalog()[1].header.first_sequence;
    const std::uint64_t third = hub().catalog()[2].header.first_sequence;
    const std::string path = path_of(1);
    Bytes header = *world.disk().content(path);
    std::ranges::fill(std::span(header).subspan(store::kHeaderBlock), std::byte{0});
    world.disk().put_file(path, header);
    const std::uint64_t spoiled = spoil(5);
    follower().seek(5);
    EXPECT_EQ(read(6), "nothing") << "whatever is behind the limit";
    ASSERT_EQ(follower().lost().size(), 1U);
    EXPECT_EQ(follower().lost()[0].offset, spoiled);
    follower().seek(second);
    EXPECT_EQ(read(), fmt::format("{0} to {0}", third));
    ASSERT_EQ(follower().lost().size(), 1U);
    const store::Damage& damage = follower().lost()[0];
    EXPECT_EQ(damage.first_sequence, second);
    EXPECT_EQ(damage.end_sequence, third);
    EXPECT_EQ(damage.offset, store::kHeaderBlock);
    EXPECT_EQ(damage.bytes, 0U);
    EXPECT_EQ(damage.what, "no valid frame from there to the end of the segment");
}

// Every frame is whole, but one is not there.
TEST_F(LogFollowerTest, RecordsThatAreMissingBetweenWholeFramesAreToldToBeLost) {
    write(20);
    const Bytes content = *world.disk().content(path_of(0));
    const std::uint64_t begin = place_of(5);
    const std::uint64_t end = place_of(7);
    Bytes shorter(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(begin));
    shorter.insert(shorter.end(), content.begin() + static_cast<std::ptrdiff_t>(end), content.end());
    shorter.resize(content.size());
    world.disk().put_file(path_of(0), shorter);
    follower().seek(4);
    EXPECT_EQ(read(), "4 to 4");
    follower().seek(5);
    EXPECT_EQ(read(), "7 to 7");
    EXPECT_EQ(lost(), "5 to 6");
    ASSERT_EQ(follower().lost().size(), 1U);
    EXPECT_EQ(follower().lost()[0].what, "records are missing before this place");
    EXPECT_EQ(follower().lost()[0].offset, begin + (place_of(8) - begin));
}

// What is shown of a damaged part and what is told to be lost are all of it, and no record is both.
TEST_F(LogFollowerTest, RecordsOfADamagedPageAreToldToBeLost) {
    options.pipeline.seal.cache_bytes_max = 1;
    write(150);
    seal();
    const store::PartPointer part = hub().parts()->by_sequence().at(0);
    const std::uint64_t end = hub().sealed_end();
    const std::string path = sim::kStorePath + "/" + part->file;
    const std::size_t size = world.disk().content(path)->size();
    std::size_t with_losses = 0;
    for (std::size_t at = 0; at < size; at += size / 24) {
        world.disk().flip(path, at, std::byte{0x55});
        follower().rest();
        follower().seek(1);
        std::set<std::uint64_t> seen;
        std::size_t losses = 0;
        while (follower().position() < end) {
            const auto group = next_group(end);
            ASSERT_TRUE(group) << group.error();
            for (const store::Damage& damage : follower().lost()) {
                EXPECT_EQ(damage.file, part->file);
                for (std::uint64_t n = damage.first_sequence; n < damage.end_sequence; ++n, ++losses) {
                    EXPECT_TRUE(seen.insert(n).second) << n;
                }
            }
            if (*group) {
                for (const wire::TailEntry entry : wire::TailEntryRange((*group)->payload, (*group)->count)) {
                    EXPECT_TRUE(seen.insert(entry.sequence).second) << entry.sequence;
                }
                follower().seek((*group)->end_sequence);
            }
        }
        world.disk().flip(path, at, std::byte{0x55});
        EXPECT_EQ(seen.size(), end - 1) << at;
        with_losses += losses != 0 ? 1 : 0;
    }
    EXPECT_GE(with_losses, 6U);
}

TEST_F(LogFollowerTest, SegmentThatIsGoneIsALostPlaceWithItsName) {
    write(150);
    const std::string name = store::segment_name(hub().catalog()[1].header.segment_id);
    world.disk().remove(sim::kStorePath + "/" + name);
    follower().seek(hub().catalog()[1].header.first_sequence);
    EXPECT_EQ(read(), fmt::format("cursor_lost: segment '{}' was retired while it was read", name));
}

TEST_F(LogFollowerTest, RecordsThatWereRemovedMeanwhileAreNamed) {
    write(150);
    seal();
    EXPECT_EQ(read(), "1 to 16");
    auto none = std::make_shared<store::PartSet>();
    none->state = hub().parts()->state;
    none->state.removed_of("default").end_sequence = 33;
    hub().set_parts(none, 0);
    follower().seek(20);
    EXPECT_EQ(read(), "cursor_lost: records from 20 on were removed, up to 32");
    follower().seek(32);
    EXPECT_EQ(read(), "cursor_lost: records from 32 on were removed, up to 32");
    follower().seek(33);
    EXPECT_EQ(read(41), "nothing") << "lost to damage, if anything was there";
    EXPECT_EQ(follower().position(), 41U);
}

// What is sealed is there, although the log begins later.
TEST_F(LogFollowerTest, CursorIntoThePartsIsGood) {
    write(150);
    seal();
    ASSERT_GT(hub().catalog().front().header.first_sequence, 10U);
    for (const std::uint64_t last : {1U, 9U, 149U, 150U}) {
        const auto place = follower().after({.store = hub().store_id(), .epoch = 1, .sequence = last});
        ASSERT_TRUE(place) << last << ": " << place.error();
        EXPECT_EQ(*place, last + 1);
    }
}

// ---- where a time begins ----

TEST_F(LogFollowerTest, TimeIsFoundInThePartThatHoldsItFirst) {
    options.pipeline.seal.rows_max = 10;
    options.pipeline.seal.retention.classes.push_back({.name = "b", .streams = {"b"}});
    start();
    RawClient& client = greet();
    std::vector<WallNs> ends;
    for (std::uint64_t n = 1; n <= 40; ++n) {
        log(client, n + 1, {{"m", n % 10 < 5 ? "b" : "a", wire::Severity::info}}, wire::AckLevel::durable);
        if (n % 10 == 0) {
            ends.push_back(world.clock().wall_now());
            pass(seconds(1));
        }
    }
    ASSERT_EQ(hub().sealed_end(), 41U);
    ASSERT_EQ(hub().parts()->classes.size(), 2U);
    io::SimKernel kernel(world, {});
    const LogFollower any(kernel, -1, hub());
    EXPECT_EQ(any.before(0), 1U);
    EXPECT_EQ(any.before(ends[0]), 11U) << "of the one class; of the other 15";
    EXPECT_EQ(any.before(ends[1]), 21U);
    EXPECT_EQ(any.before(ends[2]), 31U);
    EXPECT_EQ(any.before(ends[3]), 41U) << "behind all parts";
}

}  // namespace
}  // namespace sluice::server::test
