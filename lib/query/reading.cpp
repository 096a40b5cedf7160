#include "query/reading.h"

#include <algorithm>

namespace sluice::query {

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
        made.emplace_back("hits", LiteralKind::any);
    } else {
        return;
    }
    columns_ = std::move(made);
    of_records_ = false;
}

}  // namespace sluice::query
