// The bare pipe from a client's socket to the disk: no frames, no checksums, no sequence numbers.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "measurements.h"

namespace sluice::bench {
namespace {

constexpr std::size_t kGroupBytes = 1U << 20U;  // Larger groups only add latency.
constexpr std::size_t kBatchesInFlight = 64;
constexpr std::size_t kAcknowledgementBytes = 16;

// Sends batches as fast as acknowledgements come back.  Ends when the receiver closes the socket.
void send_batches(int fd, std::size_t batch_bytes) {
    const std::vector<std::byte> batch(batch_bytes, std::byte{'r'});
    std::vector<std::byte> replies(kBatchesInFlight * kAcknowledgementBytes);
    std::size_t in_flight = 0;
    std::size_t reply_bytes = 0;
    for (;;) {
        while (in_flight < kBatchesInFlight) {
            if (send(fd, batch.data(), batch.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(batch.size())) {
                return;
            }
            ++in_flight;
        }
        const ssize_t count = read(fd, replies.data(), replies.size());
        if (count <= 0) {
            return;
        }
        reply_bytes += static_cast<std::size_t>(count);
        in_flight -= reply_bytes / kAcknowledgementBytes;
        reply_bytes %= kAcknowledgementBytes;
    }
}

// The second thread: writes one group at a time and answers the batches that are then whole on the disk.
class Writer {
 public:
    Writer(const Options& options, int socket, std::size_t batch_bytes)
        : file_(options, LogFile::Access::direct),
          socket_(socket),
          batch_bytes_(batch_bytes),
          thread_([this] { run(); }) {}
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer() {
        {
            const std::lock_guard lock(mutex_);
            stop_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

    [[nodiscard]] bool busy() {
        const std::lock_guard lock(mutex_);
        return bytes_ != 0;
    }
    // Waits until the previous group has been written, then hands over this one; `group` is read until the next call
    // returns.
    void write(const Memory& group, std::size_t bytes) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return bytes_ == 0; });
        group_ = &group;
        bytes_ = bytes;
        lock.unlock();
        changed_.notify_all();
    }
    void wait_until_idle() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return bytes_ == 0; });
    }
    [[nodiscard]] std::uint64_t batches_answered() const { return batches_; }

 private:
    void run() {
        for (;;) {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return bytes_ != 0 || stop_; });
            if (bytes_ == 0) {
                return;
            }
            const std::size_t bytes = bytes_;
            lock.unlock();
            store_and_answer(bytes);
            lock.lock();
            bytes_ = 0;
            lock.unlock();
            changed_.notify_all();
        }
    }
    void store_and_answer(std::size_t bytes) {
        const std::size_t padded = round_to_block(bytes);
        const auto offset = static_cast<off_t>(file_.advance(padded));
        if (pwrite(file_.fd(), group_->data(), padded, offset) != static_cast<ssize_t>(padded)) {
            fail("pwrite", errno);
        }
        written_bytes_ += bytes;
        const std::uint64_t whole = written_bytes_ / batch_bytes_;
        std::byte replies[kBatchesInFlight * kAcknowledgementBytes] = {};
        const std::size_t reply_bytes = (whole - batches_) * kAcknowledgementBytes;
        if (reply_bytes > 0 && send(socket_, replies, reply_bytes, MSG_NOSIGNAL) < 0) {
            fail("send", errno);
        }
        batches_ = whole;
    }

    LogFile file_;
    const int socket_;
    const std::size_t batch_bytes_;
    std::uint64_t written_bytes_ = 0;
    std::uint64_t batches_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    const Memory* group_ = nullptr;
    std::size_t bytes_ = 0;  // Of the group being written; 0: idle.
    bool stop_ = false;
    std::thread thread_;
};

// Reads into one group while the other is being written; hands over when the writer is free or the group is full.
void receive_and_write(int fd, Writer& writer, double seconds) {
    const Memory groups[2] = {Memory(kGroupBytes), Memory(kGroupBytes)};
    const Memory* filling = &groups[0];
    const Memory* other = &groups[1];
    std::size_t filled = 0;
    const std::uint64_t start = now_ns();
    const auto limit = static_cast<std::uint64_t>(seconds * 1e9);
    while (now_ns() - start < limit) {
        const int flags = filled > 0 ? MSG_DONTWAIT : 0;  // With nothing in hand there is nothing better to do.
        const ssize_t count = recv(fd, filling->data() + filled, kGroupBytes - filled, flags);
        if (count > 0) {
            filled += static_cast<std::size_t>(count);
        } else if (count == 0 || errno != EAGAIN) {
            fail("recv", count == 0 ? EPIPE : errno);
        }
        const bool nothing_more = count < 0;
        if (filled == kGroupBytes || nothing_more || !writer.busy()) {
            writer.write(*filling, filled);
            std::swap(filling, other);
            filled = 0;
        }
    }
    writer.wait_until_idle();  // It may still read a group of ours.
}

}  // namespace

void stream_to_log(const Options& options, std::size_t records_per_batch, Report& report) {
    const std::size_t batch_bytes = records_per_batch * kRecordBytes;
    SocketPairs sockets(1);
    const int client = start_child([&] {
        SocketPairs::close_all(sockets.server);
        pin_to_cpu(options, 1);
        send_batches(sockets.client[0], batch_bytes);
    });
    SocketPairs::close_all(sockets.client);
    double rate = 0;
    {
        Writer writer(options, sockets.server[0], batch_bytes);
        pin_to_cpu(options, 0);
        const std::uint64_t start = now_ns();
        receive_and_write(sockets.server[0], writer, options.seconds);
        const double seconds = static_cast<double>(now_ns() - start) / 1e9;
        rate = static_cast<double>(writer.batches_answered() * records_per_batch) / seconds;
    }
    SocketPairs::close_all(sockets.server);
    wait_for_child(client);
    report.add(fmt::format("stream_to_log.{}", records_per_batch), "records/s", rate);
}

}  // namespace sluice::bench
