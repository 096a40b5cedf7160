// A reader of the log is overtaken at each of its suspensions: what it reads is sealed, retired, used again or removed.
// It goes on without a gap, or says that its place is lost; it never skips, repeats or invents.
#include "server/last_matching.h"
#include "server/log_follower.h"
#include "server_fixture.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What becomes of the file of a segment that is retired.
enum class Fate : std::uint8_t {
    removed,
    zeroed,  // A spare.
    reused,  // Another segment's frames are in it.
};
constexpr Fate kFates[] = {Fate::removed, Fate::zeroed, Fate::reused};

class TailRaceTest : public ServerTest {
 protected:
    // The log at a moment, as the hub knows it.
    struct Moment {
        store::Catalog catalog;
        std::shared_ptr<const store::PartSet> parts;
    };
    static constexpr std::uint64_t kRecords = 300;
    // Before it the directory is opened; and what is gone when a follower is made, it passes over.
    static constexpr std::uint64_t kFirstOfTheFollower = 2;

    TailRaceTest() {
        SealOptions& seal = options.pipeline.seal;
        seal.rows_max = 1'000'000;
        seal.bytes_max = 1ULL << 40U;
        seal.delay_max = std::chrono::hours(1);
        seal.open_bytes_max = 1;
        seal.merge.rows_max = 0;
        seal.page_rows = 16;
        seal.zstd_level = 1;
        seal.check_interval = std::chrono::hours(1);
        options.pipeline.memory_bytes_max = 1;
        options.pipeline.sync_interval = milliseconds(5);
    }
    LogHub& hub() { return daemon->pipeline().hub(); }
    static std::string path_of(const store::SegmentInfo& segment) {
        return sim::kStorePath + "/" + store::segment_name(segment.header.segment_id);
    }
    // Some segments, nothing sealed; then everything sealed.  Both moments can be gone back to.
    void prepare() {
        start();
        RawClient& client = greet();
        for (std::uint64_t n = 1; n <= kRecords; ++n) {
            log(client, n + 1, {{fmt::format("{}{}", n, std::string(4000, ' ')), "", wire::Severity::info}});
        }
        pass(seconds(1));
        ASSERT_EQ(hub().sealed_end(), 1U);
        before_ = {hub().catalog(), hub().parts()};
        ASSERT_GE(before_.catalog.size(), 4U);
        for (const store::SegmentInfo& segment : before_.catalog) {
            files_.push_back(*world.disk().content(path_of(segment)));
        }
        daemon->pipeline().set_log_bytes_max(options.writer.segment_bytes);
        log(client, kRecords + 2, {{"the last straw", "", wire::Severity::info}});
        pass(seconds(5));
        after_ = {hub().catalog(), hub().parts()};
        ASSERT_GT(hub().sealed_end(), kRecords);
        ASSERT_GT(after_.catalog.front().header.segment_id, before_.catalog[2].header.segment_id);
        hub().set_offload(nullptr);  // The readers below are of another loop than the daemon.
    }
    void go_back() {
        for (std::size_t i = 0; i < files_.size(); ++i) {
            if (is_retired(before_.catalog[i])) {
                world.disk().remove(path_of(before_.catalog[i]));
                world.disk().put_file(path_of(before_.catalog[i]), files_[i]);
            }
        }
        hub().set_parts(before_.parts, 0);
        hub().set_catalog(before_.catalog);
    }
    void retire_files(Fate fate) {
        for (std::size_t i = 0; i < files_.size(); ++i) {
            const std::string path = path_of(before_.catalog[i]);
            if (!is_retired(before_.catalog[i])) {
                continue;
            }
            if (fate == Fate::zeroed) {
                world.disk().put_file(path, Bytes(files_[i].size()));
            } else if (fate == Fate::reused) {
                world.disk().put_file(path, files_[(i + 1) % files_.size()]);
            }
            world.disk().remove(path);
        }
    }
    void seal(Fate fate) {
        hub().set_parts(after_.parts, 0);
        retire_files(fate);
        hub().set_catalog(after_.catalog);
    }
    // By retention, after it was sealed.
    void remove_parts() {
        auto none = std::make_shared<store::PartSet>();
        none->state = after_.parts->state;
        store::RemovedOfClass& removed = none->state.removed_of("default");
        removed.end_sequence = none->state.sealed_end;
        removed.parts = after_.parts->size();
        removed.rows = removed.end_sequence - 1;
        hub().set_parts(std::move(none), 0);
    }

    struct Read {
        std::vector<std::uint64_t> sequences;
        bool wrong_text = false;
        std::uint64_t place = 0;  // Of LastMatching.
        Result<> outcome = fail(Errc::internal, "not run");
    };
    using Reading = Task<Result<>> (*)(io::SimKernel* kernel, LogHub* hub, Read* read);

    static Task<Result<io::Handle>> open_store(io::SimKernel* kernel) {
        const io::OpenOptions open{.flags = O_RDONLY | O_DIRECTORY};
        co_return co_await kernel->open(-1, sim::kStorePath, open);
    }

    // What there is below `limit`, from the follower's position on.
    static Task<Result<>> read_to(LogFollower* follower, std::uint64_t limit, Read* read) {
        for (;;) {
            SLUICE_CO_TRY(const std::optional<GroupView> group, co_await follower->next(limit));
            if (!group) {
                co_return Result<>{};
            }
            const std::uint64_t next = for_each_entry(*group, follower->position(), [&](const wire::TailEntry& entry) {
                const std::string_view text = entry.record.message();
                read->sequences.push_back(entry.sequence);
                read->wrong_text =
                    read->wrong_text || text.substr(0, text.find(' ')) != fmt::format("{}", entry.sequence);
                return entry.sequence + 1 < limit;
            });
            follower->seek(next);
        }
    }
    static Task<Result<>> read_all(io::SimKernel* kernel, LogHub* hub, Read* read) {
        SLUICE_CO_TRY(const io::Handle directory, co_await open_store(kernel));
        LogFollower follower(*kernel, directory.fd(), *hub);
        co_return co_await read_to(&follower, kRecords + 1, read);
    }
    // The place of the last records of which every tenth matches.
    static Task<Result<>> find_last(io::SimKernel* kernel, LogHub* hub, Read* read) {
        SLUICE_CO_TRY(const io::Handle directory, co_await open_store(kernel));
        coro::InlinePool pool;
        coro::Offload workers(pool, kernel->loop(), 1);
        const LastMatching::Matches matches = [](const wire::TailEntry& entry) { return entry.sequence % 10 == 0; };
        LastMatching last(*kernel, directory.fd(), *hub, workers, matches);
        SLUICE_CO_TRY(read->place, co_await last.find(20, kRecords + 1));
        co_return Result<>{};
    }

    // Reads while `event` happens at its nth operation.  False: it had ended before.
    bool overtake(Reading reading, std::uint64_t nth, const std::function<void()>& event, Read& read) {
        go_back();
        io::SimKernel::Options as;
        as.name = "reader";
        io::SimKernel kernel(world, as);
        bool happened = false;
        world.at_operation(world.operations() + nth, [&] {
            happened = true;
            event();
        });
        coro::Job<Result<>> job(kernel.loop(), "read", reading, &kernel, &hub(), &read);
        const Result<> ended = world.run_until([&] { return job.done(); });
        world.at_operation(0, nullptr);
        EXPECT_TRUE(ended) << ended.error();
        read.outcome = job.result();
        return happened;
    }
    static void expect_prefix(const Read& read, const std::string& where) {
        EXPECT_FALSE(read.wrong_text) << where;
        for (std::size_t i = 0; i < read.sequences.size(); ++i) {
            ASSERT_EQ(read.sequences[i], i + 1) << where;
        }
        if (read.outcome) {
            EXPECT_EQ(read.sequences.size(), kRecords) << where;
        } else {
            EXPECT_EQ(errc_name(read.outcome.error().code()), errc_name(Errc::cursor_lost))
                << where << ": " << read.outcome.error();
        }
    }

    Moment before_;
    Moment after_;

 private:
    bool is_retired(const store::SegmentInfo& segment) const {
        return segment.header.segment_id < after_.catalog.front().header.segment_id;
    }
    std::vector<Bytes> files_;  // Of before_.catalog.
};

TEST_F(TailRaceTest, WhatIsSealedUnderAReaderIsReadFromTheParts) {
    prepare();
    for (const Fate fate : kFates) {
        std::uint64_t nth = 1;
        for (bool happened = true; happened; ++nth) {
            Read read;
            happened = overtake(&read_all, nth, [&] { seal(fate); }, read);
            const std::string where = fmt::format("fate {}, operation {}", static_cast<int>(fate), nth);
            EXPECT_TRUE(read.outcome) << where << ": " << read.outcome.error();
            expect_prefix(read, where);
        }
        EXPECT_GT(nth, 10U);
    }
}

TEST_F(TailRaceTest, PlaceThatIsSoughtIsFoundAlsoIfItIsSealedMeanwhile) {
    prepare();
    for (const Fate fate : kFates) {
        std::uint64_t nth = 1;
        for (bool happened = true; happened; ++nth) {
            Read read;
            happened = overtake(&find_last, nth, [&] { seal(fate); }, read);
            const std::string where = fmt::format("fate {}, operation {}", static_cast<int>(fate), nth);
            EXPECT_TRUE(read.outcome) << where << ": " << read.outcome.error();
            EXPECT_EQ(read.place, 110U) << where;
        }
        EXPECT_GT(nth, 5U);
    }
}

// Retention of a log that is not sealed; the hub hears of it at once, or later.
TEST_F(TailRaceTest, SegmentThatIsRetiredUnderAReaderIsToldOrReadToItsEnd) {
    prepare();
    std::size_t lost = 0;
    for (const Fate fate : kFates) {
        for (const bool heard : {true, false}) {
            std::uint64_t nth = kFirstOfTheFollower;
            for (bool happened = true; happened; ++nth) {
                Read read;
                const auto event = [&] {
                    const std::shared_ptr<const store::PartSet> parts = hub().parts();
                    seal(fate);
                    hub().set_parts(parts, 0);
                    if (!heard) {
                        hub().set_catalog(before_.catalog);
                    }
                };
                happened = overtake(&read_all, nth, event, read);
                expect_prefix(read, fmt::format("fate {}, heard {}, operation {}", static_cast<int>(fate), heard, nth));
                lost += read.outcome ? 0 : 1;
            }
            EXPECT_GT(nth, 10U);
        }
    }
    EXPECT_GT(lost, 20U);
}

TEST_F(TailRaceTest, WhatIsRemovedUnderAReaderIsALostPlace) {
    prepare();
    for (const Fate fate : kFates) {
        std::size_t lost = 0;
        std::uint64_t nth = kFirstOfTheFollower;
        for (bool happened = true; happened; ++nth) {
            Read read;
            const auto event = [&] {
                seal(fate);
                remove_parts();
            };
            happened = overtake(&read_all, nth, event, read);
            expect_prefix(read, fmt::format("fate {}, operation {}", static_cast<int>(fate), nth));
            lost += read.outcome ? 0 : 1;
        }
        EXPECT_GT(lost, 10U);
    }
}

// A reader has read ahead, also over the end of what was written then; what is there by now it reads again.
TEST_F(TailRaceTest, WhatIsWrittenBehindAReaderThatReadAheadIsFound) {
    start();
    RawClient& client = greet();
    std::uint64_t written = 0;
    const auto write = [&](std::uint64_t count) {
        for (const std::uint64_t end = written + count; written < end;) {
            ++written;
            log(client, written + 1, {{fmt::format("{} text", written), "", wire::Severity::info}});
        }
    };
    write(10);
    io::SimKernel::Options as;
    as.name = "reader";
    io::SimKernel kernel(world, as);
    const auto directory = io::block_on(kernel, "open", &TailRaceTest::open_store, &kernel);
    ASSERT_TRUE(directory) << directory.error();
    LogFollower follower(kernel, directory->fd(), hub());
    Read read;
    for (const std::uint64_t limit : {6U, 18U, 40U, 41U}) {
        while (written < limit) {
            write(1);
        }
        const Result<> done = io::block_on(kernel, "read", &TailRaceTest::read_to, &follower, limit, &read);
        ASSERT_TRUE(done) << done.error();
        EXPECT_FALSE(read.wrong_text);
        ASSERT_EQ(read.sequences.size(), limit - 1);
        EXPECT_EQ(read.sequences.back(), limit - 1);
        write(10);
    }
}

}  // namespace
}  // namespace sluice::server::test
