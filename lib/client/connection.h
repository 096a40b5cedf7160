// One connection to sluiced: a non-blocking stream socket, the HELLO exchange, and frames in both directions.
// It never waits unless asked to (wait_ready, step): the blocking calls of Client and an event loop drive the same
// code.
// Fork: a connection is of the process that made it.  In a child each call that would use the socket fails with closed,
// and the destructor closes the child's descriptor only.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "client/fork_mark.h"
#include "wire/messages.h"

namespace sluice::client {

// $SLUICE_SOCKET, else $XDG_RUNTIME_DIR/sluice/sluice.sock if there is one (the user's own daemon), else
// /run/sluice/sluice.sock.
std::string default_socket_path();

// "Wait as long as it takes."
inline constexpr Duration kForever = Duration::max();

struct ConnectOptions {
    std::string client_name;                             // Told to the daemon; at most 255 bytes, longer is cut.
    Duration connect_timeout = std::chrono::seconds(5);  // For connect(2) and the reply to HELLO together.
};

// What the daemon said of itself in HELLO.
struct ServerInfo {
    std::uint16_t version = 0;
    std::uint32_t epoch = 0;
    wire::StoreId store{};
    std::uint32_t frame_bytes_max = 0;
    std::uint32_t requests_in_flight_max = 0;
    std::uint32_t log_records_max = 0;
    std::uint32_t handles_max = 0;
    std::string server_version;
};

// A received frame; owns its bytes.
struct Reply {
    wire::FrameHeader header;
    ByteView payload;
    std::unique_ptr<std::byte[]> storage;

    // The message, as a view of this reply.  Errors: the daemon's own, when the reply is an error; malformed.
    template <class Message>
    Result<Message> decode() const {
        if (header.type == wire::MessageType::error) {
            return std::unexpected(error());
        }
        if (header.type != Message::kType) {
            return fail(Errc::malformed, "a reply of type 0x{:04x} where 0x{:04x} was expected",
                        static_cast<unsigned>(header.type), static_cast<unsigned>(Message::kType));
        }
        return Message::decode(payload);
    }
    bool is_error() const noexcept { return header.type == wire::MessageType::error; }
    // Precondition: is_error().
    Error error() const;
};

// Threads: one at a time.
class Connection {
 public:
    enum class Backlog : std::uint8_t {
        refuse,  // A daemon too busy to accept fails the connect at once with limit_exceeded.
        wait,    // It is waited for, within connect_timeout.
    };

    // Connects and sends HELLO, without waiting for its reply.  Requests may be queued already; they are held back
    // until the daemon has answered.  Errors: not_found or closed (nobody listens at `path`), permission_denied,
    // invalid_argument (a path that no socket address can hold), limit_exceeded.
    static Result<std::unique_ptr<Connection>> start(const std::string& path, const ConnectOptions& options,
                                                     Backlog backlog = Backlog::refuse);
    // The same, and waits until ready().  Further errors: deadline_exceeded, and what the daemon answers to HELLO.
    static Result<std::unique_ptr<Connection>> connect(const std::string& path, const ConnectOptions& options = {});

    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    // HELLO has been answered; server() is valid from then on.
    bool ready() const noexcept { return ready_; }
    const ServerInfo& server() const noexcept { return server_; }

    // An id that no request of this connection has.
    std::uint64_t next_id() noexcept { return next_id_++; }

    // Queues a request and returns its id.  Nothing is sent before process() or step().
    template <class Request>
    std::uint64_t queue(const Request& request, wire::FrameOptions options = {}) {
        const std::uint64_t id = next_id();
        wire::append_frame(output_, id, request, options);
        return id;
    }
    // Queues a whole frame whose id came from next_id(), copying it.
    void queue_frame(ByteView frame);

    // For poll(2) or epoll.
    int fd() const noexcept { return fd_; }
    short wanted_events() const noexcept;
    // Bytes queued and not yet taken by the kernel.
    std::size_t unsent_bytes() const noexcept { return output_.size() - sent_; }

    // Sends and receives what is possible without waiting.  After an error the connection is broken: every later call
    // returns the same error, and take() still yields what had arrived before.
    Result<void> process();
    // Only the sending half of it.
    Result<void> send_queued();
    // Waits at most `wait` for the socket, then process().
    Result<void> step(Duration wait);

    // The next frame received, in order of arrival; HELLO's reply is not among them.
    std::optional<Reply> take();
    bool has_reply() const noexcept { return !inbox_.empty(); }

 private:
    explicit Connection(int fd) noexcept;
    Result<void> receive_available();
    Result<std::size_t> receive_once(std::span<std::byte> into);
    Result<void> sort_frames();
    Result<void> accept_frame(const wire::FrameView& frame);
    Result<void> accept_hello(const wire::FrameView& frame);
    Result<void> broken(Error error);
    Result<void> usable();

    int fd_;
    bool ready_ = false;
    std::uint64_t next_id_ = 2;  // HELLO has 1.
    ServerInfo server_;
    Bytes output_;
    std::size_t hello_bytes_ = 0;  // The front of output_ that may leave before HELLO is answered.
    std::size_t sent_ = 0;         // Of output_.
    std::unique_ptr<std::byte[]> input_;
    wire::FrameSplitter splitter_;
    std::deque<Reply> inbox_;
    std::size_t inbox_bytes_ = 0;
    std::optional<Error> error_;
    ForkMark mark_;
};

// Waits at most `wait` for `events` on `fd`; false: nothing happened.  A signal ends the wait early.
bool wait_for(int fd, short events, Duration wait) noexcept;

}  // namespace sluice::client
