#include "io/uring_ring.h"

#include <sys/resource.h>

#include <algorithm>
#include <thread>

namespace sluice::io::detail {

namespace {

constexpr std::array kOpcodes{
    NamedOpcode{IORING_OP_ACCEPT, "ACCEPT"},
    NamedOpcode{IORING_OP_CONNECT, "CONNECT"},
    NamedOpcode{IORING_OP_RECV, "RECV"},
    NamedOpcode{IORING_OP_SEND, "SEND"},
    NamedOpcode{IORING_OP_SHUTDOWN, "SHUTDOWN"},
    NamedOpcode{IORING_OP_POLL_ADD, "POLL_ADD"},
    NamedOpcode{IORING_OP_OPENAT2, "OPENAT2"},
    NamedOpcode{IORING_OP_CLOSE, "CLOSE"},
    NamedOpcode{IORING_OP_READ, "READ"},
    NamedOpcode{IORING_OP_WRITE, "WRITE"},
    NamedOpcode{IORING_OP_FSYNC, "FSYNC"},
    NamedOpcode{IORING_OP_STATX, "STATX"},
    NamedOpcode{IORING_OP_RENAMEAT, "RENAMEAT"},
    NamedOpcode{IORING_OP_UNLINKAT, "UNLINKAT"},
    NamedOpcode{IORING_OP_MKDIRAT, "MKDIRAT"},
    NamedOpcode{IORING_OP_FALLOCATE, "FALLOCATE"},
    NamedOpcode{IORING_OP_ASYNC_CANCEL, "ASYNC_CANCEL"},
};

constexpr std::uint32_t kFeaturesNeeded = IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_EXT_ARG;

// Best first.  A kernel that does not know a flag answers EINVAL to the whole set.
constexpr std::uint32_t kSingle = IORING_SETUP_SINGLE_ISSUER;
constexpr std::uint32_t kAll = IORING_SETUP_SUBMIT_ALL;
constexpr std::uint32_t kCoop = IORING_SETUP_COOP_TASKRUN;
constexpr std::array kFlagSets{
    kSingle | IORING_SETUP_DEFER_TASKRUN | kAll,  // Linux 6.1
    kSingle | kCoop | kAll,                       // 6.0
    kCoop | kAll,                                 // 5.19
    kAll,                                         // 5.18
    0U,
};

int register_raw(io_uring& ring, std::uint32_t opcode, const void* argument, std::uint32_t count) noexcept {
    return io_uring_register(static_cast<unsigned>(ring.ring_fd), opcode, argument, count);
}

int initialise(io_uring& ring, const UringOptions& options, Probe& probe) noexcept {
    int error = -EINVAL;
    for (std::uint32_t flags : kFlagSets) {
        if ((flags & options.setup_flags_off) != 0) {
            continue;
        }
        io_uring_params params{};
        params.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_R_DISABLED;
        params.cq_entries = options.cq_entries;
        error = io_uring_queue_init_params(options.sq_entries, &ring, &params);
        if (error == 0) {
            probe.features = params.features;
            probe.setup_flags = params.flags;
            probe.sq_entries = params.sq_entries;
            probe.cq_entries = params.cq_entries;
        }
        if (error != -EINVAL) {
            break;
        }
    }
    return error;
}

std::vector<std::string> missing_opcodes(io_uring& ring) {
    std::vector<std::string> missing;
    io_uring_probe* found = io_uring_get_probe_ring(&ring);
    for (const NamedOpcode& opcode : kOpcodes) {
        if (found == nullptr || io_uring_opcode_supported(found, opcode.number) == 0) {
            missing.emplace_back(opcode.name);
        }
    }
    io_uring_free_probe(found);
    return missing;
}

}  // namespace

std::span<const NamedOpcode> opcodes_in_use() noexcept {
    return kOpcodes;
}

Result<std::unique_ptr<UringRing>> UringRing::create(const UringOptions& options, Probe& probe) {
    // The locked memory of a process that has just ended is given back about 25 ms late.
    constexpr int kTriesMax = 50;
    constexpr auto kPause = std::chrono::milliseconds(10);

    std::unique_ptr<UringRing> made(new UringRing());
    io_uring& ring = made->ring_;
    ring.ring_fd = -1;
    int error = initialise(ring, options, probe);
    for (int tries = 1; error == -ENOMEM && tries < kTriesMax; ++tries) {
        std::this_thread::sleep_for(kPause);
        error = initialise(ring, options, probe);
    }
    const UringSwitches switches = read_uring_switches();
    probe.memlock_bytes_max = switches.memlock_bytes_max;
    if (error != 0) {
        ring.ring_fd = -1;
        return std::unexpected(setup_error(-error, switches, options.sq_entries, options.cq_entries));
    }
    if ((probe.features & kFeaturesNeeded) != kFeaturesNeeded) {
        return fail(Errc::unsupported,
                    "this kernel's io_uring has features {:#x}, sluice needs {:#x}; use Linux 6.1 or newer",
                    probe.features, kFeaturesNeeded);
    }
    probe.opcodes_missing = missing_opcodes(ring);
    if (!probe.opcodes_missing.empty()) {
        return std::unexpected(missing_opcodes_error(probe.opcodes_missing));
    }

    io_uring_ring_dontfork(&ring);
    std::uint32_t workers[2] = {options.file_workers_max, options.other_workers_max};
    if (const int refused = io_uring_register_iowq_max_workers(&ring, workers); refused < 0) {
        return fail_errno(-refused, "limit the ring's worker threads");
    }
    made->open_hows_.resize(probe.sq_entries);
    // Slot i of the index array names entry i for ever, so that submitting is one store of the tail.
    for (std::uint32_t i = 0; i < probe.sq_entries; ++i) {
        ring.sq.array[i] = i;
    }
    probe.no_iowait = (probe.features & kFeatureNoIowait) != 0;
    made->enter_flags_ = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | (probe.no_iowait ? kEnterNoIowait : 0U);
    return made;
}

UringRing::~UringRing() {
    if (ring_.ring_fd >= 0) {
        io_uring_queue_exit(&ring_);
    }
}

Result<> UringRing::enable(bool restrict_opcodes, Probe& probe) {
    // Best effort: an enter through the plain fd costs 25 ns more.
    probe.ring_fd_registered = io_uring_register_ring_fd(&ring_) == 1;
    if (probe.ring_fd_registered) {
        enter_flags_ |= IORING_ENTER_REGISTERED_RING;
    }
    if (restrict_opcodes) {
        std::vector<io_uring_restriction> allowed;
        for (const NamedOpcode& opcode : kOpcodes) {
            io_uring_restriction& entry = allowed.emplace_back();
            entry.opcode = IORING_RESTRICTION_SQE_OP;
            entry.sqe_op = opcode.number;
        }
        io_uring_restriction& flags = allowed.emplace_back();
        flags.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
        flags.sqe_flags = IOSQE_BUFFER_SELECT | IOSQE_ASYNC;
        // io_uring_queue_exit() needs it: a registered ring fd holds the ring until its thread ends.
        io_uring_restriction& registration = allowed.emplace_back();
        registration.opcode = IORING_RESTRICTION_REGISTER_OP;
        registration.register_op = IORING_UNREGISTER_RING_FDS;
        const int refused = register_raw(ring_, IORING_REGISTER_RESTRICTIONS, allowed.data(),
                                         static_cast<std::uint32_t>(allowed.size()));
        if (refused < 0) {
            return fail_errno(-refused, "restrict the ring to {} opcodes", kOpcodes.size());
        }
        probe.opcodes_allowed = static_cast<std::uint32_t>(kOpcodes.size());
    }
    if (const int refused = register_raw(ring_, IORING_REGISTER_ENABLE_RINGS, nullptr, 0); refused < 0) {
        return fail_errno(-refused, "enable the ring");
    }
    return {};
}

Result<> UringRing::enter(const Wait& wait) noexcept {
    __kernel_timespec timeout{};
    io_uring_getevents_arg argument{};
    if (wait.timeout) {
        const auto nanoseconds = std::max<Duration::rep>(wait.timeout->count(), 0);
        timeout.tv_sec = nanoseconds / 1'000'000'000;
        timeout.tv_nsec = nanoseconds % 1'000'000'000;
        argument.ts = reinterpret_cast<std::uint64_t>(&timeout);
    }
    io_uring_smp_store_release(ring_.sq.ktail, ring_.sq.sqe_tail);
    ring_.sq.sqe_head = ring_.sq.sqe_tail;
    const int answer =
        io_uring_enter2(static_cast<unsigned>(ring_.enter_ring_fd), unsubmitted(), wait.for_completion ? 1 : 0,
                        enter_flags_, reinterpret_cast<sigset_t*>(&argument), sizeof argument);
    switch (answer) {
        case -ETIME:
        case -EINTR:   // A signal.
        case -EAGAIN:  // Short of memory for requests: the entries stay in the queue.
        case -EBUSY:   // The completion queue has overflowed: drain it first.
            return {};
        default:
            if (answer < 0) {
                return fail_errno(-answer, "io_uring_enter");
            }
            return {};
    }
}

}  // namespace sluice::io::detail
