#include "query/plan.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/format.h"
#include "query/group_table.h"
#include "query/row.h"
#include "query/sort_buffer.h"
#include "wire/time_text.h"

namespace sluice::query {
namespace {

constexpr std::size_t kColumnsMax = 1024;
constexpr const char* kHits = "hits";

Result<> check_columns(const Schema& schema) {
    if (schema.columns.size() > kColumnsMax) {
        return fail(Errc::invalid_argument, "{} columns; at most {} are possible", schema.columns.size(), kColumnsMax);
    }
    for (auto column = schema.columns.begin(); column != schema.columns.end(); ++column) {
        if (!wire::valid_field_name(column->name)) {
            return fail(Errc::invalid_argument,
                        "a column cannot be named '{}': 1 to {} bytes without '=' and control characters", column->name,
                        wire::kNameBytesMax);
        }
        if (std::ranges::find(schema.columns.begin(), column, column->name, &Schema::Column::name) != column) {
            return fail(Errc::invalid_argument, "two columns are named '{}'; give one another name with 'as'",
                        column->name);
        }
    }
    return {};
}

Name column_name(std::size_t index, std::string_view as_written) {
    return {.kind = NameKind::column, .field = {}, .column = index, .as_written = std::string(as_written)};
}

Test bounded(std::optional<Literal> low, std::optional<Literal> high) {
    Test test{.kind = TestKind::range, .text = {}, .texts = {}, .low = {}, .high = {}};
    if (low) {
        test.low = Bound{.value = std::move(*low), .inclusive = true};
    }
    if (high) {
        test.high = Bound{.value = std::move(*high), .inclusive = false};
    }
    return test;
}

Literal time_literal(WallNs time) {
    Literal literal;
    wire::append_rfc3339(literal.text, time);
    return literal;
}

Literal sequence_literal(std::uint64_t sequence) {
    const auto value = static_cast<std::int64_t>(std::min<std::uint64_t>(sequence, INT64_MAX));
    return {.text = fmt::to_string(value), .number = static_cast<double>(value)};
}

}  // namespace

// Takes the stages one after the other.  Up to the first that looks at more than one row they go into the scan.
class PlanBuilder {
 public:
    explicit PlanBuilder(Plan& plan) noexcept : plan_(plan) {}

    Result<> build(const Query& query);
    Result<> operator()(const Fields& stage);
    Result<> operator()(const Where& stage);
    Result<> operator()(const Sort& stage);
    Result<> operator()(const Head& stage) { return window(0, stage.count, "head"); }
    Result<> operator()(const Skip& stage) { return window(stage.count, UINT64_MAX, "skip"); }
    Result<> operator()(const Tail& stage);
    Result<> operator()(const Uniq& stage) { return hits(stage.names, UINT64_MAX, "uniq", stage.hits ? kHits : ""); }
    Result<> operator()(const Top& stage) { return hits(stage.names, stage.count, "top", kHits); }
    Result<> operator()(const Stats& stage);

 private:
    bool in_scan() const noexcept { return std::holds_alternative<std::monostate>(plan_.breaker_); }
    Result<FilterNode> compiled(const Filter& filter) const;
    Result<> add_bounds();
    Result<> charge_columns() const;
    Result<> window(std::uint64_t skip, std::uint64_t count, std::string_view name);
    // `column`: of the result; empty: it has none.
    Result<> hits(const std::vector<std::string>& names, std::uint64_t count, std::string_view name,
                  const std::string& column);
    Result<> group(GroupSpec spec, Schema output);
    template <class Spec>
    void add(Spec spec, std::string_view name);
    template <class Spec>
    Spec* last() noexcept;

    Plan& plan_;
    Schema schema_;
    FilterNode filter_{.kind = FilterKind::all_of, .parts = {}, .name = {}, .matcher = {}};
};

Result<FilterNode> PlanBuilder::compiled(const Filter& filter) const {
    return compile(
        filter, plan_.options_.now, [this](std::string_view name) { return schema_.resolve(name); }, plan_.budget_);
}

// The stage added last, if it is of this kind.
template <class Spec>
Spec* PlanBuilder::last() noexcept {
    return plan_.rest_.empty() ? std::get_if<Spec>(&plan_.breaker_) : std::get_if<Spec>(&plan_.rest_.back());
}

template <class Spec>
void PlanBuilder::add(Spec spec, std::string_view name) {
    if (!in_scan()) {
        plan_.rest_.emplace_back(std::move(spec));
        return;
    }
    if constexpr (!std::is_same_v<Spec, FilterSpec>) {
        plan_.breaker_ = std::move(spec);
        plan_.scan_schema_ = schema_;
        plan_.follows_ok_ = false;
        plan_.why_not_follow_ = name;
    }
}

Result<> PlanBuilder::add_bounds() {
    const PlanOptions& options = plan_.options_;
    const auto bound = [&](std::string_view name, Test test) -> Result<> {
        Filter filter{.kind = FilterKind::match, .parts = {}, .field = std::string(name), .test = std::move(test)};
        SLUICE_TRY(FilterNode node, compiled(filter));
        filter_.parts.push_back(std::move(node));
        return {};
    };
    if (const bool low = options.time.begin != TimeSpan().begin, high = options.time.end != TimeSpan::kEnd;
        low || high) {
        SLUICE_CHECK(bound("time", bounded(low ? std::optional(time_literal(options.time.begin)) : std::nullopt,
                                           high ? std::optional(time_literal(options.time.end)) : std::nullopt)));
    }
    if (const bool low = options.sequence_min != 0, high = options.sequence_end != UINT64_MAX; low || high) {
        SLUICE_CHECK(
            bound("sequence", bounded(low ? std::optional(sequence_literal(options.sequence_min)) : std::nullopt,
                                      high ? std::optional(sequence_literal(options.sequence_end)) : std::nullopt)));
    }
    return {};
}

// Of what a plan keeps as long as it lives: after the fact, but the text of a query bounds it.
Result<> PlanBuilder::charge_columns() const {
    std::uint64_t bytes = sizeof(Plan);
    for (const Schema* schema : {&plan_.scan_schema_, &plan_.output_}) {
        for (const Schema::Column& column : schema->columns) {
            constexpr std::uint64_t kNames = 3;   // Its own, the field's, and as it was written.
            constexpr std::uint64_t kGrowth = 2;  // Vectors may be half empty.
            bytes += kGrowth * sizeof(Schema::Column) + kNames * (column.name.size() + sizeof(std::string));
        }
    }
    return plan_.budget_.charge(bytes, "its plan");
}

Result<> PlanBuilder::build(const Query& query) {
    SLUICE_CHECK(add_bounds());
    SLUICE_CHECK((*this)(Where{.filter = query.filter}));
    for (const Pipe& pipe : query.pipes) {
        SLUICE_CHECK(std::visit(*this, pipe));
    }
    if (plan_.options_.newest) {
        SLUICE_CHECK((*this)(Tail{.count = *plan_.options_.newest}));
    }
    if (in_scan()) {
        plan_.scan_schema_ = schema_;
    }
    plan_.output_ = std::move(schema_);
    SLUICE_CHECK(charge_columns());
    std::erase_if(filter_.parts, [](const FilterNode& part) { return part.kind == FilterKind::everything; });
    if (filter_.parts.empty()) {
        filter_ = {};
    } else if (filter_.parts.size() == 1) {
        filter_ = FilterNode(std::move(filter_.parts.front()));
    }
    plan_.filter_ = RowFilter(std::move(filter_));
    if (const auto* sort = std::get_if<SortSpec>(&plan_.breaker_)) {
        const SortSpec::Key& key = sort->keys.front();
        const bool by_age = key.name.kind == NameKind::time || key.name.kind == NameKind::receive_time ||
                            key.name.kind == NameKind::sequence;
        plan_.newest_first_ = by_age && key.descending && sort->count != UINT64_MAX;
    } else {
        plan_.newest_first_ = std::holds_alternative<NewestSpec>(plan_.breaker_);
    }
    return {};
}

Result<> PlanBuilder::operator()(const Fields& stage) {
    Schema narrowed{.whole_records = false, .columns = {}};
    for (const std::string& name : stage.names) {
        if (std::ranges::find(narrowed.columns, name, &Schema::Column::name) == narrowed.columns.end()) {
            narrowed.columns.push_back({.name = name, .source = schema_.resolve(name)});
        }
    }
    SLUICE_CHECK(check_columns(narrowed));
    schema_ = std::move(narrowed);
    return {};
}

Result<> PlanBuilder::operator()(const Where& stage) {
    SLUICE_TRY(FilterNode node, compiled(stage.filter));
    if (in_scan()) {
        filter_.parts.push_back(std::move(node));
    } else {
        add(FilterSpec{.filter = std::move(node)}, "where");
    }
    return {};
}

Result<> PlanBuilder::operator()(const Sort& stage) {
    SortSpec spec;
    for (const SortKey& key : stage.keys) {
        spec.keys.push_back({.name = schema_.resolve(key.name), .descending = key.descending});
    }
    spec.count = stage.limit.value_or(UINT64_MAX);
    add(std::move(spec), "sort");
    return {};
}

Result<> PlanBuilder::window(std::uint64_t skip, std::uint64_t count, std::string_view name) {
    if (skip == 0) {
        if (auto* sort = last<SortSpec>()) {
            sort->count = std::min(sort->count, count);
            return {};
        }
        if (auto* groups = last<GroupSpec>()) {
            groups->count = std::min(groups->count, count);
            return {};
        }
    }
    if (auto* window = last<WindowSpec>()) {
        const std::uint64_t dropped = std::min(skip, window->count);
        window->skip = window->skip > UINT64_MAX - dropped ? UINT64_MAX : window->skip + dropped;
        window->count = std::min(window->count == UINT64_MAX ? UINT64_MAX : window->count - dropped, count);
        return {};
    }
    add(WindowSpec{.skip = skip, .count = count}, name);
    return {};
}

Result<> PlanBuilder::operator()(const Tail& stage) {
    if (auto* newest = last<NewestSpec>()) {
        newest->count = std::min(newest->count, stage.count);
    } else {
        add(NewestSpec{.count = stage.count}, "tail");
    }
    return {};
}

Result<> PlanBuilder::group(GroupSpec spec, Schema output) {
    SLUICE_CHECK(check_columns(output));
    std::vector<std::string> names;
    for (std::size_t i = 0; i < spec.keys.size(); ++i) {
        names.push_back(fmt::format("'{}'", output.columns[i].name));
    }
    const std::string by = fmt::format("{}", fmt::join(names, ", "));
    spec.what = names.empty() ? std::string("stats") : "grouping by " + by;
    add(std::move(spec), "stats");
    schema_ = std::move(output);
    return {};
}

Result<> PlanBuilder::hits(const std::vector<std::string>& names, std::uint64_t count, std::string_view name,
                           const std::string& column) {
    GroupSpec spec;
    Schema output{.whole_records = false, .columns = {}};
    for (const std::string& each : names) {
        spec.keys.push_back({.name = schema_.resolve(each)});
        output.columns.push_back({.name = each, .source = column_name(output.columns.size(), each)});
    }
    if (std::ranges::find(names, column) != names.end()) {
        return fail(Errc::invalid_argument,
                    "two columns are named '{0}'; 'stats by ({0}) count() as n' counts under another name", column);
    }
    if (!column.empty()) {
        output.columns.push_back({.name = column, .source = column_name(output.columns.size(), column)});
    }
    spec.results.push_back({.function = Function::count, .source = {}, .fraction = 0, .counts_rows = true});
    spec.by_hits = name == "top";
    spec.count = count;
    SLUICE_CHECK(group(std::move(spec), std::move(output)));
    if (!plan_.follows_ok_ && plan_.rest_.empty()) {
        plan_.why_not_follow_ = name;
    }
    return {};
}

Result<> PlanBuilder::operator()(const Stats& stage) {
    GroupSpec spec;
    Schema output{.whole_records = false, .columns = {}};
    for (const GroupBy& by : stage.by) {
        const Bucket bucket =
            by.bucket ? bucket_of_width(*by.bucket, parse_offset(by.offset).value_or(Duration::zero())) : Bucket{};
        spec.keys.push_back({.name = schema_.resolve(by.name), .bucket = bucket});
        output.columns.push_back({.name = by.name, .source = column_name(output.columns.size(), by.name)});
    }
    for (const Aggregate& each : stage.aggregates) {
        const bool rows = each.function == Function::count && each.field.empty();
        spec.results.push_back({.function = each.function,
                                .source = rows ? Name() : schema_.resolve(each.field),
                                .fraction = each.fraction,
                                .counts_rows = rows});
        output.columns.push_back({.name = each.name, .source = column_name(output.columns.size(), each.name)});
    }
    return group(std::move(spec), std::move(output));
}

Result<std::shared_ptr<const Plan>> Plan::make(const Query& query, const PlanOptions& options) {
    std::shared_ptr<Plan> plan(new Plan(options));
    SLUICE_CHECK(PlanBuilder(*plan).build(query));
    return plan;
}

std::vector<std::string> Plan::columns() const {
    std::vector<std::string> names;
    for (const Schema::Column& column : output_.columns) {
        names.push_back(column.name);
    }
    return names;
}

void Plan::raise_oldest_wanted(const SortBuffer& rows) const noexcept {
    const ValueView* const worst = newest_first_ ? rows.worst_key() : nullptr;
    if (worst == nullptr) {
        return;
    }
    std::int64_t known = oldest_wanted();
    while (worst->integer > known &&
           !oldest_wanted_.compare_exchange_weak(known, worst->integer, std::memory_order_relaxed)) {
    }
}

bool Plan::select(const wire::TailEntry& entry, Bytes& to) const {
    if (!filter_.matches(entry)) {
        return false;
    }
    append_row(to, output_, RowRef{.entry = &entry, .columns = {}});
    return true;
}

}  // namespace sluice::query
