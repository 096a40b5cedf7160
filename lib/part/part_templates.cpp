// Reading of columns that are templates and variables.
#include <algorithm>
#include <bit>
#include <map>

#include "base/assert.h"
#include "part/part_impl.h"

namespace sluice::part {
namespace {

const ColumnInfo kText{.kind = ColumnKind::message};

// A column that slots refer to: its text in any row of one page.
class ReferredColumn {
 public:
    Result<> open(const Part::Impl& part, std::uint32_t column, std::uint32_t page) {
        type_ = part.infos[column].type;
        SLUICE_TRY(values_, part.page(column, page));
        if (!values_->codes.empty()) {
            SLUICE_TRY(dictionary_, part.dictionary(column));
        }
        if (!values_->positions.empty()) {
            value_of_row_.assign(values_->rows, UINT16_MAX);  // No row has that number: a page has at most 65535.
            for (std::size_t i = 0; i < values_->positions.size(); ++i) {
                value_of_row_[values_->positions[i]] = static_cast<std::uint16_t>(i);
            }
        }
        return {};
    }

    // Nothing: the row has no value.  A number is written to `arena`.
    std::optional<std::string_view> text(std::size_t row, TextArena& arena) const {
        const std::size_t value = value_of_row_.empty() ? row : value_of_row_[row];
        if (value >= values_->size()) {
            return std::nullopt;
        }
        if (dictionary_ != nullptr) {
            return dictionary_->entries[values_->codes[value]];
        }
        if (!values_->texts.empty()) {
            return values_->texts[value];
        }
        const std::int64_t number =
            values_->floats.empty() ? values_->ints[value] : std::bit_cast<std::int64_t>(values_->floats[value]);
        char* const start = arena.allocate(kValueTextMax);
        char* const end = put_value_text(start, type_, number);
        arena.give_back(kValueTextMax - static_cast<std::size_t>(end - start));
        return std::string_view(start, end);
    }

 private:
    wire::FieldType type_ = wire::FieldType::string;
    std::shared_ptr<const PageValues> values_;
    std::shared_ptr<const Dictionary> dictionary_;
    std::vector<std::uint16_t> value_of_row_;  // Empty: every row has one.
};

// The slots of one template in one page, ready to be taken row by row.
struct OpenTemplate {
    struct Slot {
        std::shared_ptr<const Chunk> chunk;  // Null: it refers to a column.
        const ReferredColumn* referred = nullptr;
    };
    std::vector<Slot> slots;
    std::size_t seen = 0;   // Values of the page so far.
    std::size_t first = 0;  // Value of the page in the chunks.
    std::size_t count = 0;
    bool open = false;
};

// Joins the values of one page, in order.
class PageJoiner {
 public:
    PageJoiner(const Part::Impl& part, std::uint32_t column, std::uint32_t page, const TemplateLayout& known)
        : part_(part), column_(column), page_(page), known_(known), open_(known.set.templates.size()) {}

    Result<> open(std::uint32_t id) {
        OpenTemplate& one = open_[id];
        if (one.open) {
            return {};
        }
        one.open = true;
        const Spans& spans = known_.spans[id];
        const PageSpan* span = spans.find(page_);
        if (span == nullptr) {
            return {};
        }
        for (std::uint32_t slot = known_.first_slot[id]; slot < known_.first_slot[id + 1]; ++slot) {
            const Coding& coding = known_.slots[slot];
            OpenTemplate::Slot opened;
            if (coding.codec == Codec::column) {
                SLUICE_TRY(opened.referred, referred(coding.entries));
            } else {
                SLUICE_TRY(opened.chunk, part_.slot_chunk(column_, coding, spans, span->chunk));
            }
            one.slots.push_back(std::move(opened));
        }
        one.first = span->offset;
        one.count = span->count;
        return {};
    }

    // The next value of that template is not joined.
    void skip(std::uint32_t id) noexcept { ++open_[id].seen; }

    // Nothing: the tables do not hold.
    std::optional<std::string_view> next(std::uint32_t id, std::size_t row, TextArena& arena) {
        const Template& from = known_.set.templates[id];
        OpenTemplate& one = open_[id];
        if (from.slots() == 0) {
            return from.literals.front();
        }
        if (one.slots.size() != from.slots() || one.seen >= one.count) {
            return std::nullopt;
        }
        const std::size_t value = one.first + one.seen++;
        std::size_t bytes = from.literals.front().size();
        variables_.clear();
        for (std::size_t slot = 0; slot < one.slots.size(); ++slot) {
            const OpenTemplate::Slot& at = one.slots[slot];
            const auto text =
                at.chunk != nullptr ? std::optional(at.chunk->texts[value]) : at.referred->text(row, numbers_);
            if (!text) {
                return std::nullopt;
            }
            variables_.push_back(*text);
            bytes += text->size() + from.literals[slot + 1].size();
        }
        char* const start = arena.allocate(bytes);
        char* to = std::ranges::copy(from.literals.front(), start).out;
        for (std::size_t slot = 0; slot < variables_.size(); ++slot) {
            to = std::ranges::copy(variables_[slot], to).out;
            to = std::ranges::copy(from.literals[slot + 1], to).out;
        }
        return std::string_view(start, bytes);
    }

 private:
    Result<const ReferredColumn*> referred(std::uint32_t column) {
        const auto [found, is_new] = referred_.try_emplace(column);
        if (is_new) {
            SLUICE_CHECK(found->second.open(part_, column, page_));
        }
        return &found->second;
    }

    const Part::Impl& part_;
    const std::uint32_t column_;
    const std::uint32_t page_;
    const TemplateLayout& known_;
    std::vector<OpenTemplate> open_;
    std::map<std::uint32_t, ReferredColumn> referred_;
    std::vector<std::string_view> variables_;  // Of the value being joined.
    TextArena numbers_;
};

}  // namespace

Result<std::shared_ptr<const TemplateLayout>> Part::Impl::templates(std::uint32_t column) const {
    if (auto found = cached<TemplateLayout>(Cache::Kind::templates, column, 0)) {
        return found;
    }
    const ColumnLayout& place = layout.columns[column];
    SLUICE_TRY(const StreamBytes bytes, stream(place.coding.set_stream));
    auto made = std::make_shared<TemplateLayout>();
    const TemplateBounds bounds{
        .pages = layout.pages,
        .first_stream = static_cast<std::uint32_t>(place.coding.first_stream + place.spans.chunks.size()),
        .streams = layout.blocks.streams.size(),
        .columns = infos[column].kind == ColumnKind::message ? own_columns : 0,
        .values = place.spans.values,
    };
    if (!read_templates(bytes.bytes, bounds, *made)) {
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
    SLUICE_TRY(StreamBytes bytes, own_stream(slot.first_stream));
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
                                                                  const Wanted& wanted) const {
    SLUICE_TRY(auto made, stored_page(column, page));
    if (made->codes.empty()) {
        return made;
    }
    SLUICE_TRY(auto known, templates(column));
    PageJoiner joiner(*this, column, page, *known);
    auto next_row = wanted.rows.begin();
    made->text_store.reserve(made->codes.size());
    for (std::size_t i = 0; i < made->codes.size(); ++i) {
        const std::uint32_t id = made->codes[i];
        if (id >= known->set.templates.size()) {
            return std::unexpected(damaged_values(column, layout.columns[column].coding.first_stream));
        }
        const std::size_t row = made->positions.empty() ? i : made->positions[i];
        while (next_row != wanted.rows.end() && *next_row < row) {
            ++next_row;
        }
        const bool row_wanted = wanted.rows.empty() || (next_row != wanted.rows.end() && *next_row == row);
        if (!row_wanted || (!wanted.templates.empty() && !wanted.templates[id])) {
            joiner.skip(id);
            made->text_store.emplace_back();
            continue;
        }
        SLUICE_CHECK(joiner.open(id));
        const auto text = joiner.next(id, row, made->arena);
        if (!text) {
            return std::unexpected(damaged_values(column, layout.columns[column].coding.set_stream));
        }
        made->text_store.push_back(*text);
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
    return impl_->joined_page(column, page, {.templates = wanted});
}

}  // namespace sluice::part
