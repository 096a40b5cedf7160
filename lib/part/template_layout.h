// How a column of templates is stored beside its ids: the templates, and for each slot the typed column of its
// variables.
//
// The variables of template t are columns of their own, in the order of the rows that have t; the spans of t say how
// many each page has, so that the variables of one page are found without the ids of the pages before it.
//
//   varint templates | slots of each (int_stream.h) | rows of each (int_stream.h)
//   of each template with slots: its spans as in the footer, then for each slot: codec u8 | varint entries
//   literals of all, one more than slots each (text_stream.h)
// A slot may instead be the value that the same row has in a field's column: codec `column`, only of messages.
// The slots' streams follow those of the ids, template by template and slot by slot.
#pragma once

#include "part/layout.h"
#include "part/template_set.h"

namespace sluice::part {

struct TemplateLayout {
    TemplateSet set;
    std::vector<Spans> spans;               // Of each template; empty for those without slots.
    std::vector<std::uint32_t> first_slot;  // Of each template, in `slots`; one more at the end.
    std::vector<Coding> slots;

    std::size_t memory() const noexcept;
};

void append_templates(Bytes& to, const TemplateLayout& layout);
// What the bytes must fit.
struct TemplateBounds {
    std::span<const PageLayout> pages{};
    std::uint32_t first_stream = 0;  // Of the first slot.
    std::size_t streams = 0;         // Of the part.
    std::size_t columns = 0;         // Of the part, if slots may refer to them.
    std::uint64_t values = 0;        // Of the column.
};
// False: the bytes do not hold that.
bool read_templates(ByteView bytes, const TemplateBounds& bounds, TemplateLayout& into);

}  // namespace sluice::part
