#include "part/template_layout.h"

#include "part/text_stream.h"
#include "part/variables.h"

namespace sluice::part {

std::size_t TemplateLayout::memory() const noexcept {
    std::size_t bytes = slots.size() * sizeof(Coding) + spans.size() * (sizeof(Spans) + sizeof(Template));
    for (std::size_t i = 0; i < spans.size(); ++i) {
        bytes += spans[i].pages.size() * sizeof(PageSpan) + spans[i].chunks.size() * 4;
        for (const std::string& literal : set.templates[i].literals) {
            bytes += sizeof literal + literal.size();
        }
    }
    return bytes;
}

void append_templates(Bytes& to, const TemplateLayout& layout) {
    const std::size_t n = layout.set.templates.size();
    append_varint(to, n);
    std::vector<std::int64_t> slots;
    std::vector<std::string_view> literals;
    for (const Template& one : layout.set.templates) {
        slots.push_back(static_cast<std::int64_t>(one.slots()));
        literals.insert(literals.end(), one.literals.begin(), one.literals.end());
    }
    append_ints(to, slots);
    append_ints(to, std::vector<std::int64_t>(layout.set.counts.begin(), layout.set.counts.end()));
    for (std::size_t i = 0; i < n; ++i) {
        if (layout.set.templates[i].slots() == 0) {
            continue;
        }
        append_spans(to, layout.spans[i]);
        for (std::uint32_t slot = layout.first_slot[i]; slot < layout.first_slot[i + 1]; ++slot) {
            append_int(to, static_cast<std::uint8_t>(layout.slots[slot].codec));
            append_varint(to, layout.slots[slot].entries);
        }
    }
    append_texts(to, literals);
}

namespace {

// Each takes a byte at least: the literals, of which there are more than slots.
bool read_counts(Input& from, std::uint64_t values, TemplateLayout& into) {
    const std::size_t n = from.count();
    std::vector<std::int64_t> slots(n);
    std::vector<std::int64_t> counts(n);
    if (n == 0 || !read_ints(from, slots) || !read_ints(from, counts)) {
        return false;
    }
    std::uint64_t rows = 0;
    std::uint64_t literals = 0;
    into.set.templates.resize(n);
    into.first_slot.push_back(0);
    for (std::size_t i = 0; i < n; ++i) {
        if (slots[i] < 0 || slots[i] > static_cast<std::int64_t>(kSlotsMax) || counts[i] <= 0 ||
            counts[i] > UINT32_MAX) {
            return false;
        }
        into.set.counts.push_back(static_cast<std::uint32_t>(counts[i]));
        into.first_slot.push_back(into.first_slot.back() + static_cast<std::uint32_t>(slots[i]));
        rows += static_cast<std::uint64_t>(counts[i]);
        literals += static_cast<std::uint64_t>(slots[i]) + 1;
    }
    return rows == values && literals <= from.left();
}

bool read_literals(Input& from, TemplateLayout& into) {
    std::vector<std::string_view> literals(into.set.templates.size() + into.first_slot.back());
    TextArena arena;
    if (!read_texts(from, literals, arena)) {
        return false;
    }
    auto next = literals.begin();
    for (std::size_t i = 0; i < into.set.templates.size(); ++i) {
        const auto end = next + (into.first_slot[i + 1] - into.first_slot[i]) + 1;
        into.set.templates[i].literals.assign(next, end);
        next = end;
    }
    return true;
}

bool known(const Coding& coding, std::size_t columns) noexcept {
    switch (coding.codec) {
        case Codec::text:
            return true;
        case Codec::dictionary:
            return coding.entries > 0;
        case Codec::column:
            return coding.entries >= kFixedColumns && coding.entries < columns;
        default:
            return false;
    }
}

}  // namespace

bool read_templates(ByteView bytes, const TemplateBounds& bounds, TemplateLayout& into) {
    Input from(bytes);
    if (!read_counts(from, bounds.values, into)) {
        return false;
    }
    std::uint64_t next = bounds.first_stream;
    into.spans.resize(into.set.templates.size());
    for (std::size_t i = 0; i < into.spans.size(); ++i) {
        Spans& spans = into.spans[i];
        const std::uint32_t slots = into.first_slot[i + 1] - into.first_slot[i];
        if (slots > 0 && (!read_spans(from, bounds.pages, spans) || spans.values != into.set.counts[i])) {
            return false;
        }
        for (std::uint32_t slot = 0; slot < slots; ++slot) {
            Coding coding{.codec = static_cast<Codec>(from.byte())};
            coding.entries = static_cast<std::uint32_t>(from.varint_max(UINT32_MAX));
            coding.first_stream = static_cast<std::uint32_t>(next);
            next += streams_of(coding, spans.chunks.size());
            if (from.failed() || !known(coding, bounds.columns) || next > bounds.streams) {
                return false;
            }
            into.slots.push_back(coding);
        }
    }
    return read_literals(from, into);
}

}  // namespace sluice::part
