// The processes that have sent to one listener lately: read off the loop, and remembered.
//
// A message names its sender by pid, uid and gid (SCM_CREDENTIALS).  A remembered process is the sender of a message
//   that came with a pidfd     if the two pidfds are of the same process;
//   that came without          if the process holds its number still: it was not waited for.  Asked once for each round
//                              of messages, after they were received.
// Where neither says so, and the process was seen to hold its number less than 100 ms ago, it is taken for the sender
// all the same, because the kernel gives out all other numbers first; such records say Proof::pid at most.
//
// What a process cannot hold back (name, path, cgroup) is waited for.  Its command line is read from its memory, which
// it can make take for ever: that is waited for 20 ms, at most five times a second, and left aside otherwise.
// Threads: those of its loop.
#pragma once

#include <list>
#include <memory>
#include <unordered_map>

#include "coro/aside.h"
#include "coro/pool.h"
#include "coro/scope.h"
#include "coro/sync.h"
#include "io/message.h"
#include "listeners/process_source.h"
#include "wire/record.h"

namespace sluice::listeners {

// So many of something since `begun`.
struct RateState {
    // Begins anew when `interval` is over.
    void roll(MonotonicTime now, Duration interval) noexcept {
        if (now - begun >= interval) {
            begun = now;
            used = 0;
        }
    }
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
    coro::Event named;         // All but the command line was read.
    coro::Event known;         // It was read, or its records go on without.
    RateState rate;
    std::uint64_t round = 0;     // When it was last seen to hold its number.
    MonotonicTime held_until{};  // The same, as a time.
    MonotonicTime read_at{};     // When reading it was begun last.
    bool reading = false;
};
using ProcessPointer = std::shared_ptr<Process>;

struct ProcessCounters {
    std::uint64_t read = 0;
    std::uint64_t gone = 0;  // Of those: had ended before they could be read.
    std::uint64_t late = 0;  // Records went on without a command line: it took too long.
};

class ProcessTable {
 public:
    struct Options {
        std::string_view transport;       // Of the field _transport.  A literal.
        std::size_t processes_max = 512;  // Each holds a file descriptor.  Beyond: the longest silent is forgotten.
        std::size_t reads_in_flight_max = 4;
        Duration patience = std::chrono::milliseconds(20);
        std::uint32_t patience_per_second = 5;  // How often it may be lost.
        // One that goes on sending is read again so often, because it can run another program by now (execve); its
        // records do not wait for that.
        Duration refresh_interval = std::chrono::seconds(1);
    };
    // Borrows all until destroyed.  Reads on `pool`, and command lines on `aside`.
    ProcessTable(coro::Loop& loop, coro::Pool& pool, coro::Aside& aside, ProcessSource& source, Options options);

    // Messages that are looked up from now on were received before this moment.
    void begin_round() noexcept { ++round_; }
    // The sender of a message; takes its pidfd.
    ProcessPointer find(const io::PeerCredentials& sender, Fd pidfd);
    // Waits until `known`.  Its records go on then, also if it is cancelled.
    Task<> settle(ProcessPointer process);
    // Reads it once more, and waits for that: it may run another program by now.
    Task<> look_again(ProcessPointer process);
    // Ends what is being read.
    Task<> stop();

    std::size_t size() const noexcept { return order_.size(); }
    std::uint64_t added() const noexcept { return added_; }  // Senders that were not remembered, so far.
    const ProcessCounters& counters() const noexcept { return counters_; }

 private:
    using Order = std::list<ProcessPointer>;  // Longest silent first.
    struct Hash {
        std::size_t operator()(const io::PeerCredentials& c) const noexcept {
            return std::size_t{static_cast<std::uint32_t>(c.pid)} * 0x9E37'79B9'7F4A'7C15U ^ c.uid ^
                   (std::size_t{c.gid} << 32U);
        }
    };
    enum class Match : std::uint8_t { same, likely, other };
    Match match(Process& process, const Fd& pidfd) noexcept;
    ProcessPointer remember(ProcessPointer process);
    ProcessPointer add(const io::PeerCredentials& sender, Fd pidfd);
    ProcessPointer add_likely(const Process& process);
    void start_reading(const ProcessPointer& process);
    Task<> read(ProcessPointer process);
    Task<> read_rest(ProcessPointer process, Fd directory);
    bool may_wait() noexcept;
    void describe(Process& process) const;

    coro::Loop& loop_;
    coro::Aside& aside_;
    ProcessSource& source_;
    Options options_;
    coro::Offload offload_;
    coro::Scope reading_;
    RateState lost_patience_;
    std::uint64_t round_ = 1;
    std::uint64_t added_ = 0;
    Order order_;
    std::unordered_map<io::PeerCredentials, Order::iterator, Hash> by_credentials_;
    ProcessCounters counters_;
};

}  // namespace sluice::listeners
