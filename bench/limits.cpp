// sluice-limits: what this machine allows, measured without sluice, in the terms of `sluice bench`.
#include <functional>

#include "args/program.h"
#include "measurements.h"

namespace {

using sluice::bench::Options;
using sluice::bench::Report;

struct Measurement {
    std::string name;
    std::function<void(const Options&, Report&)> run;
};

std::vector<Measurement> all_measurements() {
    namespace b = sluice::bench;
    std::vector<Measurement> all;
    const auto add = [&](std::string_view name, std::size_t size, auto measure) {
        all.push_back({fmt::format("{}.{}", name, size),
                       [measure, size](const Options& options, Report& report) { measure(options, size, report); }});
    };
    for (const std::size_t records : {32U, 256U}) {
        add("stream_to_log", records, b::stream_to_log);
    }
    for (const std::size_t records : {1U, 8U, 64U, 512U}) {
        add("group_commit", records, b::group_commit);
    }
    for (const std::size_t bytes : {512U, 4096U}) {
        add("durable_write", bytes, b::durable_write);
    }
    for (const std::size_t connections : {1U, 32U, 64U}) {
        add("round_trip", connections, b::round_trip);
    }
    const auto add_durable = [&](std::size_t connections, std::size_t writes) {
        all.push_back({fmt::format("durable_round_trip.{}", connections), [=](const Options& options, Report& report) {
                           b::durable_round_trip(options, connections, writes, report);
                       }});
    };
    add_durable(1, 1);
    add_durable(64, 1);
    add_durable(64, 4);
    return all;
}

bool wanted(const Options& options, std::string_view name) {
    if (options.only.empty()) {
        return true;
    }
    return std::any_of(options.only.begin(), options.only.end(),
                       [&](const std::string& prefix) { return name.starts_with(prefix); });
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    bool json = false;
    sluice::args::Program program(
        "What this machine allows, measured without sluice: 200-byte records from a socket into a log file,\n"
        "durable group commits, and socket round trips.  Compare with `sluice bench`.\n",
        "sluice-limits");
    program.option("--dir", options.dir, "directory on the disk to measure (64 MiB are written there, then removed)")
        .existing_directory()
        .show_default();
    program.option("--runs", options.runs, "runs of each measurement; the median is printed")
        .range(1, 1000)
        .show_default();
    program.option("--seconds", options.seconds, "length of one run").range(0.01, 3600.0).show_default();
    program.option("--only", options.only, "only measurements whose names begin so, for example round_trip.64");
    program.flag("--pin", options.pin, "server on CPU 0, client on CPU 1");
    program.flag("--json", json, "print one JSON object");
    if (const auto ended = program.parse(argc, argv)) {
        return ended->print();
    }

    const sluice::bench::Noise noise;
    Report report;
    for (int run = 0; run < options.runs; ++run) {  // Interleaved, so that a busy moment cannot spoil one figure alone.
        for (const Measurement& measurement : all_measurements()) {
            if (wanted(options, measurement.name)) {
                measurement.run(options, report);
            }
        }
    }
    if (json) {
        report.print_json(noise.json());
    } else {
        report.print_text();
        fmt::print("{}\n", noise.text());
    }
    return 0;
}
