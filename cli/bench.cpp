// sluice bench: the load generator.
#include "cli/bench_modes.h"
#include "cli/commands.h"
#include "cli/text.h"

namespace sluice::cli {
namespace {

constexpr const char* kHelp =
    "Measure the daemon.\n"
    "The load goes into the stream 'bench' of its real log: use a private daemon.\n"
    "\n"
    "Examples:\n"
    "  sluice bench                                         batched records, one connection, written\n"
    "  sluice bench --mode log-single --connections 32      one record per request\n"
    "  sluice bench --mode log-single --connections 64 --ack durable\n"
    "  sluice bench --mode latency                          one durable record in flight\n"
    "  sluice bench --mode tail --rate 100000               from write to a following tail\n"
    "  sluice bench --mode idle --connections 1000 --seconds 10\n"
    "\n"
    "Each figure is one line: name: value unit (median of K, min..max). Any error reply fails the run.\n";

constexpr double kSecondsMin = 0.01;  // A shorter run measures nothing.

struct Given {
    args::Option level;
    args::Option batch;
    args::Option connections;
    args::Option in_flight;
};

// A mode is a set of defaults.
void apply_mode(BenchOptions& options, const Given& given) {
    const bool single = options.mode == "log-single";
    const bool latency = options.mode == "latency";
    if (!given.level.given() && latency) {
        options.level = wire::AckLevel::durable;
    }
    if (!given.batch.given() && (single || latency)) {
        options.batch = 1;
    }
    if (!given.connections.given()) {
        options.connections = single ? 32 : options.mode == "idle" ? 1000 : 1;
    }
    if (!given.in_flight.given() && (single || latency)) {
        options.in_flight = 1;
    }
}

int run_bench(const Context& context, const BenchOptions& options, bool json) {
    Figures figures;
    auto connection = client::Connection::connect(context.socket_path());
    if (!connection) {
        return report_no_daemon("bench", context.socket_path(), connection.error());
    }
    if (options.mode != "idle" && options.in_flight > (*connection)->server().requests_in_flight_max) {
        return report_usage("bench", fmt::format("--in-flight {} exceeds the daemon's limit of {} per connection",
                                                 options.in_flight, (*connection)->server().requests_in_flight_max));
    }
    connection->reset();
    const Result<void> done = options.mode == "tail"   ? bench_tail(options, figures)
                              : options.mode == "idle" ? bench_idle(options, figures)
                                                       : bench_log(options, figures);
    if (!done) {
        return report("bench", done.error());
    }
    fmt::print("{}", json ? figures.json(options.mode) : figures.text());
    return kExitDone;
}

}  // namespace

void add_bench(args::Program& program, Context& context) {
    args::Command command = program.command("bench", kHelp);
    auto options = std::make_shared<BenchOptions>();
    auto level = std::make_shared<std::string>("written");
    auto json = std::make_shared<bool>(false);
    Given given;
    command.option("--mode", options->mode, "log-batched, log-single, latency, tail or idle")
        .one_of({"log-batched", "log-single", "latency", "tail", "idle"});
    given.level = command.option("--ack,--level", *level, "accepted, written or durable").type_name("LEVEL");
    command.option("--size", options->record_bytes, "Bytes of a record, its 20-byte header included (200)")
        .range(32U, wire::kMessageBytesMax);
    given.batch =
        command.option("--batch", options->batch, "Records per request (256)").range(1U, wire::kLogRecordsMax);
    given.connections = command.option("--connections", options->connections).range(1U, 1'000'000U);
    given.in_flight =
        command.option("--in-flight", options->in_flight, "Requests in flight per connection (32)").range(1U, 4096U);
    command.option("--seconds", options->seconds, "Length of a run; idle: 0 means until Ctrl-C").range(0.0, 1e6);
    command.option("--warm-up", options->warmup_seconds, "Seconds before each run that do not count (0.3)")
        .range(0.0, 1e6);
    command.option("--runs", options->runs, "Runs; the median is printed (5)").range(1U, 1000U);
    command.option("--rate", options->rate, "tail: records per second (100000)").range(1U, 10'000'000U);
    command.flag("--numbered", options->numbered, "Number the batches, as a producer with exactly-once does");
    command.flag("--json", *json, "Print JSON");
    command.action([=, &context] {
        auto parsed = parse_level(*level);
        if (!parsed) {
            return report_usage("bench", parsed.error().text());
        }
        options->level = *parsed;
        options->socket_path = context.socket_path();
        apply_mode(*options, given);
        if (options->mode != "idle" && options->seconds < kSecondsMin) {
            return report_usage("bench",
                                fmt::format("--seconds {}: a run has at least {}", options->seconds, kSecondsMin));
        }
        return run_bench(context, *options, *json);
    });
}

}  // namespace sluice::cli
