// How long queries take over parts in memory: parse, plan, scan with two threads, combine.  No daemon, no socket.
//
// The rows are made here: like a shop's logs, a day of them, seventeen services, templates with Zipf-like variables,
// trace ids with a few rows each, and a needle.  For the numbers beside other systems there is the generator of the
// store.
#include <algorithm>
#include <chrono>
#include <deque>
#include <mutex>
#include <random>
#include <thread>

#include "args/program.h"
#include "base/format.h"
#include "part/builder.h"
#include "query/combiner.h"
#include "query/parser.h"

namespace {

using namespace sluice;
using namespace sluice::query;

constexpr WallNs kSecond = 1'000'000'000;
constexpr WallNs kMidnight = 1'772'323'200'000'000'000;  // 2026-03-01T00:00:00Z
constexpr WallNs kDay = 86'400 * kSecond;

class Generator {
 public:
    Generator(std::uint64_t seed, std::uint64_t rows) : engine_(seed), rows_(rows) {}

    void add(part::Builder& builder) {
        bytes_.clear();
        const std::uint64_t service = skewed(17);
        const bool error = below(1000) < (burst_ > 0 ? 600U : 30U);
        burst_ = burst_ > 0 ? burst_ - 1 : below(2000) == 0 ? 100 : 0;
        const WallNs time =
            kMidnight +
            static_cast<WallNs>(static_cast<double>(kDay) * static_cast<double>(row_) / static_cast<double>(rows_)) +
            static_cast<WallNs>(below(1'000'000));
        wire::RecordBuilder record(bytes_);
        record.begin(error           ? wire::Severity::err
                     : below(4) == 0 ? wire::Severity::debug
                                     : wire::Severity::info,
                     service < 3 ? "web" : "app", time);
        record.message(message(service, error));
        record.string_field("service", fmt::format("service-{}", service));
        record.string_field("host", fmt::format("node-{:02}", below(24)));
        record.string_field("client_ip", fmt::format("10.{}.{}.{}", skewed(8), skewed(32), skewed(16)));
        record.int_field("status", error ? 500 : below(20) == 0 ? 404 : 200);
        record.int_field("bytes", static_cast<std::int64_t>(skewed(200'000)));
        record.float_field("ms", static_cast<double>(skewed(400'000)) / 1000);
        record.string_field("trace_id", trace());
        record.string_field("method", below(3) == 0 ? "POST" : "GET");
        (void)record.finish();
        trusted_ = {};
        trusted_.int_field("_pid", static_cast<std::int64_t>(1000 + service * 10 + below(4)))
            .string_field("_comm", fmt::format("svc{}", service))
            .string_field("_unit", fmt::format("service-{}.service", service));
        builder.add({.entry = {.sequence = ++row_,
                               .receive_time_ns = time + 500'000,
                               .flags = 0,
                               .trusted = trusted_.fields(),
                               .record = wire::RecordView::unchecked(bytes_.data())},
                     .epoch = 1});
    }

 private:
    std::uint64_t below(std::uint64_t end) { return engine_() % end; }
    // Small numbers more often.
    std::uint64_t skewed(std::uint64_t end) {
        const double u = static_cast<double>(below(1U << 20U)) / (1U << 20U);
        return static_cast<std::uint64_t>(u * u * u * static_cast<double>(end));
    }
    std::string trace() {
        if (live_.size() < 64) {
            live_.push_back(engine_());
        }
        const std::uint64_t at = below(64) % live_.size();
        const std::string id = fmt::format("{:016x}", live_[at]);
        if (below(8) == 0) {
            live_[at] = engine_();
        }
        return id;
    }
    std::string message(std::uint64_t service, bool error) {
        if (row_ % 40'000 == 20'000) {
            return fmt::format("quota exceeded for tenant-{:04} after {} requests", below(10'000), below(500));
        }
        if (error) {
            return fmt::format("connection refused by 10.0.{}.{}:{} after {} ms", skewed(8), below(250), 5000 + service,
                               skewed(3000));
        }
        switch (below(12)) {
            case 0:
                return fmt::format("user {} logged in from 10.1.{}.{}", skewed(5000), below(250), below(250));
            case 1:
                return fmt::format("cache miss for key session:{:x}, loading from replica {}", engine_(), below(3));
            case 2:
                return fmt::format("GET /api/v1/items/{} HTTP/1.1 200 {}", skewed(20'000), skewed(9000));
            case 3:
                return "heartbeat";
            case 4:
                return fmt::format("scheduled job cleanup-{} finished in {} ms", service, skewed(2000));
            default:
                return fmt::format("event {} of kind {} handled by worker {} in {} us", row_, template_of(), below(16),
                                   skewed(50'000));
        }
    }
    std::string template_of() {
        constexpr std::string_view kKinds[] = {"order placed",  "order shipped",  "payment accepted",
                                               "stock updated", "mail delivered", "index refreshed",
                                               "page rendered", "token renewed"};
        return std::string(kKinds[skewed(8)]);
    }

    std::mt19937_64 engine_;
    std::uint64_t rows_;
    std::uint64_t row_ = 0;
    std::uint64_t burst_ = 0;
    std::vector<std::uint64_t> live_;
    Bytes bytes_;
    wire::FieldBlock trusted_;
};

using Parts = std::vector<std::shared_ptr<const part::Part>>;

std::uint64_t file_bytes = 0;

Parts make_parts(std::uint64_t rows, std::uint64_t part_rows, const std::shared_ptr<part::Cache>& cache) {
    Parts parts;
    Generator generator(1, rows);
    for (std::uint64_t done = 0; done < rows; done += part_rows) {
        part::Builder builder({.zstd_level = 1});
        for (std::uint64_t i = done; i < std::min(rows, done + part_rows); ++i) {
            generator.add(builder);
        }
        Result<Bytes> image = builder.finish();
        if (!image) {
            fmt::print(stderr, "{}\n", image.error());
            return {};
        }
        file_bytes += image->size();
        auto part = part::Part::open(std::make_shared<part::MemorySource>(std::move(*image)), cache);
        if (!part) {
            fmt::print(stderr, "{}\n", part.error());
            return {};
        }
        parts.push_back(*part);
    }
    return parts;
}

struct Run {
    double ms = 0;
    std::uint64_t rows = 0;
    std::size_t bytes = 0;
    std::string explain;
};

// Units are taken in turn by `threads` workers; their steps are kept until it is their turn, as the daemon does.
class Execution {
 public:
    Execution(const std::shared_ptr<const Plan>& plan, const Parts& parts)
        : combiner_(plan), units_(make_units(plan, parts, {})), steps_(units_.size()), done_(units_.size()) {}

    Result<> run(unsigned threads, Bytes& out) {
        std::vector<std::jthread> workers;
        for (unsigned i = 1; i < threads; ++i) {
            workers.emplace_back([&] { work(out); });
        }
        work(out);
        workers.clear();
        SLUICE_CHECK(failure_);
        return combiner_.finish(out);
    }
    const Combiner& combiner() const noexcept { return combiner_; }

 private:
    static constexpr std::size_t kAhead = 4;  // Units beyond the one whose turn it is.

    void work(Bytes& out) {
        for (;;) {
            std::size_t mine = 0;
            {
                const std::lock_guard lock(mutex_);
                if (next_ == units_.size() || stop_ || next_ > turn_ + kAhead) {
                    if (next_ == units_.size() || stop_) {
                        return;
                    }
                }
                mine = next_++;
            }
            bool done = false;
            while (!done) {
                Result<Step> step = units_[mine]->step();
                const std::lock_guard lock(mutex_);
                if (!step) {
                    failure_ = std::unexpected(step.error());
                    stop_ = true;
                    return;
                }
                done = step->done;
                steps_[mine].push_back(std::move(*step));
                done_[mine] = done;
                take(out);
                if (stop_) {
                    return;
                }
            }
        }
    }
    void take(Bytes& out) {
        while (turn_ < units_.size() && !stop_) {
            auto& steps = steps_[turn_];
            while (!steps.empty() && !stop_) {
                failure_ = combiner_.take(std::move(steps.front()), out);
                steps.pop_front();
                stop_ = !failure_ || combiner_.satisfied();
            }
            if (done_[turn_] == 0) {
                return;
            }
            ++turn_;
        }
    }

    Combiner combiner_;
    std::vector<std::unique_ptr<Unit>> units_;
    std::vector<std::deque<Step>> steps_;
    std::vector<char> done_;
    std::mutex mutex_;
    std::size_t next_ = 0;
    std::size_t turn_ = 0;
    bool stop_ = false;
    Result<> failure_;
};

Run run(const std::string& text, const Parts& parts, unsigned threads) {
    const auto begin = std::chrono::steady_clock::now();
    Run result;
    const auto query = parse_query(text);
    if (!query) {
        fmt::print(stderr, "{}: {}\n", text, query.error().text());
        return result;
    }
    const auto plan = Plan::make(*query, {.now = kMidnight + kDay, .newest = {}, .time = {}});
    if (!plan) {
        fmt::print(stderr, "{}: {}\n", text, plan.error());
        return result;
    }
    Bytes out;
    Execution execution(*plan, parts);
    if (const Result<> done = execution.run(threads, out); !done) {
        fmt::print(stderr, "{}: {}\n", text, done.error());
    }
    result.ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    result.rows = execution.combiner().rows_out();
    result.bytes = out.size();
    result.explain = execution.combiner().explain();
    return result;
}

struct Case {
    std::string_view name;
    std::string text;
    double target_ms = 0;
};

std::vector<Case> cases(const Parts& parts) {
    // A trace id that occurs.
    std::string trace = "absent";
    for (const auto& info : parts.front()->columns()) {
        if (info.name == "trace_id") {
            const auto column = static_cast<std::uint32_t>(&info - parts.front()->columns().data());
            if (const auto dictionary = parts.front()->dictionary(column); dictionary) {
                trace = std::string((*dictionary)->entries[(*dictionary)->entries.size() / 2]);
            } else if (const auto page = parts.front()->page(column, 0); page && !(*page)->texts.empty()) {
                trace = std::string((*page)->texts[(*page)->texts.size() / 2]);
            }
        }
    }
    return {{"count all", "* | stats count() as n", 2},
            {"count level=error", "level:error | stats count() as n", 2},
            {"count status=500", "status:500 | stats count() as n", 2},
            {"top 10 service", "* | top 10 by (service)", 2},
            {"stats by service, level", "* | stats by (service, level) count() as n", 0},
            {"top 10 client_ip", "* | top 10 by (client_ip)", 0},
            {"rare field value", fmt::format("trace_id:={}", trace), 3},
            {"absent field value", "trace_id:=0123456789abcdef", 3},
            {"absent word", "zebra", 2},
            {"absent phrase, words exist", "\"order refused\"", 2},
            {"phrase with 25 hits", "\"quota exceeded\"", 20},
            {"substring with 25 hits", "*\"uota excee\"*", 0},
            {"regex", "~\"quota \\\\w+ for tenant-\\\\d{4}\"", 20},
            {"regex without a literal", "~\"\\\\d{4} ms$\" | stats count() as n", 0},
            {"10 minutes, count", "_time:[2026-03-01T12:00:00Z, 2026-03-01T12:10:00Z) | stats count() as n", 2},
            {"10 minutes, rows", "_time:[2026-03-01T12:00:00Z, 2026-03-01T12:16:30Z)", 40},
            {"four-way",
             "level:error service:service-3 \"connection refused\" _time:[2026-03-01T12:00Z, 2026-03-01T13:00Z)", 4},
            {"newest 100", "* | tail 100", 5},
            {"newest 100 errors", "level:error | tail 100", 5},
            {"slowest 10", "* | sort by (ms desc) limit 10", 0},
            {"errors per 5 min", "level:error | stats by (_time:5m) count() as n", 0},
            {"p99 by service", "* | stats by (service) quantile(0.99, ms) as p99, avg(bytes) as b", 0},
            {"count_uniq trace_id", "* | stats count_uniq(trace_id) as n", 0}};
}

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t rows = 1'000'000;
    std::uint64_t part_rows = 65'536;
    unsigned threads = 2;
    unsigned runs = 5;
    std::string only;
    bool explain = false;
    args::Program program("Times queries over parts in memory");
    program.option("--rows", rows).show_default();
    program.option("--part-rows", part_rows).show_default();
    program.option("--threads", threads).show_default();
    program.option("--runs", runs).show_default();
    program.option("--only", only, "Cases whose name contains this");
    program.flag("--explain", explain);
    if (const auto ended = program.parse(argc, argv)) {
        return ended->print();
    }
    const auto cache = std::make_shared<part::Cache>(std::size_t{1} << 30U);
    const Parts parts = make_parts(rows, part_rows, cache);
    if (parts.empty()) {
        return 1;
    }
    fmt::print("{} rows in {} parts, {:.1f} MB, {} threads, median of {}\n", rows, parts.size(),
               static_cast<double>(file_bytes) / 1e6, threads, runs);
    for (const Case& each : cases(parts)) {
        if (each.name.find(only) == std::string_view::npos) {
            continue;
        }
        const double cold = run(each.text, parts, threads).ms;
        std::vector<double> times;
        Run last;
        for (unsigned i = 0; i < runs; ++i) {
            last = run(each.text, parts, threads);
            times.push_back(last.ms);
        }
        std::ranges::sort(times);
        fmt::print("{:28} {:8.2f} ms  (first {:8.2f})  {:>8}  {} rows, {} bytes\n", each.name, times[times.size() / 2],
                   cold, each.target_ms > 0 ? fmt::format("<= {}", each.target_ms) : "", last.rows, last.bytes);
        if (explain) {
            fmt::print("{}", last.explain);
        }
    }
    fmt::print("cache: {:.1f} MB\n", static_cast<double>(cache->bytes()) / 1e6);
    return 0;
}
