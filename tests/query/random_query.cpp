#include "query/random_query.h"

#include "wire/time_text.h"

namespace sluice::query::test {
namespace {

constexpr std::string_view kMessages[] = {"connection refused by 10.0.0.{}",
                                          "user {} logged in",
                                          "User {} logged out",
                                          "disk full",
                                          "GET /index/{} 200",
                                          "",
                                          "quota_exceeded for tenant-{}",
                                          "connection accepted",
                                          "caf\xc3\xa9 {} ouvert",
                                          "CAF\u00C9 ferm\u00E9",
                                          "\u041E\u0448\u0438\u0431\u043A\u0430 {} \u0428{}",
                                          "a {} b {} c"};
constexpr std::string_view kWords[] = {"connection",
                                       "refused",
                                       "connection refused",
                                       "User",
                                       "user",
                                       "logged",
                                       "disk full",
                                       "full",
                                       "quota",
                                       "quota_exceeded",
                                       "tenant",
                                       "GET",
                                       "get",
                                       "caf\xc3\xa9",
                                       "CAF\u00C9",
                                       "caf\u00E9 ferm\u00E9",
                                       "\u043E\u0448\u0438\u0431\u043A\u0430",
                                       "\u041E\u0448\u0438\u0431\u043A\u0430",
                                       "\u0448",
                                       "1",
                                       "10.0.0.3",
                                       "absent",
                                       "re",
                                       "index/",
                                       "/",
                                       "a"};
constexpr std::string_view kTexts[] = {"ada", "bob",  "Eve",   "",      "10",       "10.0",       "5KB",
                                       "2.5", "x-1",  "true",  "err",   "2m1.5s",   "alpha beta", "-",
                                       "5s",  "90ms", "1.5us", "-2h1s", "10.0.0.7", "10.0.0.256"};
constexpr std::string_view kNames[] = {"user",  "status", "ms",    "flag",   "mixed",    "twice", "raw",
                                       "trace", "_pid",   "_unit", "absent", "constant", "rare"};
constexpr std::string_view kOwnNames[] = {"",      "message",  "time",   "_time",    "receive_time",
                                          "level", "severity", "stream", "sequence", "field.level"};
constexpr std::string_view kSeverities[] = {"emerg", "err", "error", "warning", "notice", "info", "7", "3"};
constexpr std::string_view kRegexes[] = {"refused", "^user",          "(?i)USER", "logged (in|out)", "t-\\d$",
                                         "^$",      "[0-9]+\\.[0-9]", ".",        "connection.*by",  "caf.",
                                         "x*"};
constexpr std::string_view kNumbers[] = {
    "0", "1", "5", "10", "200", "404", "2.5", "-3", "5K", "5s", "9007199254740993", "1e3"};

bool is_time(std::string_view name) {
    return name.ends_with("time");
}
bool is_severity(std::string_view name) {
    return name == "level" || name == "severity";
}

constexpr const char* kAddresses[] = {"0.0.0.0", "10.0.0.3", "10.0.0.255", "10.0.1.0", "255.255.255.255"};
constexpr std::string_view kOffsets[] = {"1m", "-90s", "1h", "0s"};
constexpr std::string_view kDay = "2026-03-01";

bool is_duration(std::string_view text) {
    return text.ends_with('s');
}

std::string any_name(Random& random) {
    return std::string(random.one_in(3) ? random.pick(kOwnNames) : random.pick(kNames));
}

std::string any_time(Random& random) {
    if (random.one_in(4)) {
        return fmt::format("{}s", random.below(700));
    }
    if (random.one_in(6)) {
        return std::string(kDay);
    }
    std::string text;
    wire::append_rfc3339(text, kNoon - static_cast<WallNs>(random.below(700)) * kSecond);
    return text.substr(0, 19) + "Z";
}

std::string text_for(Random& random, std::string_view name) {
    if (is_time(name)) {
        return any_time(random);
    }
    if (is_severity(name)) {
        return std::string(random.pick(kSeverities));
    }
    if (name == "sequence") {
        return fmt::format("{}", random.below(900));
    }
    if (name.empty() || name == "message") {
        return std::string(random.pick(kWords));
    }
    if (name == "stream") {
        return random.one_in(2) ? "shop/web" : "default";
    }
    if (name == "trace") {
        return fmt::format("{:08x}", random.below(300) * 2654435761U % 4294967296U);
    }
    return std::string(random.one_in(2) ? random.pick(kTexts) : random.pick(kNumbers));
}

Literal literal_for(Random& random, std::string_view name) {
    Literal literal{.text = text_for(random, name), .number = {}};
    // A duration is no moment to compare with, `ms` says its unit, and an address has no order.
    while (((is_time(name) || name == "ms") && is_duration(literal.text)) || literal.text.starts_with("10.0.0.")) {
        literal.text = text_for(random, name);
    }
    literal.number = parse_number(literal.text);
    return literal;
}

Bound bound_for(Random& random, std::string_view name, bool is_low) {
    Bound bound{literal_for(random, name), random.one_in(2)};
    if (is_low && bound.value.text == kDay) {
        bound.inclusive = true;  // What is more than a day?
    }
    return bound;
}

// Bounds of a range are both numbers, both durations, or both texts.
bool same_units(const Literal& a, const Literal& b) {
    const auto x = parse_quantity(a.text);
    const auto y = parse_quantity(b.text);
    return x.has_value() == y.has_value() && (!x || x->is_duration == y->is_duration);
}

Test random_test(Random& random, std::string_view name) {
    Test test{.kind = static_cast<TestKind>(random.below(10)), .text = {}, .texts = {}, .low = {}, .high = {}};
    switch (test.kind) {
        case TestKind::phrase:
            test.text = text_for(random, name);
            if (test.text.empty()) {
                test.kind = TestKind::exact;
            }
            break;
        case TestKind::prefix:
        case TestKind::substring: {
            test.text = text_for(random, name);
            const std::size_t cut = random.below(4);
            test.text =
                test.text.size() > cut ? test.text.substr(test.kind == TestKind::substring ? cut : 0) : test.text;
            if (random.one_in(2)) {
                test.text = test.text.substr(0, test.text.size() - std::min(test.text.size(), cut));
            }
            if (test.text.empty()) {
                test.kind = TestKind::exists;
            }
            break;
        }
        case TestKind::exact:
            test.text = literal_for(random, name).text;
            break;
        case TestKind::regex:
            test.text = random.pick(kRegexes);
            break;
        case TestKind::compare:
            if (random.one_in(2)) {
                test.low = bound_for(random, name, /*is_low=*/true);
            } else {
                test.high = bound_for(random, name, /*is_low=*/false);
            }
            break;
        case TestKind::range:
            test.low = bound_for(random, name, /*is_low=*/true);
            do {
                test.high = bound_for(random, name, /*is_low=*/false);
            } while (!is_time(name) && !is_severity(name) && !same_units(test.low->value, test.high->value));
            break;
        case TestKind::any_of:
            for (std::uint64_t n = 1 + random.below(3); n > 0; --n) {
                test.texts.push_back(literal_for(random, name).text);
            }
            break;
        case TestKind::network:
            if (is_time(name) || is_severity(name)) {
                test.kind = TestKind::exists;
                break;
            }
            test.low = Bound{{random.pick(kAddresses), std::nullopt}, true};
            test.high = Bound{{random.pick(kAddresses), std::nullopt}, true};
            break;
        case TestKind::exists:
            break;
    }
    const bool shifts = test.kind == TestKind::phrase || test.kind == TestKind::exact ||
                        test.kind == TestKind::compare || test.kind == TestKind::range;
    if (is_time(name) && shifts && random.one_in(3)) {
        test.offset = random.pick(kOffsets);
    }
    return test;
}

Filter random_filter(Random& random, int depth, const std::vector<std::string>& names) {
    Filter filter{.kind = FilterKind::match, .parts = {}, .field = {}, .test = {}};
    if (depth > 0 && random.one_in(2)) {
        const FilterKind kinds[] = {FilterKind::all_of, FilterKind::all_of, FilterKind::one_of, FilterKind::none_of};
        filter.kind = random.pick(kinds);
        const std::uint64_t parts = filter.kind == FilterKind::none_of ? 1 : 2 + random.below(2);
        for (std::uint64_t i = 0; i < parts; ++i) {
            filter.parts.push_back(random_filter(random, depth - 1, names));
        }
        return filter;
    }
    if (random.one_in(12)) {
        return Filter{};
    }
    filter.field = names.empty() ? any_name(random) : names[random.below(names.size())];
    filter.test = random_test(random, filter.field);
    return filter;
}

// A name that rows have behind the stages so far.
std::string name_now(Random& random, const std::vector<std::string>& names) {
    return names.empty() || random.one_in(10) ? any_name(random) : names[random.below(names.size())];
}

std::vector<std::string> some_names(Random& random, const std::vector<std::string>& names) {
    std::vector<std::string> chosen;
    for (std::uint64_t n = 1 + random.below(3); n > 0; --n) {
        std::string name = name_now(random, names);
        if (name.empty()) {
            name = "message";  // No column can have an empty name.
        }
        if (std::ranges::find(chosen, name) == chosen.end()) {
            chosen.push_back(std::move(name));
        }
    }
    return chosen;
}

Stats random_stats(Random& random, const std::vector<std::string>& names) {
    Stats stats;
    if (!random.one_in(4)) {
        for (std::string& name : some_names(random, names)) {
            GroupBy by{.name = std::move(name), .bucket = std::nullopt};
            if (is_time(by.name) || (!is_severity(by.name) && random.one_in(5))) {
                by.bucket = is_time(by.name) ? Literal{"1m", 60} : Literal{"10", 10};
                by.offset = is_time(by.name) && random.one_in(3) ? "17s" : "";
            }
            stats.by.push_back(std::move(by));
        }
    }
    const double fractions[] = {0, 0.25, 0.5, 0.99, 1};
    for (std::uint64_t n = 1 + random.below(3); n > 0; --n) {
        Aggregate each{.function = static_cast<Function>(random.below(8)),
                       .field = name_now(random, names),
                       .fraction = 0.5,
                       .name = fmt::format("r{}", n)};
        if (each.function == Function::quantile) {
            each.fraction = random.pick(fractions);
        }
        if (each.function == Function::count && random.one_in(2)) {
            each.field.clear();
        } else if (each.field.empty()) {
            each.field = "message";
        }
        stats.aggregates.push_back(std::move(each));
    }
    return stats;
}

Pipe random_pipe(Random& random, std::vector<std::string>& names) {
    switch (random.below(9)) {
        case 0:
            names = some_names(random, names);
            return Fields{.names = names};
        case 1:
            return Where{.filter = random_filter(random, 1, names)};
        case 2: {
            Sort sort;
            for (std::string& name : some_names(random, names)) {
                sort.keys.push_back({.name = std::move(name), .descending = random.one_in(2)});
            }
            if (random.one_in(2)) {
                sort.limit = 1 + random.below(30);
            }
            return sort;
        }
        case 3:
            return Head{.count = random.below(40)};
        case 4:
            return Tail{.count = random.below(40)};
        case 5:
            return Skip{.count = random.below(40)};
        case 6: {
            Uniq uniq{.names = some_names(random, names), .hits = random.one_in(2)};
            names = uniq.names;
            if (uniq.hits) {
                names.emplace_back("hits");
            }
            return uniq;
        }
        case 7: {
            Top top{.count = 1 + random.below(6), .names = some_names(random, names)};
            names = top.names;
            names.emplace_back("hits");
            return top;
        }
        default: {
            Stats stats = random_stats(random, names);
            names.clear();
            for (const GroupBy& by : stats.by) {
                names.push_back(by.name);
            }
            for (const Aggregate& each : stats.aggregates) {
                names.push_back(each.name);
            }
            return stats;
        }
    }
}

std::string random_message(Random& random) {
    std::string message(random.pick(kMessages));
    for (std::size_t at = message.find("{}"); at != std::string::npos; at = message.find("{}")) {
        message.replace(at, 2, fmt::format("{}", random.below(random.one_in(8) ? 100'000 : 12)));
    }
    return message;
}

void add_mixed_field(Random& random, RowDraft& row, std::string_view name) {
    switch (random.below(5)) {
        case 0:
            row.field(name, static_cast<std::int64_t>(random.below(20)) - 5);
            break;
        case 1:
            row.field(name, static_cast<double>(random.below(80)) / 4);
            break;
        case 2:
            row.field(name, random.one_in(2));
            break;
        case 3:
            row.bytes_field(name, random.pick(kTexts));
            break;
        default:
            row.field(name, random.pick(kTexts));
    }
}

}  // namespace

RowDraft random_row(Random& random, std::size_t index) {
    RowDraft row(random_message(random));
    row.time(kNoon - 600 * kSecond + static_cast<WallNs>(index) * kSecond +
             static_cast<WallNs>(random.below(5)) * kSecond / 2);
    row.receive_time(kNoon - 590 * kSecond + static_cast<WallNs>(index / 3) * kSecond);
    row.severity(static_cast<wire::Severity>(random.one_in(3) ? random.below(8) : 6));
    const std::string_view streams[] = {"", "", "shop/web", "kernel"};
    row.stream(std::string(random.pick(streams)));
    if (!random.one_in(3)) {
        row.field("user", random.pick(kTexts));
    }
    if (!random.one_in(4)) {
        const int statuses[] = {200, 200, 200, 404, 500};
        row.field("status", random.pick(statuses));
    }
    if (random.one_in(2)) {
        row.field("ms", static_cast<double>(random.below(4000)) / 8);
    } else if (random.one_in(2)) {
        row.field("ms", random.below(500));
    }
    if (random.one_in(3)) {
        row.field("flag", random.one_in(2));
    }
    for (std::uint64_t n = random.below(3); n > 0; --n) {
        add_mixed_field(random, row, random.one_in(3) ? "twice" : "mixed");
    }
    if (random.one_in(6)) {
        row.bytes_field("raw", std::string_view("\xff\x00z", 3)).field("level", "custom");
    }
    row.field("trace", fmt::format("{:08x}", random.below(300) * 2654435761U % 4294967296U))
        .field("constant", "same thing");
    if (random.one_in(60)) {
        row.field("rare",
                  static_cast<std::int64_t>(9'007'199'254'740'992) + static_cast<std::int64_t>(random.below(3)));
    }
    row.field("_pid", random.below(6)).field("_unit", random.one_in(2) ? "web.service" : "db.service");
    if (random.one_in(10)) {
        row.field("_user", "root").field("user", "second");
    }
    return row;
}

Query random_query(Random& random) {
    Query query;
    if (!random.one_in(6)) {
        query.filter = random_filter(random, 2, {});
    }
    std::vector<std::string> names;
    for (std::uint64_t n = random.below(4); n > 0; --n) {
        query.pipes.push_back(random_pipe(random, names));
    }
    return query;
}

}  // namespace sluice::query::test
