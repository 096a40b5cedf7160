#include "listeners/stream_connection.h"

#include "coro/timeout.h"

namespace sluice::listeners {
namespace {

// Reads of one connection without a turn of the loop.
constexpr unsigned kReadsMax = 4;
// At the end: more than the buffers of a connection hold.
constexpr unsigned kLastReadsMax = 256;

}  // namespace

StreamListener::Connection::Connection(StreamListener& listener, io::Handle socket, io::PeerCredentials peer)
    : listener_(listener),
      socket_(std::move(socket)),
      peer_(peer),
      feed_(listener.context_.ingest, listener.losses_, listener.options_, listener.fed_, peer.uid),
      namer_(listener.options_) {
    if (listener.options_.protocol == Protocol::stdout_stream) {
        auto decoder = std::make_unique<wire::StdoutStreamDecoder>();
        stdout_ = decoder.get();
        decoder_ = std::move(decoder);
    } else {
        decoder_ = listener.make_decoder();
    }
}

wire::IntakeContext StreamListener::Connection::context() noexcept {
    return {.names = namer_,
            .time_ns = listener_.context_.kernel.clock().wall_now(),
            .severity = wire::Severity::info,
            .limits = listener_.options_.limits};
}

Task<Result<>> StreamListener::Connection::run() {
    if (resumed_sender_) {
        co_await find_resumed_sender();
    }
    if (!socket_) {
        co_return co_await finish();
    }
    Result<> outcome = listener_.context_.kernel.receive_senders(socket_, io::PassedFiles::refused);
    if (outcome) {
        (void)listener_.context_.kernel.receive_pidfds(socket_, true);
        outcome = co_await read_until_stopped();
    }
    if (goes_on(outcome) && hand_over()) {
        co_return outcome;
    }
    Result<> flushed = co_await finish();
    co_return outcome ? std::move(flushed) : std::move(outcome);
}

// What has no end ends here.
Task<Result<>> StreamListener::Connection::finish() {
    Result<> flushed;
    if (sender_) {
        feed_.decode(sender_,
                     [this](Bytes& into, wire::IntakeCounts& counts) { decoder_->finish(context(), into, counts); });
        flushed = co_await feed_.flush();
    }
    if (kept()) {
        listener_.context_.keeper->forget(kept_);
    }
    co_return flushed;
}

// ---- over runs of the daemon ----

Result<> StreamListener::Connection::resume(KeptId id, const ConnectionState& state) {
    SLUICE_CHECK(decoder_->restore(state.decoder));
    kept_ = id;
    looked_again_ = state.looked_again;
    resumed_sender_ = state.sender;
    return {};
}

Bytes StreamListener::Connection::state(wire::Unfinished unfinished) const {
    ConnectionState state;
    state.listener = listener_.options_.name;
    state.protocol = listener_.options_.protocol;
    state.looked_again = looked_again_;
    decoder_->save(unfinished, state.decoder);
    if (sender_ && unfinished == wire::Unfinished::included) {
        Bytes at_rest;
        decoder_->save(wire::Unfinished::left_out, at_rest);
        if (at_rest != state.decoder) {
            state.sender = sender_->credentials;
        }
    }
    return state.encode();
}

Result<> StreamListener::Connection::keep() {
    SLUICE_TRY(kept_, listener_.context_.keeper->keep(socket_.fd(), state(wire::Unfinished::left_out)));
    unlink();
    return {};
}

bool StreamListener::Connection::hand_over() {
    ConnectionKeeper* const keeper = listener_.context_.keeper;
    if (keeper == nullptr) {
        return false;
    }
    const Bytes whole = state(wire::Unfinished::included);
    Result<> done;
    if (kept()) {
        done = keeper->update(kept_, whole);
    } else if (Result<KeptId> added = keeper->keep(socket_.fd(), whole); added) {
        kept_ = *added;
    } else {
        done = std::unexpected(std::move(added).error());
    }
    if (!done) {
        listener_.tell_not_kept(1, done.error());
    }
    return done.has_value();
}

// Also where the time to drain is over: what waits in the socket, the next run reads.
bool StreamListener::Connection::goes_on(const Result<>& outcome) const noexcept {
    return !ended_ && (outcome ? listener_.stopping_ : outcome.error().code() == Errc::cancelled);
}

// What it has begun is recorded as its own.  The state that is kept goes back to rest before anything is read: whoever
// is killed now loses the beginning of a record, and nothing comes twice.
Task<> StreamListener::Connection::find_resumed_sender() {
    listener_.table_.begin_round();
    ProcessPointer sender = listener_.table_.find(*resumed_sender_, Fd());
    co_await listener_.table_.settle(sender);
    sender_ = std::move(sender);
    namer_.set_sender(*sender_);
    if (Result<> rests = listener_.context_.keeper->update(kept_, state(wire::Unfinished::left_out)); !rests) {
        listener_.tell_not_kept(1, rests.error());
    }
}

// ---- reading ----

Task<Result<>> StreamListener::Connection::read_until_stopped() {
    coro::Context& context = co_await coro::this_context();
    coro::CancelNode* const outer = context.cancel;
    while (!ended_ && !listener_.stopping_) {
        context.cancel = listener_.receiving_;
        Result<> readable = co_await listener_.context_.kernel.poll_in(socket_);
        context.cancel = outer;
        if (listener_.stopping_) {
            break;
        }
        SLUICE_CO_CHECK(std::move(readable));
        SLUICE_CO_CHECK(co_await read_what_is_there(kReadsMax));
        co_await coro::yield();
    }
    co_return co_await read_what_is_there(kLastReadsMax);
}

Task<Result<>> StreamListener::Connection::read_what_is_there(unsigned reads_max) {
    for (unsigned reads = 0; reads < reads_max && !ended_; ++reads) {
        io::Message message;
        message.room = {listener_.buffer_.get(), kReadBytes};
        SLUICE_CO_TRY(const std::size_t count, listener_.context_.kernel.receive(socket_, {&message, 1}));
        if (count == 0) {
            break;
        }
        if (!message.files.empty()) {  // Before Linux 6.16 the kernel lets them through.
            listener_.context_.close_files(std::move(message.files));
        }
        ended_ = message.bytes == 0;
        if (!ended_) {
            listener_.counters_.bytes += message.bytes;
            SLUICE_CO_CHECK(co_await take(message));
        }
    }
    co_return Result<>{};
}

Task<Result<>> StreamListener::Connection::take(io::Message& message) {
    const io::PeerCredentials writer = message.sender == io::Message::kUnknown ? peer_ : message.sender;
    listener_.table_.begin_round();
    ProcessPointer sender = listener_.table_.find(writer, std::move(message.pidfd));
    ByteView content = message.content();
    Bytes copy;
    // Who opens a stdout stream writes its header and starts another program (systemd-cat, a service manager).
    const bool look_again = stdout_ != nullptr && stdout_->has_header() && !looked_again_;
    if (sender != sender_ || look_again) {
        copy.assign(content.begin(), content.end());  // The buffer is not ours while we wait.
        content = copy;
    }
    Result<> outcome;
    if (sender != sender_) {
        outcome = co_await switch_sender(std::move(sender));
    }
    if (look_again) {
        looked_again_ = true;
        co_await listener_.table_.look_again(sender_);
    }
    // Also where that was cancelled: what was received is a record, a loss that is told, or left to the next run.
    const bool had_header = can_be_kept();
    feed_.decode(sender_, [&](Bytes& into, wire::IntakeCounts& counts) {
        decoder_->take(as_text(content), context(), into, counts);
    });
    if (!had_header && can_be_kept()) {
        listener_.unkept_changed_.set();
    }
    if (!feed_.try_flush()) {
        Result<> flushed = co_await feed_.flush();
        co_return outcome ? std::move(flushed) : std::move(outcome);
    }
    co_return outcome;
}

// What another process has begun on a stdout stream is its own message.  Other protocols have records that may be
// written in pieces; those belong to who ends them.
Task<Result<>> StreamListener::Connection::switch_sender(ProcessPointer sender) {
    if (!sender->known.is_set()) {
        co_await listener_.table_.settle(sender);
    }
    // Of an earlier run only its number is known, which nobody else had so soon.
    const bool same = resumed_sender_ && *resumed_sender_ == sender->credentials;
    resumed_sender_.reset();
    Result<> outcome;
    if (sender_ && stdout_ != nullptr && !same) {
        feed_.decode(sender_, [this](Bytes& into, wire::IntakeCounts& counts) {
            stdout_->sender_changed(context(), into, counts);
        });
        outcome = co_await feed_.flush();
    }
    sender_ = std::move(sender);
    namer_.set_sender(*sender_);
    co_return outcome;
}

}  // namespace sluice::listeners
