// Write to tail: one connection writes records at a fixed rate, each with the time it was made; another one follows.
#include "cli/bench_modes.h"
#include "cli/bench_socket.h"
#include "wire/tail_messages.h"

namespace sluice::cli {
namespace {

constexpr std::uint64_t kTickNs = 100'000;  // Records that are due are sent this often: the batch of a busy program.
constexpr std::uint32_t kCredit = 8U << 20U;
constexpr std::string_view kStamp = "made_ns";

class TailRun {
 public:
    TailRun(const BenchOptions& options, std::unique_ptr<client::Connection> writer,
            std::unique_ptr<client::Connection> tail)
        : options_(options),
          writer_(std::move(writer)),
          tail_(std::move(tail)),
          tail_reader_(4U << 20U),
          writer_reader_(64U << 10U),
          stream_(fmt::format("bench/tail-{}", now_ns())) {
        make_record();
    }

    Result<void> run() {
        SLUICE_TRY(Epoll epoll, Epoll::create());
        SLUICE_CHECK(follow());
        epoll.watch(writer_->fd(), EPOLLIN, 0);
        epoll.watch(tail_->fd(), EPOLLIN, 1);
        start_ns_ = now_ns();
        measure_from_ns_ = start_ns_ + static_cast<std::uint64_t>(options_.warmup_seconds * 1e9);
        const std::uint64_t end = measure_from_ns_ + static_cast<std::uint64_t>(options_.seconds * 1e9);
        const std::uint64_t patience = end + 10'000'000'000;
        std::uint64_t next_tick = start_ns_;
        while (now_ns() < end || received_ < made_) {
            const std::uint64_t now = now_ns();
            if (now > patience) {
                return fail(Errc::deadline_exceeded, "the tail has {} of {} records 10 s after the last was written",
                            received_, made_);
            }
            if (now >= next_tick) {
                if (now < end) {
                    write_due(now);
                }
                next_tick += (1 + (now - next_tick) / kTickNs) * kTickNs;
            }
            SLUICE_CHECK(flush(*writer_, writer_out_));
            SLUICE_CHECK(flush(*tail_, tail_out_));
            const std::uint64_t after = now_ns();
            for (const epoll_event& event : epoll.wait(next_tick > after ? next_tick - after : 0)) {
                SLUICE_CHECK(event.data.u64 == 0 ? receive_acknowledgements() : receive_entries());
            }
        }
        return {};
    }

    const Histogram& latency() const noexcept { return latency_; }
    double rate() const noexcept {
        return static_cast<double>(received_) * 1e9 / static_cast<double>(now_ns() - start_ns_);
    }

 private:
    void make_record() {
        const std::size_t field = wire::kFieldHeaderSize + kStamp.size() + 8;
        record_ = bench_record(stream_, std::max<std::size_t>(options_.record_bytes, 64 + field) - field);
        const std::int64_t zero = 0;
        wire::append_field(record_, wire::FieldType::int64, kStamp, std::as_bytes(std::span(&zero, 1)));
        store_int(record_.data(), static_cast<std::uint32_t>(record_.size()));
        store_int(record_.data() + 6, std::uint16_t{1});
    }

    // The place to follow from is asked for first, so that no record can be written before the tail begins.
    Result<void> follow() {
        wire::TailRequest request;
        request.credit = kCredit;
        request.durable_only = options_.level == wire::AckLevel::durable;
        request.filter.streams = {stream_};
        tail_->queue(request);
        while (!tail_->has_reply()) {
            SLUICE_CHECK(tail_->step(client::kForever));
        }
        SLUICE_TRY(const wire::TailEnd end, tail_->take()->decode<wire::TailEnd>());
        request.start = wire::TailStart::after_cursor;
        request.after = end.resume_after;
        request.follow = true;
        tail_id_ = tail_->queue(request);
        return tail_->send_queued();
    }

    void write_due(std::uint64_t now) {
        const auto due = static_cast<std::uint64_t>(static_cast<double>(now - start_ns_) * options_.rate / 1e9);
        const auto room = std::min<std::uint64_t>(due - made_, 4096);
        if (room == 0 || writer_out_.size() > (4U << 20U)) {
            return;
        }
        const std::size_t batch_bytes = sizeof(wire::BatchHeader) + record_.size() * room;
        append(writer_out_, wire::encode_log_head(writer_->next_id(), options_.level, batch_bytes));
        const wire::BatchHeader header{.size = static_cast<std::uint32_t>(batch_bytes),
                                       .count = static_cast<std::uint32_t>(room)};
        append(writer_out_, std::as_bytes(std::span(&header, 1)));
        for (std::uint64_t i = 0; i < room; ++i) {
            append(writer_out_, record_);
            store_int(writer_out_.data() + writer_out_.size() - 8, now);
        }
        made_ += room;
    }

    static Result<void> flush(client::Connection& connection, Bytes& out) {
        while (!out.empty()) {
            const std::array<ByteView, 1> pieces{ByteView{out}};
            SLUICE_TRY(const std::size_t n, send_some(connection.fd(), pieces));
            if (n == 0) {
                return {};
            }
            out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n));
        }
        return {};
    }

    Result<void> receive_acknowledgements() {
        return writer_reader_.receive(writer_->fd(),
                                      [](const wire::FrameHeader&, ByteView) -> Result<void> { return {}; });
    }

    Result<void> receive_entries() {
        return tail_reader_.receive(tail_->fd(), [&](const wire::FrameHeader& header, ByteView payload) {
            return take_chunk(header, payload);
        });
    }

    Result<void> take_chunk(const wire::FrameHeader& header, ByteView payload) {
        if (!header.more()) {
            return fail(Errc::closed, "the tail ended by itself");
        }
        SLUICE_TRY(const wire::TailChunk chunk, wire::TailChunk::decode(payload));
        const std::uint64_t now = now_ns();
        for (const wire::TailEntry& entry : chunk.entries) {
            if (entry.sequence <= last_sequence_ && received_ > 0) {
                return fail(Errc::out_of_order, "sequence {} came after {}", entry.sequence, last_sequence_);
            }
            last_sequence_ = entry.sequence;
            ++received_;
            const ByteView bytes = entry.record.bytes();
            const auto made = load_int<std::uint64_t>(bytes.data() + bytes.size() - 8);
            if (made >= measure_from_ns_) {
                latency_.add(now - made);
            }
        }
        consumed_ += header.length;
        if (consumed_ >= kCredit / 4) {
            wire::append_frame(tail_out_, tail_->next_id(), wire::Credit{.target = tail_id_, .bytes = consumed_});
            consumed_ = 0;
        }
        return {};
    }

    const BenchOptions& options_;
    std::unique_ptr<client::Connection> writer_;
    std::unique_ptr<client::Connection> tail_;
    FrameReader tail_reader_;
    FrameReader writer_reader_;
    std::string stream_;
    Bytes record_;
    Bytes writer_out_;
    Bytes tail_out_;
    std::uint64_t tail_id_ = 0;
    std::uint32_t consumed_ = 0;
    std::uint64_t start_ns_ = 0;
    std::uint64_t measure_from_ns_ = 0;
    std::uint64_t made_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t last_sequence_ = 0;
    Histogram latency_;
};

}  // namespace

Result<void> bench_tail(const BenchOptions& options, Figures& figures) {
    for (std::uint32_t run = 0; run < options.runs; ++run) {
        SLUICE_TRY(auto writer, client::Connection::connect(options.socket_path, {.client_name = "sluice bench"}));
        SLUICE_TRY(auto tail, client::Connection::connect(options.socket_path, {.client_name = "sluice bench"}));
        const auto measured = std::make_unique<TailRun>(options, std::move(writer), std::move(tail));
        SLUICE_CHECK(measured->run());
        figures.add("write to tail rate", "records/s", measured->rate());
        figures.add("write to tail p50", "us", measured->latency().quantile(0.50) / 1e3);
        figures.add("write to tail p99", "us", measured->latency().quantile(0.99) / 1e3);
        figures.add("write to tail p99.9", "us", measured->latency().quantile(0.999) / 1e3);
    }
    return {};
}

}  // namespace sluice::cli
