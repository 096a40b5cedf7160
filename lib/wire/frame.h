// Request frames: how requests and replies are told apart on a stream socket.
//
//   0        4      6       8    16            20     24
//   +--------+------+-------+----+-------------+------+---------+
//   | length | type | flags | id | deadline_ms | zero | payload |
//   +--------+------+-------+----+-------------+------+---------+
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/limits.h"

namespace sluice::wire {

enum class MessageType : std::uint16_t {
    hello = 1,
    cancel = 2,
    credit = 3,
    ping = 4,
    log = 16,
    tail = 17,
    query = 18,
    open = 32,
    read = 33,
    write = 34,
    append = 35,
    sync = 36,
    stat = 37,
    close = 38,
    get = 39,
    put = 40,
    commit = 41,
    status = 48,
    error = 0xFFFF,  // Replies only.
};

inline constexpr std::uint16_t kReplyBit = 0x8000;

// Stable lower-case name of a request type, for counters and messages; "unknown" otherwise.
std::string_view message_type_name(MessageType type) noexcept;

constexpr MessageType reply_type(MessageType request) noexcept {
    return static_cast<MessageType>(static_cast<std::uint16_t>(request) | kReplyBit);
}

// Frame flags.
inline constexpr std::uint16_t kFrameLink = 1;  // Requests: the next one runs only if this one succeeds.
inline constexpr std::uint16_t kFrameMore = 2;  // Replies: more frames of this reply follow.

struct FrameHeader {
    std::uint32_t length = 0;  // Whole frame in bytes, this header included.
    MessageType type{};
    std::uint16_t flags = 0;
    std::uint64_t id = 0;           // Chosen by the client.  0: an error that belongs to no request.
    std::uint32_t deadline_ms = 0;  // Requests; from receipt.  0: none.
    std::uint32_t zero = 0;

    bool is_reply() const noexcept { return (static_cast<std::uint16_t>(type) & kReplyBit) != 0; }
    bool more() const noexcept { return (flags & kFrameMore) != 0; }
    bool link() const noexcept { return (flags & kFrameLink) != 0; }
};
inline constexpr std::size_t kFrameHeaderSize = 24;
static_assert(sizeof(FrameHeader) == kFrameHeaderSize);
static_assert(std::has_unique_object_representations_v<FrameHeader>);

// Precondition: at least kFrameHeaderSize bytes.  Errors: malformed (length below the header, the zero word),
// too_large (length above frame_bytes_max).
Result<FrameHeader> parse_frame_header(ByteView at, std::uint32_t frame_bytes_max);

// What a daemon checks of a request beyond that: id not 0, a request type it knows, no flag but LINK.
// Errors: malformed, unsupported.
Result<void> check_request_header(const FrameHeader& header);

// The header in wire form, for callers that send the payload from where it lies.
std::array<std::byte, kFrameHeaderSize> encode_frame_header(const FrameHeader& header) noexcept;

struct FrameView {
    FrameHeader header;
    ByteView payload{};
};

struct FrameOptions {
    std::uint16_t flags = 0;
    std::uint32_t deadline_ms = 0;
};

// Appends a frame whose payload is message.encode(to); Message::kType is its type.
template <class Message>
void append_frame(Bytes& to, std::uint64_t id, const Message& message, FrameOptions options = {}) {
    const std::size_t start = to.size();
    to.resize(start + kFrameHeaderSize);
    message.encode(to);
    FrameHeader header{.type = Message::kType, .flags = options.flags, .id = id, .deadline_ms = options.deadline_ms};
    header.length = static_cast<std::uint32_t>(to.size() - start);
    std::memcpy(to.data() + start, &header, sizeof header);
}

// Cuts a byte stream into frames.  A frame that lies whole in the fed bytes is returned as a view of them; the rest of
// a cut frame is collected in a buffer of exactly the frame's size, allocated only after its header was checked. Use:
// feed(); then next() until it returns nothing.  While a frame is incomplete the caller may instead receive straight
// into direct_space() and commit().
// Threads: one.  Errors are final: every later next() returns the same code.
class FrameSplitter {
 public:
    explicit FrameSplitter(std::uint32_t frame_bytes_max = kFrameBytesMax) noexcept
        : frame_bytes_max_(frame_bytes_max) {}

    // `received` is borrowed until next() has returned nothing.  Precondition: it has done so since the last feed.
    void feed(ByteView received) noexcept;

    // The next whole frame, or nothing when the fed bytes are used up.  The view is valid until the next call of any
    // non-const member (but take_buffer keeps it).  Errors: as parse_frame_header.
    Result<std::optional<FrameView>> next();

    // Frees the buffer of the frame last returned, as the next call of next() does.
    void discard_returned() noexcept;

    // What the next call of next() allocates: the size of a frame that is cut.  0: nothing.  Precondition:
    // discard_returned() was called, or next() returned no frame.
    std::size_t bytes_to_allocate() const noexcept;

    // Bytes that are known to be missing: the rest of a cut frame, or of its header.  0 between frames.
    std::size_t bytes_needed() const noexcept;

    // Where the rest of the cut frame belongs; empty unless its header is known.  Precondition: next() returned
    // nothing.
    std::span<std::byte> direct_space() noexcept;
    // `n` bytes were received into direct_space(); next() then returns the frame if it is whole.
    void commit(std::size_t n) noexcept;

    // Ownership of the buffer that holds the frame last returned by next(), header included; null when that frame lies
    // in the fed bytes.  The view stays valid as long as the buffer lives.
    std::unique_ptr<std::byte[]> take_buffer() noexcept;

    // The fed bytes that next() has not returned yet.
    ByteView unread() const noexcept { return fed_; }
    // The caller has moved them: continues in the copy.  Precondition: the same bytes as unread().
    void move_unread(ByteView copy) noexcept { fed_ = copy; }

    // Memory held for a cut frame, in bytes.
    std::size_t buffered_bytes() const noexcept { return buffer_ ? frame_size_ : 0; }

 private:
    Result<std::optional<FrameView>> next_buffered();
    Result<FrameHeader> check(ByteView at);

    std::uint32_t frame_bytes_max_;
    ByteView fed_{};
    std::array<std::byte, kFrameHeaderSize> head_{};  // Of a frame whose header is itself cut.
    std::unique_ptr<std::byte[]> buffer_;             // Null unless a frame is cut.
    std::size_t frame_size_ = 0;                      // Of buffer_.
    std::size_t have_ = 0;                            // Bytes in buffer_, or in head_ while buffer_ is null.
    bool returned_ = false;                           // buffer_ holds the frame that next() returned.
    std::optional<Errc> failed_;
};

}  // namespace sluice::wire
