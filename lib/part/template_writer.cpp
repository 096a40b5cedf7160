#include "part/template_writer.h"

#include <algorithm>
#include <numeric>

#include "part/slot_words.h"
#include "part/template_layout.h"
#include "part/value_writer.h"

namespace sluice::part {
namespace {

constexpr std::size_t kReferenceRows = 16;  // Below, equal values are too often chance, and little is saved.

// The variables of a column, one template at a time: slot by slot, each in the order of the rows.
class TemplateValues {
 public:
    TemplateValues(const TemplateSplit& split, const Spans& spans) : split_(split) {
        const std::size_t n = split.templates.size();
        counts_.resize(n);
        pages_.resize(n);
        std::size_t row = 0;
        for (const PageSpan& span : spans.pages) {
            for (const std::size_t end = row + span.count; row < end; ++row) {
                const std::uint32_t id = split.ids[row];
                ++counts_[id];
                if (pages_[id].empty() || pages_[id].back().page != span.page) {
                    pages_[id].push_back({span.page, 0});
                }
                ++pages_[id].back().count;
            }
        }
        find_rows();
    }

    const std::vector<std::uint32_t>& counts() const noexcept { return counts_; }
    std::span<const PageCount> pages(std::size_t id) const noexcept { return pages_[id]; }
    // Of the column's values, those that have the template.
    std::span<const std::uint32_t> rows(std::size_t id) const noexcept {
        return std::span(rows_).subspan(first_row_[id], counts_[id]);
    }
    // What slot() is about from now on.
    void open(std::size_t id) {
        const std::size_t slots = split_.templates[id].slots();
        values_.resize(counts_[id] * slots);
        count_ = counts_[id];
        std::size_t at = 0;
        for (const std::uint32_t row : rows(id)) {
            for (std::size_t slot = 0; slot < slots; ++slot) {
                values_[slot * count_ + at] = split_.variables[first_variable_[row] + slot];
            }
            ++at;
        }
    }
    std::span<const std::string_view> slot(std::size_t slot) const noexcept {
        return std::span(values_).subspan(slot * count_, count_);
    }

 private:
    void find_rows() {
        const std::size_t n = counts_.size();
        first_row_.resize(n);
        std::exclusive_scan(counts_.begin(), counts_.end(), first_row_.begin(), 0U);
        rows_.resize(split_.ids.size());
        first_variable_.reserve(split_.ids.size());
        std::vector<std::uint32_t> next = first_row_;
        std::size_t variable = 0;
        for (const std::uint32_t id : split_.ids) {
            rows_[next[id]++] = static_cast<std::uint32_t>(first_variable_.size());
            first_variable_.push_back(variable);
            variable += split_.templates[id].slots();
        }
    }

    const TemplateSplit& split_;
    std::vector<std::uint32_t> counts_;
    std::vector<std::vector<PageCount>> pages_;
    std::vector<std::uint32_t> first_row_;  // Of each template, in rows_.
    std::vector<std::uint32_t> rows_;
    std::vector<std::size_t> first_variable_;  // Of each value, in split_.variables.
    std::vector<std::string_view> values_;     // Of the template that is open.
    std::size_t count_ = 0;                    // Of its values.
};

std::size_t literal_bytes(std::span<const Template> templates) noexcept {
    std::size_t bytes = 0;
    for (const Template& one : templates) {
        for (const std::string& literal : one.literals) {
            bytes += literal.size() + 1;
        }
    }
    return bytes;
}

Spans spans_of(std::span<const PageCount> pages, const TemplateValues& values, std::size_t slots) {
    Spans spans;
    std::size_t first = 0;
    std::size_t bytes = 0;
    bool begins = true;
    for (const PageCount& page : pages) {
        spans.add(page.page, page.count, begins);
        for (std::size_t slot = 0; slot < slots; ++slot) {
            for (const std::string_view value : values.slot(slot).subspan(first, page.count)) {
                bytes += value.size();
            }
        }
        first += page.count;
        begins = spans.chunks.back() >= kChunkValues || bytes >= kChunkBytes;
        bytes = begins ? 0 : bytes;
    }
    return spans;
}

}  // namespace

bool write_templates(ColumnLayout& column, std::span<const std::string_view> values, BlockWriter& blocks,
                     References* references, TokenFilterBuilder& words) {
    TemplateSplit split = part::split(values);
    if (split.templates.empty() || literal_bytes(split.templates) > kDictionaryBytesMax) {
        return false;
    }
    TemplateValues variables(split, column.spans);
    column.coding = {.codec = Codec::templates, .entries = 0, .first_stream = blocks.streams()};
    write_codes(column.spans, split.ids, blocks);
    TemplateLayout layout;
    layout.set.counts = variables.counts();
    layout.first_slot.push_back(0);
    for (std::size_t id = 0; id < split.templates.size(); ++id) {
        const std::size_t slots = split.templates[id].slots();
        variables.open(id);
        layout.spans.push_back(slots == 0 ? Spans{} : spans_of(variables.pages(id), variables, slots));
        SlotWords slot_words(split.templates[id], words);
        for (std::size_t slot = 0; slot < slots; ++slot) {
            const auto texts = variables.slot(slot);
            const auto visit = [&](std::string_view value) { slot_words.add_alone(slot, value); };
            const auto referred = references != nullptr && texts.size() >= kReferenceRows
                                      ? references->find(variables.rows(id), texts)
                                      : std::nullopt;
            if (referred) {
                layout.slots.push_back({.codec = Codec::column, .entries = *referred});
                std::ranges::for_each(texts, visit);
            } else {
                layout.slots.push_back(write_texts(layout.spans.back(), texts, blocks, visit));
            }
        }
        slot_words.add_joined([&](std::size_t slot) { return variables.slot(slot); });
        layout.first_slot.push_back(static_cast<std::uint32_t>(layout.slots.size()));
    }
    layout.set.templates = std::move(split.templates);
    append_templates(blocks.stream(), layout);
    column.coding.set_stream = blocks.end_stream();
    return true;
}

}  // namespace sluice::part
