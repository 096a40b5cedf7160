// A small store for tests of queries: rows, sealed into parts here and open there, and a query over all of it.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "part/builder.h"
#include "query/combiner.h"
#include "query/parser.h"

namespace sluice::query::test {

// 2026-03-01T12:00:00Z
inline constexpr WallNs kNoon = 1'772'366'400'000'000'000;
inline constexpr WallNs kSecond = 1'000'000'000;

std::string repeated(std::string_view text, std::size_t times);

// Fields in the order of the calls; names with a leading '_' are trusted.
class RowDraft {
 public:
    explicit RowDraft(std::string message) : message_(std::move(message)) {}
    RowDraft& time(WallNs time) { return time_ = time, *this; }
    RowDraft& receive_time(WallNs time) { return receive_time_ = time, *this; }
    RowDraft& severity(wire::Severity severity) { return severity_ = severity, *this; }
    RowDraft& stream(std::string stream) { return stream_ = std::move(stream), *this; }
    RowDraft& sequence(std::uint64_t sequence) { return sequence_ = sequence, *this; }
    template <class T>
    RowDraft& field(std::string_view name, const T& value) {
        (name.starts_with('_') ? trusted_ : fields_).field(name, value);
        return *this;
    }
    RowDraft& bytes_field(std::string_view name, std::string_view value) {
        fields_.bytes_field(name, as_bytes(value));
        return *this;
    }

 private:
    friend class Store;
    std::string message_;
    WallNs time_ = kNoon;
    WallNs receive_time_ = kNoon;
    wire::Severity severity_ = wire::Severity::info;
    std::string stream_;
    std::uint64_t sequence_ = 0;  // 0: the next.
    wire::FieldBlock fields_;
    wire::FieldBlock trusted_;
};

class Store {
 public:
    explicit Store(const part::BuildOptions& options = {.page_rows = 8}) : options_(options) {}

    void add(const RowDraft& draft);
    // One that is encoded already.
    void add(const wire::RecordView& record, std::uint64_t sequence = 0, WallNs receive_time = kNoon,
             const wire::FieldRange& trusted = {});
    // Rows added since the last call become a part each for class 0, 1, ...: `class_of` tells.
    void seal(const std::function<int(const wire::TailEntry&)>& class_of = [](const auto&) { return 0; });
    // All rows, ascending.
    std::vector<wire::TailEntry> entries() const;
    const std::vector<std::shared_ptr<const part::Part>>& parts() const noexcept { return parts_; }
    // What is not sealed, as groups of a few rows.
    std::vector<GroupRows> open_rows() const;

    struct Answer {
        Bytes entries;
        std::vector<std::string> lines;  // See reference.h.
        ScanCounters counters;
        std::string explain;
        std::string error;
        std::uint64_t peak_bytes = 0;
    };
    static PlanOptions options() { return {.now = kNoon, .newest = {}, .time = {}}; }
    Answer run(const Query& query, const PlanOptions& options) const;
    Answer run(std::string_view text, const PlanOptions& options = Store::options()) const;
    // The messages of the rows found, or the error.
    std::vector<std::string> messages(std::string_view text, const PlanOptions& options = Store::options()) const;

 private:
    part::BuildOptions options_;
    std::deque<Bytes> rows_;  // Encoded TAIL entries.
    std::vector<std::shared_ptr<const part::Part>> parts_;
    std::size_t sealed_ = 0;
    std::uint64_t next_ = 1;
};

// What a query is taken for, as text, or why it is none.
std::string read_again(std::string_view text);

}  // namespace sluice::query::test
