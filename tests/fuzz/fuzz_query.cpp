// The text of a query: any bytes are a query that prints and reads back equal, or an error within them.  What is a
// query can be planned or is refused with a sentence, and its filter can be run on a record.
#include <cstdint>

#include "query/parser.h"
#include "query/plan.h"

namespace {

using namespace sluice;
using namespace sluice::query;

void require(bool holds) {
    if (!holds) {
        __builtin_trap();
    }
}

const Bytes& some_record() {
    static const Bytes bytes = [] {
        Bytes made;
        wire::RecordBuilder record(made);
        record.begin(wire::Severity::warning, "shop/web", 1'772'366'400'000'000'000).message("User 17 logged in");
        record.field("user", "ada").field("n", 4096).field("f", 2.5).field("b", true).field("user", "eve");
        require(record.finish().has_value());
        return made;
    }();
    return bytes;
}

void run(const Query& query) {
    const auto plan = Plan::make(query, {.now = 1'772'366'400'000'000'000, .newest = {}, .time = {}});
    if (!plan) {
        require(plan.error().code() == Errc::invalid_argument && !plan.error().text().empty());
        return;
    }
    const wire::TailEntry entry{.sequence = 7,
                                .receive_time_ns = 5,
                                .flags = 0,
                                .trusted = {},
                                .record = wire::RecordView::unchecked(some_record().data())};
    const bool matches = (*plan)->filter().matches(entry);
    if ((*plan)->follows_ok()) {
        Bytes out;
        require((*plan)->select(entry, out) == matches && out.empty() != matches);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Parsed<Query> query = parse_query(text);
    if (!query) {
        require(query.error().offset <= text.size() && !query.error().expected.empty() && !query.error().found.empty());
        return 0;
    }
    const std::string printed = to_text(*query);
    if (const Parsed<Query> again = parse_query(printed)) {
        require(*again == *query);
    } else {
        require(printed.size() > kQueryBytesMax);  // Escapes make it longer.
    }
    run(*query);
    return 0;
}
