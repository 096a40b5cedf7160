// What the disk allows: one writer, no sockets.
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "measurements.h"
#include "ring.h"

namespace sluice::bench {
namespace {

void write_and_sync(int fd, std::span<const std::byte> bytes, std::uint64_t offset) {
    if (pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)) != static_cast<ssize_t>(bytes.size())) {
        fail("pwrite", errno);
    }
    if (fdatasync(fd) != 0) {
        fail("fdatasync", errno);
    }
}

struct Commits {
    double count, seconds;
};

// Copies `records` records into the stage and commits them, again and again, as 64 waiting clients would make it.
template <typename Commit>
Commits commit_for(double seconds, std::size_t records, Commit&& commit) {
    const std::vector<std::byte> record(kRecordBytes, std::byte{'r'});
    const Memory stage(round_to_block(records * kRecordBytes));
    const std::uint64_t start = now_ns();
    const auto limit = static_cast<std::uint64_t>(seconds * 1e9);
    std::uint64_t commits = 0;
    std::uint64_t elapsed = 0;
    while (elapsed < limit) {
        for (std::size_t i = 0; i < records; ++i) {
            std::memcpy(stage.data() + i * kRecordBytes, record.data(), kRecordBytes);
        }
        commit(std::span<const std::byte>(stage.data(), stage.size()));
        ++commits;
        elapsed = now_ns() - start;
    }
    return {static_cast<double>(commits), static_cast<double>(elapsed) / 1e9};
}

}  // namespace

void group_commit(const Options& options, std::size_t records, Report& report) {
    Commits direct{};
    {
        LogFile file(options, LogFile::Access::direct);
        Ring ring(8);
        direct = commit_for(options.seconds / 2, records, [&](std::span<const std::byte> stage) {
            ring.write_durably_and_wait(file.fd(), stage, file.advance(stage.size()));
        });
    }
    LogFile file(options, LogFile::Access::buffered);
    const Commits synced = commit_for(options.seconds / 2, records, [&](std::span<const std::byte> stage) {
        const std::size_t bytes = records * kRecordBytes;  // Buffered writes need no padding.
        write_and_sync(file.fd(), stage.first(bytes), file.advance(bytes));
    });
    const bool direct_is_better = direct.count / direct.seconds >= synced.count / synced.seconds;
    const Commits& best = direct_is_better ? direct : synced;
    const auto* note = direct_is_better ? "io_uring O_DIRECT, RWF_DSYNC" : "pwrite + fdatasync";
    const double rate = best.count / best.seconds;
    report.add(fmt::format("group_commit.{}", records), "records/s", rate * static_cast<double>(records), note);
    report.add(fmt::format("group_commit.{}.commit", records), "us", 1e6 / rate, note);
}

void durable_write(const Options& options, std::size_t bytes, Report& report) {
    const auto limit = static_cast<std::uint64_t>(options.seconds / 2 * 1e9);
    const Memory block(kBlockBytes);
    const std::span<const std::byte> data(block.data(), bytes);
    const auto measure = [&](std::string_view method, LogFile& file, auto&& write) {
        Latencies latencies(1U << 17U);
        const std::uint64_t start = now_ns();
        for (std::uint64_t before = start; before - start < limit;) {
            write(data, file.advance(bytes));
            const std::uint64_t after = now_ns();
            latencies.add(after - before);
            before = after;
        }
        const auto name = fmt::format("durable_write.{}.{}", method, bytes);
        report.add(name + ".p50", "us", latencies.percentile_us(0.50));
        report.add(name + ".p99", "us", latencies.percentile_us(0.99));
    };
    {
        LogFile file(options, LogFile::Access::direct);
        Ring ring(8);
        measure("direct", file, [&](std::span<const std::byte> what, std::uint64_t offset) {
            ring.write_durably_and_wait(file.fd(), what, offset);
        });
    }
    LogFile file(options, LogFile::Access::buffered);
    measure("fdatasync", file,
            [&](std::span<const std::byte> what, std::uint64_t offset) { write_and_sync(file.fd(), what, offset); });
}

}  // namespace sluice::bench
