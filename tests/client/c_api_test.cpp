#include "client/fake_daemon.h"
#include "client/sluice.h"

extern "C" int log_from_c(const char* socket_path, sluice_error* error);

namespace sluice::client {

TEST(CApi, RecordsOfACProgramArriveWithTheirFields) {
    std::vector<std::string> seen;
    FakeDaemon daemon;
    daemon.run([&seen](FakeDaemon& self) {
        Peer peer = self.accept();
        ASSERT_TRUE(peer.greet());
        FakeLog log;
        while (auto request = peer.next()) {
            const auto sent = wire::LogRequest::decode(request->payload);
            ASSERT_TRUE(sent) << sent.error();
            ByteView at = sent->batch;
            const auto batch = wire::parse_batch(at);
            ASSERT_TRUE(batch) << batch.error();
            for (const wire::RecordView record : batch->records) {
                std::string line =
                    fmt::format("{} {} {}", record.stream(), wire::severity_name(record.severity()), record.message());
                for (const wire::FieldView field : record.fields()) {
                    line += fmt::format(" {}={}", field.name, field.value_text());
                }
                seen.push_back(line);
            }
            log.serve(peer, *request);
        }
    });
    sluice_error error{};
    EXPECT_EQ(log_from_c(daemon.path().c_str(), &error), 0) << static_cast<const char*>(error.text);
    daemon.join();
    using namespace std::string_literals;
    EXPECT_EQ(seen, (std::vector<std::string>{"shop/checkout info order placed user=ada ms=17", " err order lost",
                                              "raw debug a\0b blob=x\0y empty="s, " debug "}));
}

TEST(CApi, AMissingDaemonIsAnErrorWithAText) {
    sluice_error error{};
    EXPECT_EQ(log_from_c("/nonexistent/s.sock", &error), -1);
    EXPECT_EQ(error.code, static_cast<int>(Errc::not_found));
    EXPECT_EQ(error.sys_errno, ENOENT);
    EXPECT_NE(std::string_view(static_cast<const char*>(error.text)).find("/nonexistent/s.sock"), std::string::npos);
}

TEST(CApi, ALevelOutOfRangeIsRefused) {
    for (const int level : {SLUICE_ACCEPTED - 1, SLUICE_DURABLE + 1}) {
        sluice_options options{};
        options.socket_path = "/nonexistent/s.sock";
        options.wait_for_daemon = 1;
        options.level = level;
        sluice_error error{};
        EXPECT_EQ(sluice_open(&options, &error), nullptr);
        EXPECT_EQ(error.code, static_cast<int>(Errc::invalid_argument));
        EXPECT_EQ(std::string_view(static_cast<const char*>(error.text)),
                  fmt::format("{} is not an acknowledgement level", level));
    }
}

TEST(CApi, ASeverityOutOfRangeIsRefused) {
    sluice_options options{};
    options.socket_path = "/nonexistent/s.sock";
    options.wait_for_daemon = 1;
    sluice_error error{};
    sluice_writer* writer = sluice_open(&options, &error);
    ASSERT_NE(writer, nullptr) << static_cast<const char*>(error.text);
    EXPECT_EQ(sluice_log(writer, 8, nullptr, "x", nullptr, 0, &error), -1);
    EXPECT_EQ(error.code, static_cast<int>(Errc::invalid_argument));
    EXPECT_EQ(sluice_close(writer, 0, &error), 0) << static_cast<const char*>(error.text);
}

}  // namespace sluice::client
