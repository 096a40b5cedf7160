#include "query/reading.h"

#include <algorithm>

#include "query/time_literal.h"

namespace sluice::query {
namespace {

constexpr std::string_view kOffset = "how far back, such as 5m or -2h, or quotes around 'offset'";

}  // namespace

LiteralKind Scope::kind_of(std::string_view name) const {
    if (of_records_) {
        return literal_kind(name_in_record(name));
    }
    if (const auto at = std::ranges::find(columns_, name, &Columns::value_type::first); at != columns_.end()) {
        return at->second;
    }
    // Another name of the same property, as Schema::resolve has it.
    const NameKind kind = name_in_record(name).kind;
    const auto at = std::ranges::find_if(columns_, [&](const auto& column) {
        return kind != NameKind::field && name_in_record(column.first).kind == kind;
    });
    return at == columns_.end() ? LiteralKind::any : at->second;
}

bool Scope::has_message() const {
    return of_records_ || std::ranges::any_of(columns_, [](const auto& column) {
               return name_in_record(column.first).kind == NameKind::message;
           });
}

Parsed<std::string> offset_of(Scanner& scanner) {
    scanner.skip_space();
    const std::size_t start = scanner.offset();
    Parsed<std::string> text = scanner.word(kOffset, /*colons=*/false);
    if (text && !parse_offset(*text)) {
        return scanner.expected_at(start, std::string(kOffset));
    }
    return text;
}

void Scope::pass(const Pipe& pipe) {
    Columns made;
    if (const auto* fields = std::get_if<Fields>(&pipe)) {
        for (const std::string& name : fields->names) {
            add(made, name);
        }
    } else if (const auto* stats = std::get_if<Stats>(&pipe)) {
        for (const GroupBy& by : stats->by) {
            add(made, by.name);
        }
        for (const Aggregate& each : stats->aggregates) {
            made.emplace_back(each.name, LiteralKind::any);
        }
    } else if (std::holds_alternative<Uniq>(pipe) || std::holds_alternative<Top>(pipe)) {
        const auto* uniq = std::get_if<Uniq>(&pipe);
        for (const std::string& name : uniq != nullptr ? uniq->names : std::get<Top>(pipe).names) {
            add(made, name);
        }
        if (uniq == nullptr || uniq->hits) {
            made.emplace_back("hits", LiteralKind::any);
        }
    } else {
        return;
    }
    columns_ = std::move(made);
    of_records_ = false;
}

}  // namespace sluice::query
