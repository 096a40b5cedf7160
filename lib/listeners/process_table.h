// The processes that have sent to one listener lately: read off the loop, and remembered.
//
// A message names its sender by pid, uid and gid (SCM_CREDENTIALS).  That a remembered process is the one that sent is
// known as long as the number is its own: it has not been waited for.  That is asked once for each round of messages,
// after they were received.  Afterwards it is told from a successor with the same number by the pidfd that comes with
// the message; where messages come too fast for a pidfd each (see needs_pidfds), by time: the kernel does not give
// out a number again before it went through all of them.
// Threads: those of its loop.
#pragma once

#include <list>
#include <memory>
#include <unordered_map>

#include "coro/pool.h"
#include "coro/scope.h"
#include "coro/sync.h"
#include "io/message.h"
#include "listeners/process_source.h"
#include "wire/record.h"

namespace sluice::listeners {

// A bucket of `burst` records that is full again after each interval.
struct RateState {
    MonotonicTime begun{};
    std::uint32_t used = 0;
};

struct Process {
    io::PeerCredentials credentials{};
    Fd pidfd;
    std::uint64_t identity = 0;
    Proof proof = Proof::pid;  // Of what is read by `pidfd`.
    ProcessFacts facts;
    std::string uid_text;
    wire::FieldBlock trusted;  // What every record of it carries.
    coro::Event known;         // It was read, or will not be in time.
    RateState rate;
    std::uint64_t round = 0;     // When it was last seen to hold its number.
    MonotonicTime held_until{};  // The same, as a time.
    MonotonicTime read_at{};     // When reading it was begun last.
    bool reading = false;
    bool overdue = false;  // Nobody waits any more for what is being read.
};
using ProcessPointer = std::shared_ptr<Process>;

struct ProcessCounters {
    std::uint64_t read = 0;
    std::uint64_t gone = 0;  // Of those: had ended before they could be read.
    std::uint64_t late = 0;  // Records went on without what was read of their sender: it took too long.
};

class ProcessTable {
 public:
    struct Options {
        std::string_view transport;       // Of the field _transport.  A literal.
        std::size_t processes_max = 512;  // Each holds a file descriptor.  Beyond: the longest silent is forgotten.
        std::size_t reads_in_flight_max = 4;
        Duration patience = std::chrono::milliseconds(20);  // How long records wait for what is read of their sender.
        // One that goes on sending is read again so often, because it can run another program by now (execve); its
        // records do not wait for that.
        Duration refresh_interval = std::chrono::seconds(1);
    };
    // Borrows all until destroyed; reads on `pool`.
    ProcessTable(coro::Loop& loop, coro::Pool& pool, ProcessSource& source, Options options);

    // Messages that are looked up from now on were received before this moment.
    void begin_round() noexcept { ++round_; }
    // The sender of a message; takes its pidfd.
    ProcessPointer find(const io::PeerCredentials& sender, Fd pidfd);
    // Waits until `known`, for as long as Options::patience at most.
    Task<> settle(ProcessPointer process);
    // Awaits what is being read.
    Task<> join() { return reading_.join(); }

    std::size_t size() const noexcept { return order_.size(); }
    const ProcessCounters& counters() const noexcept { return counters_; }

 private:
    using Order = std::list<ProcessPointer>;  // Longest silent first.
    struct Hash {
        std::size_t operator()(const io::PeerCredentials& c) const noexcept {
            return std::size_t{static_cast<std::uint32_t>(c.pid)} * 0x9E37'79B9'7F4A'7C15U ^ c.uid ^
                   (std::size_t{c.gid} << 32U);
        }
    };
    bool is_same(Process& process, const Fd& pidfd) noexcept;
    ProcessPointer add(const io::PeerCredentials& sender, Fd pidfd);
    void start_reading(const ProcessPointer& process);
    Task<> read(ProcessPointer process);
    void describe(Process& process) const;

    coro::Loop& loop_;
    ProcessSource& source_;
    Options options_;
    coro::Offload offload_;
    coro::Scope reading_;
    std::size_t overdue_ = 0;  // Reads that nobody waits for any more.
    std::uint64_t round_ = 1;
    Order order_;
    std::unordered_map<io::PeerCredentials, Order::iterator, Hash> by_credentials_;
    ProcessCounters counters_;
};

}  // namespace sluice::listeners
