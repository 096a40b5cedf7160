#include "measure.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace sluice::bench {

void fail(std::string_view what, int error_number) {
    fmt::print(stderr, "{}: {}: {}\n", program_invocation_short_name, what,
               std::strerror(error_number < 0 ? -error_number : error_number));
    std::_Exit(1);
}

std::uint64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

void pin_to_cpu(const Options& options, int cpu) {
    if (!options.pin) {
        return;
    }
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(cpu), &set);
    sched_setaffinity(0, sizeof set, &set);  // A machine with one CPU refuses; the figure is then what it is.
}

void Report::add(std::string_view name, std::string_view unit, double value, std::string_view note) {
    auto found = std::find_if(figures_.begin(), figures_.end(), [&](const Figure& f) { return f.name == name; });
    if (found == figures_.end()) {
        found = figures_.insert(figures_.end(), Figure{std::string(name), std::string(unit), {}, {}});
    }
    found->note = note;
    found->values.push_back(value);
}

namespace {

struct Summary {
    double median, min, max;
};

Summary summarise(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return {values[values.size() / 2], values.front(), values.back()};
}

// Rates are shown whole, times with one decimal.
std::string number(double value) {
    return value < 1000 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
}

}  // namespace

void Report::print_text() const {
    for (const Figure& figure : figures_) {
        const Summary s = summarise(figure.values);
        fmt::print("{}: {} {} (median of {}, {}..{}){}\n", figure.name, number(s.median), figure.unit,
                   figure.values.size(), number(s.min), number(s.max),
                   figure.note.empty() ? "" : fmt::format(" [{}]", figure.note));
    }
}

void Report::print_json(std::string_view noise) const {
    fmt::print("{{\"figures\": [");
    for (std::size_t i = 0; i < figures_.size(); ++i) {
        const Figure& figure = figures_[i];
        const Summary s = summarise(figure.values);
        fmt::print(
            "{}\n  {{\"name\": \"{}\", \"value\": {}, \"unit\": \"{}\", \"runs\": {}, \"min\": {}, \"max\": {}, "
            "\"note\": \"{}\"}}",
            i == 0 ? "" : ",", figure.name, number(s.median), figure.unit, figure.values.size(), number(s.min),
            number(s.max), figure.note);
    }
    fmt::print("\n], \"noise\": {}}}\n", noise);
}

Noise::Noise() : start_(read()) {}

Noise::Times Noise::read() {
    unsigned long long user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
    if (std::FILE* file = std::fopen("/proc/stat", "re")) {
        if (std::fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &iowait,
                        &irq, &softirq, &steal) != 8) {
            user = 0;
        }
        std::fclose(file);
    }
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    double own = 0;
    for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage usage{};
        getrusage(who, &usage);
        own += static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    }
    return {static_cast<double>(user + nice + system + irq + softirq) / ticks, static_cast<double>(steal) / ticks, own,
            static_cast<double>(now_ns()) / 1e9};
}

Noise::Times Noise::since_start() const {
    const Times now = read();
    const double own = now.own - start_.own;
    return {std::max(0.0, now.busy - start_.busy - own), now.steal - start_.steal, own, now.wall - start_.wall};
}

std::string Noise::text() const {
    const Times t = since_start();
    const auto cpus = static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN));
    return fmt::format(
        "noise: {:.1f} s on {:.0f} CPUs; CPU time: own {:.1f} s, others and kernel threads {:.1f} s ({:.0f} %), stolen "
        "{:.1f} s",
        t.wall, cpus, t.own, t.busy, 100 * t.busy / (cpus * t.wall), t.steal);
}

std::string Noise::json() const {
    const Times t = since_start();
    return fmt::format(
        "{{\"wall_s\": {:.1f}, \"cpus\": {}, \"own_cpu_s\": {:.1f}, \"other_cpu_s\": {:.1f}, \"stolen_cpu_s\": "
        "{:.1f}}}",
        t.wall, sysconf(_SC_NPROCESSORS_ONLN), t.own, t.busy, t.steal);
}

double Latencies::percentile_us(double p) {
    if (ns_.empty()) {
        return 0;
    }
    const auto index = static_cast<std::ptrdiff_t>(p * static_cast<double>(ns_.size() - 1));
    std::nth_element(ns_.begin(), ns_.begin() + index, ns_.end());
    return static_cast<double>(ns_[static_cast<std::size_t>(index)]) / 1e3;
}

Memory::Memory(std::size_t bytes, bool shared) : size_(bytes) {
    void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_ANONYMOUS | MAP_POPULATE | (shared ? MAP_SHARED : MAP_PRIVATE), -1, 0);
    if (mapped == MAP_FAILED) {
        fail("mmap", errno);
    }
    data_ = static_cast<std::byte*>(mapped);
}

Memory::~Memory() {
    munmap(data_, size_);
}

LogFile::LogFile(const Options& options, Access access)
    : path_(fmt::format("{}/sluice-limits.{}.log", options.dir, getpid())) {
    fd_ = open(path_.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_DIRECT, 0600);
    const bool fill_direct = fd_ >= 0;
    if (!fill_direct) {
        fail(fmt::format("open '{}' with O_DIRECT", path_), errno);
    }
    const Memory zeros(1U << 20U);
    for (std::size_t offset = 0; offset < kBytes; offset += zeros.size()) {
        if (pwrite(fd_, zeros.data(), zeros.size(), static_cast<off_t>(offset)) != static_cast<ssize_t>(zeros.size())) {
            fail(fmt::format("fill '{}'", path_), errno);
        }
    }
    if (fsync(fd_) != 0) {
        fail(fmt::format("fsync '{}'", path_), errno);
    }
    if (access == Access::buffered && fcntl(fd_, F_SETFL, 0) != 0) {  // Clears O_DIRECT.
        fail("fcntl", errno);
    }
}

LogFile::~LogFile() {
    close(fd_);
    unlink(path_.c_str());
}

std::uint64_t LogFile::advance(std::size_t bytes) {
    if (tail_ + bytes > kBytes) {
        tail_ = 0;
    }
    const std::uint64_t offset = tail_;
    tail_ += bytes;
    return offset;
}

SocketPairs::SocketPairs(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
            fail("socketpair", errno);
        }
        for (const int fd : pair) {
            const int bytes = 1 << 20;  // The kernel caps it at net.core.wmem_max.
            setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
        }
        server.push_back(pair[0]);
        client.push_back(pair[1]);
    }
}

void SocketPairs::close_all(std::vector<int>& fds) {
    for (const int fd : fds) {
        close(fd);
    }
    fds.clear();
}

int fork_or_fail() {
    const int pid = fork();
    if (pid < 0) {
        fail("fork", errno);
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    return pid;
}

void end_child() {
    std::_Exit(0);
}

void wait_for_child(int pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            fail("waitpid", errno);
        }
    }
    if (status != 0) {
        fail("a child process failed; its message is above", ECHILD);
    }
}

}  // namespace sluice::bench
