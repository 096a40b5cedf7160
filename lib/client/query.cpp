#include "client/query.h"

#include <algorithm>

namespace sluice::client {
namespace {

// A daemon tells the progress a few times a second.  One that tells the same for so often is at no query.
constexpr std::uint32_t kRepeatedMax = 1U << 16U;

wire::FrameOptions frame_options(Duration timeout) {
    if (timeout == kForever) {
        return {};
    }
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
    return {.deadline_ms = static_cast<std::uint32_t>(std::clamp<std::int64_t>(ms, 1, UINT32_MAX))};
}

}  // namespace

Result<std::unique_ptr<QueryReader>> QueryReader::open(QueryOptions options) {
    auto connection = Connection::connect(options.socket_path, options.connect);
    if (!connection) {
        return std::unexpected(std::move(connection).error());
    }
    const std::uint32_t credit = std::max(options.credit_bytes, 2 * wire::kFrameBytesMax);
    std::unique_ptr<QueryReader> reader(new QueryReader(std::move(*connection), credit));
    const wire::QueryRequest request{.explain = options.explain,
                                     .credit = credit,
                                     .newest = options.newest,
                                     .since_ns = options.since,
                                     .until_ns = options.until,
                                     .text = options.text};
    reader->request_id_ = reader->connection_->queue(request, frame_options(options.timeout));
    return reader;
}

void QueryReader::cancel() {
    if (!cancelled_ && !ended_ && !failed_) {
        cancelled_ = true;
        connection_->queue(wire::CancelRequest{.target = request_id_});
    }
}

std::unexpected<Error> QueryReader::failed(Error error) {
    failed_ = std::move(error);
    return std::unexpected(*failed_);
}

void QueryReader::return_credit() {
    if (ended_) {
        return;  // held_ is what end() views.
    }
    consumed_bytes_ += held_.header.length;
    held_ = {};
    if (consumed_bytes_ >= credit_bytes_ / 4) {
        connection_->queue(wire::Credit{.target = request_id_, .bytes = static_cast<std::uint32_t>(consumed_bytes_)});
        consumed_bytes_ = 0;
    }
}

Result<QueryStep> QueryReader::next(Duration wait) {
    if (failed_) {
        return std::unexpected(*failed_);
    }
    return_credit();
    const MonotonicTime start = clock_.now();
    for (bool waited = false;;) {
        if (ended_) {
            return QueryStep{.state = QueryState::end, .epoch = epoch_, .progress = {}, .rows = {}};
        }
        SLUICE_TRY(const std::optional<QueryStep> step, take_step());
        if (step) {
            return *step;
        }
        const Duration passed = clock_.now() - start;
        if (waited && passed >= wait) {
            return QueryStep{.state = QueryState::idle, .epoch = epoch_, .progress = {}, .rows = {}};
        }
        const Duration left = wait == kForever ? kForever : std::max(Duration::zero(), wait - passed);
        if (auto stepped = connection_->step(left); !stepped && !connection_->has_reply()) {
            return failed(std::move(stepped).error());
        }
        waited = true;
    }
}

Result<std::optional<QueryStep>> QueryReader::take_step() {
    while (std::optional<Reply> reply = connection_->take()) {
        if (reply->header.id != request_id_) {
            continue;  // The answer to CANCEL.
        }
        if (reply->is_error()) {
            return failed(reply->error());
        }
        held_ = std::move(*reply);
        SLUICE_TRY(const QueryStep step, held_.header.more() ? chunk() : finish());
        return step;
    }
    return std::nullopt;
}

Result<QueryStep> QueryReader::chunk() {
    auto decoded = held_.decode<wire::QueryChunk>();
    if (!decoded) {
        return failed(std::move(decoded).error().during("a reply to QUERY"));
    }
    epoch_ = decoded->epoch;
    if (decoded->entries.empty()) {
        repeated_ = decoded->progress == told_ ? repeated_ + 1 : 0;
        told_ = decoded->progress;
        if (repeated_ > kRepeatedMax) {
            return failed(Error(Errc::malformed, "the daemon tells again and again that the query is where it was"));
        }
    } else {
        repeated_ = 0;
    }
    const QueryState state = decoded->entries.empty() ? QueryState::progress : QueryState::rows;
    return QueryStep{.state = state, .epoch = epoch_, .progress = decoded->progress, .rows = decoded->entries};
}

Result<QueryStep> QueryReader::finish() {
    auto decoded = held_.decode<wire::QueryEnd>();
    if (!decoded) {
        return failed(std::move(decoded).error().during("the end of a QUERY"));
    }
    end_ = *decoded;
    epoch_ = end_.epoch;
    ended_ = true;
    return QueryStep{.state = QueryState::end, .epoch = epoch_, .progress = {}, .rows = {}};
}

}  // namespace sluice::client
