#include "part/template_writer.h"

#include <algorithm>
#include <numeric>

#include "part/slot_words.h"
#include "part/template_layout.h"
#include "part/value_writer.h"

namespace sluice::part {
namespace {

constexpr std::size_t kReferenceRows = 16;  // Below, equal values are too often chance, and little is saved.

// The variables of one template, slot by slot, each in the order of the rows.
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
        gather();
    }

    const std::vector<std::uint32_t>& counts() const noexcept { return counts_; }
    std::span<const PageCount> pages(std::size_t id) const noexcept { return pages_[id]; }
    // Of the column's values, those that have the template.
    std::span<const std::uint32_t> rows(std::size_t id) const noexcept {
        return std::span(rows_).subspan(first_row_[id], counts_[id]);
    }
    std::span<const std::string_view> slot(std::size_t id, std::size_t slot) const noexcept {
        return std::span(values_).subspan(first_[id] + slot * counts_[id], counts_[id]);
    }

 private:
    void gather() {
        const std::size_t n = counts_.size();
        first_.resize(n);
        std::size_t first = 0;
        for (std::size_t id = 0; id < n; ++id) {
            first_[id] = first;
            first += counts_[id] * split_.templates[id].slots();
        }
        values_.resize(first);
        first_row_.resize(n);
        std::exclusive_scan(counts_.begin(), counts_.end(), first_row_.begin(), 0U);
        rows_.resize(split_.ids.size());
        std::vector<std::uint32_t> next(n);
        auto from = split_.variables.begin();
        std::uint32_t row = 0;
        for (const std::uint32_t id : split_.ids) {
            const std::size_t slots = split_.templates[id].slots();
            rows_[first_row_[id] + next[id]] = row++;
            std::string_view* to = values_.data() + first_[id] + next[id]++;
            for (std::size_t slot = 0; slot < slots; ++slot, to += counts_[id]) {
                *to = *from++;
            }
        }
    }

    const TemplateSplit& split_;
    std::vector<std::uint32_t> counts_;
    std::vector<std::vector<PageCount>> pages_;
    std::vector<std::size_t> first_;  // Of each template, in values_.
    std::vector<std::string_view> values_;
    std::vector<std::uint32_t> first_row_;  // Of each template, in rows_.
    std::vector<std::uint32_t> rows_;
};

Spans spans_of(std::span<const PageCount> pages, const TemplateValues& values, std::size_t id, std::size_t slots) {
    Spans spans;
    std::size_t first = 0;
    std::size_t bytes = 0;
    bool begins = true;
    for (const PageCount& page : pages) {
        spans.add(page.page, page.count, begins);
        for (std::size_t slot = 0; slot < slots; ++slot) {
            for (const std::string_view value : values.slot(id, slot).subspan(first, page.count)) {
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
    if (split.templates.empty()) {
        return false;
    }
    const TemplateValues variables(split, column.spans);
    column.coding = {.codec = Codec::templates, .entries = 0, .first_stream = blocks.streams()};
    write_codes(column.spans, split.ids, blocks);
    TemplateLayout layout;
    layout.set.counts = variables.counts();
    layout.first_slot.push_back(0);
    for (std::size_t id = 0; id < split.templates.size(); ++id) {
        const std::size_t slots = split.templates[id].slots();
        layout.spans.push_back(slots == 0 ? Spans{} : spans_of(variables.pages(id), variables, id, slots));
        SlotWords slot_words(split.templates[id], words);
        for (std::size_t slot = 0; slot < slots; ++slot) {
            const auto texts = variables.slot(id, slot);
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
        slot_words.add_joined([&](std::size_t slot) { return variables.slot(id, slot); });
        layout.first_slot.push_back(static_cast<std::uint32_t>(layout.slots.size()));
    }
    layout.set.templates = std::move(split.templates);
    append_templates(blocks.stream(), layout);
    column.coding.set_stream = blocks.end_stream();
    return true;
}

}  // namespace sluice::part
