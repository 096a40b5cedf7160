// A scripted daemon in the test's own process: a real Unix socket, frames by lib/wire, and a thread that does what the
// script says.  Nothing in it sleeps; every wait ends when the other side acts, or after a bound that fails the test.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include "wire/messages.h"

namespace sluice::client {

// How long a test waits for what must come.
inline constexpr Duration kPatience = std::chrono::seconds(20);

inline constexpr int kTestPatienceMs = 20'000;

struct TestRequest {
    wire::FrameHeader header;
    Bytes payload;
};

// The daemon's end of one connection.
class Peer {
 public:
    explicit Peer(int fd) : fd_(fd) {}
    Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)), pending_(std::move(other.pending_)) {}
    Peer& operator=(Peer&&) = delete;
    ~Peer() { hang_up(); }

    void hang_up() {
        if (fd_ >= 0) {
            ::close(fd_);
            fd_ = -1;
        }
    }
    bool gone() const noexcept { return fd_ < 0; }
    // Of the process that connected.
    pid_t pid() const {
        ucred credentials{};
        socklen_t size = sizeof credentials;
        EXPECT_EQ(::getsockopt(fd_, SOL_SOCKET, SO_PEERCRED, &credentials, &size), 0);
        return credentials.pid;
    }

    // The next request; nothing when the client has hung up.
    std::optional<TestRequest> next() {
        for (;;) {
            if (pending_.size() >= wire::kFrameHeaderSize) {
                wire::FrameHeader header;
                std::memcpy(&header, pending_.data(), sizeof header);
                if (pending_.size() >= header.length) {
                    TestRequest request{
                        header, Bytes(pending_.begin() + wire::kFrameHeaderSize, pending_.begin() + header.length)};
                    pending_.erase(pending_.begin(), pending_.begin() + header.length);
                    return request;
                }
            }
            if (!wait_readable()) {
                return std::nullopt;
            }
            std::array<std::byte, 65536> buffer;
            const ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), 0);
            if (n <= 0) {
                return std::nullopt;
            }
            pending_.insert(pending_.end(), buffer.begin(), buffer.begin() + n);
        }
    }
    // The next request of that type; fails the test on another one.
    template <class Message>
    std::optional<TestRequest> expect() {
        auto request = next();
        if (request && request->header.type != Message::kType) {
            ADD_FAILURE() << "a request of type " << static_cast<unsigned>(request->header.type);
            return std::nullopt;
        }
        return request;
    }

    void send(ByteView bytes) {
        while (!bytes.empty()) {
            const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) {
                return;
            }
            bytes = bytes.subspan(static_cast<std::size_t>(n));
        }
    }
    template <class Message>
    void reply(std::uint64_t id, const Message& message, bool more = false) {
        Bytes frame;
        wire::append_frame(frame, id, message, {.flags = more ? wire::kFrameMore : std::uint16_t{0}});
        send(frame);
    }
    void refuse(std::uint64_t id, Errc code, std::string_view text = "refused by the script") {
        reply(id, wire::ErrorReply{.code = code, .sys_errno = 0, .text = text});
    }
    bool greet(const wire::HelloReply& hello = {}) {
        const auto request = expect<wire::HelloRequest>();
        if (request) {
            reply(request->header.id, hello);
        }
        return request.has_value();
    }
    // More was sent already.
    bool has_input() const {
        pollfd entry{.fd = fd_, .events = POLLIN, .revents = 0};
        return !pending_.empty() || ::poll(&entry, 1, 0) > 0;
    }
    bool wait_for_input() const { return wait_readable(); }
    // Waits until the client has hung up.
    void wait_for_end() {
        while (next()) {
        }
    }

 private:
    bool wait_readable() const {
        pollfd entry{.fd = fd_, .events = POLLIN, .revents = 0};
        if (::poll(&entry, 1, kTestPatienceMs) > 0) {
            return true;
        }
        ADD_FAILURE() << "the client sent nothing for " << kTestPatienceMs << " ms";
        return false;
    }

    int fd_;
    Bytes pending_;
};

// Listens from the constructor on; run() gives the listening socket to a script in a thread.
class FakeDaemon {
 public:
    FakeDaemon() {
        static std::atomic<int> count{0};
        directory_ = std::filesystem::temp_directory_path() /
                     ("sluice-client-test-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
        std::filesystem::create_directory(directory_);
        path_ = directory_ / "s.sock";
        listen();
    }
    ~FakeDaemon() {
        if (thread_.joinable()) {
            thread_.join();
        }
        stop_listening();
        std::filesystem::remove_all(directory_);
    }

    const std::string& path() const noexcept { return path_; }

    void listen() {
        fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
        ASSERT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        ASSERT_EQ(::listen(fd_, 16), 0);
    }
    void stop_listening() {
        if (fd_ >= 0) {
            ::close(fd_);
            ::unlink(path_.c_str());
            fd_ = -1;
        }
    }
    // The next connection; one that is gone() when none came.
    Peer accept() {
        pollfd entry{.fd = fd_, .events = POLLIN, .revents = 0};
        if (::poll(&entry, 1, kTestPatienceMs) <= 0) {
            ADD_FAILURE() << "no client connected within " << kTestPatienceMs << " ms";
            return Peer(-1);
        }
        return Peer(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC));
    }
    // Runs `script` in a thread; the destructor, or join(), waits for it.
    void run(std::function<void(FakeDaemon&)> script) {
        thread_ = std::thread([this, script = std::move(script)] { script(*this); });
    }
    void join() { thread_.join(); }

 private:
    std::filesystem::path directory_;
    std::string path_;
    int fd_ = -1;
    std::thread thread_;
};

// A daemon's memory of producers and records, as the rule of numbers demands it.
class FakeLog {
 public:
    struct Stored {
        std::string message;
        std::uint64_t sequence;
        WallNs time;  // As the client says.
    };

    // Answers a LOG as a daemon does.
    void serve(Peer& peer, const TestRequest& request) {
        const auto log = wire::LogRequest::decode(request.payload);
        ASSERT_TRUE(log) << log.error();
        ByteView at = log->batch;
        const auto batch = wire::parse_batch(at);
        ASSERT_TRUE(batch) << batch.error();
        auto& last = last_[batch->header.producer];
        const std::uint64_t number = batch->header.number;
        if (number > last.number + 1) {
            peer.refuse(request.header.id, Errc::out_of_order);
            return;
        }
        const bool duplicate = number <= last.number;
        if (!duplicate) {
            last = {number, next_sequence_};
            for (const wire::RecordView record : batch->records) {
                records_.push_back({std::string(record.message()), next_sequence_++, record.time_ns()});
            }
        }
        peer.reply(request.header.id, wire::LogReply{.level = log->level,
                                                     .duplicate = duplicate,
                                                     .count = batch->header.count,
                                                     .epoch = 1,
                                                     .first_sequence = last.first_sequence});
    }
    void forget_producers() { last_.clear(); }
    const std::vector<Stored>& records() const noexcept { return records_; }
    std::size_t producers() const noexcept { return last_.size(); }

 private:
    struct Last {
        std::uint64_t number = 0;
        std::uint64_t first_sequence = 0;
    };
    std::map<wire::ProducerId, Last> last_;
    std::vector<Stored> records_;
    std::uint64_t next_sequence_ = 1;
};

inline std::vector<std::string> messages_of(const FakeLog& log) {
    std::vector<std::string> messages;
    for (const FakeLog::Stored& record : log.records()) {
        messages.push_back(record.message);
    }
    return messages;
}

}  // namespace sluice::client
