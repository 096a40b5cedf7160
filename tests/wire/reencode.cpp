#include "reencode.h"

#include "wire/messages.h"

namespace sluice::test {
namespace {

using namespace wire;

template <class Message>
Result<Bytes> again(const FrameView& frame) {
    SLUICE_TRY(const auto message, Message::decode(frame.payload));
    Bytes bytes;
    append_frame(bytes, frame.header.id, message,
                 {.flags = frame.header.flags, .deadline_ms = frame.header.deadline_ms});
    return bytes;
}

Result<Bytes> request_again(const FrameView& frame) {
    switch (frame.header.type) {
        case MessageType::hello:
            return again<HelloRequest>(frame);
        case MessageType::cancel:
            return again<CancelRequest>(frame);
        case MessageType::credit:
            return again<Credit>(frame);
        case MessageType::ping:
            return again<PingRequest>(frame);
        case MessageType::log:
            return again<LogRequest>(frame);
        case MessageType::tail:
            return again<TailRequest>(frame);
        case MessageType::query:
            return again<QueryRequest>(frame);
        case MessageType::open:
            return again<OpenRequest>(frame);
        case MessageType::read:
            return again<ReadRequest>(frame);
        case MessageType::write:
            return again<WriteRequest>(frame);
        case MessageType::append:
            return again<AppendRequest>(frame);
        case MessageType::sync:
            return again<SyncRequest>(frame);
        case MessageType::stat:
            return again<StatRequest>(frame);
        case MessageType::close:
            return again<CloseRequest>(frame);
        case MessageType::get:
            return again<GetRequest>(frame);
        case MessageType::put:
            return again<PutRequest>(frame);
        case MessageType::commit:
            return again<CommitRequest>(frame);
        case MessageType::status:
            return again<StatusRequest>(frame);
        case MessageType::error:
            break;
    }
    return fail(Errc::unsupported, "no such request");
}

}  // namespace

Result<Bytes> reencode(const FrameView& frame) {
    if (frame.header.type == MessageType::error) {
        return again<ErrorReply>(frame);
    }
    if (!frame.header.is_reply()) {
        return request_again(frame);
    }
    switch (static_cast<MessageType>(static_cast<std::uint16_t>(frame.header.type) & ~kReplyBit)) {
        case MessageType::hello:
            return again<HelloReply>(frame);
        case MessageType::cancel:
            return again<CancelReply>(frame);
        case MessageType::ping:
            return again<PingReply>(frame);
        case MessageType::log:
            return again<LogReply>(frame);
        case MessageType::tail:
            return frame.header.more() ? again<TailChunk>(frame) : again<TailEnd>(frame);
        case MessageType::query:
            return frame.header.more() ? again<QueryChunk>(frame) : again<QueryEnd>(frame);
        case MessageType::open:
            return again<OpenReply>(frame);
        case MessageType::read:
            return again<ReadReply>(frame);
        case MessageType::write:
            return again<WriteReply>(frame);
        case MessageType::append:
            return again<AppendReply>(frame);
        case MessageType::sync:
            return again<SyncReply>(frame);
        case MessageType::stat:
            return again<StatReply>(frame);
        case MessageType::close:
            return again<CloseReply>(frame);
        case MessageType::get:
            return frame.header.more() ? again<GetChunk>(frame) : again<GetReply>(frame);
        case MessageType::put:
            return again<PutReply>(frame);
        case MessageType::commit:
            return again<CommitReply>(frame);
        case MessageType::status:
            return again<StatusReply>(frame);
        case MessageType::credit:
        case MessageType::error:
            break;
    }
    return fail(Errc::unsupported, "no such reply");
}

}  // namespace sluice::test
