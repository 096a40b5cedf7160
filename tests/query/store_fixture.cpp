#include "query/store_fixture.h"

#include <map>

#include "query/reference.h"

namespace sluice::query::test {

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) {
        all += text;
    }
    return all;
}

void Store::add(const RowDraft& draft) {
    Bytes record;
    wire::RecordBuilder builder(record);
    builder.begin(draft.severity_, draft.stream_, draft.time_).message(draft.message_);
    for (const wire::FieldView field : draft.fields_.fields()) {
        builder.raw_field(field.type, field.name, field.value);
    }
    ASSERT_TRUE(builder.finish());
    add(wire::RecordView::unchecked(record.data()), draft.sequence_, draft.receive_time_, draft.trusted_.fields());
}

void Store::add(const wire::RecordView& record, std::uint64_t sequence, WallNs receive_time,
                const wire::FieldRange& trusted) {
    sequence = sequence != 0 ? sequence : next_;
    next_ = sequence + 1;
    rows_.emplace_back();
    wire::append_tail_entry(
        rows_.back(),
        {.sequence = sequence, .receive_time_ns = receive_time, .flags = 0, .trusted = trusted, .record = record});
}

void Store::seal(const std::function<int(const wire::TailEntry&)>& class_of) {
    std::map<int, part::Builder> builders;
    for (; sealed_ < rows_.size(); ++sealed_) {
        const wire::TailEntry entry = wire::TailEntryCodec::view(rows_[sealed_].data());
        const auto builder = builders.try_emplace(class_of(entry), options_).first;
        builder->second.add({.entry = entry, .epoch = 1});
    }
    for (auto& [number, builder] : builders) {
        Result<Bytes> image = builder.finish();
        ASSERT_TRUE(image) << image.error();
        auto part = part::Part::open(std::make_shared<part::MemorySource>(std::move(*image)),
                                     std::make_shared<part::Cache>(std::size_t{16} << 20U));
        ASSERT_TRUE(part) << part.error();
        parts_.push_back(*part);
    }
}

std::vector<wire::TailEntry> Store::entries() const {
    std::vector<wire::TailEntry> all;
    for (const Bytes& row : rows_) {
        all.push_back(wire::TailEntryCodec::view(row.data()));
    }
    return all;
}

// One batch for each row, because trusted fields are of a batch.
std::vector<GroupRows> Store::open_rows() const {
    constexpr std::size_t kRowsPerGroup = 5;
    std::vector<GroupRows> groups;
    std::shared_ptr<Bytes> payload;
    for (std::size_t i = sealed_; i < rows_.size(); ++i) {
        const wire::TailEntry entry = wire::TailEntryCodec::view(rows_[i].data());
        const bool follows = !groups.empty() && groups.back().first_sequence + groups.back().count == entry.sequence;
        if (!follows || groups.back().count == kRowsPerGroup) {
            payload = std::make_shared<Bytes>();
            groups.push_back({.owner = payload, .epoch = 1, .first_sequence = entry.sequence});
        }
        wire::FieldBlock trusted;
        for (const wire::FieldView field : entry.trusted) {
            trusted.raw_field(field.type, field.name, field.value);
        }
        wire::BatchBuilder batch;
        batch.set_trusted(trusted);
        batch.add_encoded(entry.record.bytes(), 1);
        append(*payload, batch.finish({.receive_time_ns = entry.receive_time_ns}));
        groups.back().payload = *payload;
        ++groups.back().count;
    }
    return groups;
}

Store::Answer Store::run(const Query& query, const PlanOptions& options) const {
    Answer answer;
    const auto plan = Plan::make(query, options);
    if (!plan) {
        answer.error = plan.error().text();
        return answer;
    }
    Combiner combiner(*plan);
    const auto scan = [&]() -> Result<> {
        for (const auto& unit : make_units(*plan, parts_, open_rows())) {
            for (bool done = false; !done && !combiner.satisfied();) {
                SLUICE_TRY(Step step, unit->step());
                done = step.done;
                SLUICE_CHECK(combiner.take(std::move(step), answer.entries));
            }
        }
        return combiner.finish(answer.entries);
    };
    if (const Result<> result = scan(); !result) {
        answer.error = result.error().text();
        return answer;
    }
    answer.lines = reference::show_results(answer.entries);
    EXPECT_EQ(answer.lines.size(), combiner.rows_out());
    answer.counters = combiner.counters();
    answer.explain = combiner.explain();
    answer.peak_bytes = (*plan)->budget().peak_bytes();
    return answer;
}

Store::Answer Store::run(std::string_view text, const PlanOptions& options) const {
    const Parsed<Query> query = parse_query(text);
    if (!query) {
        Answer answer;
        answer.error = query.error().text();
        return answer;
    }
    return run(*query, options);
}

std::vector<std::string> Store::messages(std::string_view text, const PlanOptions& options) const {
    const Answer answer = run(text, options);
    if (!answer.error.empty()) {
        return {answer.error};
    }
    std::vector<std::string> found;
    for (ByteView rest = answer.entries; !rest.empty();) {
        found.emplace_back(wire::TailEntryCodec::view(rest.data()).record.message());
        rest = rest.subspan(wire::TailEntryCodec::size(rest.data()));
    }
    return found;
}

std::string read_again(std::string_view text) {
    const Parsed<Query> query = parse_query(text);
    return query ? to_text(*query) : query.error().text();
}

}  // namespace sluice::query::test
