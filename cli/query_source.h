// Where the rows of a query come from: the daemon, or the files of a store.
#pragma once

#include <memory>
#include <string>

#include "cli/context.h"
#include "client/query.h"
#include "query/plan.h"

namespace sluice::cli {

struct Question {
    std::string text;
    std::string store;  // Directory; empty: ask the daemon.
    bool explain = false;
    std::optional<std::uint64_t> newest;  // Only the last so many rows of the result.
    WallNs since = wire::kNoSince;
    WallNs until = wire::kNoUntil;
    WallNs now = 0;
};

// The plan of a question.  Errors: invalid_argument; where the text is no query, "column N: expected ...".
Result<std::shared_ptr<const query::Plan>> plan_of(const Question& question, std::uint64_t memory_bytes_max);

class QuerySource {
 public:
    virtual ~QuerySource() = default;
    // As client::QueryReader::next().
    virtual Result<client::QueryStep> next(Duration wait) = 0;
    virtual void cancel() = 0;
    // After the end.
    virtual wire::QueryEnd end() const = 0;
    virtual wire::Cursor cursor_of(const wire::TailEntry& entry) const = 0;
    // For poll(2) before the next call of next(); -1: next() does not wait.
    virtual int fd() const = 0;
    virtual short wanted_events() const = 0;
    // What could not be read; one sentence, or empty.
    virtual std::string warning() const { return {}; }
};

// Errors: as client::QueryReader::open, or those of the store's directory.
Result<std::unique_ptr<QuerySource>> ask(const Context& context, const Question& question);
Result<std::unique_ptr<QuerySource>> ask_store(const Question& question);

}  // namespace sluice::cli
