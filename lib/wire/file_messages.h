// Payloads of the file messages.  Conventions as in messages.h.  A root and a path are UTF-8 by convention, contain no
// NUL, and are resolved by the daemon beneath the root.
#pragma once

#include "wire/codec.h"
#include "wire/frame.h"

namespace sluice::wire {

// OPEN flags.
inline constexpr std::uint32_t kOpenRead = 1;
inline constexpr std::uint32_t kOpenWrite = 2;
inline constexpr std::uint32_t kOpenCreate = 4;
inline constexpr std::uint32_t kOpenExclusive = 8;
inline constexpr std::uint32_t kOpenTruncate = 16;
inline constexpr std::uint32_t kOpenAppend = 32;
inline constexpr std::uint32_t kOpenReplace = 64;   // Write to a temporary; COMMIT puts it in place atomically.
inline constexpr std::uint32_t kOpenParents = 128;  // With replace: make the directories that are not there.
inline constexpr std::uint32_t kOpenFlagsKnown = 255;

inline constexpr std::uint32_t kModeMax = 0777;  // Of OPEN and PUT; above: invalid_argument.

struct OpenRequest {
    static constexpr MessageType kType = MessageType::open;
    std::uint32_t flags = 0;  // Unknown bits: unsupported.
    // Permission bits of a file that is created; at most kModeMax.  0: 0640; with replace, those of the file that is
    // there.
    std::uint32_t mode = 0;
    std::string_view root{};
    std::string_view path{};

    void encode(Bytes& to) const;
    static Result<OpenRequest> decode(ByteView payload);
};

struct OpenReply {
    static constexpr MessageType kType = reply_type(MessageType::open);
    std::uint32_t handle = 0;  // Never 0.
    std::uint64_t size = 0;

    void encode(Bytes& to) const;
    static Result<OpenReply> decode(ByteView payload);
};

struct ReadRequest {
    static constexpr MessageType kType = MessageType::read;
    std::uint32_t handle = 0;
    std::uint32_t length = 0;
    std::uint64_t offset = 0;

    void encode(Bytes& to) const;
    static Result<ReadRequest> decode(ByteView payload);
};

// Fewer bytes than asked: the end of the file.
struct ReadReply {
    static constexpr MessageType kType = reply_type(MessageType::read);
    ByteView data{};

    void encode(Bytes& to) const;
    static Result<ReadReply> decode(ByteView payload);
};

struct WriteRequest {
    static constexpr MessageType kType = MessageType::write;
    std::uint32_t handle = 0;
    bool sync = false;  // Answer only when durable.
    std::uint64_t offset = 0;
    ByteView data{};

    void encode(Bytes& to) const;
    static Result<WriteRequest> decode(ByteView payload);
};

struct WriteReply {
    static constexpr MessageType kType = reply_type(MessageType::write);
    std::uint64_t written = 0;

    void encode(Bytes& to) const;
    static Result<WriteReply> decode(ByteView payload);
};

struct AppendRequest {
    static constexpr MessageType kType = MessageType::append;
    std::uint32_t handle = 0;
    bool sync = false;
    ByteView data{};

    void encode(Bytes& to) const;
    static Result<AppendRequest> decode(ByteView payload);
};

struct AppendReply {
    static constexpr MessageType kType = reply_type(MessageType::append);
    std::uint64_t offset = 0;  // Where the data begins.
    std::uint64_t length = 0;

    void encode(Bytes& to) const;
    static Result<AppendReply> decode(ByteView payload);
};

struct SyncRequest {
    static constexpr MessageType kType = MessageType::sync;
    std::uint32_t handle = 0;
    bool data_only = false;

    void encode(Bytes& to) const;
    static Result<SyncRequest> decode(ByteView payload);
};

struct StatRequest {
    static constexpr MessageType kType = MessageType::stat;
    std::uint32_t handle = 0;  // 0: by root and path.
    std::string_view root{};
    std::string_view path{};

    void encode(Bytes& to) const;
    static Result<StatRequest> decode(ByteView payload);
};

struct StatReply {
    static constexpr MessageType kType = reply_type(MessageType::stat);
    std::uint64_t size = 0;
    std::uint32_t mode = 0;  // As st_mode: type and permission bits.
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int64_t mtime_ns = 0;

    void encode(Bytes& to) const;
    static Result<StatReply> decode(ByteView payload);
};

struct CloseRequest {
    static constexpr MessageType kType = MessageType::close;
    std::uint32_t handle = 0;

    void encode(Bytes& to) const;
    static Result<CloseRequest> decode(ByteView payload);
};

struct CommitRequest {
    static constexpr MessageType kType = MessageType::commit;
    std::uint32_t handle = 0;
    bool durable = false;

    void encode(Bytes& to) const;
    static Result<CommitRequest> decode(ByteView payload);
};

struct GetRequest {
    static constexpr MessageType kType = MessageType::get;
    std::uint32_t credit = 0;  // Initial credit in bytes.
    std::uint64_t offset = 0;
    std::uint64_t length = 0;  // 0: to the end.
    std::string_view root{};
    std::string_view path{};

    void encode(Bytes& to) const;
    static Result<GetRequest> decode(ByteView payload);
};

// A frame of GET with MORE.
struct GetChunk {
    static constexpr MessageType kType = reply_type(MessageType::get);
    ByteView data{};

    void encode(Bytes& to) const;
    static Result<GetChunk> decode(ByteView payload);
};

// The last frame of GET, without MORE.
struct GetReply {
    static constexpr MessageType kType = reply_type(MessageType::get);
    std::uint64_t size = 0;  // Of the file.
    std::int64_t mtime_ns = 0;
    std::uint32_t mode = 0;

    void encode(Bytes& to) const;
    static Result<GetReply> decode(ByteView payload);
};

inline constexpr std::uint32_t kPutDurable = 1;
inline constexpr std::uint32_t kPutParents = 2;

struct PutRequest {
    static constexpr MessageType kType = MessageType::put;
    bool durable = false;
    std::uint32_t mode = 0;  // As of OPEN with replace.
    std::string_view root{};
    std::string_view path{};
    ByteView data{};
    bool parents = false;  // Make the directories that are not there.

    void encode(Bytes& to) const;
    static Result<PutRequest> decode(ByteView payload);
};

struct PutReply {
    static constexpr MessageType kType = reply_type(MessageType::put);
    std::uint64_t size = 0;

    void encode(Bytes& to) const;
    static Result<PutReply> decode(ByteView payload);
};

}  // namespace sluice::wire
