#include "query/row_filter.h"

namespace sluice::query {

LiteralKind literal_kind(const Name& name) noexcept {
    switch (name.kind) {
        case NameKind::time:
        case NameKind::receive_time:
            return LiteralKind::time;
        case NameKind::severity:
            return LiteralKind::severity;
        default:
            return LiteralKind::any;
    }
}

Result<FilterNode> compile(const Filter& filter, WallNs now, const std::function<Name(std::string_view)>& resolve,
                           Budget& memory) {
    constexpr std::uint64_t kNames = 2;   // The field, and as it was written.
    constexpr std::uint64_t kGrowth = 2;  // Vectors may be half empty.
    SLUICE_CHECK(memory.charge(kGrowth * sizeof(FilterNode) + kNames * filter.field.size(), "its filter"));
    FilterNode node{.kind = filter.kind, .parts = {}, .name = {}, .matcher = {}};
    for (const Filter& part : filter.parts) {
        SLUICE_TRY(FilterNode made, compile(part, now, resolve, memory));
        node.parts.push_back(std::move(made));
    }
    if (filter.kind == FilterKind::match) {
        node.name = resolve(filter.field);
        auto matcher = Matcher::make(filter.test, literal_kind(node.name), now, memory);
        if (!matcher && matcher.error().code() != Errc::invalid_argument) {
            return std::unexpected(std::move(matcher).error());
        }
        if (!matcher) {
            return std::unexpected(std::move(matcher).error().during("{}", to_text(filter)));
        }
        node.matcher = std::move(*matcher);
    }
    return node;
}

Result<RowFilter> RowFilter::make(const Filter& filter, WallNs now, Budget& memory) {
    SLUICE_TRY(FilterNode root, compile(filter, now, name_in_record, memory));
    return RowFilter(std::move(root));
}

bool RowFilter::matches(const wire::TailEntry& entry) const {
    return root_.matches([&](const Name& name, auto&& use) { for_each_value(name, entry, use); });
}

}  // namespace sluice::query
