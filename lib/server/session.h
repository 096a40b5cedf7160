// One connection: reads requests, answers them in any order, and ends with everything it started.
//
// LOG is served right where it is read: the batch goes from the receive buffer into the commit group.  When the queue
// has no room the connection is simply not read on.  Every other request, and a LOG with a deadline or in a LINK chain,
// is a task of its own; so is every LOG behind one of those that is not in the queue yet, because they enter it in the
// order of sending.  Beyond the limit of requests in flight one more is read, and waits in its task: until another
// request comes, CREDIT and CANCEL are still read, which may be what those in flight wait for.
// Threads: the service loop's.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "coro/scope.h"
#include "coro/sync.h"
#include "query/plan.h"
#include "server/frame_source.h"
#include "server/output.h"
#include "server/reply_stream.h"
#include "server/shared.h"

namespace sluice::server {

// The plan of a query text, made on the pool: a client chooses how long it takes.  Errors: invalid_argument; where the
// text is no query, "column N: expected ...".
Task<Result<std::shared_ptr<const query::Plan>>> make_plan(Shared& shared, std::string_view text,
                                                           const query::PlanOptions& options);

files::Identity identity_of(const Peer& peer);

class Session final : public ingest::AckTarget {
 public:
    // Borrows `shared` and `user` until destroyed.
    Session(Shared& shared, User& user, io::Handle socket, Peer peer);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    const Peer& peer() const noexcept { return peer_; }
    const std::string& client_name() const noexcept { return client_name_; }  // As the client says; not escaped.
    std::uint64_t requests() const noexcept { return request_count_; }
    std::uint32_t in_flight() const noexcept { return in_flight_; }
    // Serves the connection until it ends, or end() or drain() ends it.  Success: the client closed it.
    Task<Result<>> run();
    // Ends it: what is in flight is cancelled and answered with `why`, batches in the queue are awaited, and `why` is
    // the last frame (with request id 0) and the outcome.
    void end(Error why);
    // Ends the connection at once, and nothing else.
    Task<> hang_up();
    // Takes no new requests, ends those that have no end of their own (a TAIL that follows), and ends when the last one
    // is answered.
    void drain();

    void on_ack(std::uint64_t request_id, const wire::LogReply& reply) override;
    void on_refused(std::uint64_t request_id, const Error& error) override;

 private:
    // The outcome of a request that the next one is linked to.
    struct Link {
        coro::Event done;
        bool ok = false;
    };
    // A request that is a task; lives in its frame.
    struct Running {
        explicit Running(coro::CancelNode* parent) noexcept : node(parent) {}
        void cancel(Error reason);
        coro::CancelNode node;
        std::optional<Error> why;  // It was cancelled; else it is why the session ends.
        bool endless = false;
    };
    // A frame that outlives the receive buffer.
    struct OwnedRequest {
        wire::FrameHeader header;
        Charge charge;  // For the bytes.
        std::unique_ptr<std::byte[]> buffer;
        Bytes copy;
        ByteView payload;
        std::shared_ptr<Link> previous;   // Wait for it, and run only if it succeeded.
        std::shared_ptr<Link> next;       // Tell it.
        std::optional<coro::Units> turn;  // Of log_turn_, for a LOG until it is queued or refused.
    };
    // Expires when nothing was asked for limits.idle_timeout, or earlier, and is then armed again.
    class IdleTimer final : public coro::Timer {
     public:
        explicit IdleTimer(Session& session) noexcept : session_(session) {}

     private:
        void on_expire() noexcept override { session_.check_idle(); }
        Session& session_;
    };
    // A stream that gets the CREDIT of its request.
    class StreamEntry {
     public:
        StreamEntry(Session& session, ReplyStream& stream) : session_(session), id_(stream.id()) {
            session_.streams_.emplace(id_, &stream);
        }
        StreamEntry(const StreamEntry&) = delete;
        StreamEntry& operator=(const StreamEntry&) = delete;
        ~StreamEntry() { session_.streams_.erase(id_); }

     private:
        Session& session_;
        std::uint64_t id_;
    };
    struct LogWaiter;
    class GetStream;

    Task<Result<>> identify();
    Task<Result<>> greet();
    Task<Result<>> read_requests();
    Task<Result<>> serve(wire::FrameView frame);
    Task<Result<>> place_for(wire::FrameView& frame, bool plain);
    Task<Result<Charge>> room_for(wire::FrameView& frame);
    void refuse_frame(const wire::FrameHeader& header, const Error& error);
    Task<Result<>> serve_log(wire::FrameView frame);
    Task<Result<>> close(Result<> outcome);
    bool serve_control(const wire::FrameView& frame);
    void cancel_request(const wire::FrameView& frame);

    // Requests that are tasks.
    void start(const wire::FrameView& frame, Charge charge);
    Task<> run_request(OwnedRequest request);
    Task<Result<>> run_linked(OwnedRequest& request);
    Task<Result<>> execute(OwnedRequest& request);
    Result<> ping(const OwnedRequest& request);
    Task<Result<>> status(const OwnedRequest& request);
    Task<Result<>> log(OwnedRequest& request);
    Task<Result<>> tail(const OwnedRequest& request);
    Task<Result<std::shared_ptr<const query::Plan>>> plan_tail(std::uint64_t id, const wire::TailRequest& wanted);
    Task<Result<>> query(const OwnedRequest& request);
    Task<Result<>> run_query(const std::shared_ptr<const query::Plan>& plan, ReplyStream& stream, QuerySlot& slot);
    std::function<void(Error)> ends_request(std::uint64_t id);
    Task<Result<>> open(const OwnedRequest& request);
    Task<Result<>> read(const OwnedRequest& request);
    Task<Result<>> write(const OwnedRequest& request);
    Task<Result<>> append(const OwnedRequest& request);
    Task<Result<>> sync(const OwnedRequest& request);
    Task<Result<>> stat(const OwnedRequest& request);
    Task<Result<>> close_handle(const OwnedRequest& request);
    Task<Result<>> commit(const OwnedRequest& request);
    Task<Result<>> get(const OwnedRequest& request);
    Task<Result<>> put(const OwnedRequest& request);

    ingest::LogBatch batch_of(std::uint64_t id, const wire::LogRequest& request, ingest::AckTarget* target) const;
    void refuse(std::uint64_t id, const Error& error);
    Error why_ended() const;
    void end_if_drained();
    void note_idle();
    void check_idle() noexcept;
    void begin_request() { ++in_flight_; }
    void end_request();

    Shared& shared_;
    User& user_;
    io::Kernel& kernel_;
    io::Handle socket_;
    Peer peer_;
    wire::FieldBlock trusted_;
    std::string client_name_;
    std::uint64_t request_count_ = 0;
    Room request_room_;
    FrameSource source_;
    Output output_;
    files::FileTable files_;
    std::optional<coro::Scope> requests_;
    std::map<std::uint64_t, Running*> running_;  // By request id.
    std::map<std::uint64_t, ReplyStream*> streams_;
    std::shared_ptr<Link> link_;  // Of the last request, if it was marked LINK.
    coro::Mutex log_turn_;        // Held by the oldest LOG that is not queued; the others wait in the order of reading.
    std::uint32_t in_flight_ = 0;          // Read and not answered; at most one more than the limit.
    coro::Event fewer_;                    // in_flight_ went down.
    coro::CancelNode* reading_ = nullptr;  // Of the read loop and all requests, while they run.
    std::optional<Error> ending_;          // Why it was cancelled.
    bool draining_ = false;
    IdleTimer idle_timer_{*this};
    MonotonicTime idle_since_;
};

}  // namespace sluice::server
