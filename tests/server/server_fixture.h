// The whole daemon on a simulated machine, and clients that speak the protocol frame by frame.
#pragma once

#include <gtest/gtest.h>
#include <malloc.h>

#include <deque>
#include <memory>

#include "io/run.h"
#include "sim/test_daemon.h"
#include "wire/file_messages.h"
#include "wire/messages.h"

namespace sluice::server::test {

struct Frame {
    wire::FrameHeader header;
    Bytes payload;
};

// A PUT of a file beneath the root that anyone may use.  Borrows both.
inline wire::PutRequest put_request(std::string_view path, ByteView data) {
    wire::PutRequest put;
    put.root = "files";
    put.path = path;
    put.mode = 0640;
    put.data = data;
    return put;
}

// Runs at once what it is given, and counts it.
class CountingPool final : public coro::Pool {
 public:
    void submit(coro::PoolJob& job) override {
        ++jobs;
        inline_.submit(job);
    }
    std::size_t jobs = 0;

 private:
    coro::InlinePool inline_;
};

class RawClient {
 public:
    explicit RawClient(io::SimWorld& world, uid_t uid = 1000)
        : world_(world), kernel_(world, options(uid)), tasks_(kernel_.loop(), nullptr) {}
    ~RawClient() {
        socket_ = io::Handle();
        tasks_.cancel();
        (void)world_.run_until([&] { return tasks_.running() == 0; });
    }
    Result<> connect() {
        SLUICE_TRY(socket_, kernel_.connect_unix(sim::kSocketPath));
        return {};
    }
    // From now on what arrives is received.
    void read() { tasks_.spawn("read", &RawClient::receive, this); }
    void send(Bytes bytes) { tasks_.spawn("send", &RawClient::send_all, this, std::move(bytes)); }
    template <class Message>
    void request(std::uint64_t id, const Message& message, wire::FrameOptions options = {}) {
        Bytes frame;
        wire::append_frame(frame, id, message, options);
        send(std::move(frame));
    }
    void hello() { request(1, wire::HelloRequest{}); }
    // The next frame; nothing if none comes within `limit` of virtual time, or the connection has ended.
    std::optional<Frame> next(Duration limit = std::chrono::seconds(5)) {
        (void)world_.run_within(limit, [&] { return !frames_.empty() || ended_; });
        if (frames_.empty()) {
            return std::nullopt;
        }
        Frame frame = std::move(frames_.front());
        frames_.pop_front();
        return frame;
    }
    // The daemon has closed the connection, within `limit`.
    bool closed_within(Duration limit) {
        (void)world_.run_within(limit, [&] { return ended_; });
        return ended_;
    }
    void disconnect() { tasks_.spawn("disconnect", &RawClient::shut_down, this); }
    std::uint64_t received_bytes() const noexcept { return received_bytes_; }

 private:
    static io::SimKernel::Options options(uid_t uid) {
        io::SimKernel::Options options;
        options.name = "client";
        options.crashes = false;
        options.credentials = {.pid = 4242, .uid = uid, .gid = uid};
        return options;
    }
    Task<> shut_down() { (void)co_await kernel_.shutdown(socket_); }
    Task<> receive() {
        Bytes buffer(64 * 1024);
        wire::FrameSplitter splitter(64U << 20U);
        for (;;) {
            const std::span<std::byte> into(buffer);
            const Result<std::size_t> n = co_await kernel_.recv(socket_, into);
            if (!n || *n == 0) {
                ended_ = true;
                co_return;
            }
            received_bytes_ += *n;
            splitter.feed(ByteView(buffer).first(*n));
            collect(splitter);
        }
    }
    void collect(wire::FrameSplitter& splitter) {
        for (;;) {
            const auto frame = splitter.next();
            ASSERT_TRUE(frame) << frame.error();
            if (!*frame) {
                return;
            }
            frames_.push_back({(*frame)->header, Bytes((*frame)->payload.begin(), (*frame)->payload.end())});
        }
    }
    Task<> send_all(Bytes bytes) {
        while (busy_) {  // Frames must not mix.
            (void)co_await free_.wait();
            free_.reset();
        }
        busy_ = true;
        ByteView rest = bytes;
        while (!rest.empty()) {
            const Result<std::size_t> n = co_await kernel_.send(socket_, rest);
            if (!n) {
                break;
            }
            rest = rest.subspan(*n);
        }
        busy_ = false;
        free_.set();
    }

    io::SimWorld& world_;
    io::SimKernel kernel_;
    io::Handle socket_;
    coro::Scope tasks_;
    std::deque<Frame> frames_;
    std::uint64_t received_bytes_ = 0;
    bool ended_ = false;
    bool busy_ = false;
    coro::Event free_;
};

class ServerTest : public testing::Test {
 protected:
    ServerTest() : world(1) {
        mallopt(M_PERTURB, 0xA5);  // Whoever reads what was freed reads something else, without a sanitizer too.
        world.disk().make_directories(sim::kStorePath);
        world.disk().make_directories(sim::kRootPath);
        options.writer.segment_bytes = 256 * 1024;
        options.writer.log_bytes_max = 64 * options.writer.segment_bytes;
        options.session.frame_bytes_max = 64 * 1024;
        options.pipeline.ingest.batch_bytes_max = 64 * 1024;
        options.pipeline.ingest.group_bytes_max = 32 * 1024;
    }
    ~ServerTest() override {
        clients_.clear();
        if (daemon) {
            daemon->stop();
            const Result<> ended = world.run_until([&] { return daemon->ended(); });
            EXPECT_TRUE(ended) << ended.error();
        }
        daemon.reset();
    }
    void start() {
        daemon = std::make_unique<sim::TestDaemon>(world, options, 1, 1);
        const Result<> serving = world.run_until([&] { return daemon->serving() || daemon->ended(); });
        ASSERT_TRUE(serving) << serving.error();
        ASSERT_TRUE(daemon->serving());
    }
    // A client that is connected and reads; HELLO is not sent.
    RawClient& connect(uid_t uid = 1000) {
        clients_.push_back(std::make_unique<RawClient>(world, uid));
        const Result<> connected = clients_.back()->connect();
        EXPECT_TRUE(connected) << connected.error();
        clients_.back()->read();
        return *clients_.back();
    }
    RawClient& greet(uid_t uid = 1000) {
        RawClient& client = connect(uid);
        client.hello();
        const auto frame = client.next();
        EXPECT_TRUE(frame && frame->header.type == wire::HelloReply::kType);
        return client;
    }
    void pass(Duration time) {
        const Result<> passed = world.run_for(time);
        EXPECT_TRUE(passed) << passed.error();
    }

    struct Message {
        std::string text;
        std::string stream;
        wire::Severity severity = wire::Severity::info;
    };
    static Bytes batch_of(const std::vector<Message>& messages, std::uint8_t producer = 0, std::uint64_t number = 0) {
        wire::BatchBuilder builder;
        for (const Message& message : messages) {
            builder.begin(message.severity, message.stream).message(message.text);
            EXPECT_TRUE(builder.finish_record());
        }
        wire::ProducerId id{};
        id[0] = std::byte{producer};
        const ByteView bytes = builder.finish({.producer = id, .number = number});
        return {bytes.begin(), bytes.end()};
    }
    // Logs and waits for the answer; the first sequence.
    std::uint64_t log(RawClient& client, std::uint64_t id, const std::vector<Message>& messages,
                      wire::AckLevel level = wire::AckLevel::written) {
        const Bytes batch = batch_of(messages);
        client.request(id, wire::LogRequest{.level = level, .batch = batch});
        const auto frame = client.next();
        EXPECT_TRUE(frame);
        const auto reply = frame ? decode<wire::LogReply>(*frame) : std::nullopt;
        return reply ? reply->first_sequence : 0;
    }
    template <class M>
    static std::optional<M> decode(const Frame& frame) {
        EXPECT_EQ(static_cast<unsigned>(frame.header.type), static_cast<unsigned>(M::kType)) << error_text(frame);
        if (frame.header.type != M::kType) {
            return std::nullopt;
        }
        auto message = M::decode(frame.payload);
        EXPECT_TRUE(message) << message.error();
        return message ? std::optional<M>(*message) : std::nullopt;
    }
    // Of the answer to a TAIL that ends, which `client` has asked for.
    template <class Use>
    static void read_entries(RawClient& client, Use&& use) {
        for (auto frame = client.next(); frame && frame->header.more(); frame = client.next()) {
            const auto chunk = decode<wire::TailChunk>(*frame);
            ASSERT_TRUE(chunk);
            for (const wire::TailEntry& entry : chunk->entries) {
                use(entry);
            }
        }
    }
    static std::string error_text(const Frame& frame) {
        if (frame.header.type != wire::MessageType::error) {
            return "";
        }
        const auto error = wire::ErrorReply::decode(frame.payload);
        return error ? fmt::format("{}", error->to_error()) : "";
    }
    // The next frame is this error, for this request.
    static void expect_error(RawClient& client, std::uint64_t id, Errc code, Duration limit = std::chrono::seconds(5)) {
        const auto frame = client.next(limit);
        ASSERT_TRUE(frame) << "no frame where " << errc_name(code) << " was expected";
        ASSERT_EQ(frame->header.type, wire::MessageType::error);
        EXPECT_EQ(frame->header.id, id);
        const auto error = wire::ErrorReply::decode(frame->payload);
        ASSERT_TRUE(error);
        EXPECT_EQ(errc_name(error->code), errc_name(code)) << error->text;
    }

    io::SimWorld world;
    sim::DaemonOptions options;
    std::unique_ptr<sim::TestDaemon> daemon;

 private:
    std::deque<std::unique_ptr<RawClient>> clients_;
};

}  // namespace sluice::server::test
