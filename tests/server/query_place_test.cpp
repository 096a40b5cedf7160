// A query reads the whole log wherever it is: in parts, in segments, in memory; from either end, and within a time.
#include "server_fixture.h"
#include "wire/query_messages.h"

namespace sluice::server::test {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class QueryPlaceTest : public ServerTest {
 protected:
    static std::vector<std::string> expected(std::uint64_t first, std::uint64_t last) {
        std::vector<std::string> all;
        for (std::uint64_t n = first; n <= last; ++n) {
            all.push_back(fmt::format("{}", n));
        }
        return all;
    }
    // The first words of the messages.
    std::vector<std::string> ask(wire::QueryRequest request) {
        request.credit = 1U << 30U;
        RawClient& client = greet();
        client.request(2, request);
        std::vector<std::string> rows;
        for (auto frame = client.next(); frame; frame = client.next()) {
            if (!frame->header.more()) {
                const auto end = decode<wire::QueryEnd>(*frame);
                EXPECT_TRUE(end && end->counts.rows == rows.size());
                end_ = end ? end->counts : wire::QueryCounts();
                return rows;
            }
            const auto chunk = decode<wire::QueryChunk>(*frame);
            for (const wire::TailEntry& entry : chunk->entries) {
                const std::string_view message = entry.record.message();
                rows.emplace_back(message.substr(0, message.find(' ')));
                EXPECT_EQ(rows.back(), fmt::format("{}", entry.sequence));
            }
        }
        ADD_FAILURE() << "no end";
        return rows;
    }
    // Does not become smaller when it is compressed, by much.
    std::string noise(std::size_t bytes) {
        std::string text(bytes, ' ');
        for (char& letter : text) {
            letter = static_cast<char>('a' + random_.next() % 26);
        }
        return text;
    }
    // Records "1 ...", "2 ...", each at so many ns since 1970.
    void fill(int count, std::size_t bytes) {
        RawClient& client = greet();
        for (int n = 1; n <= count; ++n) {
            wire::BatchBuilder builder;
            builder.begin(wire::Severity::info, "", n).message(fmt::format("{} {}", n, noise(bytes)));
            ASSERT_TRUE(builder.finish_record());
            const auto level = n % 50 == 0 ? wire::AckLevel::durable : wire::AckLevel::written;
            client.request(static_cast<std::uint64_t>(n) + 1,
                           wire::LogRequest{.level = level, .batch = builder.finish()});
            ASSERT_TRUE(client.next());
        }
    }
    void expect_every_part_of_it(std::uint64_t count) {
        EXPECT_EQ(ask({.text = "*"}), expected(1, count));
        EXPECT_EQ(end_.records, count);
        EXPECT_EQ(end_.matched, count);
        EXPECT_EQ(end_.parts_damaged, 0U);
        for (const std::uint64_t newest : {1U, 2U, 15U, 16U, 17U, 60U, 64U, 199U, 200U, 299U, 300U, 1000U}) {
            EXPECT_EQ(ask({.newest = newest, .text = "*"}), expected(count - std::min(newest, count) + 1, count))
                << newest;
        }
        EXPECT_TRUE(ask({.newest = 0, .text = "*"}).empty());
        for (const auto& [since, until] :
             {std::pair<WallNs, WallNs>{1, 2}, {50, 60}, {100, 301}, {300, 400}, {299, 300}}) {
            EXPECT_EQ(ask({.since_ns = since, .until_ns = until, .text = "*"}),
                      expected(static_cast<std::uint64_t>(since),
                               std::min<std::uint64_t>(static_cast<std::uint64_t>(until) - 1, count)));
        }
        EXPECT_TRUE(ask({.since_ns = 301, .text = "*"}).empty());
        EXPECT_TRUE(ask({.until_ns = 1, .text = "*"}).empty());
    }

    wire::QueryCounts end_;
    io::SimRandom random_{1};
};

TEST_F(QueryPlaceTest, SegmentsAndMemory) {
    options.pipeline.memory_bytes_max = 100'000;
    start();
    fill(300, 4000);
    ASSERT_GE(daemon->pipeline().hub().catalog().size(), 4U);
    expect_every_part_of_it(300);
    EXPECT_EQ(end_.parts, 0U);
}

TEST_F(QueryPlaceTest, SegmentsOnly) {
    options.pipeline.memory_bytes_max = 1;
    start();
    fill(300, 4000);
    expect_every_part_of_it(300);
}

// 2 MiB are a unit: several of them in memory, or in one segment.
TEST_F(QueryPlaceTest, MoreThanAUnitInOnePlace) {
    options.writer.segment_bytes = 8U << 20U;
    options.writer.log_bytes_max = 64U << 20U;
    for (const std::size_t memory : {std::size_t{64} << 20U, std::size_t{1}}) {
        options.pipeline.memory_bytes_max = memory;
        start();
        fill(170, 30'000);
        ASSERT_EQ(daemon->pipeline().hub().catalog().size(), 1U);
        EXPECT_EQ(ask({.text = "*"}), expected(1, 170));
        EXPECT_EQ(end_.records, 170U);
        for (const std::uint64_t newest : {1U, 69U, 70U, 71U, 100U, 139U, 140U, 169U}) {
            EXPECT_EQ(ask({.newest = newest, .text = "*"}), expected(171 - newest, 170)) << newest;
        }
        EXPECT_EQ(ask({.text = "* | head 75"}), expected(1, 75));
        daemon->stop();
        ASSERT_TRUE(world.run_until([&] { return daemon->ended(); }));
        daemon.reset();
        world.disk().remove(sim::kStorePath);
        world.disk().make_directories(sim::kStorePath);
    }
}

TEST_F(QueryPlaceTest, PartsSegmentsAndMemory) {
    SealOptions& seal = options.pipeline.seal;
    seal.rows_max = 100;
    seal.merge.rows_max = 0;
    seal.zstd_level = 1;
    seal.page_rows = 16;
    seal.open_bytes_max = 50'000;
    seal.delay_max = hours(10);
    options.pipeline.memory_bytes_max = 50'000;
    options.pipeline.sync_interval = hours(1);
    start();
    fill(300, 4000);
    pass(seconds(1));
    ASSERT_GE(daemon->pipeline().hub().sealed_end(), 201U);
    expect_every_part_of_it(300);
    EXPECT_EQ(ask({.text = "*"}).size(), 300U);
    EXPECT_EQ(end_.parts, daemon->pipeline().hub().parts()->size());
    EXPECT_EQ(end_.parts_skipped, 0U);
    EXPECT_EQ(ask({.since_ns = 150, .until_ns = 151, .text = "*"}), expected(150, 150));
    EXPECT_EQ(end_.parts, 1U);
    EXPECT_EQ(end_.parts_skipped, daemon->pipeline().hub().parts()->size() - 1);
}

TEST_F(QueryPlaceTest, WhatIsInMemoryIsReadFromNoFile) {
    start();
    fill(20, 100);
    io::FaultRule rule = io::fail_from(io::OpCode::open, "/store/*", 1, 0);
    rule.fault.delay = std::chrono::nanoseconds(1);
    const std::size_t opens = world.faults().add(rule);
    EXPECT_EQ(ask({.text = "*"}), expected(1, 20));
    EXPECT_EQ(ask({.newest = 5, .text = "*"}), expected(16, 20));
    EXPECT_EQ(world.faults().hits(opens), 0U);
}

// A group in memory may be sealed in part: its other records are in no part.
TEST_F(QueryPlaceTest, GroupThatIsSealedInPartIsShownFromThereOn) {
    options.pipeline.seal.delay_max = hours(10);
    start();
    RawClient& client = greet();
    std::vector<Message> messages;
    for (int n = 1; n <= 10; ++n) {
        messages.push_back({fmt::format("{} text", n), "", wire::Severity::info});
    }
    ASSERT_EQ(log(client, 2, messages), 1U);
    LogHub& hub = daemon->pipeline().hub();
    ASSERT_EQ(hub.recent().size(), 1U);
    for (const std::uint64_t sealed_end : {1U, 2U, 7U, 10U, 11U}) {
        auto parts = std::make_shared<store::PartSet>();
        parts->state.sealed_end = sealed_end;
        hub.set_parts(std::move(parts), 0);
        EXPECT_EQ(ask({.text = "*"}), expected(sealed_end, 10));
        EXPECT_EQ(ask({.newest = 3, .text = "*"}), expected(std::max<std::uint64_t>(sealed_end, 8), 10));
    }
}

// Of a part with a page that cannot be read the pages before that are shown, and all of the parts beside it.
TEST_F(QueryPlaceTest, DamagedPageCostsWhatIsBehindItInItsPart) {
    SealOptions& seal = options.pipeline.seal;
    seal.rows_max = 100;
    seal.merge.rows_max = 0;
    seal.zstd_level = 1;
    seal.page_rows = 10;
    seal.cache_bytes_max = 1;
    seal.delay_max = hours(10);
    options.pipeline.memory_bytes_max = 1;
    options.pipeline.sync_interval = hours(1);
    start();
    fill(300, 4000);
    pass(seconds(1));
    const auto parts = daemon->pipeline().hub().parts()->by_sequence();
    ASSERT_GE(parts.size(), 3U);
    const store::PartPointer& damaged = parts[1];
    const std::uint64_t first = damaged->name.first_sequence;
    const std::uint64_t end = damaged->name.end_sequence;
    const std::string path = sim::kStorePath + "/" + damaged->file;
    const std::size_t size = world.disk().content(path)->size();
    std::set<std::size_t> left;  // Records of that part.
    for (std::size_t at = 0; at < size; at += size / 24) {
        world.disk().flip(path, at, std::byte{0x55});
        const std::vector<std::string> shown = ask({.text = "*"});
        world.disk().flip(path, at, std::byte{0x55});
        const std::size_t of_damaged = shown.size() + (end - first) - 300;
        EXPECT_EQ(end_.parts_damaged, of_damaged == end - first ? 0U : 1U) << at;
        EXPECT_EQ(of_damaged % 10, 0U) << "whole pages";
        std::vector<std::string> whole = expected(1, first + of_damaged - 1);
        std::ranges::copy(expected(end, 300), std::back_inserter(whole));
        EXPECT_EQ(shown, whole) << at;
        left.insert(of_damaged);
    }
    EXPECT_GE(left.size(), 6U) << "damage in several pages";
}

}  // namespace
}  // namespace sluice::server::test
