#include "sim/plan.h"

namespace sluice::sim {
namespace {

std::uint64_t pick(io::SimRandom& random, std::initializer_list<std::uint64_t> values) {
    return values.begin()[random.below(values.size())];
}

void plan_daemon(io::SimRandom& random, Plan& plan) {
    store::WriterOptions& writer = plan.daemon.writer;
    writer.segment_bytes = pick(random, {64, 64, 128, 256}) << 10U;
    writer.log_bytes_max = 1ULL << 30U;
    writer.unsynced_bytes_max = pick(random, {4096, 32768, 1 << 20});
    writer.mode = random.coin() ? store::IoMode::direct : store::IoMode::buffered;
    plan.daemon.calibrate = random.below(16) == 0;
    server::LogPipeline::Options& pipeline = plan.daemon.pipeline;
    pipeline.sync_interval = std::chrono::microseconds(pick(random, {300, 2000, 20000, 100000}));
    pipeline.memory_bytes_max = pick(random, {4096, 65536, 1 << 20});
    pipeline.ingest.group_bytes_max = pick(random, {2048, 8192});
    pipeline.ingest.batch_bytes_max = 20U << 10U;
    pipeline.ingest.queue_bytes_max = pick(random, {20000, 65536, 1 << 20});
    if (plan.kind == Kind::tiny_queue) {
        pipeline.ingest.queue_bytes_max = pick(random, {1, 500, 3000});
        pipeline.ingest.uid_share_percent = static_cast<unsigned>(pick(random, {10, 50, 100}));
    }
    if (plan.kind == Kind::retention) {
        writer.segment_bytes = 64U << 10U;
        writer.log_bytes_max = pick(random, {2, 3, 5}) * writer.segment_bytes;
    }
    plan.disk.capacity_bytes = 64U << 20U;
    plan.disk.direct_io_alignment = static_cast<std::uint32_t>(pick(random, {0, 512, 512, 4096}));
}

// Small enough that a scenario seals, merges and removes many times.
void plan_sealing(io::SimRandom& random, Plan& plan) {
    server::SealOptions& seal = plan.daemon.pipeline.seal;
    const bool off = plan.kind == Kind::retention || (plan.kind != Kind::expiry && random.below(4) == 0);
    seal.rows_max = off ? 0 : static_cast<std::uint32_t>(pick(random, {3, 10, 40, 200}));
    seal.bytes_max = pick(random, {500, 4000, 1 << 20});
    seal.delay_max = std::chrono::microseconds(pick(random, {1000, 20000, 1000000}));
    seal.open_bytes_max = pick(random, {0, 3000, 1 << 20});
    seal.cache_bytes_max = pick(random, {0, 1 << 20});
    seal.page_rows = static_cast<std::uint32_t>(pick(random, {1, 4, 16, 8192}));
    seal.zstd_level = seal.merge_zstd_level = 1;
    seal.merge.parts_min = static_cast<std::uint32_t>(random.between(2, 4));
    seal.merge.parts_max = static_cast<std::uint32_t>(random.between(4, 12));
    seal.merge.rows_max = pick(random, {0, 30, 300, 3000});
    seal.check_interval = std::chrono::milliseconds(pick(random, {2, 50}));
    store::RetentionOptions& retention = seal.retention;
    if (plan.kind == Kind::expiry || (plan.kind != Kind::damage && random.below(4) == 0)) {
        retention.classes.push_back({.name = "first", .streams = {"s0", "sluice"}});
        retention.classes.push_back({.name = "second", .streams = {"s1*"}});
    }
    if (plan.kind == Kind::expiry) {
        plan.daemon.writer.segment_bytes = 64U << 10U;
        plan.daemon.writer.log_bytes_max = pick(random, {2, 3, 5, 1000}) * plan.daemon.writer.segment_bytes;
        retention.age_max = std::chrono::milliseconds(pick(random, {0, 5, 200}));
        retention.bytes_max = pick(random, {0, 10000, 40000});
        retention.keep_free = pick(random, {0, 0, plan.disk.capacity_bytes - (600U << 10U)});
        retention.classes[0].bytes_max = pick(random, {0, 3000});
        retention.classes[1].age_max = std::chrono::milliseconds(pick(random, {0, 20}));
    }
}

void plan_clients(io::SimRandom& random, Plan& plan) {
    const bool many = plan.kind == Kind::retention || plan.kind == Kind::expiry || random.below(8) == 0;
    const std::uint64_t producers = random.between(1, 5);
    const int level = random.coin() ? static_cast<int>(random.below(3)) : -1;
    for (std::uint32_t i = 0; i < producers; ++i) {
        ProducerOptions producer;
        producer.client = i;
        producer.numbered = random.below(4) != 0;
        producer.level = level;
        producer.batches = static_cast<std::uint32_t>(random.between(1, many ? 60 : 20));
        producer.records_max = static_cast<std::uint32_t>(random.between(1, 8));
        producer.window = static_cast<std::uint32_t>(random.between(1, 6));
        producer.pause_max = std::chrono::microseconds(pick(random, {0, 100, 1000, 10000}));
        producer.cut = random.coin() ? 0.0 : 0.05;
        producer.link = random.below(4) == 0 ? 0.3 : 0.0;
        producer.deadline = random.below(3) == 0 ? 0.5 : 0.0;
        producer.deadline_ms = static_cast<std::uint32_t>(pick(random, {1, 20, 60'000}));
        plan.producers.push_back(producer);
    }
    const std::uint64_t tailers = random.between(1, 2);
    for (std::uint64_t i = 0; i < tailers; ++i) {
        TailerOptions tailer;
        tailer.durable_only = random.coin();
        if (random.below(4) == 0) {
            tailer.start = random.coin() ? wire::TailStart::now : wire::TailStart::last_n;
        }
        tailer.credit = static_cast<std::uint32_t>(pick(random, {100, 5000, 1 << 20}));
        tailer.pause_max = std::chrono::microseconds(pick(random, {0, 0, 2000}));
        tailer.cut = random.coin() ? 0.0 : 0.05;
        plan.tailers.push_back(tailer);
    }
    plan.puts = random.below(4) == 0 ? static_cast<std::uint32_t>(random.between(1, 15)) : 0;
    plan.filler_max = static_cast<std::uint32_t>(pick(random, {200, 2000}));
}

void plan_fates(io::SimRandom& random, Plan& plan) {
    const std::uint64_t ends = random.below(5);
    for (std::uint64_t i = 0; i < ends; ++i) {
        Fate fate;
        fate.end = static_cast<Fate::End>(pick(random, {0, 0, 1, 1, 2}));
        fate.after = random.below(4) == 0 ? random.between(1, 60) : random.between(20, 600);
        fate.crash_while_stopping = random.below(3) == 0;
        plan.fates.push_back(fate);
    }
}

}  // namespace

Plan make_plan(io::SimRandom& random) {
    Plan plan;
    plan.kind = static_cast<Kind>(pick(random, {0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 4}));
    plan_daemon(random, plan);
    plan_sealing(random, plan);
    plan_clients(random, plan);
    plan_fates(random, plan);
    plan.faults = random.below(3) != 0;
    return plan;
}

io::FaultRates make_rates(io::SimRandom& random) {
    const double often = std::initializer_list<double>{0.01, 0.1, 0.5}.begin()[random.below(3)];
    io::FaultRates rates;
    for (std::uint64_t kinds = random.between(1, 2); kinds > 0; --kinds) {
        switch (random.below(7)) {
            case 0:
                rates.short_read = often;
                break;
            case 1:
                rates.short_write = often;
                break;
            case 2:
                rates.read_error = often / 5;
                break;
            case 3:
                rates.write_error = often;
                break;
            case 4:
                rates.sync_error = often;
                break;
            case 5:
                rates.no_space = often;
                break;
            default:
                rates.slow = often / 5;
                rates.slow_max = std::chrono::milliseconds(20);
                break;
        }
    }
    if (random.coin()) {
        rates.short_send = rates.short_recv = 0.5;
    }
    return rates;
}

std::string describe(const Plan& plan) {
    constexpr const char* kKinds[] = {"general", "retention", "tiny queue", "damage", "expiry"};
    constexpr const char* kEnds[] = {"kill", "power loss", "stop"};
    const store::WriterOptions& writer = plan.daemon.writer;
    const ingest::IngestOptions& queue = plan.daemon.pipeline.ingest;
    std::string text = fmt::format(
        "{}: segments of {}, log of {}, unsynced {}, {}, alignment {}, queue {}, group {}, sync after {} us, faults "
        "{}\n",
        kKinds[static_cast<int>(plan.kind)], writer.segment_bytes, writer.log_bytes_max, writer.unsynced_bytes_max,
        writer.mode == store::IoMode::direct ? "direct" : "buffered", plan.disk.direct_io_alignment,
        queue.queue_bytes_max, queue.group_bytes_max, plan.daemon.pipeline.sync_interval.count() / 1000, plan.faults);
    const server::SealOptions& seal = plan.daemon.pipeline.seal;
    text += fmt::format(
        "  sealed at {} rows or {} bytes or {} us, open {}, pages of {}, merged up to {} rows, {} to {} parts; kept {} "
        "ms, "
        "{} bytes, {} free, {} classes\n",
        seal.rows_max, seal.bytes_max, seal.delay_max.count() / 1000, seal.open_bytes_max, seal.page_rows,
        seal.merge.rows_max, seal.merge.parts_min, seal.merge.parts_max, seal.retention.age_max.count() / 1'000'000,
        seal.retention.bytes_max, seal.retention.keep_free, seal.retention.classes.size());
    for (const ProducerOptions& producer : plan.producers) {
        text += fmt::format(
            "  producer {}: {}, level {}, {} batches of up to {} records, window {}, links {}, deadlines {} of {} ms\n",
            producer.client, producer.numbered ? "numbered" : "not numbered", producer.level, producer.batches,
            producer.records_max, producer.window, producer.link, producer.deadline, producer.deadline_ms);
    }
    for (const TailerOptions& tailer : plan.tailers) {
        text += fmt::format("  tail: {}, start {}, credit {}\n", tailer.durable_only ? "durable" : "written",
                            static_cast<int>(tailer.start), tailer.credit);
    }
    if (plan.puts != 0) {
        text += fmt::format("  {} puts\n", plan.puts);
    }
    for (const Fate& fate : plan.fates) {
        text += fmt::format("  {} after {} operations{}\n", kEnds[static_cast<int>(fate.end)], fate.after,
                            fate.crash_while_stopping ? ", crash while stopping" : "");
    }
    return text;
}

}  // namespace sluice::sim
