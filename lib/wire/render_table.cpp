#include "wire/render_table.h"

#include <algorithm>

#include "wire/escape.h"

namespace sluice::wire {
namespace {

constexpr std::string_view kGap = "  ";

// Characters, not bytes; wide ones count as one.
std::size_t width_of(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool is_number(const TailEntry& entry, std::string_view column) noexcept {
    const auto field = entry.record.fields().find(column);
    return field && (field->type == FieldType::int64 || field->type == FieldType::float64);
}

}  // namespace

TailEntry TableText::held(std::size_t index) const noexcept {
    return TailEntryCodec::view(entries_.data() + starts_[index]);
}

void TableText::find_columns() {
    if (!columns_.empty()) {
        return;
    }
    for (std::size_t i = 0; i < starts_.size(); ++i) {
        const TailEntry entry = held(i);
        if (!is_computed(entry)) {
            columns_ = {"time", "severity", "stream", "message"};
            return;
        }
        for (const FieldView field : entry.record.fields()) {
            if (std::ranges::find(columns_, field.name) == columns_.end()) {
                columns_.emplace_back(field.name);
            }
        }
    }
}

TableText::Row TableText::row_of(const TailEntry& entry) const {
    Row row;
    row.reserve(columns_.size());
    for (const std::string& column : columns_) {
        row.push_back({escaped(column_text(entry, column, options_)), is_number(entry, column)});
    }
    return row;
}

void TableText::append_row(std::string& to, const Row& row) const {
    for (std::size_t i = 0; i < row.size(); ++i) {
        const std::size_t width = width_of(row[i].text);
        const std::string padding(width < widths_[i] ? widths_[i] - width : 0, ' ');
        to += i == 0 ? std::string_view() : kGap;
        if (right_[i]) {
            to += padding;
            to += row[i].text;
        } else {
            to += row[i].text;
            to += i + 1 < row.size() ? padding : std::string();
        }
    }
    to += '\n';
}

// Writes the header and the rows held back.
void TableText::begin(std::string& to) {
    begun_ = true;
    find_columns();
    widths_.assign(columns_.size(), 0);
    right_.assign(columns_.size(), !starts_.empty());
    Row head;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        head.push_back({escaped(columns_[i]), false});
        widths_[i] = width_of(head[i].text);
    }
    std::vector<Row> rows;
    rows.reserve(starts_.size());
    for (std::size_t row = 0; row < starts_.size(); ++row) {
        rows.push_back(row_of(held(row)));
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            widths_[i] = std::max(widths_[i], width_of(rows[row][i].text));
            right_[i] = right_[i] && (rows[row][i].number || rows[row][i].text.empty());
        }
    }
    if (columns_.empty()) {
        return;
    }
    to += options_.colour ? "\x1b[1m" : "";
    append_row(to, head);
    if (options_.colour) {
        to.insert(to.size() - 1, "\x1b[0m");
    }
    for (const Row& row : rows) {
        append_row(to, row);
    }
    entries_ = {};
    starts_ = {};
}

void TableText::add(std::string& to, const TailEntry& entry) {
    if (begun_) {
        append_row(to, row_of(entry));
        return;
    }
    starts_.push_back(entries_.size());
    append_tail_entry(entries_, entry);
    if (starts_.size() >= kRowsHeld || entries_.size() >= kBytesHeld) {
        begin(to);
    }
}

void TableText::finish(std::string& to) {
    if (!begun_) {
        begin(to);
    }
}

}  // namespace sluice::wire
