// What every measurement of sluice-limits shares: options, the report, clocks, percentiles, log files; the programs of
// the datagram measurements use some of it.  They measure the machine, not sluice: of lib/ they link the command line
// only, and they end at the first error.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/format.h"

namespace sluice::bench {

inline constexpr std::size_t kRecordBytes = 200;  // The record of every figure, as in `sluice bench`.
inline constexpr std::size_t kReplyBytes = 64;
inline constexpr std::size_t kBlockBytes = 4096;  // O_DIRECT writes start and end on it.

struct Options {
    std::string dir = ".";          // Where the log files go: on the disk to be measured.
    int runs = 5;                   // The report gives the median of so many.
    double seconds = 0.5;           // Length of one run of one measurement.
    bool pin = false;               // Server on the first CPU, client on the second.
    std::vector<std::string> only;  // Names (or their beginnings) of measurements; empty: all.
};

[[noreturn]] void fail(std::string_view what, int error_number);
[[nodiscard]] std::uint64_t now_ns();
void pin_to_cpu(const Options& options, int cpu);

// The figures of all runs, in the order in which they first came.
class Report {
 public:
    // `note`: how the figure was reached, where there is a choice; the last one is shown.
    void add(std::string_view name, std::string_view unit, double value, std::string_view note = {});
    void print_text() const;
    void print_json(std::string_view noise) const;

 private:
    struct Figure {
        std::string name, unit, note;
        std::vector<double> values;
    };
    std::vector<Figure> figures_;
};

// CPU time that other processes used since construction: a figure taken on a busy machine is worth little.
class Noise {
 public:
    Noise();
    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::string json() const;

 private:
    struct Times {
        double busy, steal, own, wall;  // seconds, all CPUs together
    };
    static Times read();
    [[nodiscard]] Times since_start() const;
    Times start_;
};

class Latencies {
 public:
    explicit Latencies(std::size_t expected) { ns_.reserve(expected); }
    void add(std::uint64_t ns) { ns_.push_back(ns); }
    [[nodiscard]] std::size_t count() const { return ns_.size(); }
    // Microseconds below which the share `p` of all samples lies.
    [[nodiscard]] double percentile_us(double p);

 private:
    std::vector<std::uint64_t> ns_;
};

// Page-aligned memory that is already mapped in.  `shared`: visible to forked children.
class Memory {
 public:
    explicit Memory(std::size_t bytes, bool shared = false);
    ~Memory();
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    [[nodiscard]] std::byte* data() const { return data_; }
    [[nodiscard]] std::size_t size() const { return size_; }

 private:
    std::byte* data_;
    std::size_t size_;
};

// A zero-filled file that is overwritten round and round, as a recycled log segment is.  Removed on destruction.
class LogFile {
 public:
    enum class Access { buffered, direct };
    static constexpr std::size_t kBytes = 64U << 20U;
    LogFile(const Options& options, Access access);
    ~LogFile();
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;
    [[nodiscard]] int fd() const { return fd_; }
    // The offset for the next `bytes`; starts again at 0 where they would pass the end.
    [[nodiscard]] std::uint64_t advance(std::size_t bytes);

 private:
    std::string path_;
    int fd_ = -1;
    std::uint64_t tail_ = 0;
};

[[nodiscard]] constexpr std::size_t round_to_block(std::size_t bytes) {
    return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

// Connected Unix stream sockets, one end of each for the server and one for the client.
struct SocketPairs {
    explicit SocketPairs(std::size_t count);
    std::vector<int> server, client;
    static void close_all(std::vector<int>& fds);
};

// Runs `body` in a forked process; wait_for_child() fails if it did not end well.
template <typename Body>
[[nodiscard]] int start_child(Body&& body);
void wait_for_child(int pid);
int fork_or_fail();
[[noreturn]] void end_child();

template <typename Body>
int start_child(Body&& body) {
    const int pid = fork_or_fail();
    if (pid == 0) {
        body();
        end_child();
    }
    return pid;
}

}  // namespace sluice::bench
