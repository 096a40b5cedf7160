// sluice-query-time: how long a question takes, from sending it to the last row, without the start of a process and
// without making text of the rows.  For store_compare.py; prints JSON: {"ms": [...], "rows": N, "value": V, "bytes":
// N}. `value`: the first field of the first row, where that is an integer.
#include <fmt/ranges.h>

#include <chrono>

#include "args/program.h"
#include "base/format.h"
#include "client/query.h"

namespace {

using namespace sluice;
using Milliseconds = std::chrono::duration<double, std::milli>;

struct Answer {
    double ms = 0;
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    std::int64_t value = 0;
};

Result<Answer> ask(const client::QueryOptions& options) {
    Answer answer;
    const auto start = std::chrono::steady_clock::now();
    SLUICE_TRY(const auto reader, client::QueryReader::open(options));
    for (;;) {
        SLUICE_TRY(const client::QueryStep step, reader->next());
        if (step.state == client::QueryState::end) {
            break;
        }
        answer.bytes += step.rows.bytes().size();
        for (const wire::TailEntry& row : step.rows) {
            const auto fields = row.record.fields();
            if (answer.rows++ == 0 && fields.size() > 0 && (*fields.begin()).type == wire::FieldType::int64) {
                answer.value = (*fields.begin()).as_int64();
            }
        }
    }
    answer.ms = Milliseconds(std::chrono::steady_clock::now() - start).count();
    return answer;
}

int measure(const client::QueryOptions& options, std::uint32_t runs) {
    std::vector<double> times;
    Answer last;
    // The first one is not counted, so that pages and plans are warm, as in the other engines.
    for (std::uint32_t run = 0; run <= runs; ++run) {
        const auto answer = ask(options);
        if (!answer) {
            fmt::print(stderr, "sluice-query-time: {}\n", answer.error());
            return 1;
        }
        last = *answer;
        if (run > 0) {
            times.push_back(last.ms);
        }
    }
    fmt::print(R"({{"ms": [{:.4f}], "rows": {}, "value": {}, "bytes": {}}})"
               "\n",
               fmt::join(times, ", "), last.rows, last.value, last.bytes);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    args::Program program("Ask the daemon a question several times, and print how long each took.",
                          "sluice-query-time");
    client::QueryOptions options;
    std::uint32_t runs = 5;
    program.option("--socket", options.socket_path, "Socket of the daemon").required();
    program.option("--runs", runs, "How often, after one that does not count").positive();
    program.option("--newest", options.newest, "Only the last so many rows");
    program.option("query", options.text, "The question").required();
    if (const auto ended = program.parse(argc, argv)) {
        return ended->print();
    }
    options.connect.client_name = "sluice-query-time";
    return measure(options, runs);
}
