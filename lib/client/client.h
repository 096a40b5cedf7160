// Blocking calls on one connection.  Several may be in flight: submit() many, then await() each; replies are matched by
// id, in whatever order they come.
// Errors of every call: what the daemon answers; closed when it went away; deadline_exceeded.
#pragma once

#include <functional>
#include <set>

#include "client/connection.h"

namespace sluice::client {

struct ClientOptions {
    ConnectOptions connect;
    Duration request_timeout = kForever;  // Sent as each request's deadline.
    // How much longer than request_timeout this side waits for the daemon to say so itself.
    Duration reply_grace = std::chrono::seconds(1);
    std::uint32_t get_credit_bytes = 4U << 20U;  // What the daemon may send ahead of the reader of a GET.
};

// Threads: one at a time.
class Client {
 public:
    static Result<Client> connect(const std::string& path, ClientOptions options = {});

    const ServerInfo& server() const noexcept { return connection_->server(); }
    Connection& connection() noexcept { return *connection_; }

    // Sends as much as the socket takes.  Bounded by the caller, who awaits: the daemon stops reading beyond
    // server().requests_in_flight_max.  LINK: the next request runs only if this one succeeds.
    enum class Link : std::uint8_t { no, yes };
    template <class Request>
    Result<std::uint64_t> submit(const Request& request, Link link = Link::no) {
        const std::uint64_t id = connection_->queue(request, frame_options(link));
        if (auto sent = connection_->send_queued(); !sent) {
            return std::unexpected(std::move(sent).error());
        }
        return id;
    }
    // The next frame that answers `id`.  An error reply is returned as a Reply.
    Result<Reply> await(std::uint64_t id);
    // The same for requests with one reply frame; fails on an error reply.
    template <class Message>
    Result<Message> await_as(std::uint64_t id) {
        SLUICE_TRY(held_, await(id));
        return held_.decode<Message>();
    }
    // Later replies to `id` are thrown away.  A file that such a reply has opened is closed.
    void abandon(std::uint64_t id);

    Result<void> ping();
    Result<std::string> status();  // JSON.
    Result<wire::CancelOutcome> cancel(std::uint64_t id);
    Result<wire::LogReply> log(wire::AckLevel level, ByteView batch);

    Result<wire::OpenReply> open(const wire::OpenRequest& request);
    Result<Bytes> read(std::uint32_t handle, std::uint64_t offset, std::uint32_t length);
    Result<std::uint64_t> write(const wire::WriteRequest& request);
    Result<wire::AppendReply> append(const wire::AppendRequest& request);
    Result<void> sync(std::uint32_t handle, bool data_only = false);
    Result<wire::StatReply> stat(std::string_view root, std::string_view path);
    Result<wire::StatReply> stat(std::uint32_t handle);
    Result<void> close(std::uint32_t handle);
    Result<void> commit(std::uint32_t handle, bool durable);
    Result<wire::PutReply> put(const wire::PutRequest& request);

    // `sink` gets the bytes in order; when it fails, the request is cancelled and its error returned.
    // request.credit is filled in.
    using Sink = std::function<Result<void>(ByteView)>;
    Result<wire::GetReply> get(wire::GetRequest request, const Sink& sink);

    // The largest piece that fits into one WRITE, APPEND or PUT frame with names of `name_bytes`.
    std::size_t data_bytes_max(std::size_t name_bytes = 0) const noexcept;

 private:
    Client(std::unique_ptr<Connection> connection, ClientOptions options) noexcept
        : connection_(std::move(connection)), options_(std::move(options)) {}
    wire::FrameOptions frame_options(Link link) const noexcept;
    std::optional<Reply> find_reply(std::uint64_t id);
    void discard(const Reply& reply);
    template <class Message, class Request>
    Result<Message> call(const Request& request) {
        auto id = submit(request);
        if (!id) {
            return std::unexpected(std::move(id).error());
        }
        return await_as<Message>(*id);
    }
    template <class Message, class Request>
    Result<void> call_empty(const Request& request) {
        SLUICE_CHECK(call<Message>(request));
        return {};
    }

    std::unique_ptr<Connection> connection_;
    ClientOptions options_;
    Reply held_;               // What the last await_as returned views into.
    std::deque<Reply> early_;  // Replies to requests that nobody awaits yet.
    std::set<std::uint64_t> abandoned_;
};

}  // namespace sluice::client
