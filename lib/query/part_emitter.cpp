#include "query/part_emitter.h"

namespace sluice::query {

PartEmitter::PartEmitter(const Plan& plan, const part::Part& part) : plan_(plan), part_(part) {
    if (!plan.emits_results() || !plan.computed()) {
        return;
    }
    for (const Schema::Column& column : plan.output_schema().columns) {
        columns_.push_back(std::make_unique<ValueReader>(part, column.source, ValuesRead::all));
    }
    const auto reader = [&](NameKind kind) {
        return std::make_unique<ValueReader>(part, Name{.kind = kind, .field = {}, .column = 0, .as_written = {}});
    };
    sequence_ = reader(NameKind::sequence);
    receive_time_ = reader(NameKind::receive_time);
    time_ = reader(NameKind::time);
    severity_ = reader(NameKind::severity);
}

Result<> PartEmitter::emit(std::uint32_t page, std::span<const std::uint16_t> rows, Bytes& to, ScanCounters& counters) {
    if (columns_.empty()) {
        return part_.append_entries(page, rows, to);
    }
    for (ValueReader* const reader : {sequence_.get(), receive_time_.get(), time_.get(), severity_.get()}) {
        SLUICE_CHECK(reader->load(page, counters));
    }
    for (const auto& column : columns_) {
        SLUICE_CHECK(column->load(page, counters));
    }
    for (const std::uint16_t row : rows) {
        const RowHead head{.sequence = static_cast<std::uint64_t>(sequence_->at(row).integer),
                           .receive_time = receive_time_->at(row).integer,
                           .time = time_->at(row).integer,
                           .severity = static_cast<wire::Severity>(severity_->at(row).integer)};
        append_computed(to, head, plan_.output_schema(),
                        [&](std::size_t i, const auto& add) { columns_[i]->for_each_at(row, add); });
    }
    return {};
}

}  // namespace sluice::query
