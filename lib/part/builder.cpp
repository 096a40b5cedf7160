#include "part/builder.h"

#include <algorithm>
#include <tuple>

#include "base/assert.h"
#include "part/part_writer.h"
#include "part/schema_tree.h"

namespace sluice::part {
namespace {

constexpr std::size_t kRecordBytesMax = 32U << 20U;
constexpr std::size_t kArenaBytes = 1U << 20U;

// Keeps copies of byte strings at fixed addresses.
class Arena {
 public:
    ByteView keep(ByteView bytes) {
        if (bytes.size() > left_) {
            left_ = std::max(kArenaBytes, bytes.size());
            chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(left_));
            at_ = chunks_.back().get();
        }
        std::byte* const to = at_;
        std::copy(bytes.begin(), bytes.end(), to);
        at_ += bytes.size();
        left_ -= bytes.size();
        return {to, bytes.size()};
    }

 private:
    std::vector<std::unique_ptr<std::byte[]>> chunks_;
    std::byte* at_ = nullptr;
    std::size_t left_ = 0;
};

// The values of one column so far; texts are views into the arena.
struct Column {
    std::vector<std::int64_t> ints;
    std::vector<std::string_view> texts;
    std::vector<PageCount> pages;

    void count(std::uint32_t page) {
        if (pages.empty() || pages.back().page != page) {
            pages.push_back({page, 0});
        }
        ++pages.back().count;
    }
    void add(std::uint32_t page, std::int64_t value) {
        count(page);
        ints.push_back(value);
    }
    void add(std::uint32_t page, std::string_view value) {
        count(page);
        texts.push_back(value);
    }
};

std::int64_t number_of(const wire::FieldView& field) noexcept {
    return field.type == wire::FieldType::boolean ? std::int64_t{field.as_boolean()} : field.as_int64();
}

}  // namespace

struct Builder::State {
    explicit State(const BuildOptions& from) : options(from), columns(kFixedColumns) {}

    void begin_page_if_full(std::size_t row_bytes);
    void add_fixed(const Row& row, const wire::RecordView& record);
    void add_fields(wire::FieldRange fields, bool trusted);
    Result<Bytes> finish();
    Layout layout();
    References references(const Layout& made) const;

    BuildOptions options;
    Arena arena;
    SchemaTree schemas;
    std::vector<Column> columns;
    std::vector<std::int64_t> schema_ids;
    std::vector<PageLayout> pages;
    Summary summary;
    ByteView last_trusted{};
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
    const auto put = [&](ColumnKind kind, auto value) { columns[static_cast<std::size_t>(kind)].add(page, value); };
    put(ColumnKind::sequence, static_cast<std::int64_t>(row.entry.sequence));
    put(ColumnKind::epoch, std::int64_t{row.epoch});
    put(ColumnKind::receive_time, row.entry.receive_time_ns);
    put(ColumnKind::time, record.time_ns());
    put(ColumnKind::flags, std::int64_t{row.entry.flags});
    put(ColumnKind::severity, static_cast<std::int64_t>(record.severity()));
    put(ColumnKind::stream, record.stream());
    put(ColumnKind::message, record.message());
}

void Builder::State::add_fields(wire::FieldRange fields, bool trusted) {
    const auto page = static_cast<std::uint32_t>(pages.size() - 1);
    for (const wire::FieldView field : fields) {
        const std::uint32_t index = schemas.field({trusted, field.type, field.name});
        if (index >= columns.size()) {
            columns.resize(index + 1);
        }
        if (field.type == wire::FieldType::string || field.type == wire::FieldType::bytes) {
            columns[index].add(page, field.text());
        } else {
            columns[index].add(page, number_of(field));
        }
    }
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
    if (!std::ranges::equal(entry.trusted.bytes(), state.last_trusted)) {
        state.last_trusted = state.arena.keep(entry.trusted.bytes());
    }
    state.begin_page_if_full(bytes);
    state.add_fixed(row, record);
    state.schemas.begin_row();
    state.add_fields({state.last_trusted, entry.trusted.size()}, true);
    state.add_fields(record.fields(), false);
    state.schema_ids.push_back(state.schemas.end_row());
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

Layout Builder::State::layout() {
    Layout layout;
    layout.pages = std::move(pages);
    layout.schemas = schemas.schemas();
    layout.columns.resize(columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
        ColumnInfo& info = layout.columns[i].info;
        if (i < kFixedColumns) {
            info.kind = static_cast<ColumnKind>(i);
        } else {
            info = schemas.columns()[i - kFixedColumns];
        }
    }
    const auto range = [&](ColumnKind kind) {
        return std::ranges::minmax(columns[static_cast<std::size_t>(kind)].ints);
    };
    const auto& times = columns[static_cast<std::size_t>(ColumnKind::time)].ints;
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

References Builder::State::references(const Layout& made) const {
    std::vector<References::Source> sources;
    for (std::uint32_t i = kFixedColumns; i < columns.size(); ++i) {
        sources.push_back({i, &made.columns[i].info, columns[i].ints, columns[i].texts});
    }
    return {schema_ids, made.schemas, std::move(sources)};
}

Result<Bytes> Builder::State::finish() {
    if (too_large) {
        return fail(Errc::too_large, "a record above {} bytes", kRecordBytesMax);
    }
    if (summary.rows == 0) {
        return fail(Errc::invalid_argument, "a part without rows");
    }
    PartWriter writer(options, layout());
    References references = this->references(writer.layout());
    for (std::size_t i = 0; i < columns.size(); ++i) {
        Column& column = columns[i];
        const bool refers = i == static_cast<std::size_t>(ColumnKind::message);
        writer.add_column({column.ints, column.texts, column.pages}, refers ? &references : nullptr);
        column = {};
    }
    return writer.finish(schema_ids);
}

Result<Bytes> Builder::finish() {
    const BuildOptions options = state_->options;
    const std::unique_ptr<State> state = std::exchange(state_, std::make_unique<State>(options));
    return state->finish();
}

}  // namespace sluice::part
