// A simulated machine: virtual time, a disk, sockets, and the kernels (one per loop) of the programs that run on it.
// Single-threaded and deterministic: the same seed gives the same run, to the byte.
//
//     SimWorld world({.seed = 7});
//     SimKernel service(world, {.name = "service"});
//     SimKernel client(world, {.name = "client", .crashes = false});
//     coro::Job<Result<>> daemon(service.loop(), "daemon", run_daemon, std::ref(service));
//     ...
//     auto done = world.run_until([&] { return client_job.done(); });    // an error says what it hangs on
//     world.crash(CrashKind::power);                                     // then cancel the daemon, let it unwind,
//     daemon.cancel();  world.run_until([&] { return daemon.done(); });  // and start it again on new kernels
//
// One step either resumes one loop that has work, or completes one operation whose virtual time has come; which one is
// chosen by the seed.  Time moves a little with each resumed loop, and jumps to the next completion or timer when
// nothing is ready.  An operation takes effect when it completes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/kernel.h"
#include "io/sim_disk.h"
#include "io/sim_faults.h"
#include "io/sim_random.h"

namespace sluice::io {

class SimKernel;
class SimSocket;

class SimClock final : public Clock {
 public:
    explicit SimClock(WallNs wall_start) noexcept : wall_offset_(wall_start) {}
    MonotonicTime now() const noexcept override { return now_; }
    WallNs wall_now() const noexcept override { return wall_offset_ + now_.since_origin.count(); }
    // The administrator, or NTP, sets the wall clock.
    void step_wall(Duration by) noexcept { wall_offset_ += by.count(); }

 private:
    friend class SimWorld;
    MonotonicTime now_;
    WallNs wall_offset_;
};

enum class CrashKind : std::uint8_t {
    process,  // SIGKILL: what was completed stays; of each operation in flight nothing, all, or (writes) a prefix.
    power,    // Also: un-synced writes and names are kept, lost or torn; a new boot id.
};

class SimWorld {
 public:
    // Typical latencies; each operation takes 1/2 to 3/2 of its own, and one in 64 takes up to 20 times that.
    struct Latency {
        Duration socket = std::chrono::microseconds(4);
        Duration file = std::chrono::microseconds(15);    // open, read, write, stat, rename, ...
        Duration sync = std::chrono::microseconds(120);   // Also durable writes.
        Duration resume = std::chrono::nanoseconds(500);  // Cost of one round of a loop.
    };
    struct Options {
        std::uint64_t seed = 1;
        SimDisk::Options disk;
        FaultRates faults;
        Latency latency;
        WallNs wall_start = 1'700'000'000'000'000'000;
        // Gets a line per event; empty: nothing is formatted.
        std::function<void(std::string_view)> on_trace;
    };
    explicit SimWorld(Options options);
    explicit SimWorld(std::uint64_t seed);
    SimWorld(const SimWorld&) = delete;
    SimWorld& operator=(const SimWorld&) = delete;
    ~SimWorld();  // After its kernels.

    SimClock& clock() noexcept { return clock_; }
    SimDisk& disk() noexcept { return disk_; }
    SimFaults& faults() noexcept { return faults_; }
    SimRandom& random() noexcept { return random_; }
    std::uint64_t seed() const noexcept { return options_.seed; }

    // ---- driving.  Not from within a coroutine of one of the kernels. ----
    // Does the next thing.  False: idle, nothing can ever happen by itself (operations may still wait for a peer).
    bool step();
    static constexpr std::uint64_t kStepsMax = 1'000'000;
    // Steps until done().  Errc::internal with a list of the operations that wait: idle, or more than steps_max steps.
    template <class Done>
    Result<> run_until(Done&& done, std::uint64_t steps_max = kStepsMax) {
        for (std::uint64_t i = 0; !done(); ++i) {
            if (i == steps_max || !step()) {
                return hang(i == steps_max ? "too many steps" : "nothing can happen any more");
            }
        }
        return {};
    }
    // Until nothing can happen by itself; an error after steps_max steps (a periodic timer never ends).
    Result<> run_until_idle(std::uint64_t steps_max = kStepsMax);
    // For `duration` of virtual time.
    Result<> run_for(Duration duration, std::uint64_t steps_max = kStepsMax) {
        return run_within(duration, [] { return false; }, steps_max);
    }
    // The same, or until done().
    Result<> run_within(Duration duration, const std::function<bool()>& done, std::uint64_t steps_max = kStepsMax);

    // ---- crashes ----
    // Kills every kernel that `crashes`: its sockets are cut and its files closed; what it has in flight and whatever
    // it asks later completes with -ECANCELED and changes nothing.  The disk then holds what survived.  Start again
    // with new kernels; the old ones live until what runs on them has unwound.  Callable while stepping only from
    // at_operation().
    void crash(CrashKind kind);
    // Changes with each power loss.
    const std::string& boot_id() const noexcept { return boot_id_; }

    // Operations submitted so far by kernels that crash.
    std::uint64_t operations() const noexcept { return operations_; }
    // Calls `callback` once, between the submission and the completion of operation `number` (from 1).  For crash
    // sweeps.
    void at_operation(std::uint64_t number, std::function<void()> callback);

    // ---- watching ----
    std::uint64_t steps() const noexcept { return steps_; }
    // A running hash over all events, times and results, and the first KiB of what was transferred.
    std::uint64_t trace_hash() const noexcept { return trace_hash_; }
    // One line per operation in flight: kernel, number, kind, file, age.
    std::string describe_pending() const;
    std::size_t pending() const noexcept;
    // Operations that named a closed descriptor: a bug in the code under test.
    std::uint64_t bad_descriptors() const noexcept { return bad_descriptors_; }
    std::size_t open_descriptors(const SimKernel& kernel) const noexcept;

 private:
    friend class SimKernel;
    friend class SimSocket;

    // An operation in flight.  Scheduled: has an entry in the heap.  Parked: waits for its socket.
    struct Pending {
        Op* op = nullptr;  // nullptr: a free slot.
        SimKernel* kernel = nullptr;
        std::shared_ptr<SimFile> file;
        std::shared_ptr<SimFile> file2;
        std::uint64_t number = 0;        // Of all operations, for the trace.
        std::uint64_t crash_number = 0;  // Of operations(); 0: its kernel does not crash.
        std::uint32_t generation = 0;    // Entries of the heap with another one are stale.
        bool parked = false;
        bool cancelled = false;
        bool cancelled_late = false;  // Takes effect all the same, unless it comes to wait for a peer.
        SimFault fault;
        MonotonicTime submitted;
    };
    struct Due {
        MonotonicTime time;
        std::uint64_t order;
        std::uint32_t slot;
        std::uint32_t generation;
    };
    struct Descriptor {
        std::shared_ptr<SimFile> file;
        SimKernel* owner = nullptr;
    };
    static constexpr std::int32_t kWouldBlock = -100'000;

    // For SimKernel.
    void attach(SimKernel& kernel);
    void detach(SimKernel& kernel) noexcept;
    void submit(SimKernel& kernel, Op& op);
    void cancel(Op& op) noexcept;
    int install(SimKernel& kernel, std::shared_ptr<SimFile> file);
    void close(SimKernel& kernel, int fd) noexcept;
    std::shared_ptr<SimFile> file_of(int fd) const noexcept;
    Result<Handle> listen_unix(SimKernel& kernel, const std::string& path, mode_t mode, SocketKind kind);
    std::int32_t find_listener(std::string_view path, SocketKind kind, SimSocket*& found);
    std::int32_t send_datagram(SimKernel& kernel, std::string_view path, ByteView bytes);
    std::int32_t connect(SimKernel& kernel, SimFile& file, std::string_view path);
    void wake(std::vector<std::uint32_t>& parked);
    void forget_listener(std::uint64_t inode, SimSocket* socket) noexcept;

    // Scheduling (sim_world.cpp).
    void schedule(std::uint32_t slot, Duration after);
    void park(std::uint32_t slot, SimSocket& socket);
    Duration latency_of(const OpRequest& request, const SimFile* file);
    bool top_is_due();
    void drop_stale() noexcept;
    bool advance();
    void complete_next();
    void finish(std::uint32_t slot, std::int32_t result);
    std::uint32_t take_slot();
    void run(SimKernel& kernel);
    bool fire_operation_callback(std::uint32_t slot, std::uint32_t generation);
    std::unexpected<Error> hang(std::string_view why) const;

    // Doing what an operation asks (sim_ops.cpp).
    std::int32_t execute(std::uint32_t slot);
    std::int32_t execute_socket(std::uint32_t slot);
    std::int32_t execute_file(Pending& pending);
    std::int32_t execute_faulty(std::uint32_t slot);
    std::int32_t execute_asked(std::uint32_t slot);
    void write_despite_error(Pending& pending);
    std::int32_t execute_accept(std::uint32_t slot);
    std::int32_t execute_recv(std::uint32_t slot);
    std::int32_t execute_send(std::uint32_t slot);
    std::int32_t execute_open(Pending& pending);
    std::int32_t execute_poll(std::uint32_t slot);
    std::int32_t execute_connect(std::uint32_t slot);
    std::uint64_t transfer_length(const Pending& pending, std::uint64_t length, std::uint64_t unit);
    void strike(std::uint32_t slot, CrashKind kind);
    void strike_write(Pending& pending, CrashKind kind);
    std::string path_of(const OpRequest& request, const SimFile* file) const;

    void trace(char kind, const Pending& pending, std::int64_t value);
    void trace_text(char kind, const Pending& pending, std::int64_t value) const;
    void trace_event(std::string_view what) const;
    void mix(std::uint64_t value) noexcept {
        trace_hash_ = (trace_hash_ ^ value) * 0x9fb21c651e98df25ULL;
        trace_hash_ ^= trace_hash_ >> 35U;
    }

    Options options_;
    SimRandom random_;
    SimClock clock_;
    SimDisk disk_;
    SimFaults faults_;
    std::vector<SimKernel*> kernels_;
    std::vector<SimKernel*> runnable_;  // Of the current step.
    std::vector<Pending> slots_;
    std::vector<std::uint32_t> free_slots_;
    std::vector<Due> heap_;
    std::vector<Descriptor> descriptors_;  // Index: fd - kFirstFd.  Numbers are not used again, to make misuse visible.
    std::vector<std::pair<std::uint64_t, SimSocket*>> listeners_;  // By inode.
    std::string boot_id_;
    std::uint64_t boots_ = 0;
    std::uint64_t steps_ = 0;
    std::uint64_t submitted_ = 0;
    std::uint64_t operations_ = 0;
    std::uint64_t scheduled_ = 0;
    std::uint64_t bad_descriptors_ = 0;
    std::uint64_t trace_hash_;
    MonotonicTime limit_;  // advance() does not go beyond.
    std::uint64_t callback_at_ = 0;
    bool callback_now_ = false;
    std::function<void()> callback_;
};

}  // namespace sluice::io
