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
    SLUICE_CO_CHECK(listener_.context_.kernel.receive_senders(socket_, io::PassedFiles::refused));
    (void)listener_.context_.kernel.receive_pidfds(socket_, true);
    Result<> outcome = co_await read_until_stopped();
    if (sender_) {
        feed_.decode(sender_,
                     [this](Bytes& into, wire::IntakeCounts& counts) { decoder_->finish(context(), into, counts); });
        Result<> flushed = co_await feed_.flush();
        if (outcome) {
            outcome = std::move(flushed);
        }
    }
    co_return outcome;
}

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
    if (sender != sender_) {
        SLUICE_CO_CHECK(co_await switch_sender(std::move(sender)));
    }
    if (look_again) {
        looked_again_ = true;
        co_await listener_.table_.look_again(sender_);
    }
    feed_.decode(sender_, [&](Bytes& into, wire::IntakeCounts& counts) {
        decoder_->take(as_text(content), context(), into, counts);
    });
    if (!feed_.try_flush()) {
        SLUICE_CO_CHECK(co_await feed_.flush());
    }
    co_return Result<>{};
}

// What another process has begun on a stdout stream is its own message.  Other protocols have records that may be
// written in pieces; those belong to who ends them.
Task<Result<>> StreamListener::Connection::switch_sender(ProcessPointer sender) {
    if (!sender->known.is_set()) {
        co_await listener_.table_.settle(sender);
    }
    if (sender_ && stdout_ != nullptr) {
        feed_.decode(sender_, [this](Bytes& into, wire::IntakeCounts& counts) {
            stdout_->sender_changed(context(), into, counts);
        });
        SLUICE_CO_CHECK(co_await feed_.flush());
    }
    sender_ = std::move(sender);
    namer_.set_sender(*sender_);
    co_return Result<>{};
}

}  // namespace sluice::listeners
