// A tail whose client takes its time: it holds nothing meanwhile, and shows what one shows that is read in a go.
#include "log_life_fixture.h"

namespace sluice::server::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Parts, segments and the last group in memory.
class TailPauseTest : public LogLifeTest {
 protected:
    TailPauseTest() {
        SealOptions& seal = options.pipeline.seal;
        seal.rows_max = 100;
        seal.open_bytes_max = 1;
        seal.page_rows = 10;
        seal.cache_bytes_max = 1;
        options.pipeline.memory_bytes_max = 1;
    }
    // Records "1 ...", "2 ...", of 4000 bytes that do not become smaller when they are compressed.
    void fill(std::uint64_t count) {
        start();
        writer_ = &greet();
        io::SimRandom random(1);
        for (std::uint64_t n = 1; n <= count; ++n) {
            std::string text = fmt::format("{} ", n);
            while (text.size() < 4000) {
                text.push_back(static_cast<char>('a' + random.next() % 26));
            }
            log(*writer_, n + 1, {{text, "", wire::Severity::info}},
                n % 50 == 0 ? wire::AckLevel::durable : wire::AckLevel::written);
        }
        pass(seconds(1));
    }
    void damage() {
        const store::PartPointer part = hub().parts()->by_sequence().at(0);
        const std::string path = sim::kStorePath + "/" + part->file;
        world.disk().flip(path, world.disk().content(path)->size() / 2, std::byte{0x55});
        for (const int n : {220, 221, 230}) {
            for (const store::SegmentInfo& segment : hub().catalog()) {
                const std::string file = sim::kStorePath + "/" + store::segment_name(segment.header.segment_id);
                const Bytes content = *world.disk().content(file);
                const std::size_t at = as_text(content).find(fmt::format("{} ", n));
                if (at != std::string_view::npos) {
                    world.disk().flip(file, at, std::byte{1});
                }
            }
        }
    }
    static wire::TailRequest everything(std::uint32_t credit) {
        wire::TailRequest request;
        request.start = wire::TailStart::oldest;
        request.credit = credit;
        return request;
    }
    // "sequence" of each record, "lost to sequence" of each gap, and the end.
    std::vector<std::string> shown(const wire::TailRequest& request, Duration pause) {
        RawClient& client = greet();
        client.request(2, request);
        std::vector<std::string> all;
        for (auto frame = client.next(); frame; frame = client.next()) {
            if (!frame->header.more()) {
                const auto end = decode<wire::TailEnd>(*frame);
                all.push_back(end ? fmt::format("end {}", end->resume_after.sequence) : error_text(*frame));
                return all;
            }
            const auto chunk = decode<wire::TailChunk>(*frame);
            for (const wire::TailEntry& entry : chunk->entries) {
                const bool gap = (entry.flags & wire::kBatchGap) != 0;
                const std::string_view text = entry.record.message();
                all.push_back(fmt::format("{}{} {}", gap ? "lost to " : "", entry.sequence,
                                          gap ? text : text.substr(0, text.find(' '))));
            }
            if (pause != Duration::zero()) {
                pass(pause);
                client.request(3, wire::Credit{.target = 2, .bytes = frame->header.length});
            }
        }
        ADD_FAILURE() << "no end";
        return all;
    }

 private:
    RawClient* writer_ = nullptr;
};

TEST_F(TailPauseTest, PausesChangeNothingOfWhatIsShown) {
    fill(280);
    ASSERT_EQ(hub().sealed_end(), 201U);
    damage();
    const std::vector<std::string> whole = shown(everything(1U << 30U), {});
    const auto losses = std::ranges::count_if(whole, [](const std::string& one) { return one.starts_with("lost"); });
    EXPECT_GE(losses, 3);
    EXPECT_EQ(whole.back(), "end 280");
    for (const Duration pause : {Duration(milliseconds(900)), Duration(seconds(2))}) {
        EXPECT_EQ(shown(everything(1), pause), whole);
        wire::TailRequest filtered = everything(1);
        filtered.query = "severity:info";
        EXPECT_EQ(shown(filtered, pause), whole);
        filtered.credit = 1U << 30U;
        EXPECT_EQ(shown(filtered, {}), whole);
    }
}

TEST_F(TailPauseTest, FileIsLetGoAfterASecond) {
    options.pipeline.seal.rows_max = 1'000'000;
    fill(60);
    RawClient& client = greet();
    const std::size_t before = world.open_descriptors(daemon->kernel());
    client.request(2, everything(1));
    ASSERT_TRUE(client.next());
    pass(milliseconds(900));
    EXPECT_EQ(world.open_descriptors(daemon->kernel()), before + 1);
    pass(milliseconds(200));
    EXPECT_EQ(world.open_descriptors(daemon->kernel()), before);
}

TEST_F(TailPauseTest, FollowerThatHasSeenAllHoldsNoFile) {
    options.pipeline.seal.rows_max = 1'000'000;
    fill(54);
    ASSERT_EQ(hub().durable_sequence(), 51U);
    RawClient& client = greet();
    const std::size_t before = world.open_descriptors(daemon->kernel());
    wire::TailRequest follow = everything(1U << 20U);
    follow.follow = true;
    follow.durable_only = true;
    client.request(2, follow);
    std::uint64_t last = 0;
    while (last < 50) {
        const auto frame = client.next();
        ASSERT_TRUE(frame);
        const auto chunk = decode<wire::TailChunk>(*frame);
        for (const wire::TailEntry& entry : chunk->entries) {
            last = entry.sequence;
        }
    }
    pass(milliseconds(1));
    EXPECT_EQ(world.open_descriptors(daemon->kernel()), before);
}

// Of the records that are durable those are counted that are shown.
TEST_F(TailPauseTest, LastOfTheDurableRecordsAreCountedWithoutTheOthers) {
    options.pipeline.memory_bytes_max = 1U << 20U;
    options.pipeline.seal.rows_max = 1'000'000;
    fill(55);
    ASSERT_EQ(hub().durable_sequence(), 51U);
    wire::TailRequest last = everything(1U << 20U);
    last.start = wire::TailStart::last_n;
    last.n = 2;
    last.durable_only = true;
    EXPECT_EQ(shown(last, {}), (std::vector<std::string>{"49 49", "50 50", "end 50"}));
    last.durable_only = false;
    EXPECT_EQ(shown(last, {}), (std::vector<std::string>{"54 54", "55 55", "end 55"}));
}

}  // namespace
}  // namespace sluice::server::test
