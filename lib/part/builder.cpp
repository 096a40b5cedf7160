#include "part/builder.h"

#include <algorithm>
#include <tuple>

#include "base/assert.h"
#include "part/field_columns.h"
#include "part/part_writer.h"

namespace sluice::part {
namespace {

constexpr std::size_t kRecordBytesMax = 32U << 20U;

}  // namespace

struct Builder::State {
    explicit State(const BuildOptions& from) : options(from), fixed(kFixedColumns) {}

    void begin_page_if_full(std::size_t row_bytes);
    void add_fixed(const Row& row, const wire::RecordView& record);
    Result<Bytes> finish();
    FieldColumns::Made shred();
    FieldSet frequent_fields() const;
    Layout layout(FieldColumns::Made& fields);
    template <class Use>
    void for_each_row(Use&& use) const;

    struct Kept {
        wire::RecordView record;
        std::uint32_t trusted = 0;  // In `trusted`.
    };

    BuildOptions options;
    ByteArena arena;
    std::vector<GrowingColumn> fixed;
    std::vector<Kept> rows;
    std::vector<wire::FieldRange> trusted;
    std::vector<PageLayout> pages;
    Summary summary;
    bool too_large = false;
};

void Builder::State::begin_page_if_full(std::size_t row_bytes) {
    const bool fits = !pages.empty() && pages.back().rows < options.page_rows &&
                      pages.back().raw_bytes + row_bytes <= std::max(kPageBytes, row_bytes);
    if (!fits) {
        pages.push_back({summary.rows, 0, 0});
    }
    ++pages.back().rows;
    pages.back().raw_bytes += static_cast<std::uint32_t>(row_bytes);
}

void Builder::State::add_fixed(const Row& row, const wire::RecordView& record) {
    const auto page = static_cast<std::uint32_t>(pages.size() - 1);
    const auto put = [&](ColumnKind kind, auto value) { fixed[static_cast<std::size_t>(kind)].add(page, value); };
    put(ColumnKind::sequence, static_cast<std::int64_t>(row.entry.sequence));
    put(ColumnKind::epoch, std::int64_t{row.epoch});
    put(ColumnKind::receive_time, row.entry.receive_time_ns);
    put(ColumnKind::time, record.time_ns());
    put(ColumnKind::flags, std::int64_t{row.entry.flags});
    put(ColumnKind::severity, static_cast<std::int64_t>(record.severity()));
    put(ColumnKind::stream, record.stream());
    put(ColumnKind::message, record.message());
}

Builder::Builder(BuildOptions options) {
    SLUICE_ASSERT(options.page_rows > 0 && options.page_rows <= kPageRowsMax, "{} rows", options.page_rows);
    state_ = std::make_unique<State>(options);
}
Builder::Builder(Builder&&) noexcept = default;
Builder& Builder::operator=(Builder&&) noexcept = default;
Builder::~Builder() = default;

void Builder::add(const Row& row) {
    State& state = *state_;
    const wire::TailEntry& entry = row.entry;
    Summary& summary = state.summary;
    SLUICE_ASSERT(summary.rows == 0 || entry.sequence >= summary.end_sequence, "sequence {} after {}", entry.sequence,
                  summary.end_sequence - 1);
    const std::size_t bytes = wire::tail_entry_bytes(entry);
    if (bytes > kRecordBytesMax) {
        state.too_large = true;
        return;
    }
    const wire::RecordView record = wire::RecordView::unchecked(state.arena.keep(entry.record.bytes()).data());
    // The rows of one batch have the same trusted fields.
    if (state.trusted.empty() || !std::ranges::equal(entry.trusted.bytes(), state.trusted.back().bytes())) {
        state.trusted.emplace_back(state.arena.keep(entry.trusted.bytes()), entry.trusted.size());
    }
    state.begin_page_if_full(bytes);
    state.add_fixed(row, record);
    state.rows.push_back({record, static_cast<std::uint32_t>(state.trusted.size() - 1)});
    if (summary.rows == 0) {
        summary.first_sequence = entry.sequence;
    }
    summary.end_sequence = entry.sequence + 1;
    summary.raw_bytes += bytes;
    ++summary.rows;
}

std::uint32_t Builder::rows() const noexcept {
    return static_cast<std::uint32_t>(state_->summary.rows);
}
std::size_t Builder::raw_bytes() const noexcept {
    return state_->summary.raw_bytes;
}

// use(page, trusted, fields)
template <class Use>
void Builder::State::for_each_row(Use&& use) const {
    std::size_t row = 0;
    for (std::uint32_t page = 0; page < pages.size(); ++page) {
        for (std::uint32_t left = pages[page].rows; left > 0; --left, ++row) {
            use(page, trusted[rows[row].trusted], rows[row].record.fields());
        }
    }
}

FieldSet Builder::State::frequent_fields() const {
    FrequentFields seen;
    for_each_row([&](std::uint32_t, const wire::FieldRange& of_batch, const wire::FieldRange& of_record) {
        seen.begin_row();
        for (const wire::FieldView field : of_batch) {
            seen.add({true, field.type, field.name});
        }
        for (const wire::FieldView field : of_record) {
            seen.add({false, field.type, field.name});
        }
    });
    return seen.choose(options.columns_max);
}

// Most parts have few names.  Only where there are too many a second look says which are worth a column.
FieldColumns::Made Builder::State::shred() {
    SchemaLimits limits{.columns_max = options.columns_max, .schema_cells_max = options.schema_cells_max};
    {
        ByteArena others;
        FieldColumns all(limits, others);
        for_each_row([&](std::uint32_t page, const wire::FieldRange& of_batch, const wire::FieldRange& of_record) {
            if (!all.refused_column()) {
                all.add_row(page, of_batch, of_record);
            }
        });
        if (!all.refused_column()) {
            arena.adopt(std::move(others));
            return std::move(all).finish();
        }
    }
    const FieldSet chosen = frequent_fields();
    limits.chosen = &chosen;
    FieldColumns some(limits, arena);
    for_each_row([&](std::uint32_t page, const wire::FieldRange& of_batch, const wire::FieldRange& of_record) {
        some.add_row(page, of_batch, of_record);
    });
    return std::move(some).finish();
}

Layout Builder::State::layout(FieldColumns::Made& fields) {
    Layout layout;
    layout.pages = std::move(pages);
    layout.schemas = std::move(fields.schemas);
    layout.columns.resize(fixed.size() + fields.infos.size());
    for (std::size_t i = 0; i < layout.columns.size(); ++i) {
        ColumnInfo& info = layout.columns[i].info;
        if (i < kFixedColumns) {
            info.kind = static_cast<ColumnKind>(i);
        } else {
            info = std::move(fields.infos[i - kFixedColumns]);
        }
    }
    const auto range = [&](ColumnKind kind) { return std::ranges::minmax(fixed[static_cast<std::size_t>(kind)].ints); };
    const auto& times = fixed[static_cast<std::size_t>(ColumnKind::time)].ints;
    std::tie(summary.time_min, summary.time_max) = std::pair(range(ColumnKind::time).min, range(ColumnKind::time).max);
    summary.receive_min = range(ColumnKind::receive_time).min;
    summary.receive_max = range(ColumnKind::receive_time).max;
    summary.epoch_min = static_cast<std::uint32_t>(range(ColumnKind::epoch).min);
    summary.epoch_max = static_cast<std::uint32_t>(range(ColumnKind::epoch).max);
    summary.time_sorted = std::ranges::is_sorted(times);
    summary.store_id = options.store_id;
    layout.summary = summary;
    return layout;
}

Result<Bytes> Builder::State::finish() {
    if (too_large) {
        return fail(Errc::too_large, "a record above {} bytes", kRecordBytesMax);
    }
    if (summary.rows == 0) {
        return fail(Errc::invalid_argument, "a part without rows");
    }
    FieldColumns::Made fields = shred();
    rows = {};
    PartWriter writer(options, layout(fields));
    std::vector<References::Source> sources;
    for (std::uint32_t i = 0; i < fields.columns.size(); ++i) {
        const ColumnInfo& info = writer.layout().columns[kFixedColumns + i].info;
        if (info.kind == ColumnKind::field) {
            sources.push_back({kFixedColumns + i, &info, fields.columns[i].ints, fields.columns[i].texts});
        }
    }
    References references(fields.schema_ids, writer.layout().schemas, std::move(sources));
    for (const auto columns : {std::span(fixed), std::span(fields.columns)}) {
        for (GrowingColumn& column : columns) {
            const bool refers = &column == &fixed[static_cast<std::size_t>(ColumnKind::message)];
            writer.add_column({column.ints, column.texts, column.pages}, refers ? &references : nullptr);
            column = {};
        }
    }
    return writer.finish(fields.schema_ids);
}

Result<Bytes> Builder::finish() {
    const BuildOptions options = state_->options;
    const std::unique_ptr<State> state = std::exchange(state_, std::make_unique<State>(options));
    return state->finish();
}

}  // namespace sluice::part
