#include "cli/query_source.h"

#include "query/parser.h"

namespace sluice::cli {
namespace {

class DaemonSource final : public QuerySource {
 public:
    explicit DaemonSource(std::unique_ptr<client::QueryReader> reader) noexcept : reader_(std::move(reader)) {}
    Result<client::QueryStep> next(Duration wait) override { return reader_->next(wait); }
    void cancel() override { reader_->cancel(); }
    wire::QueryEnd end() const override { return reader_->end(); }
    wire::Cursor cursor_of(const wire::TailEntry& entry) const override { return reader_->cursor_of(entry); }
    int fd() const override { return reader_->fd(); }
    short wanted_events() const override { return reader_->wanted_events(); }

 private:
    std::unique_ptr<client::QueryReader> reader_;
};

}  // namespace

Result<std::shared_ptr<const query::Plan>> plan_of(const Question& question, std::uint64_t memory_bytes_max) {
    const query::Parsed<query::Query> parsed = query::parse_query(question.text);
    if (!parsed) {
        return fail(Errc::invalid_argument, "{}", parsed.error().text());
    }
    query::PlanOptions options;
    options.now = question.now;
    options.memory_bytes_max = memory_bytes_max;
    options.explain = question.explain;
    options.newest = question.newest;
    options.time = {question.since, question.until};
    return query::Plan::make(*parsed, options);
}

Result<std::unique_ptr<QuerySource>> ask(const Context& context, const Question& question) {
    if (!question.store.empty()) {
        return ask_store(question);
    }
    client::QueryOptions options;
    options.socket_path = context.socket_path();
    options.connect.client_name = "sluice query";
    options.text = question.text;
    options.explain = question.explain;
    options.newest = question.newest.value_or(wire::kAllRecords);
    options.since = question.since;
    options.until = question.until;
    auto reader = client::QueryReader::open(std::move(options));
    if (!reader) {
        return std::unexpected(std::move(reader).error());
    }
    return std::make_unique<DaemonSource>(std::move(*reader));
}

}  // namespace sluice::cli
