#include "query/part_grouper.h"

#include <algorithm>

namespace sluice::query {
namespace {

constexpr std::uint32_t kUnknown = UINT32_MAX;

}  // namespace

PartGrouper::PartGrouper(const part::Part& part, const GroupSpec& spec, Budget& budget)
    : part_(part), spec_(spec), table_(std::make_unique<GroupTable>(spec, budget)) {
    for (const GroupSpec::Key& key : spec.keys) {
        keys_.emplace_back(part, key.name);
        ids_.push_back(std::make_unique<ValueReader::Ids>(keys_.back(), key.bucket));
    }
    combinations_.resize(std::max<std::size_t>(keys_.size(), 1) - 1);
    for (const GroupSpec::Result& result : spec.results) {
        sources_.push_back({result.counts_rows ? nullptr : std::make_unique<ValueReader>(part, result.source)});
    }
}

bool PartGrouper::needs_only_counts() const noexcept {
    return std::ranges::all_of(spec_.results, &GroupSpec::Result::counts_rows);
}

Result<> PartGrouper::add_total(std::uint64_t rows) {
    SLUICE_TRY(const std::uint32_t group, table_->group({}));
    for (std::size_t i = 0; i < sources_.size(); ++i) {
        if (sources_[i].reader == nullptr) {
            table_->column(i).count(group, rows);
        }
    }
    return {};
}

// One key with one dictionary: each entry is a group (a bucket: a part of one).
Result<bool> PartGrouper::add_dictionary(const ColumnTest* filter) {
    ValueReader& key = keys_.front();
    SLUICE_CHECK(key.read_dictionaries());
    const part::Dictionary* const dictionary = key.only_dictionary();
    if (dictionary == nullptr) {
        if (key.has_columns() || filter != nullptr) {
            return false;
        }
    } else if (filter != nullptr && filter->column() != key.only_column()) {
        return false;
    }
    const auto count = [&](const ValueView& value, std::uint64_t rows) -> Result<> {
        SLUICE_TRY(const std::uint32_t group, table_->group(ids_.front()->key(ids_.front()->of_value(value))));
        for (std::size_t i = 0; i < spec_.results.size(); ++i) {
            table_->column(i).count(group, rows);
        }
        return {};
    };
    const std::size_t entries = dictionary == nullptr ? 0 : dictionary->counts.size();
    for (std::size_t i = 0; i < entries; ++i) {
        if (filter == nullptr || filter->entry_matches(i)) {
            SLUICE_CHECK(count(key.entry(i), dictionary->counts[i]));
        }
    }
    const std::uint64_t held = dictionary == nullptr ? 0 : part_.columns()[key.only_column()].values;
    if (filter == nullptr && held < part_.summary().rows) {
        SLUICE_CHECK(count({}, part_.summary().rows - held));
    }
    return true;
}

// No key, all rows: the results of the dictionaries' entries, each as often as it occurs.
Result<bool> PartGrouper::add_source_counts() {
    for (const Source& source : sources_) {
        if (source.reader != nullptr) {
            SLUICE_CHECK(source.reader->read_dictionaries());
            if (source.reader->has_columns() && source.reader->only_dictionary() == nullptr) {
                return false;
            }
        }
    }
    SLUICE_CHECK(add_total(part_.summary().rows));
    SLUICE_TRY(const std::uint32_t group, table_->group({}));
    for (std::size_t i = 0; i < sources_.size(); ++i) {
        const ValueReader* const reader = sources_[i].reader.get();
        const part::Dictionary* const dictionary = reader == nullptr ? nullptr : reader->only_dictionary();
        std::ptrdiff_t grown = 0;
        for (std::size_t entry = 0; dictionary != nullptr && entry < dictionary->counts.size(); ++entry) {
            grown += table_->column(i).add(group, reader->entry(entry), dictionary->counts[entry]);
        }
        SLUICE_CHECK(table_->charge(grown));
    }
    return true;
}

Result<bool> PartGrouper::add_counts(const PartFilter& filter) {
    const bool all_rows = filter.verdict() == Verdict::always;
    const ColumnTest* const column = all_rows ? nullptr : filter.counted_column();
    if (!all_rows && column == nullptr) {
        return false;
    }
    if (!needs_only_counts()) {
        return all_rows && keys_.empty() ? add_source_counts() : Result<bool>(false);
    }
    if (keys_.empty()) {
        SLUICE_CHECK(add_total(all_rows ? part_.summary().rows : column->rows()));
        return true;
    }
    return keys_.size() == 1 ? add_dictionary(column) : Result<bool>(false);
}

Result<std::uint32_t> PartGrouper::group_of_row(std::uint32_t row) {
    std::uint32_t id = ids_.front()->at(row);
    for (std::size_t i = 1; i < ids_.size(); ++i) {
        id = combinations_[i - 1].add(id, ids_[i]->at(row));
    }
    if (id >= group_of_id_.size()) {
        group_of_id_.resize(id + 1, kUnknown);
    }
    if (group_of_id_[id] == kUnknown) {
        std::string key;
        for (const auto& ids : ids_) {
            key += ids->key(ids->at(row));
        }
        SLUICE_TRY(group_of_id_[id], table_->group(key));
    }
    return group_of_id_[id];
}

// What numbering the values takes beside the groups.
Result<> PartGrouper::charge_ids() {
    std::size_t bytes = group_of_id_.capacity() * sizeof(std::uint32_t);
    for (const PairIndex& pairs : combinations_) {
        bytes += pairs.bytes();
    }
    for (const auto& ids : ids_) {
        bytes += ids->bytes();
    }
    const std::size_t grown = bytes - std::exchange(charged_, bytes);  // Tables only grow.
    return table_->charge(static_cast<std::ptrdiff_t>(grown));
}

Result<> PartGrouper::add_page(std::uint32_t page, const PageBits& selected, ScanCounters& counters) {
    for (ValueReader& key : keys_) {
        SLUICE_CHECK(key.load(page, counters));
    }
    for (const Source& source : sources_) {
        if (source.reader != nullptr) {
            SLUICE_CHECK(source.reader->load(page, counters));
        }
    }
    if (keys_.empty()) {
        SLUICE_CHECK(add_total(selected.count()));
        if (needs_only_counts()) {
            return {};
        }
    }
    Result<> result;
    std::ptrdiff_t grown = 0;
    selected.for_each([&](std::uint32_t row) {
        if (!result) {
            return;
        }
        const Result<std::uint32_t> group = keys_.empty() ? table_->group({}) : group_of_row(row);
        if (!group) {
            result = std::unexpected(group.error());
            return;
        }
        for (std::size_t i = 0; i < sources_.size(); ++i) {
            if (sources_[i].reader != nullptr) {
                grown += table_->column(i).add(*group, sources_[i].reader->at(row));
            } else if (!keys_.empty()) {
                table_->column(i).count(*group, 1);
            }
        }
    });
    SLUICE_CHECK(result);
    SLUICE_CHECK(table_->charge(grown));
    return charge_ids();
}

}  // namespace sluice::query
