// The sockets of the load generator: raw on purpose, so that the generator costs less than what it measures.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <memory>
#include <string>

#include "client/connection.h"

namespace sluice::cli {

inline std::uint64_t now_ns() noexcept {
    return static_cast<std::uint64_t>(SystemClock().now().since_origin.count());
}

// Lifts the soft limit of open files to the hard one.
void allow_many_files() noexcept;

class Epoll {
 public:
    static Result<Epoll> create();
    Epoll(Epoll&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Epoll& operator=(Epoll&&) = delete;
    ~Epoll();
    void watch(int fd, std::uint32_t events, std::uint64_t tag);
    void change(int fd, std::uint32_t events, std::uint64_t tag);
    // At most `wait_ns`; the events that came.
    std::span<const epoll_event> wait(std::uint64_t wait_ns);

 private:
    explicit Epoll(int fd) noexcept : fd_(fd) {}
    int fd_;
    std::array<epoll_event, 256> events_{};
};

// Receives in large pieces and calls `visit(header, payload)` for each whole frame in them.
class FrameReader {
 public:
    explicit FrameReader(std::size_t bytes) : buffer_(bytes) {}

    // Errors: closed; malformed (a frame larger than the buffer); what `visit` returns.
    template <class Visit>
    Result<void> receive(int fd, Visit&& visit) {
        SLUICE_TRY(const std::size_t received, receive_some(fd));
        if (received == 0) {
            return {};
        }
        std::size_t at = 0;
        while (have_ - at >= wire::kFrameHeaderSize) {
            wire::FrameHeader header;
            std::memcpy(&header, buffer_.data() + at, sizeof header);
            if (header.length < wire::kFrameHeaderSize || header.length > buffer_.size()) {
                return fail(Errc::malformed, "a reply of {} bytes", header.length);
            }
            if (have_ - at < header.length) {
                break;
            }
            const ByteView payload{buffer_.data() + at + wire::kFrameHeaderSize,
                                   header.length - wire::kFrameHeaderSize};
            if (header.type == wire::MessageType::error) {
                return std::unexpected(error_of(payload));
            }
            SLUICE_CHECK(visit(header, payload));
            at += header.length;
        }
        std::memmove(buffer_.data(), buffer_.data() + at, have_ - at);
        have_ -= at;
        return {};
    }

 private:
    Result<std::size_t> receive_some(int fd);
    static Error error_of(ByteView payload);
    Bytes buffer_;
    std::size_t have_ = 0;
};

// Sends without waiting; the number of bytes taken, 0 when the socket is full.
Result<std::size_t> send_some(int fd, std::span<const ByteView> pieces);

// A record of `bytes` in all, in `stream`, with a message that is printable and does not compress to nothing.
Bytes bench_record(std::string_view stream, std::size_t bytes);

}  // namespace sluice::cli
