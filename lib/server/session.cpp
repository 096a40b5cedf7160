#include "server/session.h"

#include "coro/timeout.h"

namespace sluice::server {
namespace {

// After the last reply was queued, a client gets this long to take it.
constexpr Duration kFlushTimeout = std::chrono::seconds(1);
constexpr std::size_t kCommBytes = 64;  // TASK_COMM_LEN is 16.

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

Session::Session(Shared& shared, io::Handle socket, Peer peer)
    : shared_(shared),
      kernel_(shared.kernel),
      socket_(std::move(socket)),
      peer_(peer),
      source_(kernel_, socket_, shared.limits.frame_bytes_max),
      output_(kernel_, socket_,
              {.bytes_max = shared.limits.output_bytes_max, .stall_timeout = shared.limits.stall_timeout}),
      files_(shared.files, files::Identity{peer.credentials.uid, peer.credentials.gid, {}}) {}

Task<Result<>> Session::run() {
    coro::Context& context = co_await coro::this_context();
    coro::CancelNode reading(context.cancel);
    context.cancel = &reading;
    coro::Scope sending(*context.loop, nullptr);  // Not cancelled with the session: the last replies are still sent.
    sending.spawn("send replies", send_replies, &output_, &reading);
    requests_.emplace(*context.loop, context.cancel);

    Result<> outcome = co_await greet();
    if (outcome) {
        outcome = co_await read_requests();
    }
    if (!outcome && outcome.error().code() != Errc::closed && outcome.error().code() != Errc::cancelled) {
        refuse(0, outcome.error());
    }

    requests_->cancel();
    co_await requests_->join();
    requests_.reset();  // A child of `reading`, which ends with this function.
    context.cancel = nullptr;
    while (in_flight_ != 0) {  // Batches in the queue are answered by the disk, soon or with an error.
        fewer_.reset();
        (void)co_await fewer_.wait();
    }
    co_await files_.close_all();
    output_.finish();
    coro::CancelTimer flush_limit(sending.node());
    context.loop->arm(flush_limit, context.loop->clock().now() + kFlushTimeout);
    co_await sending.join();
    context.loop->disarm(flush_limit);
    (void)co_await kernel_.shutdown(socket_);
    (void)co_await kernel_.close(std::move(socket_));
    if (outcome && sending.error()) {
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
        while (in_flight_ >= shared_.limits.requests_max) {
            fewer_.reset();
            SLUICE_CO_CHECK(co_await fewer_.wait());
        }
        SLUICE_CO_CHECK(co_await output_.room());
        Result<std::optional<wire::FrameView>> frame = std::optional<wire::FrameView>();
        if (shared_.limits.idle_timeout > Duration::zero() && in_flight_ == 0) {
            frame = co_await coro::with_timeout(shared_.limits.idle_timeout, source_.next());
        } else {
            frame = co_await source_.next();
        }
        if (!frame && frame.error().code() == Errc::deadline_exceeded) {
            co_return fail(Errc::closed, "the connection was idle for {} s",
                           std::chrono::duration_cast<std::chrono::seconds>(shared_.limits.idle_timeout).count());
        }
        SLUICE_CO_TRY(const std::optional<wire::FrameView> received, std::move(frame));
        if (!received) {
            co_return Result<>{};
        }
        SLUICE_CO_CHECK(co_await serve(*received));
    }
}

Task<Result<>> Session::serve(wire::FrameView frame) {
    ++shared_.counters.requests;
    if (const Result<> valid = wire::check_request_header(frame.header); !valid) {
        if (valid.error().code() != Errc::unsupported) {
            co_return valid;
        }
        refuse(frame.header.id, valid.error());
        link_ = frame.header.link() ? std::make_shared<Link>() : nullptr;
        if (link_) {
            link_->done.set();  // Failed.
        }
        co_return Result<>{};
    }
    if (serve_control(frame)) {
        co_return Result<>{};
    }
    begin_request();
    const bool plain =
        frame.header.type == wire::MessageType::log && !link_ && !frame.header.link() && frame.header.deadline_ms == 0;
    if (plain) {
        co_return co_await serve_log(frame);
    }
    OwnedRequest request;
    request.header = frame.header;
    request.buffer = source_.take_buffer();
    if (request.buffer) {
        request.payload = frame.payload;
    } else {
        request.copy.assign(frame.payload.begin(), frame.payload.end());
        request.payload = request.copy;
    }
    request.previous = std::move(link_);
    link_ = frame.header.link() ? std::make_shared<Link>() : nullptr;
    request.next = link_;
    requests_->spawn("request", &Session::run_request, this, std::move(request));
    co_return Result<>{};
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
        target->second->cancel();
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

Task<> Session::run_request(OwnedRequest request) {
    coro::Context& context = co_await coro::this_context();
    coro::CancelNode node(context.cancel);
    context.cancel = &node;
    const std::uint64_t id = request.header.id;
    Result<> outcome;
    if (!running_.emplace(id, &node).second) {
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
    if (request.previous) {
        SLUICE_CO_CHECK(co_await request.previous->done.wait());
        if (!request.previous->ok) {
            co_return fail(Errc::link_failed, "the request it is linked to failed");
        }
    }
    co_return co_await execute(request);
}

Task<Result<>> Session::execute(const OwnedRequest& request) {
    switch (request.header.type) {
        case wire::MessageType::ping:
            output_.reply(request.header.id, wire::PingReply());
            co_return Result<>{};
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
            output_.reply(request.header.id, wire::StatusReply{.json = shared_.status ? shared_.status() : "{}"});
            co_return Result<>{};
        default:
            co_return fail(Errc::unsupported, "{} is not expected here", wire::message_type_name(request.header.type));
    }
}

}  // namespace sluice::server
