// Payloads of the session messages: HELLO, CANCEL, CREDIT, PING, STATUS, errors, LOG.  Byte tables: docs/protocol.md.
// Every struct has kType, encode (appends the payload) and decode (exact: trailing bytes are malformed).  Decoded text
// and bytes are views of the payload.  Errors of every decode: malformed, too_large.
#pragma once

#include "wire/codec.h"
#include "wire/file_messages.h"
#include "wire/frame.h"
#include "wire/query_messages.h"
#include "wire/tail_messages.h"

namespace sluice::wire {

inline constexpr std::uint32_t kHelloMagic = 0x49554C53;  // "SLUI"
inline constexpr std::uint16_t kProtocolVersion = 1;
inline constexpr std::uint64_t kFeaturesKnown = 0;  // Feature bits of this build; none are defined yet.

struct HelloRequest {
    static constexpr MessageType kType = MessageType::hello;
    std::uint16_t version_min = kProtocolVersion;
    std::uint16_t version_max = kProtocolVersion;
    std::uint64_t features = 0;
    std::string_view client_name{};  // At most kNameBytesMax.

    void encode(Bytes& to) const;
    static Result<HelloRequest> decode(ByteView payload);
};

struct HelloReply {
    static constexpr MessageType kType = reply_type(MessageType::hello);
    std::uint16_t version = kProtocolVersion;
    std::uint32_t epoch = 0;
    std::uint64_t features = 0;
    StoreId store{};
    std::uint32_t frame_bytes_max = kFrameBytesMax;
    std::uint32_t requests_in_flight_max = kRequestsInFlightMax;
    std::uint32_t log_records_max = kLogRecordsMax;
    std::uint32_t handles_max = kHandlesMax;
    std::string_view server_version{};

    void encode(Bytes& to) const;
    static Result<HelloReply> decode(ByteView payload);
};

// What a daemon answers to `request`: the version to speak.  Errors: unsupported, naming the version or the feature
// bit.
Result<std::uint16_t> negotiate(const HelloRequest& request);

struct CancelRequest {
    static constexpr MessageType kType = MessageType::cancel;
    std::uint64_t target = 0;  // Id of the request to cancel.

    void encode(Bytes& to) const;
    static Result<CancelRequest> decode(ByteView payload);
};

enum class CancelOutcome : std::uint8_t { asked = 0, not_found = 1 };

struct CancelReply {
    static constexpr MessageType kType = reply_type(MessageType::cancel);
    CancelOutcome outcome = CancelOutcome::asked;

    void encode(Bytes& to) const;
    static Result<CancelReply> decode(ByteView payload);
};

struct Credit {
    static constexpr MessageType kType = MessageType::credit;
    std::uint64_t target = 0;  // Id of a request with a streamed reply.
    std::uint32_t bytes = 0;   // Added to its credit.

    void encode(Bytes& to) const;
    static Result<Credit> decode(ByteView payload);
};

// PING, its reply, STATUS, and the replies that say only "done".
template <MessageType type>
struct Empty {
    static constexpr MessageType kType = type;
    void encode(Bytes&) const noexcept {}
    static Result<Empty> decode(ByteView payload) {
        if (!payload.empty()) {
            return fail(Errc::malformed, "{} bytes where none are expected", payload.size());
        }
        return Empty{};
    }
};
using PingRequest = Empty<MessageType::ping>;
using PingReply = Empty<reply_type(MessageType::ping)>;
using StatusRequest = Empty<MessageType::status>;
using SyncReply = Empty<reply_type(MessageType::sync)>;
using CloseReply = Empty<reply_type(MessageType::close)>;
using CommitReply = Empty<reply_type(MessageType::commit)>;

struct StatusReply {
    static constexpr MessageType kType = reply_type(MessageType::status);
    std::string_view json{};

    void encode(Bytes& to) const;
    static Result<StatusReply> decode(ByteView payload);
};

struct ErrorReply {
    static constexpr MessageType kType = MessageType::error;
    Errc code = Errc::internal;  // May be a number this build does not know.
    std::int32_t sys_errno = 0;
    std::string_view text{};  // Cut at kErrorTextBytesMax by encode.

    static ErrorReply of(const Error& error) noexcept { return {error.code(), error.sys_errno(), error.text()}; }
    Error to_error() const { return {code, sys_errno, std::string(text)}; }
    void encode(Bytes& to) const;
    static Result<ErrorReply> decode(ByteView payload);
};

enum class AckLevel : std::uint8_t { accepted = 0, written = 1, durable = 2 };
std::string_view ack_level_name(AckLevel level) noexcept;
std::optional<AckLevel> parse_ack_level(std::string_view name) noexcept;

struct LogRequest {
    static constexpr MessageType kType = MessageType::log;
    AckLevel level = AckLevel::accepted;
    ByteView batch{};  // Not validated here: import_batch does that.

    void encode(Bytes& to) const;
    static Result<LogRequest> decode(ByteView payload);
};
inline constexpr std::size_t kLogPrefixSize = 4;  // level and zeros, before the batch

// Frame header and prefix of a LOG whose batch is sent from where it lies.
std::array<std::byte, kFrameHeaderSize + kLogPrefixSize> encode_log_head(std::uint64_t id, AckLevel level,
                                                                         std::size_t batch_bytes,
                                                                         FrameOptions options = {}) noexcept;

struct LogReply {
    static constexpr MessageType kType = reply_type(MessageType::log);
    AckLevel level = AckLevel::accepted;  // Reached.
    bool duplicate = false;               // The number was stored before.
    std::uint32_t dropped_fields = 0;
    std::uint32_t count = 0;
    std::uint32_t epoch = 0;
    std::uint64_t first_sequence = 0;  // 0 with accepted.

    void encode(Bytes& to) const;
    static Result<LogReply> decode(ByteView payload);
};

}  // namespace sluice::wire
