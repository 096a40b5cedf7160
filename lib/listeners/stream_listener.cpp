#include "listeners/stream_listener.h"

#include <algorithm>
#include <utility>

#include "base/shared_limit.h"
#include "coro/timeout.h"
#include "listeners/stream_connection.h"
#include "wire/json_lines.h"
#include "wire/syslog_stream.h"

namespace sluice::listeners {
namespace {

// At the end; what a socket can have waiting is net.core.somaxconn.
constexpr std::size_t kLastAcceptsMax = 4096;
constexpr Duration kLastAcceptPatience = std::chrono::milliseconds(5);
// Of the last eighth of the connections, see SharedLimit.
constexpr std::uint64_t kFewConnections = 8;
// Connections of users at their limit; each holds a file descriptor.
constexpr std::size_t kParkedMax = 1024;
// How often it is told that connections wait.
constexpr Duration kTellInterval = std::chrono::minutes(1);
// How often connections are kept.  Those that end before are many where programs connect for each message, and whoever
// keeps them (systemd) has other things to do.
constexpr Duration kKeepInterval = std::chrono::seconds(1);
// And how many then: each is a message to whoever keeps them, and the loop waits where it does not take more.
constexpr std::size_t kKeptAtOnceMax = 64;

}  // namespace

StreamListener::StreamListener(const ListenerContext& context, const ListenerOptions& options)
    : context_(context),
      options_(options),
      table_(context.kernel.loop(), context.pool, context.command_lines, context.processes,
             {.transport = protocol_name(options.protocol)}),
      losses_(context.ingest, options.name),
      json_(options.limits),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(kReadBytes)) {}

StreamListener::~StreamListener() = default;

std::unique_ptr<wire::StreamDecoder> StreamListener::make_decoder() {
    if (options_.protocol == Protocol::json) {
        return std::make_unique<wire::JsonLinesDecoder>(json_);
    }
    return std::make_unique<wire::SyslogStreamDecoder>();
}

Task<Result<>> StreamListener::run(io::Handle socket) {
    socket_ = std::move(socket);
    // Connections inherit it.
    if (Result<> asked = context_.kernel.receive_senders(socket_, io::PassedFiles::refused); !asked) {
        socket_ = io::Handle();  // Clients shall not wait for ever.
        co_return asked;
    }
    coro::Context& context = co_await coro::this_context();
    coro::Scope reporting(*context.loop, context.cancel);
    reporting.spawn("report losses", &Losses::run, &losses_);
    coro::Scope connections(*context.loop, context.cancel);
    serving_ = &connections;
    coro::CancelNode receiving(context.cancel);
    receiving_ = &receiving;
    if (context_.keeper != nullptr) {
        reporting.spawn("keep connections", &StreamListener::keep_those_that_stay, this);
    }
    for (std::unique_ptr<Connection>& adopted : std::exchange(adopted_, {})) {
        spawn(std::move(adopted));
    }
    Result<> outcome = co_await accept_all();
    give_up_parked();
    if (!outcome) {
        connections.cancel();
    }
    co_await connections.join();
    receiving_ = nullptr;
    reporting.cancel();
    co_await reporting.join();
    co_await table_.stop();
    Result<> told = co_await losses_.report_all();
    socket_ = io::Handle();
    co_return outcome ? told : outcome;
}

void StreamListener::stop() {
    stopping_ = true;
    if (receiving_ != nullptr) {
        receiving_->cancel();
    }
}

bool StreamListener::admits(uid_t uid) const {
    const auto found = connections_by_uid_.find(uid);
    const std::uint32_t mine = found == connections_by_uid_.end() ? 0 : found->second;
    const SharedLimit limit{.total = options_.connections_max, .few = kFewConnections};
    return mine < options_.connections_per_uid_max && limit.admits(connections_, mine);
}

void StreamListener::options_changed() {
    json_ = wire::JsonReader(options_.limits);
    admit_parked();
    ended_.set();
}

Task<Result<io::Handle>> StreamListener::accept_one() {
    co_return co_await context_.kernel.accept(socket_);
}

// Where clients wait for room, those beyond the limit do so in the backlog: they are not told that they were heard.
Task<Result<io::Handle>> StreamListener::accept_next() {
    while (options_.overflow == Overflow::block && is_full()) {  // Bounded: each turn one has ended.
        tell_that_connections_wait();
        ended_.reset();
        SLUICE_CO_CHECK(co_await ended_.wait());
    }
    co_return co_await context_.kernel.accept(socket_);
}

Task<Result<>> StreamListener::accept_all() {
    coro::Context& context = co_await coro::this_context();
    coro::CancelNode* const outer = context.cancel;
    while (!stopping_) {
        context.cancel = receiving_;
        Result<io::Handle> socket = co_await accept_next();
        context.cancel = outer;
        if (socket) {
            take_connection(std::move(*socket));
        } else if (!stopping_) {
            if (socket.error().code() == Errc::cancelled) {
                co_return std::unexpected(std::move(socket).error());
            }
            context_.events.on_trouble(options_.name, socket.error());
            SLUICE_CO_CHECK(co_await coro::sleep_for(kRetryDelay));
        }
    }
    co_return co_await accept_last();
}

// Those that wait to be accepted have sent already.  All connections end now, so there is room again and again.
Task<Result<>> StreamListener::accept_last() {
    for (std::size_t i = 0; i < kLastAcceptsMax; ++i) {
        Result<io::Handle> socket = co_await coro::with_timeout(kLastAcceptPatience, accept_one());
        if (!socket) {
            break;
        }
        take_connection(std::move(*socket));
        while (!parked_.empty()) {  // Bounded: each turn one has ended.
            ended_.reset();
            SLUICE_CO_CHECK(co_await ended_.wait());
        }
    }
    while (!parked_.empty()) {  // As above.
        ended_.reset();
        SLUICE_CO_CHECK(co_await ended_.wait());
    }
    co_return Result<>{};
}

void StreamListener::take_connection(io::Handle socket) {
    const Result<io::PeerCredentials> peer = context_.kernel.peer_credentials(socket);
    if (!peer) {
        refuse(io::Message::kUnknown, "a connection of an unknown process");
    } else if (admits(peer->uid)) {
        spawn(std::make_unique<Connection>(*this, std::move(socket), *peer));
    } else if (stopping_ || (options_.overflow == Overflow::block && parked_.size() < kParkedMax)) {
        tell_that_connections_wait();
        parked_.push_back({std::move(socket), *peer});
    } else {
        refuse(*peer, "a connection above the limit");
    }
}

void StreamListener::admit_parked() {
    if (std::exchange(admitting_, true)) {
        return;  // A connection that ended as soon as it was admitted: the turn that did so goes on.
    }
    const auto find = [this] {
        return std::ranges::find_if(parked_, [this](const Parked& parked) { return admits(parked.peer.uid); });
    };
    for (auto next = find(); next != parked_.end(); next = find()) {  // Bounded: each turn takes one.
        Parked admitted = std::move(*next);
        parked_.erase(next);
        spawn(std::make_unique<Connection>(*this, std::move(admitted.socket), admitted.peer));
    }
    admitting_ = false;
}

void StreamListener::give_up_parked() {
    for (Parked& left : std::exchange(parked_, {})) {
        Connection unread(*this, std::move(left.socket), left.peer);
        if (!unread.hand_over()) {
            losses_.add(table_.find(left.peer, Fd()), 1, "shutdown");
        }
    }
}

void StreamListener::refuse(const io::PeerCredentials& peer, std::string_view reason) {
    ++counters_.connections_refused;
    context_.events.on_connection_refused(options_.name, peer);
    table_.begin_round();
    losses_.add(table_.find(peer, Fd()), 1, reason);
}

void StreamListener::tell_that_connections_wait() {
    const MonotonicTime now = context_.kernel.clock().now();
    if (!told_of_waiting_ || now - *told_of_waiting_ >= kTellInterval) {
        told_of_waiting_ = now;
        context_.events.on_connections_waiting(options_.name, connections_);
    }
}

// ---- connections that outlive this run ----

Result<> StreamListener::adopt(KeptConnection kept) {
    io::PeerCredentials peer = kept.state.sender.value_or(io::Message::kUnknown);
    if (kept.socket) {
        if (const Result<io::PeerCredentials> known = context_.kernel.peer_credentials(kept.socket)) {
            peer = *known;
        }
    }
    auto connection = std::make_unique<Connection>(*this, std::move(kept.socket), peer);
    if (Result<> resumed = connection->resume(kept.id, kept.state); !resumed) {
        context_.keeper->forget(kept.id);
        return resumed;
    }
    adopted_.push_back(std::move(connection));
    return {};
}

Task<> StreamListener::keep_those_that_stay() {
    for (;;) {
        const Result<> woken = co_await unkept_changed_.wait();
        if (!woken) {
            co_return;
        }
        const Result<> slept = co_await coro::sleep_for(kKeepInterval);
        if (!slept) {
            co_return;
        }
        unkept_changed_.reset();
        keep_all();
    }
}

void StreamListener::keep_all() {
    Result<> outcome;
    std::size_t kept = 0;
    std::size_t not_kept = 0;
    unkept_.for_each([&](Connection& connection) {
        if (!connection.can_be_kept()) {
            return;
        }
        if (kept == kKeptAtOnceMax) {
            unkept_changed_.set();
            return;
        }
        if (Result<> done = connection.keep(); done) {
            ++kept;
        } else {
            ++not_kept;
            outcome = std::move(done);
        }
    });
    if (!outcome) {
        tell_not_kept(not_kept, outcome.error());
    }
}

void StreamListener::tell_not_kept(std::size_t connections, const Error& why) {
    const MonotonicTime now = context_.kernel.clock().now();
    if (!told_not_kept_ || now - *told_not_kept_ >= kTellInterval) {
        told_not_kept_ = now;
        context_.events.on_not_kept(options_.name, connections, why);
    }
}

// ---- connections ----

void StreamListener::spawn(std::unique_ptr<Connection> connection) {
    serving_->spawn("connection", &StreamListener::serve, this, std::move(connection));
}

Task<> StreamListener::serve(std::unique_ptr<Connection> connection) {
    const uid_t uid = connection->peer().uid;
    ++counters_.connections;
    ++connections_;
    ++connections_by_uid_[uid];
    if (context_.keeper != nullptr && !connection->kept()) {
        unkept_.push_back(*connection);
        unkept_changed_.set();
    }
    (void)co_await connection->run();  // However it ended, what came is in the queue, told as lost, or kept.
    connection.reset();
    if (!unkept_.empty()) {  // There may be room for one of them now.
        unkept_changed_.set();
    }
    --connections_;
    const auto mine = connections_by_uid_.find(uid);
    if (--mine->second == 0) {
        connections_by_uid_.erase(mine);
    }
    admit_parked();
    ended_.set();
}

}  // namespace sluice::listeners
