#include "query/parse_pipe.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/format.h"
#include "part/words.h"
#include "query/syntax_hints.h"

namespace sluice::query {
namespace {

constexpr std::array<std::pair<std::string_view, Function>, 8> kFunctions{{{"count", Function::count},
                                                                           {"count_uniq", Function::count_uniq},
                                                                           {"sum", Function::sum},
                                                                           {"min", Function::min},
                                                                           {"max", Function::max},
                                                                           {"avg", Function::avg},
                                                                           {"median", Function::median},
                                                                           {"quantile", Function::quantile}}};

constexpr const char* kMessage = "_msg";  // What the empty name stands for, where columns need one.

// Words that mean something behind a name, here or in LogsQL, are no names unless they are quoted.
Parsed<std::string> name_of_field(Scanner& scanner) {
    constexpr std::string_view kWords[] = {"as", "asc", "by", "desc", "limit", "offset", "partition", "rank"};
    scanner.skip_space();
    const std::size_t start = scanner.offset();
    const std::string word = part::lower_case(scanner.peek_bare(/*colons=*/false));
    if (std::ranges::find(kWords, word) != std::end(kWords)) {
        return scanner.expected_at(start, fmt::format("the name of a field, in quotes if it is '{}'", word));
    }
    if (word.starts_with('-') || word.starts_with('+')) {
        return scanner.expected_at(start, "the name of a field, in quotes with such a sign; 'desc' stands behind it");
    }
    constexpr const char* kNoPatterns = "the names of fields one by one: there are no patterns of names";
    if (scanner.peek() == '*') {
        return scanner.expected(kNoPatterns);
    }
    Parsed<std::string> name = scanner.word("the name of a field", /*colons=*/false);
    if (name && scanner.peek() == '*') {
        return scanner.expected_at(start, kNoPatterns);
    }
    return name && name->empty() ? Parsed<std::string>(kMessage) : name;
}

// One more in a list of them.
std::optional<SyntaxError> one_too_many(const Scanner& scanner, std::size_t size) {
    return size <= kNamesMax
               ? std::nullopt
               : std::optional(scanner.expected(fmt::format("at most {} in one stage", kNamesMax)).error());
}

Parsed<std::vector<std::string>> names(Scanner& scanner) {
    std::vector<std::string> all;
    do {
        Parsed<std::string> name = name_of_field(scanner);
        if (!name) {
            return std::unexpected(std::move(name).error());
        }
        all.push_back(std::move(*name));
        if (auto error = one_too_many(scanner, all.size())) {
            return std::unexpected(std::move(*error));
        }
    } while (scanner.take(","));
    return all;
}

Parsed<std::vector<std::string>> names_in_parentheses(Scanner& scanner) {
    const bool open = scanner.take("(");
    Parsed<std::vector<std::string>> all = names(scanner);
    if (all && open && !scanner.take(")")) {
        return scanner.expected("',' or ')'");
    }
    return all;
}

template <class Stage>
Parsed<Pipe> counted(Scanner& scanner, Stage stage) {
    if (scanner.peek_bare(/*colons=*/false).empty()) {
        return stage;  // Its default.
    }
    const Parsed<std::uint64_t> count = scanner.count("a number of records");
    if (!count) {
        return std::unexpected(count.error());
    }
    stage.count = *count;
    return stage;
}

// Where LogsQL takes 0 for no limit, or not at all.
Parsed<std::uint64_t> count_from_one(Scanner& scanner, std::string_view what) {
    scanner.skip_space();
    const std::size_t start = scanner.offset();
    const Parsed<std::uint64_t> count = scanner.count(what);
    return count && *count == 0 ? scanner.expected_at(start, fmt::format("{}, at least 1", what)) : count;
}

Parsed<Pipe> sort(Reading& reading) {
    Scanner& scanner = reading.scanner;
    Sort stage;
    (void)scanner.take_keyword("by");
    const bool open = scanner.take("(");
    do {
        Parsed<std::string> name = name_of_field(scanner);
        if (!name) {
            return std::unexpected(std::move(name).error());
        }
        const bool descending = scanner.take_keyword("desc");
        (void)(descending || scanner.take_keyword("asc"));
        stage.keys.push_back({.name = std::move(*name), .descending = descending});
        if (auto error = one_too_many(scanner, stage.keys.size())) {
            return std::unexpected(std::move(*error));
        }
    } while (scanner.take(","));
    if (open && !scanner.take(")")) {
        return scanner.expected("'asc', 'desc', ',' or ')'");
    }
    if (open && scanner.take_keyword("desc")) {  // All of it the other way round.
        for (SortKey& key : stage.keys) {
            key.descending = !key.descending;
        }
    }
    if (scanner.take_keyword("limit")) {
        const Parsed<std::uint64_t> limit = count_from_one(scanner, "a number of records");
        if (!limit) {
            return std::unexpected(limit.error());
        }
        stage.limit = *limit;
    }
    return stage;
}

Parsed<Pipe> top(Reading& reading) {
    Scanner& scanner = reading.scanner;
    Top stage;
    if (const char c = scanner.peek_bare(false).empty() ? '\0' : scanner.peek_bare(false).front();
        c >= '0' && c <= '9') {
        const Parsed<std::uint64_t> count = count_from_one(scanner, "how many values");
        if (!count) {
            return std::unexpected(count.error());
        }
        stage.count = *count;
    }
    (void)scanner.take_keyword("by");
    Parsed<std::vector<std::string>> all = names_in_parentheses(scanner);
    if (!all) {
        return std::unexpected(std::move(all).error());
    }
    stage.names = std::move(*all);
    return stage;
}

Parsed<Pipe> uniq(Reading& reading) {
    Scanner& scanner = reading.scanner;
    (void)scanner.take_keyword("by");
    const std::string_view word = scanner.peek_bare(/*colons=*/false);
    if (word == "with" || word == "hits") {
        return scanner.expected(fmt::format("the name of a field, in quotes if it is '{}'", word));
    }
    Parsed<std::vector<std::string>> all = names_in_parentheses(scanner);
    if (!all) {
        return std::unexpected(std::move(all).error());
    }
    Uniq stage{.names = std::move(*all)};
    const bool with = scanner.take_keyword("with");
    stage.hits = scanner.take_keyword("hits");
    if (with && !stage.hits) {
        scanner.skip_space();
        return scanner.expected("'hits'");
    }
    return stage;
}

// ---- stats ----

// Behind "name:", what the name can be grouped by.
std::optional<SyntaxError> take_bucket(Reading& reading, GroupBy& group) {
    Scanner& scanner = reading.scanner;
    scanner.skip_space();
    const std::size_t at = scanner.offset();
    const LiteralKind kind = reading.scope.kind_of(group.name);
    const std::string_view width = kind == LiteralKind::time       ? "the width of a bucket of times, such as 5m or 1d"
                                   : kind == LiteralKind::severity ? "',' or ')': severities have no buckets"
                                   : reading.scope.of_records()    ? "the width of a bucket, a number such as 1000"
                                                                   : "the width of a bucket, such as 5m or 1000";
    Parsed<Literal> bucket = scanner.literal(width);
    if (!bucket) {
        return std::move(bucket).error();
    }
    const std::optional<Quantity> quantity = parse_quantity(bucket->text);
    // Columns that a stage made may be times, whatever their names are.
    const bool fits = quantity && (kind == LiteralKind::time    ? quantity->is_duration
                                   : reading.scope.of_records() ? !quantity->is_duration
                                                                : true);
    if (!fits || quantity->value <= 0 || kind == LiteralKind::severity) {
        return scanner.expected_at(at, std::string(width)).error();
    }
    group.bucket = std::move(*bucket);
    if (quantity->is_duration && scanner.take_keyword("offset")) {
        Parsed<std::string> offset = offset_of(scanner);
        if (!offset) {
            return std::move(offset).error();
        }
        group.offset = std::move(*offset);
    }
    return std::nullopt;
}

Parsed<std::vector<GroupBy>> groups(Reading& reading) {
    Scanner& scanner = reading.scanner;
    std::vector<GroupBy> by;
    if (!scanner.take("(")) {
        return scanner.expected("'(' and the names of fields");
    }
    do {
        Parsed<std::string> name = name_of_field(scanner);
        if (!name) {
            return std::unexpected(std::move(name).error());
        }
        GroupBy group{.name = std::move(*name), .bucket = std::nullopt};
        if (scanner.take(":")) {
            if (auto error = take_bucket(reading, group)) {
                return std::unexpected(std::move(*error));
            }
        }
        by.push_back(std::move(group));
        if (auto error = one_too_many(scanner, by.size())) {
            return std::unexpected(std::move(*error));
        }
    } while (scanner.take(","));
    if (!scanner.take(")")) {
        return scanner.expected("':', ',' or ')'");
    }
    return by;
}

// Behind "(" of a function.
Parsed<Aggregate> arguments(Scanner& scanner, Function function, std::string_view called) {
    Aggregate aggregate{.function = function, .field = {}, .fraction = 0.5, .name = {}};
    if (function == Function::quantile) {
        scanner.skip_space();
        const std::size_t at = scanner.offset();
        const Parsed<Literal> fraction = scanner.literal("a fraction from 0 to 1");
        if (!fraction || !fraction->number || *fraction->number < 0 || *fraction->number > 1) {
            return scanner.expected_at(at, "a fraction from 0 to 1");
        }
        aggregate.fraction = *fraction->number;
        if (!scanner.take(",")) {
            return scanner.expected("',' and the name of a field");
        }
    }
    if (function == Function::count && (scanner.take("*") || scanner.peek() == ')')) {
        return scanner.take(")") ? Parsed<Aggregate>(std::move(aggregate)) : scanner.expected("')'");
    }
    Parsed<std::string> field = scanner.word(fmt::format("the name of a field for {}", called), /*colons=*/false);
    if (!field) {
        return std::unexpected(std::move(field).error());
    }
    aggregate.field = field->empty() ? kMessage : std::move(*field);
    if (!scanner.take(")")) {
        return scanner.expected("')' behind the name of one field");
    }
    return aggregate;
}

// Behind a function: "as" and a name, or only a name behind its parentheses; nothing: it has none.
Parsed<std::optional<std::string>> name_of_result(Scanner& scanner, bool behind_parenthesis) {
    const bool as = scanner.take_keyword("as");
    scanner.skip_space();
    const std::string word = part::lower_case(scanner.peek_bare(/*colons=*/false));
    if (!as && word == "if") {
        return scanner.expected("'where' in front of 'stats', or 'as \"if\"': functions have no conditions");
    }
    if (!as && (word == "by" || word == "limit")) {
        return scanner.expected(word == "by"
                                    ? "'by (...)' right behind 'stats'"
                                    : "a name for the result, 'as \"limit\"' if it is that: functions have no limits");
    }
    if (!as && (!behind_parenthesis || !scanner.at_text())) {
        return std::nullopt;
    }
    Parsed<std::string> name = scanner.word("a name for the result", /*colons=*/false);
    return name ? Parsed<std::optional<std::string>>(std::move(*name)) : std::unexpected(std::move(name).error());
}

Parsed<Aggregate> aggregate(Scanner& scanner) {
    scanner.skip_space();
    const std::size_t start = scanner.offset();
    const std::string called(scanner.bare(/*colons=*/false));
    for (const auto& [name, function] : kFunctions) {
        if (called != name) {
            continue;
        }
        const bool open = scanner.take("(");
        if (!open && function != Function::count) {
            return scanner.expected(fmt::format("'(' behind {}", called));
        }
        Parsed<Aggregate> made = open ? arguments(scanner, function, called)
                                      : Aggregate{.function = function, .field = {}, .fraction = 0.5, .name = {}};
        if (!made) {
            return made;
        }
        made->name =
            fmt::format("{}({}{})", called, function == Function::quantile ? fmt::format("{}, ", made->fraction) : "",
                        made->field.empty() ? "*" : made->field);
        Parsed<std::optional<std::string>> given = name_of_result(scanner, open);
        if (!given) {
            return std::unexpected(std::move(given).error());
        }
        if (*given) {
            made->name = std::move(**given);
        }
        return made;
    }
    if (called.empty() && scanner.peek() == '(') {
        return scanner.expected("'by' in front of '('");
    }
    return scanner.expected_at(start, "one of count, count_uniq, sum, min, max, avg, median, quantile");
}

Parsed<Pipe> stats(Reading& reading) {
    Scanner& scanner = reading.scanner;
    Stats stage;
    if (scanner.take_keyword("by")) {
        Parsed<std::vector<GroupBy>> by = groups(reading);
        if (!by) {
            return std::unexpected(std::move(by).error());
        }
        stage.by = std::move(*by);
    }
    do {
        Parsed<Aggregate> next = aggregate(scanner);
        if (!next) {
            return std::unexpected(std::move(next).error());
        }
        stage.aggregates.push_back(std::move(*next));
        if (auto error = one_too_many(scanner, stage.aggregates.size())) {
            return std::unexpected(std::move(*error));
        }
    } while (scanner.take(","));
    return stage;
}

Parsed<Pipe> fields(Reading& reading) {
    Scanner& scanner = reading.scanner;
    Parsed<std::vector<std::string>> all = names(scanner);
    if (!all) {
        return std::unexpected(std::move(all).error());
    }
    return Fields{.names = std::move(*all)};
}

bool is_function_of_stats(std::string_view word) noexcept {
    return std::ranges::find(kFunctions, word, &std::pair<std::string_view, Function>::first) != kFunctions.end();
}

Parsed<Pipe> filtered(Reading& reading) {
    Scanner& scanner = reading.scanner;
    scanner.skip_space();
    const std::size_t start = scanner.offset();
    const std::string_view word = scanner.bare(/*colons=*/false);
    if (belongs_to_stages(word) && scanner.peek() != ':') {
        return scanner.expected_at(start,
                                   fmt::format("'{}:' and a test of that column, or quotes around the word", word));
    }
    scanner.seek(start);
    Parsed<Filter> filter = parse_filter(reading, Emptiness::refused);
    if (!filter) {
        return std::unexpected(std::move(filter).error());
    }
    return Where{.filter = std::move(*filter)};
}

Parsed<Pipe> skip(Reading& reading) {
    Scanner& scanner = reading.scanner;
    const Parsed<std::uint64_t> count = scanner.count("how many records to skip");
    if (!count) {
        return std::unexpected(count.error());
    }
    return Skip{.count = *count};
}

using Parse = Parsed<Pipe> (*)(Reading&);
constexpr std::array<std::pair<std::string_view, Parse>, 12> kStages{
    {{"fields", fields},
     {"where", filtered},
     {"filter", filtered},
     {"sort", sort},
     {"head", [](Reading& r) { return counted(r.scanner, Head{}); }},
     {"limit", [](Reading& r) { return counted(r.scanner, Head{}); }},
     {"tail", [](Reading& r) { return counted(r.scanner, Tail{}); }},
     {"skip", skip},
     {"offset", skip},
     {"uniq", uniq},
     {"top", top},
     {"stats", stats}}};

}  // namespace

bool is_stage(std::string_view word) noexcept {
    return std::ranges::find(kStages, word, &std::pair<std::string_view, Parse>::first) != kStages.end();
}

bool belongs_to_stages(std::string_view word) noexcept {
    return is_stage(word) || is_function_of_stats(word) || word == "by";
}

Parsed<Pipe> parse_pipe(Reading& reading) {
    Scanner& scanner = reading.scanner;
    scanner.skip_space();
    const std::size_t start = scanner.offset();
    const std::string_view name = scanner.bare(/*colons=*/false);
    for (const auto& [stage, parse] : kStages) {
        if (name == stage) {
            return parse(reading);
        }
    }
    if (name == "by" || (is_function_of_stats(name) && scanner.peek() == '(')) {
        return scanner.expected_at(start, fmt::format("'stats' in front of '{}'", name));
    }
    if (scanner.peek() == '|') {
        return scanner.expected_at(start, "'or' between tests, or the name of a stage behind '|'");
    }
    if (std::string meant = meant_by_stage(name, scanner.rest()); !meant.empty()) {
        return scanner.expected_at(start, std::move(meant));
    }
    return scanner.expected_at(start, "one of fields, where, sort, head, limit, tail, skip, uniq, top, stats");
}

}  // namespace sluice::query
