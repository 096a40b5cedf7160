// One thread, one epoll.  Each connection keeps a ring of `in_flight` copies of the request frame; sending patches the
// ids and hands the kernel as many frames at once as there is room for; replies are only counted and timed.
#include <csignal>

#include "cli/bench_modes.h"
#include "cli/bench_socket.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kStream = "bench";
constexpr std::size_t kIdAt = 8;
constexpr std::size_t kBatchAt = wire::kFrameHeaderSize + wire::kLogPrefixSize;

Bytes request_frame(const BenchOptions& options) {
    const Bytes record = bench_record(kStream, options.record_bytes);
    const std::size_t batch_bytes = sizeof(wire::BatchHeader) + record.size() * options.batch;
    Bytes frame;
    const auto head = wire::encode_log_head(1, options.level, batch_bytes);
    append(frame, head);
    const wire::BatchHeader header{.size = static_cast<std::uint32_t>(batch_bytes), .count = options.batch};
    append(frame, std::as_bytes(std::span(&header, 1)));
    for (std::uint32_t i = 0; i < options.batch; ++i) {
        append(frame, record);
    }
    return frame;
}

struct Window {
    std::uint64_t from_ns = 0;  // Replies before it are warm-up.
    std::uint64_t to_ns = 0;
    std::uint64_t replies = 0;
    Histogram latency;
};

class Sender {
 public:
    Sender(std::unique_ptr<client::Connection> connection, const BenchOptions& options, ByteView frame)
        : connection_(std::move(connection)), options_(options), frame_bytes_(frame.size()), reader_(64U << 10U) {
        for (std::uint32_t i = 0; i < options.in_flight; ++i) {
            append(ring_, frame);
        }
        sent_at_.resize(std::bit_ceil(std::size_t{options.in_flight} * 16));
        if (options.numbered) {
            const std::uint64_t id = now_ns() | 1;
            const auto self = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(this));
            store_int(producer_.data(), id);
            store_int(producer_.data() + 8, self);
        }
    }

    int fd() const noexcept { return connection_->fd(); }
    std::uint64_t outstanding() const noexcept { return queued_ - replied_; }

    // Fills the window and sends.  True: the socket is full.
    Result<bool> send(bool more) {
        if (more && outstanding() < options_.in_flight) {
            const std::uint64_t now = now_ns();
            while (outstanding() < options_.in_flight) {
                queue_one(now);
            }
        }
        while (sent_bytes_ < queued_ * frame_bytes_) {  // Bounded: each turn sends something or leaves.
            const std::size_t at = sent_bytes_ % ring_.size();
            const std::size_t left = queued_ * frame_bytes_ - sent_bytes_;
            const std::size_t first = std::min(left, ring_.size() - at);
            const std::array<ByteView, 2> pieces{ByteView{ring_.data() + at, first},
                                                 ByteView{ring_.data(), left - first}};
            SLUICE_TRY(const std::size_t n, send_some(fd(), pieces));
            if (n == 0) {
                return true;
            }
            sent_bytes_ += n;
        }
        return false;
    }

    Result<void> receive(Window& window) {
        std::uint64_t now = 0;
        return reader_.receive(fd(), [&](const wire::FrameHeader& header, ByteView) -> Result<void> {
            if (now == 0) {
                now = now_ns();
            }
            ++replied_;
            if (now >= window.from_ns && now < window.to_ns) {
                ++window.replies;
                window.latency.add(now - sent_at_[header.id & (sent_at_.size() - 1)]);
            }
            return {};
        });
    }

 private:
    void queue_one(std::uint64_t now) {
        std::byte* frame = ring_.data() + (queued_ % options_.in_flight) * frame_bytes_;
        const std::uint64_t id = ++queued_;
        store_int(frame + kIdAt, id);
        if (options_.numbered) {
            std::memcpy(frame + kBatchAt + offsetof(wire::BatchHeader, producer), producer_.data(), producer_.size());
            store_int(frame + kBatchAt + offsetof(wire::BatchHeader, number), id);
        }
        sent_at_[id & (sent_at_.size() - 1)] = now;
    }

    std::unique_ptr<client::Connection> connection_;
    const BenchOptions& options_;
    std::size_t frame_bytes_;
    Bytes ring_;
    std::vector<std::uint64_t> sent_at_;
    wire::ProducerId producer_{};
    FrameReader reader_;
    std::uint64_t queued_ = 0;      // Frames.
    std::uint64_t sent_bytes_ = 0;  // Of all frames so far.
    std::uint64_t replied_ = 0;
};

Result<void> drive(std::vector<std::unique_ptr<Sender>>& senders, Epoll& epoll, Window& window, bool more) {
    std::vector<bool> blocked(senders.size(), false);
    const auto pump = [&](std::size_t i) -> Result<void> {
        SLUICE_TRY(const bool full, senders[i]->send(more));
        if (full != blocked[i]) {
            blocked[i] = full;
            epoll.change(senders[i]->fd(), EPOLLIN | (full ? EPOLLOUT : 0U), i);
        }
        return {};
    };
    for (std::size_t i = 0; i < senders.size(); ++i) {
        SLUICE_CHECK(pump(i));
    }
    for (;;) {
        const std::uint64_t now = now_ns();
        if (more ? now >= window.to_ns : now >= window.to_ns + 10'000'000'000) {
            return {};
        }
        for (const epoll_event& event : epoll.wait(100'000'000)) {
            const auto i = static_cast<std::size_t>(event.data.u64);
            if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
                SLUICE_CHECK(senders[i]->receive(window));
            }
            SLUICE_CHECK(pump(i));
        }
        if (!more) {
            bool idle = true;
            for (const auto& sender : senders) {
                idle = idle && sender->outstanding() == 0;
            }
            if (idle) {
                return {};
            }
        }
    }
}

Result<Window> run_once(const BenchOptions& options, ByteView frame) {
    SLUICE_TRY(Epoll epoll, Epoll::create());
    std::vector<std::unique_ptr<Sender>> senders;
    for (std::uint32_t i = 0; i < options.connections; ++i) {
        SLUICE_TRY(auto connection, client::Connection::connect(options.socket_path, {.client_name = "sluice bench"}));
        if (frame.size() > connection->server().frame_bytes_max ||
            options.batch > connection->server().log_records_max) {
            return fail(Errc::too_large, "a request of {} records and {} bytes exceeds this daemon's {} and {}",
                        options.batch, frame.size(), connection->server().log_records_max,
                        connection->server().frame_bytes_max);
        }
        senders.push_back(std::make_unique<Sender>(std::move(connection), options, frame));
        epoll.watch(senders.back()->fd(), EPOLLIN, i);
    }
    Window window;
    window.from_ns = now_ns() + static_cast<std::uint64_t>(options.warmup_seconds * 1e9);
    window.to_ns = window.from_ns + static_cast<std::uint64_t>(options.seconds * 1e9);
    SLUICE_CHECK(drive(senders, epoll, window, true));
    SLUICE_CHECK(drive(senders, epoll, window, false));
    return window;
}

}  // namespace

Result<void> bench_log(const BenchOptions& options, Figures& figures) {
    allow_many_files();
    const Bytes frame = request_frame(options);
    for (std::uint32_t run = 0; run < options.runs; ++run) {
        SLUICE_TRY(const Window window, run_once(options, frame));
        const double requests = static_cast<double>(window.replies) / options.seconds;
        const std::string prefix = fmt::format("{} {}", options.mode, wire::ack_level_name(options.level));
        figures.add(prefix + " throughput", "records/s", requests * options.batch);
        figures.add(prefix + " requests", "requests/s", requests);
        figures.add(prefix + " bytes", "MiB/s", requests * options.batch * options.record_bytes / 1048576.0);
        figures.add(prefix + " latency p50", "us", window.latency.quantile(0.50) / 1e3);
        figures.add(prefix + " latency p99", "us", window.latency.quantile(0.99) / 1e3);
        figures.add(prefix + " latency p99.9", "us", window.latency.quantile(0.999) / 1e3);
    }
    return {};
}

}  // namespace sluice::cli
