// sluice-datagram-load: numbered log messages from many processes to a datagram socket, as the programs that log send
// them, one send() each.  For intake_compare.py; prints JSON: what the kernel took, what it refused because the queue
// was full (--nonblock), and what that cost.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>

#include "args/program.h"
#include "measure.h"

namespace {

using sluice::bench::fail;
using sluice::bench::Memory;

struct LoadOptions {
    std::string socket;
    std::string format = "journal";
    std::uint64_t messages = 100'000;  // Of all senders together.
    unsigned senders = 1;
    std::size_t bytes = 205;  // Of each message.
    bool nonblock = false;
    unsigned pause_us = 0;  // After a refusal.
};

// In memory that the processes share.
struct Shared {
    std::atomic<unsigned> ready = 0;
    std::atomic<std::uint64_t> sent = 0;
    std::atomic<std::uint64_t> refused = 0;
};

// A message of `options.bytes` bytes, of which only the number changes.
class Message {
 public:
    Message(const LoadOptions& options, unsigned sender) {
        // A web server's request, with the fields that sd_journal_send and a structured logger add.
        const std::string text = fmt::format("GET /api/v1/orders?page={} 200 sender {} number ", sender % 97, sender);
        std::string tail;
        if (options.format == "journal") {
            text_ =
                "PRIORITY=6\nSYSLOG_IDENTIFIER=web\nCODE_FILE=serve.c\nCODE_LINE=117\nREQUEST=7f3a9c0e11d2\nMESSAGE=";
            tail = "\n";
        } else {
            text_ = "<134>Nov 20 12:00:00 web[1234]: ";
        }
        text_ += text;
        number_at_ = text_.size();
        const std::size_t fixed = number_at_ + kDigits + tail.size();
        if (fixed > options.bytes) {
            fail(fmt::format("a message has at least {} bytes", fixed), EINVAL);
        }
        text_.append(kDigits, '0');
        while (text_.size() + tail.size() < options.bytes) {
            text_ += kPadding[text_.size() % kPadding.size()];
        }
        text_ += tail;
    }

    std::string_view numbered(std::uint64_t number) {
        for (std::size_t digit = kDigits; digit-- > 0; number /= 10) {
            text_[number_at_ + digit] = static_cast<char>('0' + number % 10);
        }
        return text_;
    }

 private:
    static constexpr std::size_t kDigits = 10;
    static constexpr std::string_view kPadding = " agent=curl/7.88 upstream=10.0.3.17:8080 time=0.0042";
    std::string text_;
    std::size_t number_at_ = 0;
};

int connected(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        fail(path, ENAMETOOLONG);
    }
    std::copy(path.begin(), path.end(), address.sun_path);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        fail(path, errno);
    }
    return fd;
}

// Begins when the other end of `go` is closed.
void send_all(const LoadOptions& options, unsigned sender, int go, Shared& shared) {
    Message message(options, sender);
    const int fd = connected(options.socket);
    const int flags = MSG_NOSIGNAL | (options.nonblock ? MSG_DONTWAIT : 0);
    const std::uint64_t count = options.messages / options.senders + (sender < options.messages % options.senders);
    std::uint64_t refused = 0;
    shared.ready.fetch_add(1);
    char none = 0;
    if (read(go, &none, 1) != 0) {
        fail("the start", errno);
    }
    for (std::uint64_t number = 0; number < count; ++number) {
        const std::string_view text = message.numbered(number);
        while (send(fd, text.data(), text.size(), flags) < 0) {
            if (options.nonblock && errno == EAGAIN) {
                ++refused;
                if (options.pause_us != 0) {
                    usleep(options.pause_us);
                }
                break;
            }
            if (errno != EINTR) {
                fail("send", errno);
            }
        }
    }
    close(fd);
    shared.sent.fetch_add(count - refused);
    shared.refused.fetch_add(refused);
}

double children_cpu_s() {
    rusage usage{};
    getrusage(RUSAGE_CHILDREN, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void run(const LoadOptions& options) {
    const Memory memory(4096, /*shared=*/true);
    Shared& shared = *new (memory.data()) Shared;
    int go[2];
    if (pipe(go) != 0) {
        fail("pipe", errno);
    }
    std::vector<int> children;
    for (unsigned sender = 0; sender < options.senders; ++sender) {
        children.push_back(sluice::bench::start_child([&] {
            close(go[1]);
            send_all(options, sender, go[0], shared);
        }));
    }
    while (shared.ready.load() < options.senders) {
        usleep(1000);
    }
    const std::uint64_t start = sluice::bench::now_ns();
    close(go[1]);
    for (const int child : children) {
        sluice::bench::wait_for_child(child);
    }
    const double seconds = static_cast<double>(sluice::bench::now_ns() - start) / 1e9;
    fmt::print(R"({{"sent": {}, "refused": {}, "seconds": {:.6f}, "cpu_s": {:.3f}, "start_ns": {}}})"
               "\n",
               shared.sent.load(), shared.refused.load(), seconds, children_cpu_s(), start);
}

}  // namespace

int main(int argc, char** argv) {
    LoadOptions options;
    sluice::args::Program program("Numbered log messages from many processes to a Unix datagram socket.\n",
                                  "sluice-datagram-load");
    program.option("socket", options.socket, "path of the socket").required();
    program.option("--format", options.format, "journal: an entry of six fields; syslog: RFC 3164")
        .one_of({"journal", "syslog"})
        .show_default();
    program.option("--messages", options.messages, "of all senders together").show_default();
    program.option("--senders", options.senders, "processes").range(1, 1000).show_default();
    program.option("--bytes", options.bytes, "of each message").range(1, 60000).show_default();
    program.flag("--nonblock", options.nonblock, "do not wait while the queue is full; such messages are not sent");
    program.option("--pause-us", options.pause_us, "with --nonblock: do something else so long after a refusal");
    if (const auto ended = program.parse(argc, argv)) {
        return ended->print();
    }
    run(options);
}
