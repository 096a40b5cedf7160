// Recovery of what crashes and damage leave behind.
#include "store_fixture.h"

namespace sluice::store::test {
namespace {

using io::CrashKind;

class RecoveryTest : public StoreTest {
 protected:
    // Offset in the current segment's file of the frame that holds `message`.
    std::uint64_t offset_of(std::string_view message) {
        const Bytes content = *disk().content(current_path());
        const std::size_t at = as_text(content).find(message);
        EXPECT_NE(at, std::string_view::npos);
        return at;
    }
    void flip(const std::string& file, std::uint64_t offset) { disk().flip(file, offset, std::byte{0x10}); }
    std::vector<std::string> spares() {
        std::vector<std::string> names = disk().names(kDirectory);
        std::erase_if(names, [](const std::string& name) { return !parse_spare_name(name); });
        return names;
    }
};

TEST_F(RecoveryTest, NewStoreBeginsAtOneInEpochOne) {
    open();
    EXPECT_EQ(writer().epoch(), 1U);
    EXPECT_EQ(writer().next_sequence(), 1U);
    EXPECT_TRUE(writer().recovered().clean);
    EXPECT_NE(writer().recovered().store_id, StoreId{});
    EXPECT_TRUE(disk().exists(path("identity")));
}

TEST_F(RecoveryTest, IdentityIsRandomInAllItsBytes) {
    open();
    const StoreId first = writer().recovered().store_id;
    start(2);
    open();
    const StoreId second = writer().recovered().store_id;
    EXPECT_FALSE(std::equal(first.begin(), first.begin() + 8, second.begin()));
    EXPECT_FALSE(std::equal(first.begin() + 8, first.end(), second.begin() + 8));
}

TEST_F(RecoveryTest, KilledProgramThatHadWrittenNothingLeavesNothingUnproven) {
    open();
    reopen_after(CrashKind::process);
    EXPECT_EQ(writer().durable_sequence(), 1U);
    EXPECT_FALSE(writer().has_unsynced());
    EXPECT_EQ(write("first", true), 1U);
}

// A disk that cannot be read now is no reason to begin another log.
TEST_F(RecoveryTest, SegmentThatCannotBeReadStopsTheStart) {
    open();
    write("a", true);
    ASSERT_TRUE(program->close());
    for (std::uint64_t nth = 1;; ++nth) {
        const std::size_t rule = faults().add(io::fail_nth(io::OpCode::read, "/store/log-*", nth, EIO));
        const Result<> opened = try_open();
        const bool hit = faults().hits(rule) != 0;
        faults().clear_rules();
        if (!hit) {
            EXPECT_GT(nth, 2U);
            break;
        }
        EXPECT_EQ(code_of(opened), Errc::io_error) << nth;
        EXPECT_TRUE(events.set_aside.empty() && events.damage.empty());
    }
    EXPECT_EQ(read(), (Log{{1, "a"}}));
}

TEST_F(RecoveryTest, IdentityStays) {
    open();
    const StoreId id = writer().recovered().store_id;
    reopen_after(CrashKind::power);
    EXPECT_EQ(writer().recovered().store_id, id);
}

TEST_F(RecoveryTest, DamagedIdentityCostsNothing) {
    open();
    const StoreId id = writer().recovered().store_id;
    write("a", true);
    ASSERT_TRUE(program->close());
    flip(path("identity"), 20);
    open();
    EXPECT_EQ(writer().recovered().store_id, id);
    EXPECT_EQ(events.identities.size(), 1U);
    EXPECT_EQ(read(), (Log{{1, "a"}}));
    open();
    EXPECT_TRUE(events.identities.empty() && events.set_aside.empty()) << "told once";
}

// A later frame says that it had been durable: it is damage, and what comes behind it stays.
TEST_F(RecoveryTest, DamagedDurableFrameIsReportedAndItsNeighboursStay) {
    open();
    write("first", true);
    write("second-to-be-damaged", true);
    write("third", true);
    flip(current_path(), offset_of("to-be-damaged"));
    reopen_after(CrashKind::process);
    ASSERT_EQ(events.damage.size(), 1U);
    EXPECT_EQ(events.damage[0].first_sequence, 2U);
    EXPECT_EQ(events.damage[0].end_sequence, 3U);
    EXPECT_GT(events.damage[0].bytes, 0U);
    EXPECT_EQ(writer().epoch(), 1U);
    EXPECT_EQ(read(), (Log{{1, "first"}, {3, "third"}}));
    EXPECT_EQ(write("fourth", true), 4U);
}

// No later frame says so: the disk lost it with the power, and nothing behind it was promised.  Readers may have seen
// it, so its number is given out in a new epoch only.
TEST_F(RecoveryTest, MissingFrameThatWasNeverDurableEndsTheLog) {
    open();
    write("first", true);
    write("second-that-is-lost", false);
    write("third", false);
    flip(current_path(), offset_of("that-is-lost"));
    reopen_after(CrashKind::process);
    EXPECT_TRUE(events.damage.empty());
    EXPECT_EQ(writer().next_sequence(), 2U);
    EXPECT_EQ(writer().epoch(), 2U);
    EXPECT_EQ(read(), (Log{{1, "first"}}));
    EXPECT_EQ(write("another second", true), 2U);
    reopen_after(CrashKind::process);
    EXPECT_EQ(read(), (Log{{1, "first"}, {2, "another second"}}));
}

TEST_F(RecoveryTest, SecondHoleEndsTheLogWhereTheFirstIsDamage) {
    open();
    write("first-to-be-damaged", true);
    write("second", true);
    write("third-that-is-lost", false);
    write("fourth", false);
    flip(current_path(), offset_of("to-be-damaged"));
    flip(current_path(), offset_of("that-is-lost"));
    reopen_after(CrashKind::power);
    ASSERT_EQ(events.damage.size(), 1U);
    EXPECT_EQ(events.damage[0].first_sequence, 1U);
    EXPECT_EQ(read(), (Log{{2, "second"}}));
    EXPECT_EQ(writer().next_sequence(), 3U);
}

TEST_F(RecoveryTest, DamagedHeaderOfTheLastSegmentSetsItAsideAndOpensANewEpoch) {
    open();
    write("a", true);
    const std::string last = current_path();
    flip(last, 24);
    reopen_after(CrashKind::process);
    ASSERT_EQ(events.set_aside.size(), 1U) << "expected exactly the damaged one";
    EXPECT_FALSE(disk().exists(last));
    EXPECT_TRUE(disk().exists(path("aside-log-0000000000000001.wal")));
    EXPECT_TRUE(read().empty());
    EXPECT_EQ(writer().epoch(), 2U);
    EXPECT_TRUE(writer().recovered().new_epoch);
}

// Numbers of an epoch that cannot be read any more are not given out again: not even when the lost segment had begun
// one itself, nor when the start that found it stopped before it had begun another.
TEST_F(RecoveryTest, LostSegmentsTakeTheirEpochsWithThem) {
    open();
    write("a", true);
    write("perhaps", false);
    reopen_after(CrashKind::power);
    const Log kept = read();
    ASSERT_EQ(kept.at(1), "a");
    const std::uint32_t lost = writer().epoch();
    ASSERT_EQ(lost, 2U);
    write("b", true);
    flip(current_path(), 24);
    world->crash(CrashKind::process);
    const std::size_t stuck = faults().add(io::fail_from(io::OpCode::rename, kSegmentPath, 1, EIO));
    ASSERT_FALSE(try_open());
    EXPECT_EQ(events.set_aside.size(), 1U);
    faults().remove(stuck);
    reopen_after(CrashKind::process);
    EXPECT_TRUE(events.set_aside.empty());
    EXPECT_GT(writer().epoch(), lost);
    EXPECT_EQ(read(), kept);
}

TEST_F(RecoveryTest, DamagedProducersComeFromTheSegmentBefore) {
    open();
    ASSERT_TRUE(program->append({{.messages = {"x"}, .producer = 9, .number = 4}}, true));
    while (writer().catalog().size() < 2) {
        write(std::string(5000, '.'), true);
    }
    ASSERT_TRUE(program->append({{.messages = {"y"}, .producer = 8, .number = 1}}, true));
    const std::uint64_t end = writer().next_sequence();
    flip(current_path(), 4096 + sizeof(FrameHeader) + 3);
    reopen_after(CrashKind::process);
    EXPECT_TRUE(events.set_aside.empty());
    ASSERT_EQ(events.damage.size(), 1U);
    EXPECT_EQ(events.damage[0].first_sequence, events.damage[0].end_sequence) << "no record is missing";
    EXPECT_FALSE(writer().recovered().new_epoch);
    EXPECT_EQ(read().size(), end - 1);
    ASSERT_NE(writer().producers().find(producer_id(9)), nullptr);
    EXPECT_EQ(writer().producers().find(producer_id(9))->number, 4U);
    ASSERT_NE(writer().producers().find(producer_id(8)), nullptr);
    EXPECT_EQ(writer().producers().find(producer_id(8))->number, 1U);
    // The segment that this start began has them all.
    reopen_after(CrashKind::process);
    EXPECT_TRUE(events.damage.empty());
    EXPECT_NE(writer().producers().find(producer_id(9)), nullptr);
}

TEST_F(RecoveryTest, DamagedHeaderInTheMiddleLeavesTheOthersReadable) {
    open();
    for (int i = 1; i <= 200; ++i) {
        write(fmt::format("{:0>1000}", i), true);
    }
    ASSERT_GE(writer().catalog().size(), 4U);
    const Catalog catalog = writer().catalog();
    flip(path(segment_name(catalog[1].header.segment_id)), 50);
    reopen_after(CrashKind::process);
    EXPECT_EQ(events.set_aside.size(), 1U);
    EXPECT_EQ(writer().next_sequence(), 201U);
    const Log log = read();
    EXPECT_EQ(log.size(), 200U - (catalog[2].header.first_sequence - catalog[1].header.first_sequence));
    EXPECT_TRUE(log.contains(1));
    EXPECT_TRUE(log.contains(200));
    EXPECT_FALSE(log.contains(catalog[1].header.first_sequence));
}

// It is whole, and its number is the next one: nothing but the identity tells that its records are not ours.
TEST_F(RecoveryTest, SegmentOfAnotherStoreIsSetAside) {
    open();
    write("theirs", true);
    ASSERT_TRUE(program->close());
    open();
    write("theirs too", true);
    ASSERT_TRUE(program->close());
    const std::string second = segment_name(2);
    const Bytes foreign = *disk().content(path(second));
    start(2);
    open();
    write("ours", true);
    ASSERT_TRUE(program->close());
    disk().put_file(path(second), foreign);
    open();
    ASSERT_EQ(events.set_aside.size(), 1U);
    EXPECT_TRUE(events.set_aside[0].contains("it belongs to another store")) << events.set_aside[0];
    EXPECT_TRUE(disk().exists(path("aside-" + second)));
    EXPECT_EQ(read(), (Log{{1, "ours"}}));
    EXPECT_TRUE(writer().recovered().new_epoch) << "a segment of ours may have had this name";
}

// Power was lost between giving a retired file its name as a spare and making that durable: it has the old name again,
// and the header of the segment that it had become.
TEST_F(RecoveryTest, FileThatWasRecycledUnderItsOldNameIsASpareAgain) {
    open();
    write("first", true);
    ASSERT_TRUE(program->close());
    open();
    write("second", true);
    ASSERT_TRUE(program->close());
    const Bytes whole = *disk().content(path(segment_name(2)));
    disk().put_file(path(segment_name(1)), whole);
    for (const std::string& name : spares()) {
        disk().remove(path(name));
    }
    open();
    EXPECT_TRUE(events.set_aside.empty());
    EXPECT_TRUE(events.damage.empty());
    EXPECT_FALSE(disk().exists(path(segment_name(1))));
    EXPECT_EQ(read(), (Log{{2, "second"}}));
    EXPECT_EQ(writer().next_sequence(), 3U);
}

// Each keeps its bytes for a later segment, but for one that is too short: a segment never grows.
TEST_F(RecoveryTest, RecycledFilesAreAddedToTheSparesUnlessTheyAreTooShort) {
    open();
    write("a", true);
    ASSERT_TRUE(world->run_until_idle());
    ASSERT_TRUE(program->close());
    const std::vector<std::string> before = spares();
    ASSERT_FALSE(before.empty());
    const Bytes last = *disk().content(current_path());
    disk().put_file(path(segment_name(6)), ByteView(last).first(2 * kHeaderBlock));
    disk().put_file(path(segment_name(7)), last);
    disk().put_file(path(segment_name(8)), last);
    open();
    EXPECT_TRUE(events.set_aside.empty());
    for (const std::uint64_t id : {6U, 7U, 8U}) {
        EXPECT_FALSE(disk().exists(path(segment_name(id)))) << id;
    }
    EXPECT_EQ(writer().catalog().back().header.segment_id, 9U) << "a name was used twice";
    EXPECT_EQ(spares().size(), before.size() + 1) << "two more, and one is the new segment";
    for (const std::string& name : spares()) {
        EXPECT_EQ(disk().content(path(name))->size(), kSegmentBytes) << name;
    }
    EXPECT_EQ(read(), (Log{{1, "a"}}));
}

// Its records stay where they are and are said to be durable, but a killed program may have left them in memory only.
TEST_F(RecoveryTest, WhatANewEpochLeavesInTheOldSegmentIsDurable) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        start(seed);
        open();
        write("first", false);
        write("second-that-is-lost", false);
        write("third", false);
        flip(current_path(), offset_of("that-is-lost"));
        reopen_after(CrashKind::process);
        ASSERT_EQ(writer().epoch(), 2U);
        ASSERT_EQ(writer().durable_sequence(), 2U);
        reopen_after(CrashKind::power);
        EXPECT_EQ(read(), (Log{{1, "first"}}));
    }
}

TEST_F(RecoveryTest, LeftoversOfUnfinishedWorkAreRemovedAndStrangersLeftAlone) {
    open();
    write("a", true);
    ASSERT_TRUE(program->close());
    disk().put_file(path("spare-00000099.wal.tmp"), as_bytes("half"));
    disk().put_file(path("README"), as_bytes("a human put it here"));
    open();
    EXPECT_FALSE(disk().exists(path("spare-00000099.wal.tmp")));
    EXPECT_TRUE(disk().exists(path("README")));
}

// ---- a crash at every operation ----

struct Promise {
    std::uint64_t sequence = 0;
    std::string message;
    bool durable = false;
    std::uint32_t epoch = 0;
};

class CrashSweep : public RecoveryTest {
 protected:
    // Writes groups until the crash; returns what was promised.
    std::vector<Promise> write_until_crash(bool& crashed) {
        std::vector<Promise> promises;
        for (int i = 0; i < 60 && !crashed; ++i) {
            const std::string message = fmt::format("{:0>1500}", i);
            const bool durable = i % 3 == 0;
            const auto committed = program->append({{.messages = {message}}}, durable);
            if (!committed) {
                break;
            }
            promises.push_back({committed->first_sequence, message, durable, committed->epoch});
            if (i % 10 == 9 && program->sync()) {
                for (Promise& promise : promises) {
                    promise.durable = true;
                }
            }
        }
        return promises;
    }
    void check(const std::vector<Promise>& promises, CrashKind kind) {
        const Log log = read();
        std::uint64_t expected = 1;
        for (const auto& [sequence, message] : log) {
            ASSERT_EQ(sequence, expected++) << "a hole";
        }
        EXPECT_EQ(writer().next_sequence(), expected);
        for (const Promise& promise : promises) {
            const auto found = log.find(promise.sequence);
            if (promise.durable || kind == CrashKind::process) {
                ASSERT_NE(found, log.end()) << "lost " << promise.sequence;
            }
            if (found != log.end()) {
                ASSERT_EQ(found->second, promise.message);
            }
        }
        EXPECT_TRUE(events.damage.empty());
        EXPECT_TRUE(events.set_aside.empty());
        const std::uint64_t next = writer().next_sequence();
        EXPECT_EQ(write("after the crash", true), next);
        if (!promises.empty() && next <= promises.back().sequence) {
            EXPECT_GT(writer().epoch(), promises.back().epoch) << "a number that was seen is used again";
        }
    }
};

TEST_F(CrashSweep, KeepsEveryPromiseWhereverItStrikes) {
    unsigned crashes = 0;
    for (const CrashKind kind : {CrashKind::process, CrashKind::power}) {
        for (std::uint64_t operation = 3;; operation += 1 + operation / 24) {
            SCOPED_TRACE(
                fmt::format("{} crash at operation {}", kind == CrashKind::power ? "power" : "process", operation));
            start(operation);
            options.log_bytes_max = 64 * kSegmentBytes;
            bool crashed = false;
            world->at_operation(operation, [&] {
                crashed = true;
                world->crash(kind);
            });
            std::vector<Promise> promises;
            if (try_open()) {
                promises = write_until_crash(crashed);
            }
            if (!crashed) {
                break;
            }
            ++crashes;
            program.reset();
            open();
            check(promises, kind);
            if (HasFatalFailure()) {
                return;
            }
        }
    }
    EXPECT_GT(crashes, 60U);
}

}  // namespace
}  // namespace sluice::store::test
