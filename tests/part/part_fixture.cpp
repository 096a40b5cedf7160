#include "part/part_fixture.h"

#include <numeric>

namespace sluice::part {

void Rows::add(const Draft& draft) {
    wire::FieldBlock trusted;
    Bytes record;
    wire::RecordBuilder builder(record, {.message_bytes_max = UINT32_MAX, .fields_max = 65535});
    builder.begin(static_cast<wire::Severity>(draft.severity), draft.stream, draft.time).message(draft.message);
    for (const Field& field : draft.fields) {
        if (field.name.starts_with('_')) {
            trusted.raw_field(field.type, field.name, as_bytes(field.value));
        } else {
            builder.raw_field(field.type, field.name, as_bytes(field.value));
        }
    }
    const auto finished = builder.finish();
    EXPECT_TRUE(finished) << finished.error();
    add({draft.sequence == 0 ? next_ : draft.sequence, draft.receive_time, draft.flags, trusted.fields(),
         wire::RecordView::unchecked(record.data())},
        draft.epoch);
}

void Rows::add(const wire::TailEntry& entry, std::uint32_t epoch) {
    wire::append_tail_entry(bytes_, entry);
    epochs_.push_back(epoch);
    next_ = entry.sequence + 1;
}

Builder Rows::builder(const BuildOptions& options) const {
    Builder made(options);
    std::size_t row = 0;
    for (const wire::TailEntry entry : entries()) {
        made.add({entry, epochs_[row++]});
    }
    return made;
}

Bytes Rows::build(const BuildOptions& options) const {
    auto image = builder(options).finish();
    EXPECT_TRUE(image) << image.error();
    return image ? *std::move(image) : Bytes{};
}

Rows::Field text_field(std::string name, std::string value) {
    return {wire::FieldType::string, std::move(name), std::move(value)};
}
Rows::Field int_field(std::string name, std::int64_t value) {
    return {wire::FieldType::int64, std::move(name), std::string(reinterpret_cast<const char*>(&value), sizeof value)};
}
Rows::Field float_field(std::string name, double value) {
    return {wire::FieldType::float64, std::move(name),
            std::string(reinterpret_cast<const char*>(&value), sizeof value)};
}
Rows::Field bool_field(std::string name, bool value) {
    return {wire::FieldType::boolean, std::move(name), std::string(1, value ? '\1' : '\0')};
}

std::shared_ptr<const Part> open_part(Bytes image, std::shared_ptr<Cache> cache) {
    auto part = Part::open(std::make_shared<MemorySource>(std::move(image)), std::move(cache));
    EXPECT_TRUE(part) << part.error();
    return part ? *part : nullptr;
}

Rows read_rows(const Part& part) {
    Rows rows;
    const auto names = part.dictionary(Part::fixed(ColumnKind::epoch));
    EXPECT_TRUE(names) << names.error();
    for (std::uint32_t page = 0; page < part.pages(); ++page) {
        std::vector<std::uint16_t> all(part.page_rows(page));
        std::iota(all.begin(), all.end(), std::uint16_t{0});
        Bytes entries;
        const auto read = part.append_entries(page, all, entries);
        const auto epochs = part.page(Part::fixed(ColumnKind::epoch), page);
        if (!read || !epochs || !names) {
            ADD_FAILURE() << "page " << page << ": " << (read ? epochs.error() : read.error());
            return rows;
        }
        std::size_t row = 0;
        for (const wire::TailEntry entry : wire::TailEntryRange(entries, part.page_rows(page))) {
            rows.add(entry, static_cast<std::uint32_t>((*names)->ints[(*epochs)->codes[row++]]));
        }
    }
    return rows;
}

Summary summary_of(const Rows& rows, const wire::StoreId& store_id) {
    Summary all{.time_min = INT64_MAX,
                .time_max = INT64_MIN,
                .receive_min = INT64_MAX,
                .receive_max = INT64_MIN,
                .epoch_min = UINT32_MAX,
                .raw_bytes = rows.bytes().size(),
                .time_sorted = true,
                .store_id = store_id};
    WallNs before = INT64_MIN;
    for (const wire::TailEntry entry : rows.entries()) {
        const WallNs time = entry.record.time_ns();
        const std::uint32_t epoch = rows.epoch(all.rows);
        all.first_sequence = all.rows == 0 ? entry.sequence : all.first_sequence;
        all.end_sequence = entry.sequence + 1;
        all.time_min = std::min(all.time_min, time);
        all.time_max = std::max(all.time_max, time);
        all.receive_min = std::min(all.receive_min, entry.receive_time_ns);
        all.receive_max = std::max(all.receive_max, entry.receive_time_ns);
        all.epoch_min = std::min(all.epoch_min, epoch);
        all.epoch_max = std::max(all.epoch_max, epoch);
        all.time_sorted = all.time_sorted && before <= time;
        before = time;
        ++all.rows;
    }
    return all;
}

testing::AssertionResult same_summary(const Summary& a, const Summary& b) {
    std::string differ;
    const auto compare = [&](std::string_view name, auto field) {
        if (a.*field != b.*field) {
            differ += fmt::format(" {}", name);
        }
    };
    compare("rows", &Summary::rows);
    compare("first_sequence", &Summary::first_sequence);
    compare("end_sequence", &Summary::end_sequence);
    compare("time_min", &Summary::time_min);
    compare("time_max", &Summary::time_max);
    compare("receive_min", &Summary::receive_min);
    compare("receive_max", &Summary::receive_max);
    compare("epoch_min", &Summary::epoch_min);
    compare("epoch_max", &Summary::epoch_max);
    compare("raw_bytes", &Summary::raw_bytes);
    compare("time_sorted", &Summary::time_sorted);
    compare("store_id", &Summary::store_id);
    return differ.empty() ? testing::AssertionSuccess() : testing::AssertionFailure() << "these differ:" << differ;
}

testing::AssertionResult same_rows(const Rows& a, const Rows& b) {
    if (a.size() != b.size()) {
        return testing::AssertionFailure() << a.size() << " rows and " << b.size();
    }
    auto other = b.entries().begin();
    std::size_t row = 0;
    for (auto entry = a.entries().begin(); entry != std::default_sentinel; ++entry, ++other, ++row) {
        Bytes one;
        Bytes two;
        wire::append_tail_entry(one, *entry);
        wire::append_tail_entry(two, *other);
        if (one != two || a.epoch(row) != b.epoch(row)) {
            return testing::AssertionFailure() << "row " << row << " differs";
        }
    }
    return testing::AssertionSuccess();
}

testing::AssertionResult round_trips(const Rows& rows, const BuildOptions& options) {
    const auto part = open_part(rows.build(options), std::make_shared<Cache>(std::size_t{1} << 20U));
    if (part == nullptr) {
        return testing::AssertionFailure() << "not opened";
    }
    if (const auto verified = part->verify(); !verified) {
        return testing::AssertionFailure() << "verify: " << verified.error();
    }
    if (const auto same = same_summary(part->summary(), summary_of(rows, options.store_id)); !same) {
        return same;
    }
    return same_rows(rows, read_rows(*part));
}

}  // namespace sluice::part
