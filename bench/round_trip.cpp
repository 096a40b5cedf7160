// What sockets allow, alone and with a durable group commit in the middle.  The client is this process, the server a
// forked one; both read with multishot receives on one ring and one thread.
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "measurements.h"
#include "ring.h"

namespace sluice::bench {
namespace {

// Cuts the bytes of one connection into requests.
class Requests {
 public:
    template <typename OnRequest>
    void add(std::span<const std::byte> bytes, OnRequest&& on_request) {
        while (!bytes.empty()) {
            const std::size_t take = std::min(bytes.size(), kRecordBytes - have_);
            std::memcpy(request_ + have_, bytes.data(), take);
            have_ += take;
            bytes = bytes.subspan(take);
            if (have_ == kRecordBytes) {
                on_request(std::span<const std::byte>(request_, kRecordBytes));
                have_ = 0;
            }
        }
    }

 private:
    std::byte request_[kRecordBytes];
    std::size_t have_ = 0;
};

void answer_at_once(const std::vector<int>& fds) {
    const std::vector<std::byte> reply(kReplyBytes);
    std::vector<Requests> requests(fds.size());
    Connections connections(fds);
    const auto on_data = [&](unsigned connection, std::span<const std::byte> bytes) {
        requests[connection].add(bytes, [&](std::span<const std::byte>) { connections.send(connection, reply); });
    };
    while (connections.turn(on_data, [](unsigned) {})) {
    }
}

// The records that one write makes durable.
struct Group {
    explicit Group(std::size_t records) : stage(round_to_block(records * kRecordBytes)) {}
    Memory stage;
    std::vector<unsigned> waiting;  // The connection of each record, in order.
    bool durable = false;
};

// Collects what arrives into one group while up to `writes_in_flight` earlier ones are being written; answers in order,
// since a log may not promise a record that has an unwritten one before it.
class GroupCommit {
 public:
    GroupCommit(std::size_t connections, std::size_t writes_in_flight, LogFile& file)
        : file_(file), writes_in_flight_(writes_in_flight) {
        for (std::size_t i = 0; i <= writes_in_flight; ++i) {
            groups_.push_back(std::make_unique<Group>(connections));
        }
    }
    void add(unsigned connection, std::span<const std::byte> record) {
        Group& group = *groups_[(first_ + in_flight_) % groups_.size()];
        std::memcpy(group.stage.data() + group.waiting.size() * kRecordBytes, record.data(), record.size());
        group.waiting.push_back(connection);
    }
    void written(Connections& connections, unsigned index, std::span<const std::byte> reply) {
        groups_[index]->durable = true;
        while (in_flight_ > 0 && groups_[first_]->durable) {
            Group& group = *groups_[first_];
            for (const unsigned connection : group.waiting) {
                connections.send(connection, reply);
            }
            group.waiting.clear();
            group.durable = false;
            first_ = (first_ + 1) % groups_.size();
            --in_flight_;
        }
    }
    void write_what_arrived(Connections& connections) {
        const std::size_t index = (first_ + in_flight_) % groups_.size();
        const Group& group = *groups_[index];
        if (in_flight_ == writes_in_flight_ || group.waiting.empty()) {
            return;
        }
        const std::size_t bytes = round_to_block(group.waiting.size() * kRecordBytes);
        connections.write_durably(file_.fd(), {group.stage.data(), bytes}, file_.advance(bytes),
                                  static_cast<unsigned>(index));
        ++in_flight_;
    }

 private:
    LogFile& file_;
    const std::size_t writes_in_flight_;
    std::vector<std::unique_ptr<Group>> groups_;  // A ring: those in flight, then the one that is being filled.
    std::size_t first_ = 0;
    std::size_t in_flight_ = 0;
};

void answer_when_durable(const std::vector<int>& fds, std::size_t writes_in_flight, LogFile& file) {
    const std::vector<std::byte> reply(kReplyBytes);
    std::vector<Requests> requests(fds.size());
    GroupCommit commit(fds.size(), writes_in_flight, file);
    Connections connections(fds);
    const auto on_data = [&](unsigned connection, std::span<const std::byte> bytes) {
        requests[connection].add(bytes, [&](std::span<const std::byte> record) { commit.add(connection, record); });
    };
    const auto on_written = [&](unsigned index) { commit.written(connections, index, reply); };
    while (connections.turn(on_data, on_written)) {
        commit.write_what_arrived(connections);
    }
}

// Keeps one request in flight on each connection until the time is over.
void ask(const Options& options, std::vector<int>& fds, std::string_view name, Report& report) {
    const std::vector<std::byte> request(kRecordBytes, std::byte{'r'});
    std::vector<std::size_t> missing(fds.size(), kReplyBytes);
    std::vector<std::uint64_t> sent_ns(fds.size());
    Latencies latencies(1U << 20U);
    Connections connections(fds);
    const std::uint64_t start = now_ns();
    const auto limit = static_cast<std::uint64_t>(options.seconds * 1e9);
    for (unsigned i = 0; i < fds.size(); ++i) {
        sent_ns[i] = start;
        connections.send(i, request);
    }
    std::uint64_t now = start;
    const auto on_data = [&](unsigned connection, std::span<const std::byte> bytes) {
        missing[connection] -= bytes.size();
        if (missing[connection] == 0) {
            now = now_ns();
            latencies.add(now - sent_ns[connection]);
            missing[connection] = kReplyBytes;
            sent_ns[connection] = now;
            connections.send(connection, request);
        }
    };
    while (now - start < limit && connections.turn(on_data, [](unsigned) {})) {
    }
    const double seconds = static_cast<double>(now_ns() - start) / 1e9;
    report.add(name, "requests/s", static_cast<double>(latencies.count()) / seconds);
    report.add(fmt::format("{}.p50", name), "us", latencies.percentile_us(0.50));
    report.add(fmt::format("{}.p99", name), "us", latencies.percentile_us(0.99));
}

template <typename Serve>
void run_pair(const Options& options, std::size_t connections, std::string_view name, Report& report, Serve&& serve) {
    SocketPairs sockets(connections);
    const int server = start_child([&] {
        SocketPairs::close_all(sockets.client);
        pin_to_cpu(options, 0);
        serve(sockets.server);
    });
    SocketPairs::close_all(sockets.server);
    pin_to_cpu(options, 1);
    ask(options, sockets.client, name, report);
    for (const int fd : sockets.client) {
        shutdown(fd, SHUT_RDWR);  // The server ends when all of its connections have.
    }
    SocketPairs::close_all(sockets.client);
    wait_for_child(server);
}

}  // namespace

void round_trip(const Options& options, std::size_t connections, Report& report) {
    run_pair(options, connections, fmt::format("round_trip.{}", connections), report,
             [](const std::vector<int>& fds) { answer_at_once(fds); });
}

void durable_round_trip(const Options& options, std::size_t connections, std::size_t writes_in_flight, Report& report) {
    LogFile file(options, LogFile::Access::direct);
    const auto name = writes_in_flight == 1
                          ? fmt::format("durable_round_trip.{}", connections)
                          : fmt::format("durable_round_trip.{}.writes{}", connections, writes_in_flight);
    run_pair(options, connections, name, report,
             [&](const std::vector<int>& fds) { answer_when_durable(fds, writes_in_flight, file); });
}

}  // namespace sluice::bench
