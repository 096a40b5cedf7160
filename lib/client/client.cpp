#include "client/client.h"

#include <algorithm>

namespace sluice::client {
namespace {

// WRITE is the largest of the heads: frame header, handle, sync, offset.  PUT adds two names and their lengths.
constexpr std::size_t kDataHeadBytes = wire::kFrameHeaderSize + 40;

}  // namespace

Result<Client> Client::connect(const std::string& path, ClientOptions options) {
    SLUICE_TRY(auto connection, Connection::connect(path, options.connect));
    return Client(std::move(connection), std::move(options));
}

wire::FrameOptions Client::frame_options(Link link) const noexcept {
    wire::FrameOptions options{.flags = link == Link::yes ? wire::kFrameLink : std::uint16_t{0}};
    if (options_.request_timeout < std::chrono::hours(24 * 30)) {
        const auto ms = std::chrono::ceil<std::chrono::milliseconds>(options_.request_timeout).count();
        options.deadline_ms = static_cast<std::uint32_t>(std::max<std::int64_t>(1, ms));
    }
    return options;
}

std::optional<Reply> Client::find_reply(std::uint64_t id) {
    for (auto it = early_.begin(); it != early_.end(); ++it) {
        if (it->header.id == id) {
            Reply reply = std::move(*it);
            early_.erase(it);
            return reply;
        }
    }
    while (auto reply = connection_->take()) {
        if (reply->header.id == id) {
            return reply;
        }
        if (!abandoned_.contains(reply->header.id)) {
            early_.push_back(std::move(*reply));
            continue;
        }
        if (!reply->header.more()) {
            abandoned_.erase(reply->header.id);
        }
        discard(*reply);
    }
    return std::nullopt;
}

Result<Reply> Client::await(std::uint64_t id) {
    const SystemClock clock;
    const bool bounded = options_.request_timeout < kForever - options_.reply_grace;
    const MonotonicTime deadline = clock.now() + (bounded ? options_.request_timeout + options_.reply_grace : kForever);
    for (;;) {
        if (auto reply = find_reply(id)) {
            return std::move(*reply);
        }
        const Duration left = bounded ? deadline - clock.now() : kForever;
        if (left <= Duration::zero()) {
            abandon(id);
            return fail(Errc::deadline_exceeded, "the daemon did not answer within {} ms",
                        std::chrono::ceil<std::chrono::milliseconds>(options_.request_timeout).count());
        }
        if (auto stepped = connection_->step(left); !stepped && !connection_->has_reply()) {
            return std::unexpected(std::move(stepped).error());
        }
    }
}

void Client::abandon(std::uint64_t id) {
    bool finished = false;
    std::erase_if(early_, [&](const Reply& reply) {
        if (reply.header.id != id) {
            return false;
        }
        finished = finished || !reply.header.more();
        discard(reply);
        return true;
    });
    if (!finished) {
        abandoned_.insert(id);
    }
}

// A reply that nobody wants any more.  What it holds in the daemon is given back.
void Client::discard(const Reply& reply) {
    if (reply.header.type != wire::OpenReply::kType) {
        return;
    }
    if (const auto opened = reply.decode<wire::OpenReply>()) {
        abandoned_.insert(connection_->queue(wire::CloseRequest{.handle = opened->handle}));
        (void)connection_->send_queued();  // If that fails, the connection and its handles end: the next call tells.
    }
}

Result<void> Client::ping() {
    return call_empty<wire::PingReply>(wire::PingRequest{});
}

Result<std::string> Client::status() {
    SLUICE_TRY(const auto reply, call<wire::StatusReply>(wire::StatusRequest{}));
    return std::string(reply.json);
}

Result<wire::CancelOutcome> Client::cancel(std::uint64_t id) {
    SLUICE_TRY(const auto reply, call<wire::CancelReply>(wire::CancelRequest{.target = id}));
    return reply.outcome;
}

Result<wire::LogReply> Client::log(wire::AckLevel level, ByteView batch) {
    return call<wire::LogReply>(wire::LogRequest{.level = level, .batch = batch});
}

Result<wire::OpenReply> Client::open(const wire::OpenRequest& request) {
    return call<wire::OpenReply>(request);
}

Result<Bytes> Client::read(std::uint32_t handle, std::uint64_t offset, std::uint32_t length) {
    const wire::ReadRequest request{.handle = handle, .length = length, .offset = offset};
    SLUICE_TRY(const auto reply, call<wire::ReadReply>(request));
    return Bytes(reply.data.begin(), reply.data.end());
}

Result<std::uint64_t> Client::write(const wire::WriteRequest& request) {
    SLUICE_TRY(const auto reply, call<wire::WriteReply>(request));
    return reply.written;
}

Result<wire::AppendReply> Client::append(const wire::AppendRequest& request) {
    return call<wire::AppendReply>(request);
}

Result<void> Client::sync(std::uint32_t handle, bool data_only) {
    return call_empty<wire::SyncReply>(wire::SyncRequest{.handle = handle, .data_only = data_only});
}

Result<wire::StatReply> Client::stat(std::string_view root, std::string_view path) {
    return call<wire::StatReply>(wire::StatRequest{.handle = 0, .root = root, .path = path});
}

Result<wire::StatReply> Client::stat(std::uint32_t handle) {
    return call<wire::StatReply>(wire::StatRequest{.handle = handle, .root = {}, .path = {}});
}

Result<void> Client::close(std::uint32_t handle) {
    return call_empty<wire::CloseReply>(wire::CloseRequest{.handle = handle});
}

Result<void> Client::commit(std::uint32_t handle, bool durable) {
    return call_empty<wire::CommitReply>(wire::CommitRequest{.handle = handle, .durable = durable});
}

Result<wire::PutReply> Client::put(const wire::PutRequest& request) {
    return call<wire::PutReply>(request);
}

Result<wire::GetReply> Client::get(wire::GetRequest request, const Sink& sink) {
    request.credit = options_.get_credit_bytes;
    SLUICE_TRY(const std::uint64_t id, submit(request));
    std::uint32_t consumed = 0;
    for (;;) {
        SLUICE_TRY(const Reply reply, await(id));
        if (!reply.header.more()) {
            return reply.decode<wire::GetReply>();
        }
        SLUICE_TRY(const wire::GetChunk chunk, reply.decode<wire::GetChunk>());
        if (auto taken = sink(chunk.data); !taken) {
            abandon(id);
            abandon(connection_->queue(wire::CancelRequest{.target = id}));
            SLUICE_CHECK(connection_->send_queued());
            return std::unexpected(std::move(taken).error());
        }
        consumed += reply.header.length;
        if (consumed >= options_.get_credit_bytes / 4) {
            connection_->queue(wire::Credit{.target = id, .bytes = consumed});
            (void)connection_
                ->send_queued();  // The rest may have arrived before the connection ended; else await() tells.
            consumed = 0;
        }
    }
}

std::size_t Client::data_bytes_max(std::size_t name_bytes) const noexcept {
    const std::size_t frame = std::min(server().frame_bytes_max, wire::kFrameBytesMax);
    return frame > kDataHeadBytes + name_bytes ? frame - kDataHeadBytes - name_bytes : 0;
}

}  // namespace sluice::client
