// Listeners on a simulated machine, a queue whose disk the test plays, and senders that the test invents.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "coro/pool.h"
#include "coro/timeout.h"
#include "io/run.h"
#include "io/sim_kernel.h"
#include "listeners/listeners.h"
#include "listeners/scripted_kernel.h"

namespace sluice::listeners::test {

struct FakeProcesses final : ProcessSource {
    FoundProcess read(pid_t pid, int, Proof proof) override {
        ++reads;
        FoundProcess found;
        if (const auto known = comms.find(pid); known != comms.end()) {
            found.facts.proof = proof;
            found.facts.comm = known->second;
            found.facts.unit = known->second + ".service";
            found.directory = Fd(::open(directory.c_str(), O_PATH | O_CLOEXEC));
        }
        return found;
    }
    Fd open(pid_t) noexcept override { return Fd(); }
    bool holds_pid(int) noexcept override { return true; }
    std::uint64_t identity(int) noexcept override { return 0; }

    std::string directory;               // In place of /proc/PID, for the command line.
    std::map<pid_t, std::string> comms;  // Others have ended.
    unsigned reads = 0;
};

struct Disk final : ingest::Sink {
    void submit(std::unique_ptr<ingest::Group> group) override { groups.push_back(std::move(group)); }
    bool short_of_room() const noexcept override { return false; }
    std::deque<std::unique_ptr<ingest::Group>> groups;  // In flight.
};

// What listeners have told.
struct Told final : ListenerEvents {
    void on_connection_refused(std::string_view, const io::PeerCredentials& peer) override { refused.push_back(peer); }
    void on_file_refused(std::string_view, const io::PeerCredentials&, const Error& why) override {
        files_refused.push_back(fmt::format("{}", why));
    }
    void on_trouble(std::string_view listener, const Error& error) override {
        troubles.push_back(fmt::format("{}: {}", listener, error));
    }
    void on_failed(std::string_view listener, const Error& error) override {
        failures.push_back(fmt::format("{}: {}", listener, error));
    }
    void on_not_kept(std::string_view, std::size_t connections, const Error&) override {
        not_kept.push_back(connections);
    }
    void on_connections_waiting(std::string_view, std::size_t open) override { waiting.push_back(open); }
    std::vector<io::PeerCredentials> refused;
    std::vector<std::size_t> waiting;
    std::vector<std::size_t> not_kept;
    std::vector<std::string> files_refused;
    std::vector<std::string> troubles;
    std::vector<std::string> failures;
};

// A record as text: "stream severity message name=value ..."; the trusted fields last.
inline std::string shown(const wire::RecordView& record, const wire::FieldRange& trusted) {
    std::string text =
        fmt::format("{} {} {}", record.stream_or_default(), severity_name(record.severity()), record.message());
    for (const wire::FieldView field : record.fields()) {
        text += fmt::format(" {}={}", field.name, field.value_text());
    }
    for (const wire::FieldView field : trusted) {
        text += fmt::format(" {}={}", field.name, field.value_text());
    }
    return text;
}

class ListenersTest : public testing::Test {
 protected:
    ListenersTest()
        : world_(io::SimWorld::Options()),
          kernel_(world_, io::SimKernel::Options()),
          scripted_(kernel_),
          client_(world_, io::SimKernel::Options()) {
        processes.comms[1000] = "tester";
    }
    ~ListenersTest() override { end(); }

    // Starts a listener at /run/NAME.
    void start(ListenerOptions options) {
        ingest_ = std::make_unique<ingest::Ingest>(kernel_.loop(), disk, queue);
        listeners_ = std::make_unique<Listeners>(scripted_, pool_, processes, *ingest_, told, aside, keeper);
        const auto kind = uses_datagrams(options.protocol) ? io::SocketKind::datagram : io::SocketKind::stream;
        path_ = "/run/" + options.name;
        auto socket = scripted_.listen_unix(path_, 0666, kind);
        ASSERT_TRUE(socket) << socket.error();
        listeners_->add(std::move(options), std::move(*socket));
        for (KeptConnection& kept : std::exchange(adopted, {})) {
            outcomes_of_adopt.push_back(listeners_->adopt(std::move(kept)));
        }
        scope_ = std::make_unique<coro::Scope>(kernel_.loop(), nullptr);
        scope_->spawn("queue", &ingest::Ingest::run, ingest_.get());
        scope_->spawn("listeners", &Listeners::serve, listeners_.get());
        settle();
    }
    void end() {
        if (scope_) {
            scope_->cancel();
            (void)world_.run_until([&] { return scope_->running() == 0; });
            scope_.reset();
        }
    }
    void settle() { (void)world_.run_until_idle(); }
    // Until the listener has received so many datagrams; no time passes.
    void receive(std::uint64_t messages) {
        ASSERT_TRUE(world_.run_until([&] { return report().messages >= messages; }));
    }
    // Lets `time` pass.
    void pass(Duration time) {
        coro::Job<Result<>> job(client_.loop(), "wait", coro::sleep_for, time);
        (void)world_.run_until([&] { return job.done(); });
    }
    Result<> send(std::string_view text) { return client_.send_datagram(path_, as_bytes(text)); }

    // The disk writes what it has, and what comes then; the records are remembered.
    void write_all() {
        settle();
        while (write_one()) {
            settle();
        }
    }
    // The disk writes one group.  False: it has none.
    bool write_one() {
        if (disk.groups.empty()) {
            return false;
        }
        std::unique_ptr<ingest::Group> group = std::move(disk.groups.front());
        disk.groups.pop_front();
        remember(*group);
        const std::uint32_t count = group->count;
        ingest_->completed(std::move(group), ingest::CommitInfo{.epoch = 1,
                                                                .first_sequence = next_sequence_,
                                                                .durable_sequence = next_sequence_ + count});
        next_sequence_ += count;
        return true;
    }
    // The disk refuses all that it has.
    void refuse_all() {
        while (!disk.groups.empty()) {
            std::unique_ptr<ingest::Group> group = std::move(disk.groups.front());
            disk.groups.pop_front();
            ingest_->completed(std::move(group), fail(Errc::no_space, "the disk is full"));
        }
    }
    ListenerReport report() const { return listeners_->report().front(); }

    FakeProcesses processes;
    Disk disk;
    Told told;
    ingest::IngestOptions queue;
    coro::Aside::Options aside{.threads_max = 0};
    ConnectionKeeper* keeper = nullptr;
    std::vector<KeptConnection> adopted;  // By the next start().
    std::vector<Result<>> outcomes_of_adopt;
    std::vector<std::string> records;       // Written; without trusted fields.
    std::vector<std::string> with_trusted;  // The same.

    io::SimWorld& world() { return world_; }
    io::SimKernel& client() { return client_; }
    io::SimKernel& kernel() { return kernel_; }
    ScriptedKernel& scripted() { return scripted_; }
    Listeners& listeners() { return *listeners_; }
    ingest::Ingest& ingest() { return *ingest_; }
    const std::string& path() const { return path_; }

 private:
    void remember(const ingest::Group& group) {
        ByteView rest = ByteView(group.buffer->data(), group.bytes).subspan(ingest::kGroupHeadBytes);
        while (!rest.empty()) {
            const auto batch = wire::parse_batch(rest);
            ASSERT_TRUE(batch) << batch.error();
            for (const wire::RecordView record : batch->records) {
                records.push_back(shown(record, {}));
                with_trusted.push_back(shown(record, batch->trusted));
            }
        }
    }

    io::SimWorld world_;
    io::SimKernel kernel_;
    ScriptedKernel scripted_;
    io::SimKernel client_;
    coro::InlinePool pool_;
    std::string path_;
    std::unique_ptr<ingest::Ingest> ingest_;
    std::unique_ptr<Listeners> listeners_;
    std::unique_ptr<coro::Scope> scope_;
    std::uint64_t next_sequence_ = 1;
};

}  // namespace sluice::listeners::test
