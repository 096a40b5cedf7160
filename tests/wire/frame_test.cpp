#include "wire/frame.h"

#include <gtest/gtest.h>

#include "wire/messages.h"

namespace sluice::wire {
namespace {

Bytes frames(std::initializer_list<std::string_view> data) {
    Bytes bytes;
    std::uint64_t id = 0;
    for (const std::string_view text : data) {
        append_frame(bytes, ++id, ReadReply{as_bytes(text)});
    }
    return bytes;
}

// Payloads of all frames that come out, each with a mark when it was not copied.
std::string take_all(FrameSplitter& splitter, ByteView fed) {
    splitter.feed(fed);
    std::string shown;
    for (;;) {
        const auto frame = splitter.next();
        if (!frame || !*frame) {
            return shown + (frame ? "" : "!");
        }
        const ByteView payload = (*frame)->payload;
        const bool borrowed = payload.data() >= fed.data() && payload.data() <= fed.data() + fed.size();
        shown += fmt::format("{}{} ", as_text(payload), borrowed ? "" : "+");
    }
}

TEST(FrameSplitter, WholeFramesAreNotCopied) {
    FrameSplitter splitter;
    EXPECT_EQ(take_all(splitter, frames({"one", "", "three"})), "one  three ");
    EXPECT_EQ(splitter.bytes_needed(), 0U);
    EXPECT_EQ(splitter.buffered_bytes(), 0U);
}

TEST(FrameSplitter, EveryCutGivesTheSameFrames) {
    const Bytes bytes = frames({"one", "two"});
    const ByteView view = bytes;
    for (std::size_t cut = 0; cut <= view.size(); ++cut) {
        FrameSplitter splitter;
        std::string shown = take_all(splitter, view.first(cut));
        shown += take_all(splitter, view.subspan(cut));
        std::erase(shown, '+');
        EXPECT_EQ(shown, "one two ") << cut;
        EXPECT_EQ(splitter.bytes_needed(), 0U) << cut;
    }
}

TEST(FrameSplitter, SingleBytesAddUp) {
    const Bytes bytes = frames({"one", "two"});
    FrameSplitter splitter;
    std::string shown;
    for (const std::byte& byte : bytes) {
        shown += take_all(splitter, {&byte, 1});
    }
    EXPECT_EQ(shown, "one+ two+ ");
}

TEST(FrameSplitter, RestIsReceivedInPlace) {
    const Bytes bytes = frames({"0123456789", "next"});
    const ByteView view = bytes;
    const std::size_t first = kFrameHeaderSize + 10;
    FrameSplitter splitter;
    EXPECT_EQ(take_all(splitter, view.first(10)), "");
    EXPECT_EQ(splitter.bytes_needed(), kFrameHeaderSize - 10);
    EXPECT_TRUE(splitter.direct_space().empty());
    EXPECT_EQ(take_all(splitter, view.subspan(10, 20)), "");
    EXPECT_EQ(splitter.bytes_needed(), first - 30);
    EXPECT_EQ(splitter.buffered_bytes(), first);

    for (std::size_t at = 30; at < first; at += 2) {
        const auto space = splitter.direct_space();
        ASSERT_EQ(space.size(), first - at);
        std::memcpy(space.data(), view.data() + at, 2);
        splitter.commit(2);
    }
    EXPECT_EQ(take_all(splitter, view.subspan(first)), "0123456789+ next ");
    EXPECT_EQ(splitter.buffered_bytes(), 0U);
}

TEST(FrameSplitter, TakenBufferOutlivesTheSplitter) {
    const Bytes bytes = frames({"kept", "x"});
    const ByteView view = bytes;
    std::unique_ptr<std::byte[]> buffer;
    ByteView payload;
    {
        FrameSplitter splitter;
        EXPECT_EQ(take_all(splitter, view.first(25)), "");
        splitter.feed(view.subspan(25));
        auto frame = splitter.next();
        ASSERT_TRUE(frame && *frame);
        payload = (*frame)->payload;
        buffer = splitter.take_buffer();
        ASSERT_NE(buffer, nullptr);
        frame = splitter.next();
        ASSERT_TRUE(frame && *frame);
        EXPECT_EQ(as_text((*frame)->payload), "x");
        EXPECT_EQ(splitter.take_buffer(), nullptr);
    }
    EXPECT_EQ(as_text(payload), "kept");
}

TEST(FrameSplitter, BadHeaderIsFinalAndAllocatesNothing) {
    const auto code_of = [](std::size_t at, std::byte value, std::size_t cut) {
        Bytes bytes = frames({"one"});
        bytes[at] = value;
        FrameSplitter splitter(64);
        const ByteView view = bytes;
        std::string shown = take_all(splitter, view.first(cut));
        if (cut < bytes.size() && shown.empty()) {
            shown = take_all(splitter, view.subspan(cut));
        }
        EXPECT_EQ(shown, "!");
        EXPECT_EQ(splitter.buffered_bytes(), 0U);
        return splitter.next().error().code();
    };
    for (const std::size_t cut : {5U, 23U, 24U, 27U}) {
        EXPECT_EQ(code_of(0, std::byte{23}, cut), Errc::malformed);
        EXPECT_EQ(code_of(0, std::byte{65}, cut), Errc::too_large);
        EXPECT_EQ(code_of(3, std::byte{0xFF}, cut), Errc::too_large);
        EXPECT_EQ(code_of(20, std::byte{1}, cut), Errc::malformed);
    }
}

TEST(FrameSplitter, LimitItselfIsAllowed) {
    const Bytes bytes = frames({std::string(40, 'x')});
    FrameSplitter splitter(64);
    EXPECT_EQ(take_all(splitter, bytes), fmt::format("{} ", std::string(40, 'x')));
}

TEST(RequestHeader, OnlyKnownRequestsPass) {
    const auto code_of = [](FrameHeader header) {
        const auto checked = check_request_header(header);
        return checked ? Errc{} : checked.error().code();
    };
    EXPECT_EQ(code_of({.length = 24, .type = MessageType::ping, .flags = kFrameLink, .id = 1}), Errc{});
    EXPECT_EQ(code_of({.length = 24, .type = MessageType::ping, .id = 0}), Errc::malformed);
    EXPECT_EQ(code_of({.length = 24, .type = MessageType{5}, .id = 1}), Errc::unsupported);
    EXPECT_EQ(code_of({.length = 24, .type = reply_type(MessageType::ping), .id = 1}), Errc::unsupported);
    EXPECT_EQ(code_of({.length = 24, .type = MessageType::error, .id = 1}), Errc::unsupported);
    EXPECT_EQ(code_of({.length = 24, .type = MessageType::ping, .flags = kFrameMore, .id = 1}), Errc::unsupported);
    EXPECT_EQ(code_of({.length = 24, .type = MessageType::ping, .flags = 0x8000, .id = 1}), Errc::unsupported);
}

// A LOG sent as head and batch is the frame that append_frame makes.
TEST(LogHead, EqualsWholeFrame) {
    BatchBuilder batch;
    batch.begin(Severity::info).message("x");
    ASSERT_TRUE(batch.finish_record());
    const ByteView bytes = batch.finish();
    Bytes whole;
    append_frame(whole, 9, LogRequest{AckLevel::written, bytes}, {.flags = kFrameLink, .deadline_ms = 5});
    Bytes parts;
    const auto head = encode_log_head(9, AckLevel::written, bytes.size(), {.flags = kFrameLink, .deadline_ms = 5});
    sluice::append(parts, head);
    sluice::append(parts, bytes);
    EXPECT_EQ(parts, whole);
}

}  // namespace
}  // namespace sluice::wire
