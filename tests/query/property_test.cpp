#include <gtest/gtest.h>
#include <re2/re2.h>

#include "query/random_query.h"
#include "query/reference.h"

namespace sluice::query::test {
namespace {

// How many fields and schemas have columns: all, some of them, or none.
part::BuildOptions random_options(Random& random) {
    part::BuildOptions options{.page_rows = static_cast<std::uint32_t>(5 + random.below(40))};
    if (!random.one_in(3)) {
        options.columns_max = random.below(14);
    }
    if (random.one_in(3)) {
        options.schema_cells_max = random.below(200);
    }
    return options;
}

// Parts of one and of three classes with pages of a few rows, gaps between sequence numbers, and open rows.
Store random_store(Random& random) {
    Store store(random_options(random));
    const bool classes = random.one_in(2);
    const std::size_t rows = 50 + random.below(500);
    for (std::size_t i = 0; i < rows; ++i) {
        RowDraft row = random_row(random, i);
        if (random.one_in(20)) {
            row.sequence(store.entries().empty() ? 3 : store.entries().back().sequence + 1 + random.below(10));
        }
        store.add(row);
        if (random.one_in(100)) {
            store.seal([&](const wire::TailEntry& entry) {
                return classes ? static_cast<int>(entry.record.stream().size() % 3) : 0;
            });
        }
    }
    return store;
}

struct Reached {
    ScanCounters counters;
    std::uint64_t answers_with_rows = 0;
};

// Sums depend on the order, and so does whether they are whole.
std::vector<std::string> whole_as_integers(std::vector<std::string> lines) {
    static const re2::RE2 whole_float("=float (-?[0-9]+)( |$)");
    for (std::string& line : lines) {
        re2::RE2::GlobalReplace(&line, whole_float, "=int \\1\\2");
    }
    return lines;
}

void check(const Store& store, const std::vector<wire::TailEntry>& entries, const Query& query, Reached& reached) {
    const std::string text = to_text(query);
    const Parsed<Query> again = parse_query(text);
    ASSERT_TRUE(again) << text << "\n" << again.error().text();
    ASSERT_EQ(*again, query) << text;
    const Store::Answer answer = store.run(query, Store::options());
    if (answer.error.contains("two columns are named")) {
        return;
    }
    ASSERT_EQ(answer.error, "") << text;
    const std::vector<std::string> expected = reference::run(query, entries, kNoon);
    ASSERT_EQ(whole_as_integers(answer.lines), whole_as_integers(expected)) << text << "\n" << answer.explain;
    reached.counters.add(answer.counters);
    reached.answers_with_rows += answer.lines.empty() ? 0 : 1;
}

// SLUICE_QUERY_SEED replays one store; SLUICE_QUERY_STORES is how many are tried.
TEST(Properties, ResultsEqualThoseOfThePlainEvaluator) {
    const char* const replay = std::getenv("SLUICE_QUERY_SEED");
    const char* const count = std::getenv("SLUICE_QUERY_STORES");
    const std::uint64_t first = replay != nullptr ? std::strtoull(replay, nullptr, 10) : 1;
    const std::uint64_t stores = replay != nullptr  ? 1
                                 : count != nullptr ? std::strtoull(count, nullptr, 10)
                                                    : SLUICE_QUERY_STORES_DEFAULT;
    constexpr int kQueriesPerStore = 250;
    Reached reached;
    for (std::uint64_t seed = first; seed < first + stores; ++seed) {
        SCOPED_TRACE(fmt::format("SLUICE_QUERY_SEED={}", seed));
        Random random(seed);
        const Store store = random_store(random);
        const std::vector<wire::TailEntry> entries = store.entries();
        for (int i = 0; i < kQueriesPerStore; ++i) {
            check(store, entries, random_query(random), reached);
            if (HasFatalFailure()) {
                return;
            }
        }
    }
    if (replay == nullptr) {  // All ways through the executor were taken, often.
        const ScanCounters& c = reached.counters;
        EXPECT_GT(reached.answers_with_rows, stores * kQueriesPerStore / 3);
        for (const std::uint64_t often :
             {c.parts, c.parts_skipped_time, c.parts_skipped_sequence, c.parts_skipped_dictionary,
              c.parts_skipped_field, c.parts_skipped_range, c.parts_from_counts, c.pages_skipped, c.pages_read,
              c.rows_tested, c.rows_matched, c.open_rows}) {
            EXPECT_GT(often, stores);
        }
    }
}

}  // namespace
}  // namespace sluice::query::test
