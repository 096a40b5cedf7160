#include "store/part_store.h"

#include "part_store_fixture.h"
#include "store/part_reader.h"

namespace sluice::store::test {
namespace {

using io::CrashKind;

TEST_F(PartStoreTest, SealedRecordsAreReadInOneOrderAcrossClasses) {
    make_log(1);
    open_parts();
    ASSERT_TRUE(seal(1, 11));
    ASSERT_TRUE(seal(11, 18));
    EXPECT_EQ(parts->set().size(), 4U);
    EXPECT_EQ(parts->set().state.sealed_end, 18U);
    open_parts();
    EXPECT_EQ(parts->set().state.sealed_end, 18U);
    const Log log = read_parts();
    ASSERT_EQ(log.size(), 17U);
    EXPECT_EQ(log.begin()->second, "record 1");
    EXPECT_EQ(log.rbegin()->second, "record 17");
    EXPECT_TRUE(reported.set_aside.empty());
}

TEST_F(PartStoreTest, FailedSealLeavesNothingAndIsDoneAgain) {
    for (const io::OpCode code : {io::OpCode::open, io::OpCode::write, io::OpCode::sync, io::OpCode::rename}) {
        for (std::uint64_t nth = 1; nth <= 4; ++nth) {
            SCOPED_TRACE(fmt::format("operation {} number {}", static_cast<int>(code), nth));
            make_log(1);
            open_parts();
            const std::size_t rule = faults().add(io::fail_nth(code, "*", nth, EIO));
            const Result<> sealed = seal(1, 11);
            const bool hit = faults().hits(rule) != 0;
            faults().clear_rules();
            if (!hit) {
                break;
            }
            EXPECT_FALSE(sealed);
            EXPECT_EQ(parts->set().state.sealed_end, 1U);
            expect_files_are_those_of_the_set();
            // Another division into parts, beyond the end of those that failed.
            ASSERT_TRUE(seal(1, 8));
            expect_files_are_those_of_the_set();
            world->crash(CrashKind::power);
            open_parts();
            EXPECT_EQ(parts->set().state.sealed_end, 8U);
            EXPECT_EQ(read_parts().size(), 7U);
            expect_files_are_those_of_the_set();
        }
    }
}

TEST_F(PartStoreTest, MergedPartTakesThePlaceOfItsInputs) {
    make_log(1);
    open_parts();
    ASSERT_TRUE(seal(1, 11));
    ASSERT_TRUE(seal(11, 21));
    const Log before = read_parts();
    const std::shared_ptr<const PartSet> held = parts->parts->set();
    ASSERT_TRUE(parts->replace(parts->set().classes[0].parts));
    EXPECT_EQ(parts->set().size(), 3U);
    EXPECT_EQ(read_parts(), before);
    expect_files_are_those_of_the_set();
    // A reader of before reads on, although the files have no names any more.
    EXPECT_TRUE(held->classes[0].parts[1]->part->verify());
}

TEST_F(PartStoreTest, RemovedPartsAreCountedAcrossRestarts) {
    make_log(1);
    open_parts();
    ASSERT_TRUE(seal(1, 11));
    ASSERT_TRUE(seal(11, 21));
    const std::uint64_t bytes = parts->set().classes[1].parts[0]->bytes;
    ASSERT_TRUE(parts->remove({parts->set().classes[1].parts[0]}));
    open_parts();
    EXPECT_EQ(parts->set().size(), 3U);
    ASSERT_EQ(parts->set().state.removed.size(), 1U);
    EXPECT_EQ(parts->set().state.removed[0],
              (RemovedOfClass{.class_name = "odd", .end_sequence = 10, .parts = 1, .rows = 5, .bytes = bytes}));
    EXPECT_EQ(parts->set().oldest_sequence(), 2U);
    EXPECT_EQ(parts->set().removed_end(), 10U);
}

// Everything that changes names, with a crash at each operation: what was sealed stays sealed and whole, nothing is
// there twice, and the files are those of the set.
class PartStoreCrashTest : public PartStoreTest {
 protected:
    // False: the program got to its end before operation `at`.  `then`: called after the crash.
    template <class Then>
    bool crash_at(std::uint64_t at, std::uint64_t seed, CrashKind kind, Then&& then) {
        make_log(seed);
        open_parts();
        bool crashed = false;
        std::uint64_t sealed_end = 1;
        bool removed = false;
        world->at_operation(world->operations() + at, [&] {
            crashed = true;
            world->crash(kind);
        });
        const auto step = [&](Result<> outcome) { return outcome.has_value() && !crashed; };
        if (step(seal(1, 11))) {
            sealed_end = 11;
            if (step(seal(11, 21))) {
                sealed_end = 21;
                if (step(parts->replace(parts->set().classes[0].parts))) {
                    removed = step(parts->remove({parts->set().classes[1].parts[0]}));
                    if (removed && step(seal(21, 31))) {
                        sealed_end = 31;
                    }
                }
            }
        }
        world->at_operation(0, nullptr);
        then();
        expect_whole(sealed_end, removed);
        return crashed;
    }
    void expect_whole(std::uint64_t sealed_end, bool removed) {
        open_parts();
        SealState state = parts->set().state;
        EXPECT_GE(state.sealed_end, sealed_end);
        EXPECT_TRUE(reported.set_aside.empty() && reported.damage.empty());
        expect_files_are_those_of_the_set();
        const std::uint64_t odd_from = state.removed_of("odd").end_sequence;
        EXPECT_TRUE(!removed || odd_from != 0);
        const Log log = read_parts();
        for (std::uint64_t n = 1; n < state.sealed_end; ++n) {
            const bool gone = n % 2 == 1 && n < odd_from;
            EXPECT_EQ(log.contains(n), !gone) << n;
        }
        EXPECT_TRUE(log.empty() || log.rbegin()->first < state.sealed_end);
    }
};

TEST_F(PartStoreCrashTest, AtEveryOperationLosesNothingAndLeavesNothing) {
    for (const CrashKind kind : {CrashKind::process, CrashKind::power}) {
        bool crashed = true;
        for (std::uint64_t at = 1; crashed; ++at) {
            SCOPED_TRACE(fmt::format("{} at operation {}", kind == CrashKind::power ? "power loss" : "kill", at));
            ASSERT_LT(at, 500U);
            crashed = crash_at(at, at, kind, [] {});
        }
    }
}

// What the start after a kill removes, it removes because of names that may not be durable.
TEST_F(PartStoreCrashTest, PowerLossInTheStartAfterAKillLosesNothingAndLeavesNothing) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {  // What the power loss takes is random.
        bool crashed = true;
        for (std::uint64_t at = 1; crashed; ++at) {
            SCOPED_TRACE(fmt::format("seed {}, kill at operation {}", seed, at));
            crashed = crash_at(at, seed, CrashKind::process, [this] {
                open_parts();
                world->crash(CrashKind::power);
            });
        }
    }
}

TEST_F(PartStoreTest, UnreadablePartIsSetAsideAndReported) {
    make_log(1);
    open_parts();
    ASSERT_TRUE(seal(1, 11));
    ASSERT_TRUE(seal(11, 21));
    const std::string file = parts->set().classes[0].parts[0]->file;
    const std::size_t size = disk().content(path(file))->size();
    disk().flip(path(file), size - 1, std::byte{1});
    open_parts();
    ASSERT_EQ(reported.damage.size(), 1U);
    EXPECT_EQ(reported.damage[0].file, file);
    EXPECT_EQ(reported.damage[0].first_sequence, 2U);
    EXPECT_EQ(reported.damage[0].end_sequence, 11U);
    EXPECT_EQ(reported.set_aside.size(), 1U);
    EXPECT_TRUE(disk().exists(path("aside-" + file)));
    EXPECT_EQ(read_parts().size(), 15U);  // The neighbours.
}

// Without the file that says what counts, everything that is there does.
TEST_F(PartStoreTest, PartsCountWhereSealedIsDamagedOrGone) {
    for (const bool gone : {false, true}) {
        make_log(1);
        open_parts();
        ASSERT_TRUE(seal(1, 11));
        if (gone) {
            disk().remove(path("sealed"));
        } else {
            disk().flip(path("sealed"), 40, std::byte{1});
        }
        open_parts();
        EXPECT_EQ(parts->set().state.sealed_end, 11U);
        EXPECT_EQ(read_parts().size(), 10U);
        EXPECT_EQ(reported.set_aside.size(), gone ? 0U : 1U);
        ASSERT_TRUE(seal(11, 21));
        open_parts();
        EXPECT_EQ(read_parts().size(), 20U);
    }
}

// A copy in which `sealed` is older than the parts, and the log no longer has their records.
TEST_F(PartStoreTest, PartsBeyondTheSealedEndCountWhereTheLogBeginsBehindThem) {
    make_log(1);
    open_parts();
    ASSERT_TRUE(seal(1, 11));
    const Bytes sealed = *disk().content(path("sealed"));
    ASSERT_TRUE(seal(11, 21));
    disk().put_file(path("sealed"), sealed);
    for (const std::string& name : disk().names(kDirectory)) {
        if (parse_segment_name(name)) {
            disk().remove(path(name));
        }
    }
    open_parts();
    EXPECT_EQ(parts->set().state.sealed_end, 21U);
    EXPECT_EQ(read_parts().size(), 20U);
}

TEST_F(PartStoreTest, DamagedPageCostsItsRecordsOnly) {
    make_log(1);
    open_parts();
    std::vector<PartImage> one;
    one.push_back(make_part({.sequences = numbers(1, 101), .store_id = store_id, .page_rows = 10, .filler = 3000}));
    ASSERT_TRUE(parts->seal(std::move(one), 101));
    const std::string file = parts->set().classes[0].parts[0]->file;
    const std::size_t size = disk().content(path(file))->size();
    for (const std::size_t at : {size / 4, size / 2, size * 3 / 4}) {
        disk().flip(path(file), at, std::byte{1});
        open_parts();
        ASSERT_EQ(parts->set().size(), 1U);
        PartReader reader(parts->parts->set());
        std::vector<Damage> damage;
        std::size_t rows = 0;
        for (std::uint64_t from = 1; from < 101;) {
            auto run = reader.read(from, 101);
            ASSERT_TRUE(run) << run.error();
            rows += run->count;
            std::ranges::move(run->damage, std::back_inserter(damage));
            from = run->end_sequence;
        }
        ASSERT_EQ(damage.size(), 1U);
        EXPECT_EQ(damage[0].file, file);
        EXPECT_EQ(damage[0].end_sequence - damage[0].first_sequence, 10U);
        EXPECT_EQ(rows, 90U);
        disk().flip(path(file), at, std::byte{1});
    }
}

// The end of the log is gone, with numbers that are sealed: they are not given out again.
TEST_F(PartStoreTest, LogGoesOnBehindTheSealedEndInANewEpoch) {
    make_log(1);
    open_parts();
    ASSERT_TRUE(seal(1, 21));
    parts.reset();
    for (const std::string& name : disk().names(kDirectory)) {
        if (parse_segment_name(name)) {
            disk().remove(path(name));
        }
    }
    options.sealing = true;
    options.sealed_end = 21;
    options.sealed_epoch = 1;
    open();
    EXPECT_EQ(writer().next_sequence(), 21U);
    EXPECT_EQ(writer().epoch(), 2U);
    EXPECT_TRUE(writer().recovered().new_epoch);
}

// ---- files that are not this store's, or not what they should be ----

TEST_F(PartStoreTest, PartOfAnotherStoreIsSetAside) {
    make_log(1);
    open_parts();
    ASSERT_TRUE(seal(1, 11));
    const StoreId other{std::byte{9}};
    const PartImage foreign = make_part({.sequences = numbers(11, 16), .store_id = other});
    const std::string file = part_file_name(foreign.name);
    disk().put_file(path(file), foreign.bytes);
    open_parts();
    ASSERT_EQ(reported.set_aside.size(), 1U);
    EXPECT_TRUE(reported.set_aside[0].contains("belongs to another store")) << reported.set_aside[0];
    EXPECT_TRUE(reported.damage.empty()) << "nothing of ours is missing";
    EXPECT_TRUE(disk().exists(path("aside-" + file)));
    EXPECT_EQ(parts->set().state.sealed_end, 11U);
    EXPECT_EQ(read_parts().size(), 10U);
}

TEST_F(PartStoreTest, PartUnderAnotherNameIsSetAside) {
    make_log(1);
    open_parts();
    ASSERT_TRUE(seal(1, 11));
    for (const PartName& name : {PartName{"default", 2, 21}, PartName{"default", 3, 13}}) {
        const PartImage made = image("default", {2, 4, 12});
        disk().put_file(path(part_file_name(name)), made.bytes);
        open_parts();
        ASSERT_EQ(reported.set_aside.size(), 1U) << part_file_name(name);
        EXPECT_TRUE(reported.set_aside[0].contains("holds records 2 to 12")) << reported.set_aside[0];
        EXPECT_EQ(read_parts().size(), 10U);
    }
}

// It tells of removals and of an end that are not ours: parts that it would take for removed stay.
TEST_F(PartStoreTest, SealedOfAnotherStoreIsSetAside) {
    make_log(1);
    open_parts();
    ASSERT_TRUE(seal(1, 11));
    SealState foreign = parts->set().state;
    foreign.store_id = StoreId{std::byte{9}};
    foreign.sealed_end = 25;
    foreign.removed_of("odd").end_sequence = 20;
    disk().put_file(path("sealed"), encode_seal_state(foreign));
    open_parts();
    ASSERT_EQ(reported.set_aside.size(), 1U);
    EXPECT_TRUE(reported.set_aside[0].contains("another store")) << reported.set_aside[0];
    EXPECT_TRUE(disk().exists(path("aside-sealed")));
    EXPECT_EQ(parts->set().state.sealed_end, 11U);
    EXPECT_EQ(parts->set().state.store_id, store_id);
    EXPECT_EQ(read_parts().size(), 10U);
}

// Neither covers the other, so that it is not known which is right: the larger one counts, and nothing is deleted.
TEST_F(PartStoreTest, OverlappingPartIsSetAside) {
    make_log(1);
    open_parts();
    std::vector<PartImage> one;
    one.push_back(image("default", numbers(1, 11)));
    ASSERT_TRUE(parts->seal(std::move(one), 11));
    const PartImage odd = image("default", numbers(8, 13));
    const PartImage covered = image("default", numbers(3, 7));
    disk().put_file(path(part_file_name(odd.name)), odd.bytes);
    disk().put_file(path(part_file_name(covered.name)), covered.bytes);
    open_parts();
    ASSERT_EQ(reported.set_aside.size(), 1U);
    EXPECT_TRUE(reported.set_aside[0].contains("overlaps another part")) << reported.set_aside[0];
    EXPECT_TRUE(disk().exists(path("aside-" + part_file_name(odd.name))));
    EXPECT_FALSE(disk().exists(path(part_file_name(covered.name)))) << "merged into the larger one";
    EXPECT_EQ(read_parts().size(), 10U);
    expect_files_are_those_of_the_set();
}

// Beyond the sealed end, and the log has what it holds: it is what a seal left that did not come to its end.
TEST_F(PartStoreTest, PartBeyondTheSealedEndCountsOnlyWithoutALog) {
    for (const bool log : {true, false}) {
        make_log(1);
        open_parts();
        ASSERT_TRUE(seal(1, 11));
        const PartImage beyond = image("default", numbers(11, 16));
        disk().put_file(path(part_file_name(beyond.name)), beyond.bytes);
        for (const std::string& name : disk().names(kDirectory)) {
            if (!log && parse_segment_name(name)) {
                disk().remove(path(name));
            }
        }
        open_parts();
        EXPECT_EQ(parts->set().state.sealed_end, log ? 11U : 16U);
        EXPECT_EQ(read_parts().size(), log ? 10U : 15U);
        expect_files_are_those_of_the_set();
        EXPECT_TRUE(reported.set_aside.empty());
    }
}

// ---- what cannot be undone at once ----

// A part that retention has removed and that cannot be deleted is gone all the same, and its file goes later.
TEST_F(PartStoreTest, FileThatCannotBeDeletedGoesBeforeTheNextChange) {
    for (const int error : {EIO, EACCES, EROFS}) {
        make_log(1);
        open_parts();
        ASSERT_TRUE(seal(1, 11));
        const PartPointer gone = parts->set().classes[1].parts[0];
        const std::size_t stuck = faults().add(io::fail_from(io::OpCode::unlink, "*", 1, error));
        ASSERT_TRUE(parts->remove({gone}));
        EXPECT_EQ(read_parts().size(), 5U);
        ASSERT_TRUE(disk().exists(path(gone->file)));
        const Result<> refused = seal(11, 21);
        ASSERT_FALSE(refused) << "the file might count again";
        EXPECT_EQ(refused.error().sys_errno(), error);
        EXPECT_EQ(parts->set().state.sealed_end, 11U);
        faults().remove(stuck);
        ASSERT_TRUE(seal(11, 21));
        EXPECT_FALSE(disk().exists(path(gone->file)));
        expect_files_are_those_of_the_set();
        world->crash(CrashKind::power);
        open_parts();
        EXPECT_EQ(read_parts().size(), 15U);
        expect_files_are_those_of_the_set();
    }
}

// `sealed` may tell of a seal that failed, and cannot be put back: its parts stay until it can, because the next start
// may believe it.
TEST_F(PartStoreTest, PartsOfAFailedSealStayUntilSealedIsRestored) {
    unsigned believed = 0;  // In an eighth of the losses.
    for (std::uint64_t seed = 1; seed <= 64; ++seed) {
        SCOPED_TRACE(seed);
        make_log(seed);
        open_parts();
        ASSERT_TRUE(seal(1, 11));
        // Of the syncs of the directory: that of the parts' names succeeds; those behind `sealed`, new and old, do not.
        const std::size_t rule = faults().add(io::fail_from(io::OpCode::sync, kDirectory, 2, EIO));
        ASSERT_FALSE(seal(11, 21));
        EXPECT_EQ(faults().hits(rule), 2U);
        EXPECT_EQ(part_files().size(), 4U);
        EXPECT_EQ(parts->set().state.sealed_end, 11U);
        EXPECT_EQ(read_parts().size(), 10U);
        faults().add(io::fail_from(io::OpCode::write, path("sealed*"), 1, EIO));
        ASSERT_FALSE(seal(11, 18));
        EXPECT_EQ(part_files().size(), 4U) << "deleted before it is certain that they do not count";
        faults().clear_rules();
        if (seed % 2 == 0) {  // It can be put back: what failed is gone, and another division takes its place.
            ASSERT_TRUE(seal(11, 18));
            expect_files_are_those_of_the_set();
        }
        world->crash(CrashKind::power);
        open_parts();
        const std::uint64_t end = parts->set().state.sealed_end;
        EXPECT_TRUE(seed % 2 == 0 ? end == 18 : end == 11 || end == 21) << end;
        believed += end == 21 ? 1 : 0;
        EXPECT_EQ(read_parts().size(), end - 1);
        expect_files_are_those_of_the_set();
    }
    EXPECT_GT(believed, 0U);
}

}  // namespace
}  // namespace sluice::store::test
