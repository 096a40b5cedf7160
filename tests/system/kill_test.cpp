// SIGKILL for real: eight producers send numbered durable batches, two tailers follow, and the daemon is killed at
// random moments, also while it starts and recovers, until --kills is reached.  Then everything is read back and judged
// (kill_evidence.h).  docs/testing.md, SIGKILL.
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "base/format.h"
#include "client/log_writer.h"
#include "client/tail.h"
#include "store/verify.h"
#include "system/kill_daemon.h"
#include "system/kill_evidence.h"

namespace sluice::kill {
namespace {

constexpr std::uint32_t kProducers = 8;
constexpr std::size_t kTailers = 2;
constexpr std::uint64_t kRecordsPerBurst = 12;  // At most; a burst is one batch.
constexpr Duration kBurstInterval =
    std::chrono::milliseconds(8);  // About 800 records/s each, and a segment every 0.3 s.
constexpr Duration kCatchUpLimit = std::chrono::seconds(60);
constexpr Duration kStopLimit = std::chrono::seconds(30);

struct Options {
    std::uint64_t kills = 100;
    std::uint64_t seed = 0;  // 0: a random one.
    std::string bin;
    std::string dir;
    bool self_test = false;
};

// Most records are short, some are long; every byte follows from who sent it.
std::string message_of(std::uint32_t producer, std::uint64_t number) {
    std::uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15ULL + producer;
    mixed ^= mixed >> 29U;
    const std::size_t length = mixed % 16 == 0 ? mixed / 16 % 12'000 : mixed / 16 % 250;
    std::string message = fmt::format("record {} of producer {} ", number, producer);
    message.append(length, static_cast<char>('a' + mixed % 26));
    return message;
}

// What the threads do and see.  Each writes its own part; problems are counted and printed as they come.
struct Run {
    std::string socket_path;
    std::atomic<bool> stop_sending = false;
    std::atomic<std::uint64_t> last_sequence = 0;  // Set at the end: how far the tailers have to come.
    std::atomic<std::uint64_t> acknowledged = 0;
    std::atomic<std::uint64_t> problems = 0;
    std::atomic<std::uint64_t> repeated_batches = 0;
    std::atomic<std::uint64_t> connects = 0;
    Evidence evidence;

    void problem(const std::string& text) {
        ++problems;
        fmt::print(stderr, "problem: {}\n", text);
    }
};

// ---- producers ----

void send_burst(client::LogWriter& writer, std::uint32_t producer, std::mt19937_64& random) {
    const std::string stream = fmt::format("p{}", producer);
    for (std::uint64_t left = 1 + random() % kRecordsPerBurst; left > 0; --left) {
        const std::uint64_t number = writer.records();
        writer.begin(wire::Severity::info, stream).message(message_of(producer, number));
        if (!writer.finish_record()) {
            return;  // failed() says why.
        }
    }
    (void)writer.send();
}

void produce(Run& run, std::uint32_t producer, std::uint64_t seed) {
    client::LogWriterOptions options;
    options.socket_path = run.socket_path;
    options.connect.client_name = fmt::format("kill_test producer {}", producer);
    options.level = wire::AckLevel::durable;
    options.in_flight_max = 4;
    options.retry = {.delay_min = std::chrono::milliseconds(2), .delay_max = std::chrono::milliseconds(20)};
    options.wait_for_daemon = true;
    auto opened = client::LogWriter::open(options);
    if (!opened) {
        run.problem(fmt::format("producer {}: {}", producer, opened.error()));
        return;
    }
    client::LogWriter& writer = **opened;
    writer.on_acknowledged = [&](const client::Acknowledged& ack) {
        run.evidence.acks[producer].push_back({ack.first_record, ack.count, ack.first_sequence});
        run.acknowledged += ack.count;
        if (ack.level != wire::AckLevel::durable) {
            run.problem(fmt::format("producer {}: durable was asked, {} reached", producer, ack_level_name(ack.level)));
        }
    };
    writer.on_rejected = [&](const client::Rejected& rejected) {
        run.problem(fmt::format("producer {}: {} records from {} rejected: {}", producer, rejected.count,
                                rejected.first_record, rejected.error));
    };
    const SystemClock clock;
    std::mt19937_64 random(seed);
    while (!run.stop_sending && !writer.failed()) {
        send_burst(writer, producer, random);
        const MonotonicTime due = clock.now() + kBurstInterval;
        while (!writer.failed() && clock.now() < due) {
            const Duration wait = std::min(due - clock.now(), writer.wait_max());
            client::wait_for(writer.fd(), writer.wanted_events(), std::max(wait, Duration::zero()));
            (void)writer.process();
        }
    }
    if (const auto flushed = writer.flush(kCatchUpLimit); !flushed) {
        run.problem(fmt::format("producer {}: {}", producer, flushed.error()));
    }
    if (writer.counters().producer_restarts != 0) {
        run.problem(fmt::format("producer {} had to begin anew under another id", producer));
    }
    run.evidence.sent[producer] = writer.records();
    run.repeated_batches += writer.counters().duplicate_batches;
    run.connects += writer.counters().connects;
}

// ---- readers ----

Result<> note(const wire::TailEntry& entry, std::vector<Seen>& seen) {
    const std::string_view message = entry.record.message();
    const std::string_view stream = entry.record.stream();
    Seen record{.sequence = entry.sequence};
    constexpr std::string_view kPrefix = "record ";
    if (stream.size() < 2 || !message.starts_with(kPrefix)) {
        return fail(Errc::corrupt, "sequence {} is no record of ours: '{}'", entry.sequence, message.substr(0, 100));
    }
    std::from_chars(stream.data() + 1, stream.data() + stream.size(), record.producer);
    std::from_chars(message.data() + kPrefix.size(), message.data() + message.size(), record.number);
    if (message != message_of(record.producer, record.number)) {
        return fail(Errc::corrupt, "sequence {}: the message is not what record {} of producer {} says", entry.sequence,
                    record.number, record.producer);
    }
    seen.push_back(record);
    return {};
}

Result<> note_all(const client::TailStep& step, std::vector<Seen>& seen) {
    for (const wire::TailEntry& entry : step.entries) {
        SLUICE_CHECK(note(entry, seen));
    }
    return {};
}

client::TailOptions tail_options(const Run& run) {
    client::TailOptions options;
    options.socket_path = run.socket_path;
    options.request.start = wire::TailStart::oldest;
    options.retry = {.delay_min = std::chrono::milliseconds(2), .delay_max = std::chrono::milliseconds(20)};
    options.wait_for_daemon = true;
    return options;
}

// Follows until it has seen the last record.  Now and then it is thrown away, and another one goes on from its cursor.
Result<> follow(Run& run, std::size_t tailer, std::vector<Seen>& seen) {
    client::TailOptions options = tail_options(run);
    options.request.follow = true;
    options.request.durable_only = tailer % 2 == 1;
    std::mt19937_64 random(tailer);
    const SystemClock clock;
    std::optional<MonotonicTime> deadline;
    std::uint64_t last = 0;
    SLUICE_TRY(std::unique_ptr<client::TailReader> reader, client::TailReader::open(options));
    for (;;) {
        SLUICE_TRY(const client::TailStep step, reader->next(std::chrono::milliseconds(50)));
        SLUICE_CHECK(note_all(step, seen));
        if (!seen.empty()) {
            last = seen.back().sequence;
        }
        if (const std::uint64_t end = run.last_sequence; end != 0) {
            deadline = deadline.value_or(clock.now() + kCatchUpLimit);
            if (last >= end) {
                break;
            }
            if (clock.now() > *deadline) {
                return fail(Errc::deadline_exceeded, "has come to {} of {}", last, end);
            }
        }
        if (reader->cursor() && random() % 200 == 0) {
            options.request.start = wire::TailStart::after_cursor;
            options.request.after = *reader->cursor();
            run.connects += reader->connects();
            SLUICE_TRY(reader, client::TailReader::open(options));
        }
    }
    run.connects += reader->connects();
    return {};
}

void follow_and_tell(Run& run, std::size_t tailer) {
    if (const Result<> followed = follow(run, tailer, run.evidence.tails[tailer]); !followed) {
        run.problem(fmt::format("tailer {}: {}", tailer, followed.error()));
    }
}

Result<> read_everything(Run& run) {
    client::TailOptions options = tail_options(run);
    options.retry.give_up_after = kCatchUpLimit;
    SLUICE_TRY(const std::unique_ptr<client::TailReader> reader, client::TailReader::open(options));
    for (;;) {
        SLUICE_TRY(const client::TailStep step, reader->next(kCatchUpLimit));
        if (step.state == client::TailState::end) {
            return {};
        }
        if (step.state == client::TailState::idle) {
            return fail(Errc::deadline_exceeded, "the daemon sends no record for {} s",
                        kCatchUpLimit / std::chrono::seconds(1));
        }
        SLUICE_CHECK(note_all(step, run.evidence.log));
    }
}

// ---- the run ----

// A quarter of the kills falls into the start, where the daemon recovers.
Duration time_to_live(std::mt19937_64& random) {
    const std::uint64_t us = random() % 4 == 0 ? random() % 30'000 : 20'000 + random() % 1'000'000;
    return std::chrono::microseconds(us);
}

void kill_again_and_again(Daemon& daemon, Run& run, const Options& options) {
    std::mt19937_64 random(options.seed);
    const bool terminal = isatty(STDERR_FILENO) != 0;
    for (std::uint64_t kills = 1; kills <= options.kills; ++kills) {
        Result<> done = daemon.start();
        if (done) {
            std::this_thread::sleep_for(time_to_live(random));
            done = daemon.kill();
        }
        if (!done) {
            run.problem(fmt::format("kill {}: {}", kills, done.error()));
            return;
        }
        if (terminal) {
            fmt::print(stderr, "\r{} of {} kills, {} records acknowledged ", kills, options.kills,
                       run.acknowledged.load());
        }
    }
    if (terminal) {
        fmt::print(stderr, "\n");
    }
}

// After the last kill: everything is delivered, read back, and the daemon leaves in good order.
void finish(Daemon& daemon, Run& run, std::vector<std::thread>& producers, std::vector<std::thread>& tailers) {
    if (const Result<> started = daemon.start(); !started) {
        run.problem(fmt::format("the last start: {}", started.error()));
    }
    run.stop_sending = true;
    for (std::thread& thread : producers) {
        thread.join();
    }
    if (const Result<> read = read_everything(run); !read) {
        run.problem(fmt::format("reading the log: {}", read.error()));
    }
    run.last_sequence = run.evidence.log.empty() ? 1 : run.evidence.log.back().sequence;
    for (std::thread& thread : tailers) {
        thread.join();
    }
    if (const Result<> stopped = daemon.stop(kStopLimit); !stopped) {
        run.problem(fmt::format("the last stop: {}", stopped.error()));
    }
    const Result<store::VerifyReport> report = store::verify_store(daemon.store_path());
    if (!report) {
        run.problem(fmt::format("verify: {}", report.error()));
        return;
    }
    for (const store::VerifyProblem& found : report->problems) {
        run.problem(fmt::format("verify: {} at {}: {} ({} to {})", found.file, found.offset, found.what,
                                found.first_sequence, found.end_sequence));
    }
}

bool kill_run(const Options& options) {
    Daemon daemon(options.bin + "/sluiced", options.dir);
    Run run;
    run.socket_path = daemon.socket_path();
    run.evidence.sent.resize(kProducers);
    run.evidence.acks.resize(kProducers);
    run.evidence.tails.resize(kTailers);
    if (const Result<> written = daemon.write_config(); !written) {
        run.problem(fmt::format("{}", written.error()));
        return false;
    }
    const SystemClock clock;
    const MonotonicTime started = clock.now();
    std::vector<std::thread> producers;
    std::vector<std::thread> tailers;
    for (std::uint32_t i = 0; i < kProducers; ++i) {
        producers.emplace_back(produce, std::ref(run), i, options.seed + i);
    }
    for (std::size_t i = 0; i < kTailers; ++i) {
        tailers.emplace_back(follow_and_tell, std::ref(run), i);
    }
    kill_again_and_again(daemon, run, options);
    finish(daemon, run, producers, tailers);

    const Findings findings = judge(run.evidence);
    for (const std::string& detail : findings.details) {
        fmt::print(stderr, "violation: {}\n", detail);
    }
    const std::uint64_t ready = daemon.times_ready();
    if (run.acknowledged == 0) {
        run.problem("nothing was acknowledged: this run proves nothing");
    }
    fmt::print(
        "{} kills ({} before the daemon was ready) in {:.1f} s, seed {}: {} records, {} acknowledged durable, {} "
        "lost, {} duplicates, {} holes, {} out of order, {} misplaced, {} unsent; {} tailers, {} differences; {} "
        "batches sent twice and stored once; {} connections\n",
        options.kills, options.kills + 1 - std::min(ready, options.kills + 1),
        std::chrono::duration<double>(clock.now() - started).count(), options.seed, run.evidence.log.size(),
        run.acknowledged.load(), findings.lost, findings.duplicates, findings.holes, findings.disorder,
        findings.misnumbered, findings.unsent, kTailers, findings.unread, run.repeated_batches.load(),
        run.connects.load());
    return findings.total() == 0 && run.problems == 0;
}

constexpr std::string_view kUsage =
    "usage: kill_test [--kills N] [--bin DIR] [--dir DIR] [--seed N] [--self-test]\n"
    "  --kills N    how often sluiced is killed (100)\n"
    "  --bin DIR    where sluiced is (the directory of this program)\n"
    "  --dir DIR    scratch directory, which is kept; without it one is made, and kept only after a failure\n"
    "  --seed N     of the moments and sizes (random)\n"
    "  --self-test  no daemon: tampers with invented evidence and expects every change to be reported\n";

bool parse(int count, char** arguments, Options& options) {
    for (int i = 1; i < count; ++i) {
        const std::string_view name = arguments[i];
        if (name == "--self-test") {
            options.self_test = true;
            continue;
        }
        if (i + 1 == count) {
            return false;
        }
        const std::string value = arguments[++i];
        if (name == "--kills") {
            options.kills = std::strtoull(value.c_str(), nullptr, 10);
        } else if (name == "--seed") {
            options.seed = std::strtoull(value.c_str(), nullptr, 10);
        } else if (name == "--bin") {
            options.bin = value;
        } else if (name == "--dir") {
            options.dir = value;
        } else {
            return false;
        }
    }
    return true;
}

int run_in_directory(Options options) {
    std::error_code error;
    const bool own_directory = options.dir.empty();
    if (own_directory) {
        std::string name = (std::filesystem::temp_directory_path() / "sluice-kill-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) {
            fmt::print(stderr, "kill_test: no scratch directory at {}\n", name);
            return 1;
        }
        options.dir = name;
    } else {
        std::filesystem::create_directories(options.dir, error);
    }
    if (options.bin.empty()) {
        options.bin = std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
    }
    if (options.seed == 0) {
        options.seed = std::random_device()();
    }
    const bool passed = kill_run(options);
    if (passed && own_directory) {
        std::filesystem::remove_all(options.dir, error);
    } else if (!passed) {
        fmt::print(stderr, "kill_test: what is left is in {}\n", options.dir);
    }
    fmt::print("{} passed, {} failed\n", passed ? 1 : 0, passed ? 0 : 1);
    return passed ? 0 : 1;
}

}  // namespace
}  // namespace sluice::kill

int main(int count, char** arguments) {
    sluice::kill::Options options;
    if (!sluice::kill::parse(count, arguments, options)) {
        fmt::print(stderr, "{}", sluice::kill::kUsage);
        return 2;
    }
    if (options.self_test) {
        const sluice::kill::SelfTestResult result = sluice::kill::self_test();
        fmt::print("{} passed, {} failed\n", result.passed, result.failed);
        return result.failed == 0 ? 0 : 1;
    }
    return sluice::kill::run_in_directory(std::move(options));
}
