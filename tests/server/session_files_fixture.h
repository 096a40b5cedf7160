// File requests over a raw connection to the simulated daemon, whose root "files" anyone may use.
#pragma once

#include <gmock/gmock.h>

#include "server_fixture.h"
#include "wire/file_messages.h"

namespace sluice::server::test {

class SessionFilesTest : public ServerTest {
 protected:
    static std::string path_of(std::string_view name) { return fmt::format("{}/{}", sim::kRootPath, name); }
    std::optional<std::string> content(std::string_view name) { return text(world.disk().content(path_of(name))); }
    std::optional<std::string> durable(std::string_view name) {
        return text(world.disk().durable_content(path_of(name)));
    }
    void put_file(std::string_view name, std::string_view bytes) {
        world.disk().put_file(path_of(name), as_bytes(bytes));
    }
    std::size_t files_open() { return daemon->files().ledger().total(); }

    // The next frame; what is decoded of it refers to it until the next call.
    const Frame& next(RawClient& client) {
        std::optional<Frame> frame = client.next();
        EXPECT_TRUE(frame) << "no answer";
        last_ = frame ? std::move(*frame) : Frame();
        return last_;
    }
    template <class Reply, class Request>
    Reply ask(RawClient& client, const Request& request) {
        client.request(++id_, request);
        const Frame& frame = next(client);
        EXPECT_EQ(frame.header.id, id_);
        return decode<Reply>(frame).value_or(Reply());
    }
    template <class Request>
    void expect_refused(RawClient& client, const Request& request, Errc code, std::string_view words,
                        wire::FrameOptions frame = {}) {
        client.request(++id_, request, frame);
        expect_refusal(client, id_, code, words);
    }
    void expect_refusal(RawClient& client, std::uint64_t id, Errc code, std::string_view words) {
        const Frame& frame = next(client);
        ASSERT_EQ(frame.header.type, wire::MessageType::error);
        EXPECT_EQ(frame.header.id, id);
        const auto error = wire::ErrorReply::decode(frame.payload);
        ASSERT_TRUE(error);
        EXPECT_EQ(errc_name(error->code), errc_name(code)) << error->text;
        EXPECT_THAT(std::string(error->text), testing::HasSubstr(std::string(words)));
    }

    static wire::OpenRequest opening(std::uint32_t flags, std::string_view path, std::uint32_t mode = 0) {
        return {.flags = flags, .mode = mode, .root = "files", .path = path};
    }
    std::uint32_t open(RawClient& client, std::uint32_t flags, std::string_view path, std::uint32_t mode = 0) {
        const auto reply = ask<wire::OpenReply>(client, opening(flags, path, mode));
        EXPECT_NE(reply.handle, 0U);
        return reply.handle;
    }
    static wire::GetRequest getting(std::string_view path, std::uint32_t credit = 1U << 30U) {
        wire::GetRequest request;
        request.credit = credit;
        request.root = "files";
        request.path = path;
        return request;
    }
    static wire::PutRequest putting(std::string_view path, std::string_view bytes, bool durable = false) {
        wire::PutRequest request;
        request.durable = durable;
        request.root = "files";
        request.path = path;
        request.data = as_bytes(bytes);
        return request;
    }
    std::uint64_t id() const noexcept { return id_; }
    std::uint64_t next_id() noexcept { return ++id_; }

 private:
    static std::optional<std::string> text(const std::optional<Bytes>& bytes) {
        return bytes ? std::optional(std::string(as_text(*bytes))) : std::nullopt;
    }
    Frame last_;
    std::uint64_t id_ = 1;  // Of HELLO.
};

}  // namespace sluice::server::test
