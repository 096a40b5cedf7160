#include "wire/file_messages.h"

namespace sluice::wire {
namespace {

void check_mode(Reader& reader, std::uint32_t mode) noexcept {
    if (mode > kModeMax) {
        reader.refuse(Errc::invalid_argument, "mode above 0777");
    }
}

}  // namespace

void OpenRequest::encode(Bytes& to) const {
    append_int(to, flags);
    append_int(to, mode);
    append_str(to, root);
    append_str(to, path);
}

Result<OpenRequest> OpenRequest::decode(ByteView payload) {
    Reader reader(payload);
    OpenRequest message;
    message.flags = reader.u32();
    message.mode = reader.u32();
    message.root = reader.path_str(kNameBytesMax);
    message.path = reader.path_str(kPathBytesMax);
    if ((message.flags & ~kOpenFlagsKnown) != 0) {
        reader.refuse(Errc::unsupported, "unknown flag");
    }
    check_mode(reader, message.mode);
    SLUICE_CHECK(reader.finish("open"));
    return message;
}

void OpenReply::encode(Bytes& to) const {
    append_int(to, handle);
    append_zeros(to, 4);
    append_int(to, size);
}

Result<OpenReply> OpenReply::decode(ByteView payload) {
    Reader reader(payload);
    OpenReply message;
    message.handle = reader.u32();
    reader.zeros(4);
    message.size = reader.u64();
    SLUICE_CHECK(reader.finish("open reply"));
    return message;
}

void ReadRequest::encode(Bytes& to) const {
    append_int(to, handle);
    append_int(to, length);
    append_int(to, offset);
}

Result<ReadRequest> ReadRequest::decode(ByteView payload) {
    Reader reader(payload);
    ReadRequest message;
    message.handle = reader.u32();
    message.length = reader.u32();
    message.offset = reader.u64();
    SLUICE_CHECK(reader.finish("read"));
    return message;
}

void ReadReply::encode(Bytes& to) const {
    sluice::append(to, data);
}

Result<ReadReply> ReadReply::decode(ByteView payload) {
    Reader reader(payload);
    ReadReply message;
    message.data = reader.rest();
    SLUICE_CHECK(reader.finish("read reply"));
    return message;
}

void WriteRequest::encode(Bytes& to) const {
    append_int(to, handle);
    append_int<std::uint32_t>(to, sync ? 1 : 0);
    append_int(to, offset);
    sluice::append(to, data);
}

Result<WriteRequest> WriteRequest::decode(ByteView payload) {
    Reader reader(payload);
    WriteRequest message;
    message.handle = reader.u32();
    message.sync = reader.flag(reader.u32());
    message.offset = reader.u64();
    message.data = reader.rest();
    SLUICE_CHECK(reader.finish("write"));
    return message;
}

void WriteReply::encode(Bytes& to) const {
    append_int(to, written);
}

Result<WriteReply> WriteReply::decode(ByteView payload) {
    Reader reader(payload);
    WriteReply message;
    message.written = reader.u64();
    SLUICE_CHECK(reader.finish("write reply"));
    return message;
}

void AppendRequest::encode(Bytes& to) const {
    append_int(to, handle);
    append_int<std::uint32_t>(to, sync ? 1 : 0);
    sluice::append(to, data);
}

Result<AppendRequest> AppendRequest::decode(ByteView payload) {
    Reader reader(payload);
    AppendRequest message;
    message.handle = reader.u32();
    message.sync = reader.flag(reader.u32());
    message.data = reader.rest();
    SLUICE_CHECK(reader.finish("append"));
    return message;
}

void AppendReply::encode(Bytes& to) const {
    append_int(to, offset);
    append_int(to, length);
}

Result<AppendReply> AppendReply::decode(ByteView payload) {
    Reader reader(payload);
    AppendReply message;
    message.offset = reader.u64();
    message.length = reader.u64();
    SLUICE_CHECK(reader.finish("append reply"));
    return message;
}

void SyncRequest::encode(Bytes& to) const {
    append_int(to, handle);
    append_int<std::uint32_t>(to, data_only ? 1 : 0);
}

Result<SyncRequest> SyncRequest::decode(ByteView payload) {
    Reader reader(payload);
    SyncRequest message;
    message.handle = reader.u32();
    message.data_only = reader.flag(reader.u32());
    SLUICE_CHECK(reader.finish("sync"));
    return message;
}

void StatRequest::encode(Bytes& to) const {
    append_int(to, handle);
    append_zeros(to, 4);
    append_str(to, root);
    append_str(to, path);
}

Result<StatRequest> StatRequest::decode(ByteView payload) {
    Reader reader(payload);
    StatRequest message;
    message.handle = reader.u32();
    reader.zeros(4);
    message.root = reader.path_str(kNameBytesMax);
    message.path = reader.path_str(kPathBytesMax);
    SLUICE_CHECK(reader.finish("stat"));
    return message;
}

void StatReply::encode(Bytes& to) const {
    append_int(to, size);
    append_int(to, mode);
    append_int(to, uid);
    append_int(to, gid);
    append_zeros(to, 4);
    append_int(to, mtime_ns);
}

Result<StatReply> StatReply::decode(ByteView payload) {
    Reader reader(payload);
    StatReply message;
    message.size = reader.u64();
    message.mode = reader.u32();
    message.uid = reader.u32();
    message.gid = reader.u32();
    reader.zeros(4);
    message.mtime_ns = reader.i64();
    SLUICE_CHECK(reader.finish("stat reply"));
    return message;
}

void CloseRequest::encode(Bytes& to) const {
    append_int(to, handle);
}

Result<CloseRequest> CloseRequest::decode(ByteView payload) {
    Reader reader(payload);
    CloseRequest message;
    message.handle = reader.u32();
    SLUICE_CHECK(reader.finish("close"));
    return message;
}

void CommitRequest::encode(Bytes& to) const {
    append_int(to, handle);
    append_int<std::uint32_t>(to, durable ? 1 : 0);
}

Result<CommitRequest> CommitRequest::decode(ByteView payload) {
    Reader reader(payload);
    CommitRequest message;
    message.handle = reader.u32();
    message.durable = reader.flag(reader.u32());
    SLUICE_CHECK(reader.finish("commit"));
    return message;
}

void GetRequest::encode(Bytes& to) const {
    append_int(to, credit);
    append_zeros(to, 4);
    append_int(to, offset);
    append_int(to, length);
    append_str(to, root);
    append_str(to, path);
}

Result<GetRequest> GetRequest::decode(ByteView payload) {
    Reader reader(payload);
    GetRequest message;
    message.credit = reader.u32();
    reader.zeros(4);
    message.offset = reader.u64();
    message.length = reader.u64();
    message.root = reader.path_str(kNameBytesMax);
    message.path = reader.path_str(kPathBytesMax);
    SLUICE_CHECK(reader.finish("get"));
    return message;
}

void GetChunk::encode(Bytes& to) const {
    sluice::append(to, data);
}

Result<GetChunk> GetChunk::decode(ByteView payload) {
    Reader reader(payload);
    GetChunk message;
    message.data = reader.rest();
    SLUICE_CHECK(reader.finish("get chunk"));
    return message;
}

void GetReply::encode(Bytes& to) const {
    append_int(to, size);
    append_int(to, mtime_ns);
    append_int(to, mode);
    append_zeros(to, 4);
}

Result<GetReply> GetReply::decode(ByteView payload) {
    Reader reader(payload);
    GetReply message;
    message.size = reader.u64();
    message.mtime_ns = reader.i64();
    message.mode = reader.u32();
    reader.zeros(4);
    SLUICE_CHECK(reader.finish("get reply"));
    return message;
}

void PutRequest::encode(Bytes& to) const {
    append_int<std::uint32_t>(to, (durable ? kPutDurable : 0) | (parents ? kPutParents : 0));
    append_int(to, mode);
    append_str(to, root);
    append_str(to, path);
    sluice::append(to, data);
}

Result<PutRequest> PutRequest::decode(ByteView payload) {
    Reader reader(payload);
    PutRequest message;
    const std::uint32_t flags = reader.u32();
    if ((flags & ~(kPutDurable | kPutParents)) != 0) {
        reader.refuse(Errc::unsupported, "unknown flag");
    }
    message.durable = (flags & kPutDurable) != 0;
    message.parents = (flags & kPutParents) != 0;
    message.mode = reader.u32();
    message.root = reader.path_str(kNameBytesMax);
    message.path = reader.path_str(kPathBytesMax);
    message.data = reader.rest();
    check_mode(reader, message.mode);
    SLUICE_CHECK(reader.finish("put"));
    return message;
}

void PutReply::encode(Bytes& to) const {
    append_int(to, size);
}

Result<PutReply> PutReply::decode(ByteView payload) {
    Reader reader(payload);
    PutReply message;
    message.size = reader.u64();
    SLUICE_CHECK(reader.finish("put reply"));
    return message;
}

}  // namespace sluice::wire
