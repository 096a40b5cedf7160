#include "server/session.h"

#include "coro/timeout.h"

namespace sluice::server {
namespace {

// After the last reply was queued, a client gets this long to take it.
constexpr Duration kFlushTimeout = std::chrono::seconds(1);
constexpr std::size_t kCommBytes = 64;                        // TASK_COMM_LEN is 16.
constexpr std::size_t kLargeBytes = std::size_t{64} * 1024;   // A request that takes time by its size.
constexpr std::size_t kStatusBytes = std::size_t{32} * 1024;  // About what a status takes, and its time is worth.

Error stopping() {
    return {Errc::shutting_down, "the daemon is stopping"};
}

// The name of a process, as the kernel has it now; empty if it has gone.
Task<Result<std::string>> process_name(io::Kernel& kernel, pid_t pid) {
    const std::string path = fmt::format("/proc/{}/comm", pid);
    SLUICE_CO_TRY(io::Handle file, co_await kernel.open(-1, path, io::OpenOptions()));
    std::string name(kCommBytes, '\0');
    SLUICE_CO_TRY(const std::size_t n, co_await kernel.read_at(file, 0, std::as_writable_bytes(std::span(name))));
    name.resize(n);
    while (name.ends_with('\n')) {
        name.pop_back();
    }
    co_return name;
}

// A connection that cannot be written to is not read from either.
Task<Result<>> send_replies(Output* output, coro::CancelNode* reading) {
    Result<> outcome = co_await output->run();
    if (!outcome) {
        reading->cancel();
    }
    co_return outcome;
}

}  // namespace

Session::Session(Shared& shared, User& user, io::Handle socket, Peer peer)
    : shared_(shared),
      user_(user),
      kernel_(shared.kernel),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      request_room_(shared.limits.request_bytes_max, user.request_room),
      source_(kernel_, socket_, request_room_, shared.limits.frame_bytes_max, shared.limits.stall_timeout),
      output_(kernel_, socket_, user.reply_room,
              {.bytes_max = shared.limits.output_bytes_max, .stall_timeout = shared.limits.stall_timeout}),
      files_(shared.files, identity_of(peer_)) {}

Task<Result<>> Session::run() {
    coro::Context& context = co_await coro::this_context();
    coro::CancelNode reading(context.cancel);
    context.cancel = &reading;
    reading_ = &reading;
    end_if_drained();
    coro::Scope sending(*context.loop, nullptr);  // Not cancelled with the session: the last replies are still sent.
    sending.spawn("send replies", send_replies, &output_, &reading);
    requests_.emplace(*context.loop, context.cancel);

    Result<> outcome = co_await greet();
    if (outcome) {
        outcome = co_await read_requests();
    }
    if (!outcome && outcome.error().code() == Errc::cancelled && ending_) {
        outcome = std::unexpected(*ending_);
    }
    requests_->cancel();
    co_await requests_->join();
    requests_.reset();  // A child of `reading`, which ends with this function.
    reading_ = nullptr;
    context.cancel = nullptr;
    while (in_flight_ != 0) {  // Batches in the queue are answered by the disk, soon or with an error.
        fewer_.reset();
        (void)co_await fewer_.wait();
    }
    if (!outcome && outcome.error().code() != Errc::closed && outcome.error().code() != Errc::cancelled) {
        refuse(0, outcome.error());
    }
    co_await files_.close_all();
    output_.finish();
    coro::CancelTimer flush_limit(sending.node());
    context.loop->arm(flush_limit, context.loop->clock().now() + kFlushTimeout);
    co_await sending.join();
    context.loop->disarm(flush_limit);
    (void)co_await kernel_.shutdown(socket_);
    (void)co_await kernel_.close(std::move(socket_));
    // A read that was given up, or that met the end, says less than why nothing could be sent.
    if (sending.error() && (outcome || outcome.error().code() == Errc::cancelled)) {
        outcome = std::unexpected(*sending.error());
    }
    co_return outcome;
}

// ---- reading ----

Task<Result<>> Session::greet() {
    Result<std::string> name = co_await process_name(kernel_, peer_.credentials.pid);
    trusted_.field("_pid", peer_.credentials.pid).field("_uid", peer_.credentials.uid);
    trusted_.field("_gid", peer_.credentials.gid);
    if (name && !name->empty()) {
        trusted_.field("_comm", *name);
    }
    Result<std::optional<wire::FrameView>> frame =
        co_await coro::with_timeout(shared_.limits.hello_timeout, source_.next());
    if (!frame) {
        co_return std::unexpected(std::move(frame).error().during("wait for HELLO"));
    }
    if (!*frame) {
        co_return fail(Errc::closed, "the connection ended before HELLO");
    }
    const wire::FrameView& hello = **frame;
    if (hello.header.type != wire::MessageType::hello) {
        co_return fail(Errc::malformed, "the first frame must be HELLO, this one has type {}",
                       static_cast<unsigned>(hello.header.type));
    }
    SLUICE_CO_TRY(const wire::HelloRequest request, wire::HelloRequest::decode(hello.payload));
    SLUICE_CO_TRY(const std::uint16_t version, wire::negotiate(request));
    client_name_ = request.client_name;
    output_.reply(hello.header.id, wire::HelloReply{.version = version,
                                                    .epoch = shared_.log.hub().epoch(),
                                                    .features = 0,
                                                    .store = shared_.log.hub().store_id(),
                                                    .frame_bytes_max = shared_.limits.frame_bytes_max,
                                                    .requests_in_flight_max = shared_.limits.requests_max,
                                                    .log_records_max = shared_.limits.log_records_max,
                                                    .handles_max = shared_.limits.handles_max,
                                                    .server_version = shared_.version});
    co_return Result<>{};
}

Task<Result<>> Session::read_requests() {
    for (;;) {
        if (output_.crowded()) {
            source_.park();  // Whoever waits for a client holds nothing that others need.
            SLUICE_CO_CHECK(co_await output_.room());
        }
        note_idle();
        SLUICE_CO_TRY(const std::optional<wire::FrameView> received, co_await source_.next());
        if (!received) {
            co_return Result<>{};
        }
        SLUICE_CO_CHECK(co_await serve(*received));
    }
}

void Session::end(Error why) {
    if (reading_ != nullptr && !ending_) {
        ending_.emplace(std::move(why));
        reading_->cancel();
    }
}

Task<> Session::hang_up() {
    (void)co_await kernel_.shutdown(socket_);
}

void Session::drain() {
    draining_ = true;
    for (const auto& [id, running] : running_) {
        if (running->endless) {
            running->cancel(stopping());
        }
    }
    end_if_drained();
}

void Session::end_if_drained() {
    if (draining_ && in_flight_ == 0) {
        end(stopping());
    }
}

// At each moment that may begin an idle time.  The timer is armed once for many of them.
void Session::note_idle() {
    const Duration timeout = shared_.limits.idle_timeout;
    if (timeout > Duration::zero() && in_flight_ == 0) {
        coro::Loop& loop = kernel_.loop();
        idle_since_ = loop.clock().now();
        if (!idle_timer_.armed()) {
            loop.arm(idle_timer_, idle_since_ + timeout);
        }
    }
}

void Session::check_idle() noexcept {
    const Duration timeout = shared_.limits.idle_timeout;
    if (timeout <= Duration::zero() || in_flight_ != 0) {
        return;  // The next note_idle() arms it again.
    }
    coro::Loop& loop = kernel_.loop();
    if (loop.clock().now() < idle_since_ + timeout) {
        loop.arm(idle_timer_, idle_since_ + timeout);
        return;
    }
    end(Error(Errc::closed, fmt::format("the connection was idle for {} s", whole_seconds(timeout))));
}

Task<Result<>> Session::serve(wire::FrameView frame) {
    ++shared_.counters.requests;
    ++request_count_;
    if (const Result<> valid = wire::check_request_header(frame.header); !valid) {
        if (valid.error().code() != Errc::unsupported) {
            co_return valid;
        }
        refuse_frame(frame.header, valid.error());
        co_return Result<>{};
    }
    if (serve_control(frame)) {
        co_return Result<>{};
    }
    const bool plain =
        frame.header.type == wire::MessageType::log && !link_ && !frame.header.link() && frame.header.deadline_ms == 0;
    if (const Result<> placed = co_await place_for(frame, plain); !placed) {
        refuse(frame.header.id, why_ended());
        co_return placed;
    }
    if (draining_) {
        link_.reset();
        refuse(frame.header.id, stopping());
        co_return Result<>{};
    }
    if (frame.payload.size() >= kLargeBytes) {
        frame = source_.hold(frame);
        SLUICE_CO_CHECK(co_await shared_.turns.take(frame.payload.size()));
    }
    if (plain && !log_turn_.locked() && in_flight_ < shared_.limits.requests_max) {
        begin_request();
        co_return co_await serve_log(frame);
    }
    Result<Charge> charge = co_await room_for(frame);
    if (!charge) {
        refuse_frame(frame.header, charge.error());
        co_return Result<>{};  // If the session ends, so does the next read.
    }
    begin_request();
    start(frame, std::move(*charge));
    co_return Result<>{};
}

// A request that is not served, although frames behind it are.
void Session::refuse_frame(const wire::FrameHeader& header, const Error& error) {
    refuse(header.id, error);
    link_ = header.link() ? std::make_shared<Link>() : nullptr;
    if (link_) {
        link_->done.set();  // Failed.
    }
}

// For the bytes of a request that becomes a task.
Task<Result<Charge>> Session::room_for(wire::FrameView& frame) {
    Charge own = source_.take_charge();
    if (!own.empty()) {
        co_return std::move(own);
    }
    if (std::optional<Charge> charge = request_room_.try_acquire(frame.payload.size())) {
        co_return std::move(*charge);
    }
    frame = source_.hold(frame);
    co_return co_await room_for_request(request_room_, frame.payload.size(), shared_.limits.stall_timeout);
}

// Until one more request may be read.  A plain LOG is not read beyond the limit where all others are in the queue: the
// disk answers them, whatever the client does, and the LOG goes the short way.
Task<Result<>> Session::place_for(wire::FrameView& frame, bool plain) {
    for (;;) {  // Bounded: each turn waits for a reply.
        const std::uint32_t most = shared_.limits.requests_max;
        if (in_flight_ < most || (in_flight_ == most && !(plain && running_.empty()))) {
            co_return Result<>{};
        }
        frame = source_.hold(frame);
        fewer_.reset();
        SLUICE_CO_CHECK(co_await fewer_.wait());
    }
}

// A request becomes a task.
void Session::start(const wire::FrameView& frame, Charge charge) {
    OwnedRequest request;
    request.header = frame.header;
    request.charge = std::move(charge);
    request.buffer = source_.take_buffer();
    if (request.buffer) {
        request.payload = frame.payload;
    } else {
        request.copy.assign(frame.payload.begin(), frame.payload.end());
        request.payload = request.copy;
    }
    if (request.header.type == wire::MessageType::log) {
        if (const Result<wire::LogRequest> wanted = wire::LogRequest::decode(request.payload)) {
            shared_.log.ingest().announce(wanted->batch, peer_.credentials.uid);
        }
    }
    request.previous = std::move(link_);
    link_ = frame.header.link() ? std::make_shared<Link>() : nullptr;
    request.next = link_;
    requests_->spawn("request", &Session::run_request, this, std::move(request));
}

// True: `frame` was a control message, and is served.
bool Session::serve_control(const wire::FrameView& frame) {
    if (frame.header.type == wire::MessageType::cancel) {
        cancel_request(frame);
        return true;
    }
    if (frame.header.type != wire::MessageType::credit) {
        return false;
    }
    const Result<wire::Credit> credit = wire::Credit::decode(frame.payload);
    if (!credit) {
        refuse(frame.header.id, credit.error());
    } else if (const auto stream = streams_.find(credit->target); stream != streams_.end()) {
        stream->second->add_credit(credit->bytes);
    }  // Otherwise the stream has just ended.
    return true;
}

void Session::cancel_request(const wire::FrameView& frame) {
    const Result<wire::CancelRequest> request = wire::CancelRequest::decode(frame.payload);
    if (!request) {
        refuse(frame.header.id, request.error());
        return;
    }
    const auto target = running_.find(request->target);
    if (target != running_.end()) {
        target->second->cancel(Error(Errc::cancelled, "cancelled by the client"));
    }
    output_.reply(frame.header.id,
                  wire::CancelReply{.outcome = target != running_.end() ? wire::CancelOutcome::asked
                                                                        : wire::CancelOutcome::not_found});
}

// ---- answering ----

void Session::refuse(std::uint64_t id, const Error& error) {
    ++shared_.counters.requests_failed;
    output_.reply(id, wire::ErrorReply::of(error));
}

void Session::end_request() {
    --in_flight_;
    fewer_.set();
    note_idle();
    end_if_drained();
}

void Session::on_ack(std::uint64_t request_id, const wire::LogReply& reply) {
    output_.reply(request_id, reply);
    end_request();
}

void Session::on_refused(std::uint64_t request_id, const Error& error) {
    refuse(request_id, error);
    end_request();
}

// ---- requests that are tasks ----

void Session::Running::cancel(Error reason) {
    if (!why) {
        why.emplace(std::move(reason));
    }
    node.cancel();
}

Error Session::why_ended() const {
    return ending_ ? *ending_ : Error(Errc::cancelled, "the connection ended first");
}

Task<> Session::run_request(OwnedRequest request) {
    coro::Context& context = co_await coro::this_context();
    Running running(context.cancel);
    context.cancel = &running.node;
    const std::uint64_t id = request.header.id;
    Result<> outcome;
    if (!running_.emplace(id, &running).second) {
        outcome = fail(Errc::invalid_argument, "request id {} is in flight already", id);
    } else {
        if (request.header.deadline_ms != 0) {
            const auto timeout = std::chrono::milliseconds(request.header.deadline_ms);
            outcome = co_await coro::with_timeout(timeout, run_linked(request));
        } else {
            outcome = co_await run_linked(request);
        }
        running_.erase(id);
    }
    request.turn.reset();
    if (!outcome && outcome.error().code() == Errc::cancelled && running.node.cancelled()) {
        outcome = std::unexpected(running.why ? *running.why : why_ended());
    }
    if (!outcome) {
        refuse(id, outcome.error());
    }
    if (request.next) {
        request.next->ok = outcome.has_value();
        request.next->done.set();
    }
    end_request();
}

Task<Result<>> Session::run_linked(OwnedRequest& request) {
    while (in_flight_ > shared_.limits.requests_max) {  // At most the newest one waits here.
        fewer_.reset();
        SLUICE_CO_CHECK(co_await fewer_.wait());
    }
    if (request.header.type == wire::MessageType::log) {  // Before anything else that waits: this is the order.
        SLUICE_CO_TRY(coro::Units turn, co_await log_turn_.lock());
        request.turn.emplace(std::move(turn));
    }
    if (request.previous) {
        SLUICE_CO_CHECK(co_await request.previous->done.wait());
        if (!request.previous->ok) {
            co_return fail(Errc::link_failed, "the request it is linked to failed");
        }
    }
    co_return co_await execute(request);
}

Result<> Session::ping(const OwnedRequest& request) {
    SLUICE_CHECK(wire::PingRequest::decode(request.payload));
    output_.reply(request.header.id, wire::PingReply());
    return {};
}

Task<Result<>> Session::status(const OwnedRequest& request) {
    SLUICE_CO_CHECK(wire::StatusRequest::decode(request.payload));
    SLUICE_CO_CHECK(co_await shared_.turns.take(kStatusBytes));
    SLUICE_CO_TRY(Charge charge, co_await output_.reserve(kStatusBytes));
    const std::string json = shared_.status ? shared_.status() : "{}";
    output_.reply(request.header.id, wire::StatusReply{.json = json}, {}, std::move(charge));
    co_return Result<>{};
}

// Ends a request from outside, while it runs.
std::function<void(Error)> Session::ends_request(std::uint64_t id) {
    return [this, id](Error why) { running_.at(id)->cancel(std::move(why)); };
}

Task<Result<>> Session::execute(OwnedRequest& request) {
    switch (request.header.type) {
        case wire::MessageType::ping:
            co_return ping(request);
        case wire::MessageType::log:
            co_return co_await log(request);
        case wire::MessageType::tail:
            co_return co_await tail(request);
        case wire::MessageType::query:
            co_return co_await query(request);
        case wire::MessageType::open:
            co_return co_await open(request);
        case wire::MessageType::read:
            co_return co_await read(request);
        case wire::MessageType::write:
            co_return co_await write(request);
        case wire::MessageType::append:
            co_return co_await append(request);
        case wire::MessageType::sync:
            co_return co_await sync(request);
        case wire::MessageType::stat:
            co_return co_await stat(request);
        case wire::MessageType::close:
            co_return co_await close_handle(request);
        case wire::MessageType::commit:
            co_return co_await commit(request);
        case wire::MessageType::get:
            co_return co_await get(request);
        case wire::MessageType::put:
            co_return co_await put(request);
        case wire::MessageType::status:
            co_return co_await status(request);
        default:
            co_return fail(Errc::unsupported, "{} is not expected here", wire::message_type_name(request.header.type));
    }
}

}  // namespace sluice::server
