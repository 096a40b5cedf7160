// docs/query.md: every query in it is one, every result is that of the records shown there, every error is the one
// shown.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "query/store_fixture.h"
#include "wire/json.h"

namespace sluice::query::test {
namespace {

std::string document() {
    std::ifstream file(SLUICE_SOURCE_DIR "/docs/query.md");
    return {std::istreambuf_iterator<char>(file), {}};
}

// The lines of each block fenced with ```kind.
std::vector<std::vector<std::string>> blocks(const std::string& kind) {
    const std::string text = document();
    const std::string open = "\n```" + kind + "\n";
    std::vector<std::vector<std::string>> found;
    for (std::size_t at = text.find(open); at != std::string::npos; at = text.find(open, at)) {
        at += open.size();
        std::istringstream body(text.substr(at, text.find("```", at) - at));
        found.emplace_back();
        for (std::string line; std::getline(body, line);) {
            found.back().push_back(line);
        }
    }
    EXPECT_FALSE(found.empty()) << kind;
    return found;
}

Store records() {
    Store store;
    wire::JsonReader reader;
    const auto lines = blocks("json");
    for (const std::string& line : lines.front()) {
        Bytes record;
        const auto outcome = reader.append_record(line, {}, record);
        EXPECT_TRUE(outcome && *outcome == wire::JsonOutcome::object) << line;
        store.add(wire::RecordView::unchecked(record.data()));
    }
    store.seal();
    return store;
}

// A record as its message, a computed row as name=value.
std::vector<std::string> shown(ByteView entries) {
    std::vector<std::string> lines;
    while (!entries.empty()) {
        const wire::TailEntry entry = wire::TailEntryCodec::view(entries.data());
        std::string line(entry.record.message());
        for (const wire::FieldView field : entry.record.fields()) {
            if (entry.flags == wire::kBatchComputed) {
                line += fmt::format("{}{}={}", line.empty() ? "" : " ", field.name, field.value_text());
            }
        }
        lines.push_back(std::move(line));
        entries = entries.subspan(wire::TailEntryCodec::size(entries.data()));
    }
    return lines;
}

TEST(QueryDocument, QueriesArePlanned) {
    for (const auto& block : blocks("query")) {
        for (const std::string& line : block) {
            const auto query = parse_query(line);
            ASSERT_TRUE(query) << line << ": " << query.error().text();
            EXPECT_TRUE(Plan::make(*query, Store::options())) << line;
        }
    }
}

TEST(QueryDocument, ResultsAreThoseOfItsRecords) {
    const Store store = records();
    for (const auto& block : blocks("query-result")) {
        const Store::Answer answer = store.run(block.front());
        EXPECT_EQ(answer.error, "") << block.front();
        EXPECT_EQ(shown(answer.entries), std::vector<std::string>(block.begin() + 1, block.end())) << block.front();
    }
}

TEST(QueryDocument, ErrorsAreTheOnesShown) {
    for (const auto& block : blocks("query-error")) {
        ASSERT_EQ(block.size(), 2U);
        EXPECT_EQ(Store().run(block[0]).error, block[1]);
    }
}

// The examples in the table of tests.
TEST(QueryDocument, TestsOfTheTableAreTests) {
    std::istringstream text(document());
    int seen = 0;
    for (std::string line; std::getline(text, line);) {
        if (!line.starts_with("| `") || !line.ends_with("` |")) {
            continue;
        }
        line.erase(line.size() - 2);
        const std::string cell = line.substr(line.rfind(" | ") + 3);
        if (!cell.starts_with('`')) {
            continue;  // Of another table.
        }
        const std::string_view kEdges = "` ";
        const std::size_t first = cell.find_first_not_of(kEdges);
        std::string example = cell.substr(first, cell.find_last_not_of(kEdges) + 1 - first);
        if (example.starts_with('~')) {
            example += '`';  // Its own, which was taken for one of the cell's.
        }
        EXPECT_TRUE(parse_query(example)) << example;
        ++seen;
    }
    EXPECT_GE(seen, 10);
}

}  // namespace
}  // namespace sluice::query::test
