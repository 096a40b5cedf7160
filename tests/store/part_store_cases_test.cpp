// What PartStore does with each file, operation by operation.
#include "part_store_fixture.h"
#include "segment_image.h"
#include "store/small_head.h"

namespace sluice::store::test {
namespace {

using io::OpCode;
using Strings = std::vector<std::string>;

class PartCaseTest : public PartStoreTest {
 protected:
    void begin() {
        make_log(1);
        open_parts();
    }
    std::uint64_t bytes_of(const std::string& file) { return disk().content(path(file))->size(); }
    std::string file_of(const std::string& class_name, std::uint64_t first, std::uint64_t end) const {
        return part_file_name({class_name, first, end});
    }
    SealState sealed_file() {
        Result<SealState> state = parse_seal_state(*disk().content(path("sealed")));
        EXPECT_TRUE(state) << state.error();
        return state.value_or(SealState{});
    }
    // A part beside those of the store.
    std::string put_part(const std::string& class_name, std::uint64_t first, std::uint64_t end) {
        const PartImage made = image(class_name, numbers(first, end));
        disk().put_file(path(part_file_name(made.name)), made.bytes);
        return part_file_name(made.name);
    }
    void damage(const std::string& file) { disk().flip(path(file), bytes_of(file) - 1, std::byte{1}); }
    RemovedOfClass removed_of_default() {
        SealState state = parts->set().state;
        return state.removed_of("default");
    }
    void write_sealed(SealState state) { disk().put_file(path("sealed"), encode_seal_state(state)); }
    void remove_log() {
        for (const std::string& name : disk().names(kDirectory)) {
            if (parse_segment_name(name)) {
                disk().remove(path(name));
            }
        }
    }
    // A log whose first segment begins there.
    void put_log(std::uint64_t first) {
        remove_log();
        SegmentImage segment(3, first, store_id);
        disk().put_file(path(segment.name()), segment.bytes);
        disk().put_file(path(segment_name(4)), Bytes(7));
    }
    std::size_t watch_directory() { return watch(OpCode::sync, kDirectory); }
    std::uint64_t syncs_of(std::size_t rule) { return faults().hits(rule); }
};

// ---- changes ----

TEST_F(PartCaseTest, SealIsInTheSetInTheFileAndTold) {
    begin();
    const std::size_t syncs = watch_directory();
    PartStore::Seal first{.images = images(1, 11), .sealed_end = 11, .missing_rows = 2, .epochs = {{1, 1}}};
    const auto add = [](PartStore& to, PartStore::Seal what) -> Task<Result<>> {
        co_return co_await to.add(std::move(what));
    };
    ASSERT_TRUE(io::block_on(parts->kernel, "test", add, std::ref(*parts->parts), std::move(first)));
    EXPECT_EQ(syncs_of(syncs), 3U) << "sealed as it was; the parts; sealed";
    const std::string even = file_of("default", 2, 11);
    const std::string odd = file_of("odd", 1, 10);
    EXPECT_EQ(reported.parts, (Strings{fmt::format("sealed {} 5 {}", even, bytes_of(even)),
                                       fmt::format("sealed {} 5 {}", odd, bytes_of(odd))}));
    PartStore::Seal second{.images = {}, .sealed_end = 12, .missing_rows = 3, .epochs = {{1, 1}, {2, 11}}};
    ASSERT_TRUE(io::block_on(parts->kernel, "test", add, std::ref(*parts->parts), std::move(second)));
    EXPECT_EQ(syncs_of(syncs), 4U) << "no part";
    EXPECT_EQ(parts->set().size(), 2U);
    SealState expected;
    expected.store_id = store_id;
    expected.sealed_end = 12;
    expected.missing_rows = 5;
    expected.epochs = {{1, 1}, {2, 11}};
    EXPECT_EQ(parts->parts->state(), expected);
    EXPECT_EQ(sealed_file(), expected);
    ASSERT_TRUE(seal(12, 15));
    EXPECT_EQ(syncs_of(syncs), 6U);
    const PartPointer part = parts->set().classes[0].parts[1];
    EXPECT_EQ(part->file, file_of("default", 12, 15));
    EXPECT_EQ(part->name, (PartName{"default", 12, 15}));
    EXPECT_EQ(part->bytes, bytes_of(part->file));
    for (const std::string& name : disk().names(kDirectory)) {
        EXPECT_FALSE(name.ends_with(".tmp")) << name;
    }
}

TEST_F(PartCaseTest, MergeIsToldAndTheRestStays) {
    begin();
    ASSERT_TRUE(seal(1, 11));
    ASSERT_TRUE(seal(11, 21));
    reported.parts.clear();
    const SealState before = parts->set().state;
    const std::size_t syncs = watch_directory();
    ASSERT_TRUE(parts->replace(parts->set().classes[0].parts));
    EXPECT_EQ(syncs_of(syncs), 1U);
    const std::string file = file_of("default", 2, 21);
    EXPECT_EQ(reported.parts, (Strings{fmt::format("merged {} 2 10 {}", file, bytes_of(file))}));
    EXPECT_EQ(parts->set().state, before);
    ASSERT_EQ(parts->set().classes[0].parts.size(), 1U);
    EXPECT_EQ(parts->set().classes[1].parts.size(), 2U);
    EXPECT_FALSE(disk().exists(path(file_of("default", 2, 11))));
    EXPECT_FALSE(disk().exists(path(file_of("default", 12, 21))));
    const std::size_t unlinks = watch(OpCode::unlink, "*");
    ASSERT_TRUE(seal(21, 25));
    EXPECT_EQ(syncs_of(syncs), 3U) << "what was deleted is forgotten";
    EXPECT_EQ(faults().hits(unlinks), 0U);
}

TEST_F(PartCaseTest, RemovalIsCountedForItsClassAndTold) {
    begin();
    ASSERT_TRUE(seal(1, 11));
    ASSERT_TRUE(seal(11, 21));
    reported.parts.clear();
    const PartPointer first = parts->set().classes[1].parts[0];
    const PartPointer second = parts->set().classes[1].parts[1];
    const PartPointer other = parts->set().classes[0].parts[0];
    ASSERT_TRUE(parts->remove({first}));
    ASSERT_TRUE(parts->remove({second, other}));
    EXPECT_EQ(reported.parts, (Strings{fmt::format("removed {} 5 {}", first->file, first->bytes),
                                       fmt::format("removed {} 5 {}", second->file, second->bytes),
                                       fmt::format("removed {} 5 {}", other->file, other->bytes)}));
    const std::vector<RemovedOfClass> expected{
        {.class_name = "odd", .end_sequence = 20, .parts = 2, .rows = 10, .bytes = first->bytes + second->bytes},
        {.class_name = "default", .end_sequence = 11, .parts = 1, .rows = 5, .bytes = other->bytes}};
    EXPECT_EQ(parts->set().state.removed, expected);
    EXPECT_EQ(sealed_file().removed, expected);
    EXPECT_EQ(part_files(), (Strings{file_of("default", 12, 21)}));
}

using Ranges = std::vector<RemovedRange>;

// Those that stay between them are there after the next start, and nothing else is.
TEST_F(PartCaseTest, PartsAreRemovedFromAmongOthersThatStay) {
    begin();
    for (std::uint64_t first = 1; first < 26; first += 5) {
        std::vector<PartImage> one;
        one.push_back(image("default", numbers(first, first + 5)));
        ASSERT_TRUE(parts->seal(std::move(one), first + 5));
    }
    const std::vector<PartPointer> all = parts->set().classes.at(0).parts;
    const auto removed = [this] { return removed_of_default(); };
    const auto expect = [&](std::uint64_t end, const Ranges& beyond, std::size_t left) {
        EXPECT_EQ(removed().end_sequence, end);
        EXPECT_EQ(removed().beyond, beyond);
        EXPECT_EQ(sealed_file(), parts->set().state);
        for (const PartPointer& part : all) {  // As if some had come back.
            if (!disk().exists(path(part->file))) {
                put_part("default", part->name.first_sequence, part->name.end_sequence);
            }
        }
        open_parts();
        EXPECT_EQ(parts->set().size(), left);
        EXPECT_TRUE(reported.set_aside.empty() && reported.damage.empty());
        EXPECT_EQ(parts->set().removed_end(), beyond.empty() ? end : beyond.back().end_sequence);
        expect_files_are_those_of_the_set();
    };
    ASSERT_TRUE(parts->remove({parts->set().classes.at(0).parts.at(1)}));
    expect(0, {{6, 11}}, 4);
    ASSERT_TRUE(parts->remove({parts->set().classes.at(0).parts.at(2)}));
    expect(0, {{6, 11}, {16, 21}}, 3);
    ASSERT_TRUE(parts->remove({parts->set().classes.at(0).parts.at(1)}));
    expect(0, {{6, 21}}, 2);
    ASSERT_TRUE(parts->remove({parts->set().classes.at(0).parts.at(0)}));
    expect(21, {}, 1);
    ASSERT_TRUE(parts->remove(parts->set().classes.at(0).parts));
    expect(26, {}, 0);
    EXPECT_EQ(removed().parts, 5U);
    EXPECT_EQ(removed().rows, 25U);
}

// There are never more ranges than parts that stay.
TEST_F(PartCaseTest, RemovedNeighboursAreOneRange) {
    begin();
    for (std::uint64_t first = 1; first < 28; first += 3) {
        std::vector<PartImage> one;
        one.push_back(image("default", {first, first + 1}));  // Each third number is of no part.
        ASSERT_TRUE(parts->seal(std::move(one), first + 3));
    }
    while (parts->set().size() > 1) {
        ASSERT_TRUE(parts->remove({parts->set().classes.at(0).parts.at(1)}));
        EXPECT_EQ(removed_of_default().beyond.size(), 1U);
    }
    EXPECT_EQ(removed_of_default().beyond, (Ranges{{4, 27}}));
}

TEST_F(PartCaseTest, MergeAcrossWhatWasRemovedCounts) {
    begin();
    for (std::uint64_t first = 1; first < 16; first += 5) {
        std::vector<PartImage> one;
        one.push_back(image("default", numbers(first, first + 5)));
        ASSERT_TRUE(parts->seal(std::move(one), first + 5));
    }
    ASSERT_TRUE(parts->remove({parts->set().classes.at(0).parts.at(1)}));
    ASSERT_TRUE(parts->replace(parts->set().classes.at(0).parts));
    open_parts();
    EXPECT_EQ(part_files(), (Strings{file_of("default", 1, 16)}));
    EXPECT_EQ(read_parts().size(), 10U);
    EXPECT_EQ(parts->set().removed_end(), 11U);
    ASSERT_TRUE(parts->remove(parts->set().classes.at(0).parts));
    EXPECT_EQ(removed_of_default().end_sequence, 16U);
    EXPECT_TRUE(removed_of_default().beyond.empty());
}

TEST_F(PartCaseTest, FailedChangeChangesNothingAndTheNextIsDurable) {
    for (const bool merge : {true, false}) {
        begin();
        ASSERT_TRUE(seal(1, 11));
        ASSERT_TRUE(seal(11, 21));
        reported.parts.clear();
        const std::shared_ptr<const PartSet> before = parts->parts->set();
        faults().add(io::fail_nth(OpCode::write, merge ? "*.slp.tmp" : "*/sealed.tmp", 1, EIO));
        const Result<> done =
            merge ? parts->replace(before->classes[0].parts) : parts->remove({before->classes[1].parts[0]});
        EXPECT_EQ(code_of(done), Errc::io_error);
        EXPECT_EQ(parts->parts->set(), before);
        EXPECT_TRUE(reported.parts.empty());
        expect_files_are_those_of_the_set();
        faults().clear_rules();
        const std::size_t syncs = watch_directory();
        ASSERT_TRUE(seal(21, 25));
        EXPECT_EQ(syncs_of(syncs), merge ? 3U : 2U) << "what was deleted is durably so first";
        ASSERT_TRUE(seal(25, 29));
        EXPECT_EQ(syncs_of(syncs), merge ? 5U : 4U);
    }
}

// What cannot be put back is written before the next change.
TEST_F(PartCaseTest, SealedThatCannotBePutBackIsWrittenAgainFirst) {
    begin();
    ASSERT_TRUE(seal(1, 11));
    const std::size_t stuck = faults().add(io::fail_from(OpCode::write, "*/sealed.tmp", 1, EIO));
    EXPECT_EQ(code_of(parts->remove({parts->set().classes[1].parts[0]})), Errc::io_error);
    EXPECT_EQ(code_of(seal(11, 15)), Errc::io_error);
    EXPECT_EQ(part_files().size(), 2U) << "before it was certain no part was written";
    faults().remove(stuck);
    const std::size_t syncs = watch_directory();
    ASSERT_TRUE(seal(11, 15));
    EXPECT_EQ(syncs_of(syncs), 3U);
    EXPECT_EQ(sealed_file(), parts->set().state);
    EXPECT_TRUE(parts->set().state.removed.empty());
}

TEST_F(PartCaseTest, FileThatIsGoneAlreadyIsNotTriedAgain) {
    begin();
    ASSERT_TRUE(seal(1, 11));
    const PartPointer part = parts->set().classes[1].parts[0];
    disk().remove(path(part->file));
    ASSERT_TRUE(parts->remove({part}));
    const std::size_t syncs = watch_directory();
    const std::size_t unlinks = watch(OpCode::unlink, "*");
    ASSERT_TRUE(seal(11, 15));
    EXPECT_EQ(syncs_of(syncs), 2U);
    EXPECT_EQ(faults().hits(unlinks), 0U);
}

TEST_F(PartCaseTest, FileThatCouldNotBeDeletedIsTriedAgainOnce) {
    begin();
    ASSERT_TRUE(seal(1, 11));
    const PartPointer part = parts->set().classes[1].parts[0];
    faults().add(io::fail_nth(OpCode::unlink, "*", 1, EIO));
    ASSERT_TRUE(parts->remove({part}));
    EXPECT_TRUE(disk().exists(path(part->file)));
    faults().clear_rules();
    const std::size_t syncs = watch_directory();
    const std::size_t unlinks = watch(OpCode::unlink, "*");
    ASSERT_TRUE(seal(11, 15));
    EXPECT_FALSE(disk().exists(path(part->file)));
    EXPECT_EQ(syncs_of(syncs), 3U);
    EXPECT_EQ(faults().hits(unlinks), 1U);
    ASSERT_TRUE(seal(15, 19));
    EXPECT_EQ(syncs_of(syncs), 5U);
    EXPECT_EQ(faults().hits(unlinks), 1U);
}

TEST_F(PartCaseTest, GarbageThatHasGoneByItselfIsForgotten) {
    begin();
    ASSERT_TRUE(seal(1, 11));
    const PartPointer part = parts->set().classes[1].parts[0];
    faults().add(io::fail_nth(OpCode::unlink, "*", 1, EIO));
    ASSERT_TRUE(parts->remove({part}));
    disk().remove(path(part->file));
    ASSERT_TRUE(seal(11, 15));
    EXPECT_EQ(parts->set().state.sealed_end, 15U);
}

// A change that waits for another: it has not begun.
TEST_F(PartCaseTest, WaitForAnotherChangeCanBeCancelled) {
    for (const int change : {0, 1, 2}) {
        begin();
        ASSERT_TRUE(seal(1, 7));
        ASSERT_TRUE(seal(7, 11));
        const auto add = [](PartStore& to, PartStore::Seal what, Result<>& outcome) -> Task<> {
            outcome = co_await to.add(std::move(what));
        };
        const auto replace = [](PartStore& in, std::vector<PartPointer> what, PartImage with,
                                Result<>& outcome) -> Task<> {
            outcome = co_await in.replace(std::move(what), std::move(with));
        };
        const auto remove = [](PartStore& from, std::vector<PartPointer> what, Result<>& outcome) -> Task<> {
            outcome = co_await from.remove(std::move(what));
        };
        const std::size_t renames = watch(OpCode::rename, "*");
        coro::Scope first(parts->kernel.loop(), nullptr);
        coro::Scope second(parts->kernel.loop(), nullptr);
        Result<> done;
        Result<> waited;
        PartStore::Seal seal{.images = images(11, 15), .sealed_end = 15, .epochs = {{1, 1}}};
        first.spawn("first", add, std::ref(*parts->parts), std::move(seal), std::ref(done));
        const std::vector<PartPointer> some = parts->set().classes[0].parts;
        if (change == 0) {
            PartStore::Seal more{.images = images(15, 19), .sealed_end = 19, .epochs = {{1, 1}}};
            second.spawn("second", add, std::ref(*parts->parts), std::move(more), std::ref(waited));
        } else if (change == 1) {
            second.spawn("second", replace, std::ref(*parts->parts), some, image("default", {2, 10}), std::ref(waited));
        } else {
            second.spawn("second", remove, std::ref(*parts->parts), some, std::ref(waited));
        }
        second.cancel();
        ASSERT_TRUE(world->run_until([&] { return first.running() + second.running() == 0; }));
        EXPECT_TRUE(done) << done.error();
        EXPECT_EQ(code_of(waited), Errc::cancelled);
        EXPECT_EQ(faults().hits(renames), 3U) << "two parts and sealed";
        EXPECT_EQ(parts->set().state.sealed_end, 15U);
        EXPECT_EQ(parts->set().size(), 6U);
        expect_files_are_those_of_the_set();
    }
}

// What a killed start left under the names of the new parts.
TEST_F(PartCaseTest, SealTakesThePlaceOfFilesOfTheSameNames) {
    begin();
    disk().put_file(path(file_of("default", 2, 11)), Bytes(7));
    disk().put_file(path(file_of("odd", 1, 10) + ".tmp"), Bytes(70'000));
    ASSERT_TRUE(seal(1, 11));
    open_parts();
    EXPECT_EQ(read_parts().size(), 10U);
    EXPECT_TRUE(reported.set_aside.empty());
}

// ---- starting ----

TEST_F(PartCaseTest, FilesOfOneNameThatAreSetAsideKeepEachItsBytes) {
    begin();
    ASSERT_TRUE(seal(1, 11));
    const Strings names{"aside-sealed", "aside-sealed.2", "aside-sealed.3"};
    for (std::size_t i = 0; i < names.size(); ++i) {
        disk().put_file(path("sealed"), Bytes(60 + i));
        open_parts();
        ASSERT_EQ(reported.set_aside.size(), 1U);
        EXPECT_TRUE(reported.set_aside[0].starts_with(names[i] + ": ")) << reported.set_aside[0];
        EXPECT_EQ(read_parts().size(), 10U);
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        EXPECT_EQ(disk().content(path(names[i])), Bytes(60 + i));
    }
}

TEST_F(PartCaseTest, StartThatCannotLookIsAnError) {
    begin();
    ASSERT_TRUE(seal(1, 11));
    const std::string part = file_of("odd", 1, 10);
    for (const auto& [code, file] : {std::pair{OpCode::sync, kDirectory}, std::pair{OpCode::list, kDirectory},
                                     std::pair{OpCode::open, path("identity")}, std::pair{OpCode::read, path("sealed")},
                                     std::pair{OpCode::open, path(part)}, std::pair{OpCode::stat, path(part)},
                                     std::pair{OpCode::open, path(segment_name(1))}}) {
        const std::size_t rule = faults().add(io::fail_nth(code, file, 1, EIO));
        EXPECT_EQ(code_of(try_open_parts()), Errc::io_error) << static_cast<int>(code) << " " << file;
        EXPECT_EQ(faults().hits(rule), 1U) << file;
        faults().clear_rules();
        EXPECT_TRUE(reported.set_aside.empty());
    }
    open_parts();
    EXPECT_EQ(read_parts().size(), 10U);
}

TEST_F(PartCaseTest, StartThatCannotClearUpIsAnError) {
    begin();
    ASSERT_TRUE(seal(1, 11));
    put_part("default", 3, 5);
    faults().add(io::fail_nth(OpCode::unlink, "*", 1, EIO));
    EXPECT_EQ(code_of(try_open_parts()), Errc::io_error);
    faults().clear_rules();
    damage(file_of("odd", 1, 10));
    faults().add(io::fail_nth(OpCode::rename, "*", 1, EIO));
    EXPECT_EQ(code_of(try_open_parts()), Errc::io_error);
    EXPECT_TRUE(reported.set_aside.empty() && reported.damage.empty());
    faults().clear_rules();
    open_parts();
    put_part("default", 8, 14);
    faults().add(io::fail_nth(OpCode::rename, "*", 1, EIO));
    remove_log();
    EXPECT_EQ(code_of(try_open_parts()), Errc::io_error) << "of two that overlap";
}

TEST_F(PartCaseTest, FilesOfANewerProgramStopTheStartAndStay) {
    begin();
    ASSERT_TRUE(seal(1, 11));
    Bytes sealed = *disk().content(path("sealed"));
    seal_small_head(sealed, load_int<std::uint32_t>(sealed.data()), kSealStateVersion + 1);
    disk().put_file(path("sealed"), sealed);
    EXPECT_EQ(code_of(try_open_parts()), Errc::unsupported);
    EXPECT_EQ(disk().content(path("sealed")), sealed);
    disk().put_file(path("sealed"), Bytes(kSealStateBytesMax + 1));
    EXPECT_EQ(code_of(try_open_parts()), Errc::too_large);
    disk().put_file(path("sealed"), Bytes(kSealStateBytesMax));
    open_parts();
    EXPECT_EQ(reported.set_aside.size(), 1U);
}

// ---- the identity ----

// A segment, a part or `sealed` is enough.
TEST_F(PartCaseTest, IdentityThatIsDamagedOrGoneIsMadeAgainFromWhatThereIs) {
    for (const bool gone : {false, true}) {
        for (const std::string kept : {"log-", "part-", "sealed"}) {
            SCOPED_TRACE(kept);
            begin();
            ASSERT_TRUE(seal(1, 11));
            const Bytes whole = *disk().content(path("identity"));
            for (const std::string& name : disk().names(kDirectory)) {
                if (!name.starts_with(kept) && name != "identity") {
                    disk().remove(path(name));
                }
            }
            Bytes bytes = whole;
            bytes[5] ^= std::byte{1};
            if (gone) {
                disk().remove(path("identity"));
            } else {
                disk().put_file(path("identity"), bytes);
            }
            open_parts();
            EXPECT_EQ(parts->set().state.store_id, store_id);
            EXPECT_EQ(disk().content(path("identity")), whole);
            ASSERT_EQ(reported.identities.size(), 1U);
            const int files = kept == "part-" ? 2 : 1;
            EXPECT_TRUE(reported.identities[0].starts_with(fmt::format("{} {}: ", wire::format_id(store_id), files)))
                << reported.identities[0];
            EXPECT_EQ(disk().content(path("aside-identity")).value_or(Bytes()), gone ? Bytes() : bytes);
            EXPECT_EQ(reported.set_aside.size(), gone ? 0U : 1U);
            EXPECT_EQ(parts->set().size(), kept == "part-" ? 2U : 0U);
            open_parts();
            EXPECT_TRUE(reported.identities.empty() && reported.set_aside.empty());
        }
    }
}

TEST_F(PartCaseTest, IdentityOnWhichTheFilesDisagreeIsRefusedAndNothingIsChanged) {
    begin();
    ASSERT_TRUE(seal(1, 11));
    const PartImage foreign = make_part({.sequences = numbers(40, 45), .store_id = StoreId{std::byte{9}}});
    disk().put_file(path(part_file_name(foreign.name)), foreign.bytes);
    disk().flip(path("identity"), 20, std::byte{1});
    const Strings before = disk().names(kDirectory);
    const Bytes damaged = *disk().content(path("identity"));
    const Result<> refused = try_open_parts();
    ASSERT_EQ(code_of(refused), Errc::corrupt);
    EXPECT_EQ(refused.error().text(),
              fmt::format("'identity' fails its checksum, and '{}' is of store {} and '{}' of store {}; move away what "
                          "does not belong here, or restore 'identity' from a copy of the store",
                          segment_name(1), wire::format_id(store_id), part_file_name(foreign.name),
                          wire::format_id(StoreId{std::byte{9}})));
    EXPECT_EQ(disk().names(kDirectory), before);
    EXPECT_EQ(disk().content(path("identity")), damaged);
    disk().remove(path("identity"));
    EXPECT_EQ(code_of(try_open_parts()), Errc::corrupt) << "no new one either";
    EXPECT_FALSE(disk().exists(path("identity")));
}

TEST_F(PartCaseTest, DamagedFilesSayNothingOfTheIdentity) {
    begin();
    ASSERT_TRUE(seal(1, 11));
    for (const std::string& name : disk().names(kDirectory)) {
        if (name.starts_with("log-") || name == "sealed") {
            disk().flip(path(name), 24, std::byte{1});
        } else if (name.starts_with("part-default")) {
            damage(name);
        }
    }
    disk().put_file(path("log-00000000000000ff.wal"), Bytes(5));
    disk().put_file(path("spare-00000001.wal"), Bytes(5));
    disk().flip(path("identity"), 4, std::byte{4});
    open_parts();
    EXPECT_EQ(parts->set().state.store_id, store_id);
    ASSERT_EQ(reported.identities.size(), 1U);
    EXPECT_EQ(reported.identities[0],
              fmt::format("{} 1: corrupt: 'identity' fails its checksum", wire::format_id(store_id)));
}

TEST_F(PartCaseTest, IdentityIsNotMadeWhereAFileIsOfANewerProgramOrCannotBeRead) {
    begin();
    ASSERT_TRUE(seal(1, 11));
    disk().remove(path("identity"));
    const Bytes sealed = *disk().content(path("sealed"));
    Bytes newer = sealed;
    seal_small_head(newer, load_int<std::uint32_t>(newer.data()), kSealStateVersion + 1);
    disk().put_file(path("sealed"), newer);
    EXPECT_EQ(code_of(try_open_parts()), Errc::unsupported);
    EXPECT_FALSE(disk().exists(path("identity")));
    disk().put_file(path("sealed"), sealed);
    for (const auto& [code, file] :
         {std::pair{OpCode::list, kDirectory}, std::pair{OpCode::open, path("sealed")},
          std::pair{OpCode::stat, path("sealed")}, std::pair{OpCode::write, path("identity.tmp")}}) {
        faults().add(io::fail_nth(code, file, code == OpCode::list ? 2 : 1, EIO));
        EXPECT_EQ(code_of(try_open_parts()), Errc::io_error) << static_cast<int>(code);
        faults().clear_rules();
        EXPECT_FALSE(disk().exists(path("identity")));
    }
    open_parts();
    EXPECT_EQ(parts->set().state.store_id, store_id);
}

// The start that set it aside got no further.
TEST_F(PartCaseTest, IdentityThatCouldNotBeWrittenIsMadeByTheNextStart) {
    begin();
    ASSERT_TRUE(seal(1, 11));
    disk().flip(path("identity"), 20, std::byte{1});
    faults().add(io::fail_nth(OpCode::write, path("identity.tmp"), 1, EIO));
    EXPECT_EQ(code_of(try_open_parts()), Errc::io_error);
    EXPECT_TRUE(reported.identities.empty());
    faults().clear_rules();
    world->crash(io::CrashKind::power);
    open_parts();
    EXPECT_EQ(parts->set().state.store_id, store_id);
    EXPECT_EQ(reported.identities.size(), 1U);
    EXPECT_EQ(read_parts().size(), 10U);
}

// The version too, which the checksum of version 1 does not cover.
TEST_F(PartCaseTest, StartGoesOnWhicheverBitOfSealedIsFlipped) {
    begin();
    ASSERT_TRUE(seal(1, 11));
    const Bytes whole = *disk().content(path("sealed"));
    for (std::size_t at = 0; at < whole.size(); ++at) {
        Bytes damaged = whole;
        damaged[at] ^= static_cast<std::byte>(1U << (at % 8));
        disk().put_file(path("sealed"), damaged);
        const Result<> opened = try_open_parts();
        ASSERT_TRUE(opened) << at << ": " << opened.error();
        EXPECT_EQ(reported.set_aside.size(), 1U) << at;
        EXPECT_EQ(read_parts().size(), 10U) << at;
    }
}

TEST_F(PartCaseTest, DamagedPartIsDamageWhereItsRecordsAreMissed) {
    struct Case {
        std::uint64_t removed;
        std::uint64_t sealed;
        bool told;
    };
    for (const Case& one :
         {Case{0, 21, true}, Case{20, 21, true}, Case{21, 31, false}, Case{0, 12, true}, Case{0, 11, false}}) {
        begin();
        const std::string file = put_part("default", 11, 21);
        damage(file);
        SealState state;
        state.store_id = store_id;
        state.sealed_end = one.sealed;
        state.removed_of("default").end_sequence = one.removed;
        write_sealed(state);
        open_parts();
        SCOPED_TRACE(fmt::format("{} {}", one.removed, one.sealed));
        ASSERT_EQ(reported.damage.size(), one.told ? 1U : 0U);
        ASSERT_EQ(reported.set_aside.size(), one.told ? 1U : 0U);
        EXPECT_EQ(disk().exists(path("aside-" + file)), one.told) << "what nobody misses is deleted";
        EXPECT_FALSE(disk().exists(path(file)));
        if (one.told) {
            EXPECT_TRUE(reported.set_aside[0].starts_with(fmt::format("aside-{}: corrupt: '{}'", file, file)))
                << reported.set_aside[0];
            EXPECT_EQ(reported.damage[0].file, file);
            EXPECT_EQ(reported.damage[0].offset, 0U);
            EXPECT_EQ(reported.damage[0].bytes, 0U);
            EXPECT_EQ(reported.damage[0].first_sequence, 11U);
            EXPECT_EQ(reported.damage[0].end_sequence, 21U);
        }
        EXPECT_EQ(parts->set().state.sealed_end, one.sealed);
    }
    begin();
    disk().remove(path("sealed"));
    damage(put_part("default", 11, 21));
    open_parts();
    EXPECT_EQ(reported.damage.size(), 1U) << "nothing says that it does not count";
}

// A file that came back damaged after a merge or a removal must not count as a loss for ever.
TEST_F(PartCaseTest, DamagedInputOfAMergeIsDeletedWhereTheMergedPartIsSound) {
    for (const bool sound : {true, false}) {
        begin();
        const std::string merged = put_part("default", 1, 21);
        const std::string input = put_part("default", 11, 21);
        damage(input);
        if (!sound) {
            damage(merged);
        }
        disk().remove(path("sealed"));
        open_parts();
        EXPECT_EQ(disk().exists(path("aside-" + input)), !sound);
        EXPECT_EQ(part_files(), sound ? Strings{merged} : Strings{});
        EXPECT_EQ(reported.damage.size(), sound ? 0U : 2U);
    }
}

// It may be all that is left of that store.
TEST_F(PartCaseTest, PartOfAnotherStoreIsNeverDeleted) {
    begin();
    ASSERT_TRUE(seal(1, 11));
    ASSERT_TRUE(parts->remove(parts->set().classes[0].parts));
    const PartImage foreign = make_part({.sequences = numbers(2, 11), .store_id = StoreId{std::byte{9}}});
    const std::string file = part_file_name(foreign.name);
    disk().put_file(path(file), foreign.bytes);
    open_parts();
    EXPECT_EQ(disk().content(path("aside-" + file)), foreign.bytes);
    EXPECT_TRUE(reported.damage.empty());
}

TEST_F(PartCaseTest, PartsUpToTheRemovedEndAreDeleted) {
    begin();
    const std::string gone = put_part("default", 1, 11);
    const std::string stays = put_part("default", 11, 12);
    const std::string other = put_part("odd", 3, 9);
    SealState state;
    state.store_id = store_id;
    state.sealed_end = 12;
    state.removed_of("default").end_sequence = 11;
    write_sealed(state);
    open_parts();
    EXPECT_EQ(part_files(), (Strings{stays, other}));
    EXPECT_EQ(parts->set().state, state);
    state.removed_of("default").end_sequence = 12;
    state.removed_of("odd").end_sequence = 8;
    write_sealed(state);
    open_parts();
    EXPECT_EQ(part_files(), (Strings{other}));
}

// The log has the records of such a part if it begins at or before it.
TEST_F(PartCaseTest, PartsBeyondTheSealedEndAreMadeAgainWhereTheLogHasTheirRecords) {
    struct Case {
        std::uint64_t sealed;
        std::uint64_t log;
        bool counts;
    };
    for (const Case& one : {Case{11, 11, false}, Case{11, 10, false}, Case{11, 12, true}, Case{12, 11, true}}) {
        begin();
        put_part("default", 11, 21);
        put_log(one.log);
        SealState state;
        state.store_id = store_id;
        state.sealed_end = one.sealed;
        write_sealed(state);
        open_parts();
        EXPECT_EQ(part_files().size(), one.counts ? 1U : 0U) << one.sealed << " " << one.log;
        EXPECT_EQ(parts->set().state.sealed_end, one.counts ? 21U : one.sealed);
        EXPECT_TRUE(reported.set_aside.empty() && reported.damage.empty());
    }
    begin();
    put_part("default", 11, 21);
    put_log(11);
    disk().remove(path("sealed"));
    open_parts();
    EXPECT_EQ(part_files().size(), 1U) << "nothing says up to where the log is sealed";
    SealState state;
    state.store_id = store_id;
    state.sealed_end = 11;
    write_sealed(state);
    disk().flip(path(segment_name(3)), 30, std::byte{1});
    open_parts();
    EXPECT_EQ(part_files().size(), 1U) << "nor where it begins";
}

TEST_F(PartCaseTest, OfPartsThatOverlapTheLargestCounts) {
    begin();
    const std::string whole = put_part("default", 1, 21);
    put_part("default", 1, 11);
    put_part("default", 11, 21);
    const std::string odd = put_part("default", 20, 25);
    const std::string next = put_part("default", 25, 26);
    const std::string other = put_part("odd", 15, 23);
    disk().remove(path("sealed"));
    open_parts();
    EXPECT_EQ(part_files(), (Strings{whole, next, other}));
    EXPECT_EQ(reported.set_aside, (Strings{fmt::format("aside-{}: corrupt: it overlaps another part", odd)}));
    EXPECT_TRUE(reported.damage.empty());
    EXPECT_EQ(parts->set().state.sealed_end, 26U);
    EXPECT_EQ(parts->set().size(), 3U);
}

}  // namespace
}  // namespace sluice::store::test
