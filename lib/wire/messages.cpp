#include "wire/messages.h"

#include <algorithm>
#include <bit>

namespace sluice::wire {

void HelloRequest::encode(Bytes& to) const {
    append_int(to, kHelloMagic);
    append_int(to, version_min);
    append_int(to, version_max);
    append_int(to, features);
    append_str(to, client_name);
}

Result<HelloRequest> HelloRequest::decode(ByteView payload) {
    Reader reader(payload);
    HelloRequest hello;
    if (reader.u32() != kHelloMagic) {
        reader.refuse(Errc::malformed, "does not start with SLUI");
    }
    hello.version_min = reader.u16();
    hello.version_max = reader.u16();
    hello.features = reader.u64();
    hello.client_name = reader.str(kNameBytesMax);
    SLUICE_CHECK(reader.finish("hello"));
    return hello;
}

void HelloReply::encode(Bytes& to) const {
    append_int(to, version);
    append_zeros(to, 2);
    append_int(to, epoch);
    append_int(to, features);
    sluice::append(to, store);
    append_int(to, frame_bytes_max);
    append_int(to, requests_in_flight_max);
    append_int(to, log_records_max);
    append_int(to, handles_max);
    append_str(to, server_version);
}

Result<HelloReply> HelloReply::decode(ByteView payload) {
    Reader reader(payload);
    HelloReply hello;
    hello.version = reader.u16();
    reader.zeros(2);
    hello.epoch = reader.u32();
    hello.features = reader.u64();
    hello.store = reader.id();
    hello.frame_bytes_max = reader.u32();
    hello.requests_in_flight_max = reader.u32();
    hello.log_records_max = reader.u32();
    hello.handles_max = reader.u32();
    hello.server_version = reader.str(kNameBytesMax);
    SLUICE_CHECK(reader.finish("hello reply"));
    return hello;
}

Result<std::uint16_t> negotiate(const HelloRequest& request) {
    if (request.version_min > kProtocolVersion || request.version_max < kProtocolVersion) {
        return fail(Errc::unsupported, "hello: protocol versions {} to {}; this daemon speaks {}", request.version_min,
                    request.version_max, kProtocolVersion);
    }
    if (const std::uint64_t unknown = request.features & ~kFeaturesKnown; unknown != 0) {
        return fail(Errc::unsupported, "hello: unknown feature bit {}", std::countr_zero(unknown));
    }
    return kProtocolVersion;
}

void CancelRequest::encode(Bytes& to) const {
    append_int(to, target);
}

Result<CancelRequest> CancelRequest::decode(ByteView payload) {
    Reader reader(payload);
    CancelRequest cancel;
    cancel.target = reader.u64();
    SLUICE_CHECK(reader.finish("cancel"));
    return cancel;
}

void CancelReply::encode(Bytes& to) const {
    append_int(to, static_cast<std::uint8_t>(outcome));
}

Result<CancelReply> CancelReply::decode(ByteView payload) {
    Reader reader(payload);
    const auto outcome = reader.u8();
    if (outcome > static_cast<std::uint8_t>(CancelOutcome::not_found)) {
        reader.refuse(Errc::malformed, "unknown outcome");
    }
    SLUICE_CHECK(reader.finish("cancel reply"));
    return CancelReply{static_cast<CancelOutcome>(outcome)};
}

void Credit::encode(Bytes& to) const {
    append_int(to, target);
    append_int(to, bytes);
}

Result<Credit> Credit::decode(ByteView payload) {
    Reader reader(payload);
    Credit credit;
    credit.target = reader.u64();
    credit.bytes = reader.u32();
    SLUICE_CHECK(reader.finish("credit"));
    return credit;
}

void StatusReply::encode(Bytes& to) const {
    append_str(to, json);
}

Result<StatusReply> StatusReply::decode(ByteView payload) {
    Reader reader(payload);
    StatusReply status;
    status.json = reader.str(payload.size());
    SLUICE_CHECK(reader.finish("status reply"));
    return status;
}

void ErrorReply::encode(Bytes& to) const {
    append_int(to, static_cast<std::uint16_t>(code));
    append_zeros(to, 2);
    append_int(to, sys_errno);
    append_str(to, text.substr(0, kErrorTextBytesMax));
}

Result<ErrorReply> ErrorReply::decode(ByteView payload) {
    Reader reader(payload);
    ErrorReply error;
    error.code = static_cast<Errc>(reader.u16());
    reader.zeros(2);
    error.sys_errno = reader.take<std::int32_t>();
    error.text = reader.str(kErrorTextBytesMax);
    SLUICE_CHECK(reader.finish("error reply"));
    return error;
}

namespace {

constexpr std::array<std::string_view, 3> kAckLevels{"accepted", "written", "durable"};

AckLevel ack_level(Reader& reader) noexcept {
    const auto level = reader.u8();
    if (level >= kAckLevels.size()) {
        reader.refuse(Errc::invalid_argument, "unknown acknowledgement level");
        return AckLevel::accepted;
    }
    return static_cast<AckLevel>(level);
}

}  // namespace

std::string_view ack_level_name(AckLevel level) noexcept {
    const auto index = static_cast<std::size_t>(level);
    return index < kAckLevels.size() ? kAckLevels[index] : "invalid";
}

std::optional<AckLevel> parse_ack_level(std::string_view name) noexcept {
    const auto* found = std::find(kAckLevels.begin(), kAckLevels.end(), name);
    if (found == kAckLevels.end()) {
        return std::nullopt;
    }
    return static_cast<AckLevel>(found - kAckLevels.begin());
}

void LogRequest::encode(Bytes& to) const {
    append_int(to, static_cast<std::uint8_t>(level));
    append_zeros(to, 3);
    sluice::append(to, batch);
}

Result<LogRequest> LogRequest::decode(ByteView payload) {
    Reader reader(payload);
    LogRequest log;
    log.level = ack_level(reader);
    reader.zeros(3);
    log.batch = reader.rest();
    SLUICE_CHECK(reader.finish("log"));
    return log;
}

std::array<std::byte, kFrameHeaderSize + kLogPrefixSize> encode_log_head(std::uint64_t id, AckLevel level,
                                                                         std::size_t batch_bytes,
                                                                         FrameOptions options) noexcept {
    std::array<std::byte, kFrameHeaderSize + kLogPrefixSize> head{};
    FrameHeader header{.type = LogRequest::kType, .flags = options.flags, .id = id, .deadline_ms = options.deadline_ms};
    header.length = static_cast<std::uint32_t>(head.size() + batch_bytes);
    std::memcpy(head.data(), &header, sizeof header);
    head[kFrameHeaderSize] = static_cast<std::byte>(level);
    return head;
}

void LogReply::encode(Bytes& to) const {
    append_int(to, static_cast<std::uint8_t>(level));
    append_int(to, static_cast<std::uint8_t>(duplicate ? 1 : 0));
    append_zeros(to, 2);
    append_int(to, dropped_fields);
    append_int(to, count);
    append_int(to, epoch);
    append_int(to, first_sequence);
}

Result<LogReply> LogReply::decode(ByteView payload) {
    Reader reader(payload);
    LogReply log;
    log.level = ack_level(reader);
    log.duplicate = reader.flag(reader.u8());
    reader.zeros(2);
    log.dropped_fields = reader.u32();
    log.count = reader.u32();
    log.epoch = reader.u32();
    log.first_sequence = reader.u64();
    SLUICE_CHECK(reader.finish("log reply"));
    return log;
}

}  // namespace sluice::wire
