// Reading of columns that are templates and variables.
#include <algorithm>

#include "base/assert.h"
#include "part/part_impl.h"

namespace sluice::part {
namespace {

const ColumnInfo kText{.kind = ColumnKind::message};

// The slots of one template in one page, ready to be taken row by row.
struct OpenTemplate {
    std::vector<std::shared_ptr<const Chunk>> slots;
    std::size_t next = 0;     // Value in the chunks.
    std::size_t skipped = 0;  // Values passed before it was opened.
    std::size_t end = 0;
    bool open = false;
};

std::size_t joined_bytes(const Template& one, const OpenTemplate& open) noexcept {
    std::size_t bytes = 0;
    for (const std::string& literal : one.literals) {
        bytes += literal.size();
    }
    for (const auto& slot : open.slots) {
        bytes += slot->texts[open.next].size();
    }
    return bytes;
}

std::string_view join_next(const Template& one, OpenTemplate& open, TextArena& arena) {
    if (open.slots.empty()) {
        return one.literals.front();
    }
    const std::size_t bytes = joined_bytes(one, open);
    char* const start = arena.allocate(bytes);
    char* to = std::ranges::copy(one.literals.front(), start).out;
    for (std::size_t slot = 0; slot < open.slots.size(); ++slot) {
        to = std::ranges::copy(open.slots[slot]->texts[open.next], to).out;
        to = std::ranges::copy(one.literals[slot + 1], to).out;
    }
    ++open.next;
    return {start, bytes};
}

}  // namespace

Result<std::shared_ptr<const TemplateLayout>> Part::Impl::templates(std::uint32_t column) const {
    if (auto found = cached<TemplateLayout>(Cache::Kind::templates, column, 0)) {
        return found;
    }
    const ColumnLayout& place = layout.columns[column];
    SLUICE_TRY(const StreamBytes bytes, stream(place.coding.set_stream));
    auto made = std::make_shared<TemplateLayout>();
    const auto first_slot = static_cast<std::uint32_t>(place.coding.first_stream + place.spans.chunks.size());
    if (!read_templates(bytes.bytes, layout.pages, first_slot, layout.blocks.streams.size(), place.spans.values,
                        *made)) {
        return std::unexpected(damaged_values(column, place.coding.set_stream));
    }
    keep(Cache::Kind::templates, column, 0, made, made->memory());
    return std::shared_ptr<const TemplateLayout>(std::move(made));
}

Result<std::shared_ptr<const Dictionary>> Part::Impl::slot_dictionary(std::uint32_t column, const Coding& slot,
                                                                      const Spans& spans) const {
    if (auto found = cached<Dictionary>(Cache::Kind::slots, slot.first_stream, 1)) {
        return found;
    }
    SLUICE_TRY(StreamBytes bytes, stream(slot.first_stream));
    const std::size_t raw_bytes = bytes.bytes.size();
    auto made = read_dictionary(kText, slot, spans.values, std::move(bytes));
    if (made == nullptr) {
        return std::unexpected(damaged_values(column, slot.first_stream));
    }
    keep(Cache::Kind::slots, slot.first_stream, 1, made, memory_of(*made) + raw_bytes);
    return made;
}

Result<std::shared_ptr<const Chunk>> Part::Impl::slot_chunk(std::uint32_t column, const Coding& slot,
                                                            const Spans& spans, std::uint32_t index) const {
    const std::uint32_t key = slot.first_stream + index;
    if (auto found = cached<Chunk>(Cache::Kind::slots, key, 0)) {
        return found;
    }
    SLUICE_TRY(auto values, read_values(slot, column, index, spans.chunks[index]));
    if (slot.codec == Codec::dictionary) {
        SLUICE_TRY(const auto entries, slot_dictionary(column, slot, spans));
        auto texts = std::make_shared<Chunk>();
        texts->texts.reserve(values->codes.size());
        for (const std::uint32_t code : values->codes) {
            texts->texts.push_back(entries->entries[code]);
        }
        texts->owner = entries;
        values = std::move(texts);
    }
    keep(Cache::Kind::slots, key, 0, values, values->memory());
    return values;
}

Result<std::shared_ptr<const PageValues>> Part::Impl::joined_page(std::uint32_t column, std::uint32_t page,
                                                                  std::span<const bool> wanted,
                                                                  std::span<const bool> wanted_values) const {
    SLUICE_TRY(auto made, stored_page(column, page));
    if (made->codes.empty()) {
        return made;
    }
    SLUICE_TRY(auto known, templates(column));
    const TemplateSet& set = known->set;
    std::vector<OpenTemplate> open(set.templates.size());
    made->text_store.reserve(made->codes.size());
    for (std::size_t i = 0; i < made->codes.size(); ++i) {
        const std::uint32_t id = made->codes[i];
        if (id >= open.size()) {
            return std::unexpected(damaged_values(column, layout.columns[column].coding.first_stream));
        }
        if (!wanted_values.empty() && !wanted_values[i]) {
            made->text_store.emplace_back();
            ++(open[id].open ? open[id].next : open[id].skipped);
            continue;
        }
        if (!wanted.empty() && !wanted[id]) {
            made->text_store.emplace_back();
            continue;
        }
        OpenTemplate& one = open[id];
        if (!one.open) {
            one.open = true;
            const Spans& spans = known->spans[id];
            const PageSpan* span = spans.find(page);
            for (std::uint32_t slot = known->first_slot[id]; span != nullptr && slot < known->first_slot[id + 1];
                 ++slot) {
                SLUICE_TRY(auto values, slot_chunk(column, known->slots[slot], spans, span->chunk));
                one.slots.push_back(std::move(values));
            }
            one.next = span == nullptr ? 0 : span->offset + one.skipped;
            one.end = span == nullptr ? 0 : span->offset + span->count;
        }
        if (one.slots.size() != set.templates[id].slots() || (!one.slots.empty() && one.next >= one.end)) {
            return std::unexpected(damaged_values(column, layout.columns[column].coding.set_stream));
        }
        made->text_store.push_back(join_next(set.templates[id], one, made->arena));
    }
    made->codes = {};
    made->texts = made->text_store;
    made->owner = std::move(known);  // Texts without slots are views into the templates.
    return made;
}

Result<std::shared_ptr<const TemplateSet>> Part::templates(std::uint32_t column) const {
    if (!impl_->has_templates(column)) {
        return fail(Errc::invalid_argument, "column {} has no templates", column);
    }
    SLUICE_TRY(auto known, impl_->templates(column));
    return std::shared_ptr<const TemplateSet>(known, &known->set);
}

Result<std::shared_ptr<const PageValues>> Part::template_ids(std::uint32_t column, std::uint32_t page) const {
    if (!impl_->has_templates(column)) {
        return fail(Errc::invalid_argument, "column {} has no templates", column);
    }
    SLUICE_TRY(auto ids, impl_->stored_page(column, page));
    SLUICE_TRY(const auto known, impl_->templates(column));
    for (const std::uint32_t id : ids->codes) {
        if (id >= known->set.templates.size()) {
            return std::unexpected(impl_->damaged_values(column, impl_->layout.columns[column].coding.first_stream));
        }
    }
    return ids;
}

Result<std::shared_ptr<const PageValues>> Part::page_of(std::uint32_t column, std::uint32_t page,
                                                        std::span<const bool> wanted) const {
    if (!impl_->has_templates(column)) {
        return fail(Errc::invalid_argument, "column {} has no templates", column);
    }
    SLUICE_TRY(const auto known, impl_->templates(column));
    SLUICE_ASSERT(wanted.size() == known->set.templates.size(), "{} of {}", wanted.size(), known->set.templates.size());
    return impl_->joined_page(column, page, wanted);
}

}  // namespace sluice::part
