#include "daemon/sockets.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "coro/timeout.h"
#include "daemon/host.h"
#include "wire/escape.h"

namespace sluice::daemon {
namespace {

// The kernel takes down the ring of a killed process after the process: until then its socket still listens.
constexpr Duration kListenPatience = std::chrono::seconds(3);
constexpr Duration kListenRetryDelay = std::chrono::milliseconds(20);
// systemd sets net.unix.max_dgram_qlen to 512 when it starts as PID 1; the kernel's own default is 10.
constexpr std::size_t kDatagramsWanted = 128;

struct Place {
    const std::string& path;
    mode_t mode;
    const std::vector<UserRef>& owner;
    const std::vector<GroupRef>& group;
    io::SocketKind kind;
};

Task<Result<io::Handle>> listen_when_free(io::Kernel& kernel, const Place& place) {
    const MonotonicTime give_up = kernel.clock().now() + kListenPatience;
    for (;;) {  // Bounded by give_up.
        Result<io::Handle> listener = kernel.listen_unix(place.path, place.mode, place.kind);
        if (listener || listener.error().code() != Errc::already_exists || kernel.clock().now() >= give_up) {
            co_return listener;
        }
        SLUICE_CO_CHECK(co_await coro::sleep_for(kListenRetryDelay));
    }
}

Task<Result<io::Handle>> listen_at(io::Kernel& kernel, const Place& place) {
    SLUICE_CO_TRY(io::Handle socket, co_await listen_when_free(kernel, place));
    if (!place.owner.empty() || !place.group.empty()) {
        const uid_t uid = place.owner.empty() ? static_cast<uid_t>(-1) : place.owner.front().uid;
        const gid_t gid = place.group.empty() ? static_cast<gid_t>(-1) : place.group.front().gid;
        if (chown(place.path.c_str(), uid, gid) != 0) {
            co_return fail_errno(errno, "give '{}' to its owner and group", place.path);
        }
    }
    co_return std::move(socket);
}

constexpr std::string_view kOwnName = "sluice";

bool is_protocol(std::string_view name) {
    return std::ranges::any_of(listeners::kProtocolNames,
                               [&](const auto& known) { return standard_listener(known.second).name == name; });
}

// The sockets that systemd passed, each used once.
class Passed {
 public:
    Passed(io::Kernel& kernel, std::vector<PassedSocket> sockets) : kernel_(kernel), sockets_(std::move(sockets)) {}
    Passed(const Passed&) = delete;
    Passed& operator=(const Passed&) = delete;
    ~Passed() {
        for (const PassedSocket& left : sockets_) {
            ::close(left.fd);
        }
    }
    bool has(const std::string& name) const { return std::ranges::count(sockets_, name, &PassedSocket::name) != 0; }
    // Precondition: has(name).
    Result<io::Handle> take(const std::string& name, io::SocketKind kind) {
        return take(std::ranges::find(sockets_, name, &PassedSocket::name), kind);
    }
    // sluiced's own: the one of that name, else the first for connections that is nobody else's.  Empty: none.
    io::Handle take_own() {
        auto own = std::ranges::find(sockets_, kOwnName, &PassedSocket::name);
        if (own == sockets_.end()) {
            own = std::ranges::find_if(sockets_, [](const PassedSocket& socket) {
                return socket.kind == io::SocketKind::stream && !is_protocol(socket.name);
            });
        }
        if (own == sockets_.end() || own->kind != io::SocketKind::stream) {
            return {};
        }
        return use(own);
    }
    // Precondition: has(name).
    void close(const std::string& name) { use(std::ranges::find(sockets_, name, &PassedSocket::name)); }
    const std::vector<PassedSocket>& left() const noexcept { return sockets_; }

 private:
    Result<io::Handle> take(std::vector<PassedSocket>::iterator at, io::SocketKind kind) {
        if (at->kind != kind) {
            return fail(Errc::wrong_type, "the passed socket '{}' is for {}; it has to be for {}",
                        wire::escaped(at->name), kind == io::SocketKind::stream ? "datagrams" : "connections",
                        kind == io::SocketKind::stream ? "connections" : "datagrams");
        }
        return use(at);
    }
    io::Handle use(std::vector<PassedSocket>::iterator at) {
        io::Handle socket(kernel_, at->fd);
        sockets_.erase(at);
        return socket;
    }

    io::Kernel& kernel_;
    std::vector<PassedSocket> sockets_;
};

io::SocketKind kind_of(const ListenerConfig& listener) noexcept {
    return listeners::uses_datagrams(listener.protocol) ? io::SocketKind::datagram : io::SocketKind::stream;
}

Task<Result<io::Handle>> open_listener(io::Kernel& kernel, const ListenerConfig& listener, Passed& passed,
                                       LogOutput& log) {
    if (passed.has(listener.name)) {
        SLUICE_CO_TRY(io::Handle socket, passed.take(listener.name, kind_of(listener)));
        log.info("listener {}: on the socket that systemd passed", listener.name);
        co_return std::move(socket);
    }
    const Place place{listener.socket, listener.mode, listener.owner, listener.group, kind_of(listener)};
    SLUICE_CO_TRY(io::Handle socket, co_await listen_at(kernel, place));
    log.info("listener {}: on {}", listener.name, listener.socket);
    co_return std::move(socket);
}

// A socket that is named after a protocol needs no entry in the configuration.
std::vector<ListenerConfig> listeners_of(const Config& config, const Passed& passed) {
    std::vector<ListenerConfig> all;
    std::ranges::copy_if(config.listeners, std::back_inserter(all), &ListenerConfig::enabled);
    for (const auto& [word, protocol] : listeners::kProtocolNames) {
        ListenerConfig standard = standard_listener(protocol);
        if (passed.has(standard.name) && !std::ranges::count(config.listeners, standard.name, &ListenerConfig::name)) {
            all.push_back(std::move(standard));
        }
    }
    return all;
}

void check_queue_length(const std::vector<ListenerConfig>& listeners, LogOutput& log) {
    if (std::ranges::none_of(
            listeners, [](io::SocketKind kind) { return kind == io::SocketKind::datagram; }, kind_of)) {
        return;
    }
    const std::size_t length = datagram_queue_length();
    if (length >= kDatagramsWanted) {
        log.info("a datagram socket holds {} messages (net.unix.max_dgram_qlen)", length);
    } else {
        log.warning(
            "a datagram socket holds only {} messages (net.unix.max_dgram_qlen): in a burst senders wait, or lose what "
            "they send without waiting; set it to 512 before sluiced starts",
            length);
    }
}

}  // namespace

listeners::ListenerOptions listener_options(const ListenerConfig& listener, const LimitsConfig& limits) {
    listeners::ListenerOptions options;
    options.name = listener.name;
    options.protocol = listener.protocol;
    if (auto pattern = listeners::StreamPattern::parse(listener.stream)) {  // The reader has checked it.
        options.stream = std::move(*pattern);
    }
    options.overflow = listener.overflow;
    options.keep_severity = listener.keep_severity;
    options.limits.message_bytes_max =
        static_cast<std::uint32_t>(std::min(listener.message_bytes_max, limits.message_bytes_max));
    options.limits.fields_max = limits.record_fields_max;
    options.connections_max = listener.connections_max;
    options.connections_per_uid_max = listener.connections_per_uid_max;
    options.rate_burst = listener.rate_burst;
    options.rate_interval = listener.rate_interval;
    return options;
}

Task<Result<Sockets>> open_sockets(io::Kernel& kernel, const Config& config, LogOutput& log) {
    SLUICE_CO_TRY(PassedSockets sockets, take_passed_sockets());
    Passed passed(kernel, std::move(sockets.sockets));
    Sockets opened;
    opened.stored = std::move(sockets.stored);
    const std::vector<ListenerConfig> wanted = listeners_of(config, passed);
    check_queue_length(wanted, log);
    for (const ListenerConfig& listener : wanted) {
        const bool was_passed = passed.has(listener.name);
        Result<io::Handle> socket = co_await open_listener(kernel, listener, passed, log);
        if (!socket) {
            co_return std::unexpected(std::move(socket).error().during("listener {}", listener.name));
        }
        if (!was_passed) {
            opened.made_here.push_back(socket->fd());
        }
        opened.listeners.push_back({listener_options(listener, config.limits), std::move(*socket)});
    }
    for (const ListenerConfig& listener : config.listeners) {  // Not sluiced's own, because it is not wanted.
        if (!listener.enabled && passed.has(listener.name)) {
            log.warning("systemd passed a socket for listener {}, which is not enabled; it is closed", listener.name);
            passed.close(listener.name);
        }
    }
    opened.own = passed.take_own();
    if (opened.own) {
        log.info("listening on the socket that systemd passed");
    } else {
        const ListenConfig& own = config.listen;
        const Place place{own.socket, own.mode, own.owner, own.group, io::SocketKind::stream};
        SLUICE_CO_TRY(opened.own, co_await listen_at(kernel, place));
        opened.made_here.push_back(opened.own.fd());
        log.info("listening on {}", own.socket);
    }
    for (const PassedSocket& left : passed.left()) {
        log.warning("systemd passed a socket '{}', which no listener is named after; it is not used",
                    wire::escaped(left.name));
    }
    co_return std::move(opened);
}

}  // namespace sluice::daemon
