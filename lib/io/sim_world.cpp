#include "io/sim_world.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "base/format.h"
#include "io/kernel_ops.h"
#include "io/sim_kernel.h"
#include "io/sim_socket.h"

namespace sluice::io {
namespace {

constexpr MonotonicTime kNever{Duration(std::numeric_limits<std::int64_t>::max())};
constexpr unsigned kSlowTail = 64;  // One operation in so many is up to kSlowTimes slower.
constexpr unsigned kSlowTimes = 20;

std::string make_boot_id(std::uint64_t seed, std::uint64_t boot) {
    SimRandom random(seed ^ (boot * 0xd1342543de82ef95ULL));
    const std::uint64_t high = random.next();
    const std::uint64_t low = random.next();
    return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", high >> 32U, (high >> 16U) & 0xffffU, high & 0xfffU,
                       0x8000U | ((low >> 48U) & 0x3fffU), low & 0xffffffffffffULL);
}

bool waits_for_peer(OpCode code) {
    return code == OpCode::accept || code == OpCode::recv || code == OpCode::recv_pooled || code == OpCode::poll_in;
}

constexpr auto later = [](const auto& a, const auto& b) {
    return a.time != b.time ? a.time > b.time : a.order > b.order;
};

}  // namespace

SimWorld::SimWorld(Options options)
    : options_(std::move(options)),
      random_(options_.seed),
      clock_(options_.wall_start),
      disk_(options_.disk, random_, clock_),
      boot_id_(make_boot_id(options_.seed, 0)),
      trace_hash_(options_.seed),
      limit_(kNever) {
    faults_.rates = options_.faults;
}

SimWorld::SimWorld(std::uint64_t seed)
    : SimWorld(Options{.seed = seed, .disk = {}, .faults = {}, .latency = {}, .on_trace = {}}) {}

SimWorld::~SimWorld() {
    SLUICE_ASSERT(kernels_.empty(), "a simulated kernel outlives its world");
}

void SimWorld::attach(SimKernel& kernel) {
    kernel.index_ = kernels_.empty() ? 0 : kernels_.back()->index_ + 1;
    kernels_.push_back(&kernel);
}

void SimWorld::detach(SimKernel& kernel) noexcept {
    for (const Pending& pending : slots_) {
        SLUICE_ASSERT(pending.op == nullptr || pending.kernel != &kernel,
                      "kernel '{}' is destroyed with operations in flight:\n{}", kernel.name(), describe_pending());
    }
    for (std::size_t i = 0; i < descriptors_.size(); ++i) {
        if (descriptors_[i].owner == &kernel) {
            descriptors_[i] = {};
        }
    }
    std::erase(kernels_, &kernel);
}

// ---- scheduling ----

Duration SimWorld::latency_of(const OpRequest& request, const SimFile* file) {
    Duration typical = options_.latency.file;
    switch (request.code) {
        case OpCode::nop:
        case OpCode::accept:
        case OpCode::connect:
        case OpCode::recv:
        case OpCode::recv_pooled:
        case OpCode::send:
        case OpCode::shutdown:
        case OpCode::poll_in:
        case OpCode::close:
            typical = options_.latency.socket;
            break;
        case OpCode::sync:
            typical = options_.latency.sync;
            break;
        case OpCode::write:
            if ((request.flags & detail::kRwfDsync) != 0 || (file != nullptr && (file->flags & O_DSYNC) != 0)) {
                typical = options_.latency.sync;
            }
            typical += Duration(static_cast<std::int64_t>(request.length / 2));  // 2 GB/s.
            break;
        default:
            break;
    }
    const auto base = static_cast<std::uint64_t>(typical.count());
    std::uint64_t latency = base / 2 + random_.below(base + 1);
    if (random_.below(kSlowTail) == 0) {
        latency *= 1 + random_.below(kSlowTimes);
    }
    return Duration(static_cast<std::int64_t>(latency));
}

std::uint32_t SimWorld::take_slot() {
    if (free_slots_.empty()) {
        slots_.emplace_back();
        return static_cast<std::uint32_t>(slots_.size() - 1);
    }
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
}

void SimWorld::schedule(std::uint32_t slot, Duration after) {
    Pending& pending = slots_[slot];
    pending.parked = false;
    heap_.push_back({clock_.now_ + after, ++scheduled_, slot, ++pending.generation});
    std::ranges::push_heap(heap_, later);
}

void SimWorld::park(std::uint32_t slot, SimSocket& socket) {
    slots_[slot].parked = true;
    socket.parked().push_back(slot);
}

void SimWorld::wake(std::vector<std::uint32_t>& parked) {
    for (const std::uint32_t slot : parked) {
        schedule(slot, latency_of(*slots_[slot].op, nullptr));
    }
    parked.clear();
}

void SimWorld::submit(SimKernel& kernel, Op& op) {
    const std::uint32_t slot = take_slot();
    Pending& pending = slots_[slot];
    pending.op = &op;
    pending.kernel = &kernel;
    pending.number = ++submitted_;
    pending.submitted = clock_.now_;
    if (kernel.crashed_) {
        pending.cancelled = true;
        schedule(slot, Duration(0));
        return;
    }
    pending.crash_number = kernel.options_.crashes ? ++operations_ : 0;
    pending.file = file_of(op.fd);
    pending.file2 = file_of(op.fd2);
    const bool by_path = op.code == OpCode::open || op.code == OpCode::rename || op.code == OpCode::unlink ||
                         op.code == OpCode::mkdir || (op.code == OpCode::stat && op.path[0] != '\0');
    const bool needs_file = op.code != OpCode::nop && (op.fd >= 0 || !by_path);
    if ((needs_file && !pending.file) || (op.fd2 >= 0 && !pending.file2)) {
        ++bad_descriptors_;
        pending.fault = {.error = EBADF, .effect = FaultEffect::nothing};
    } else if (faults_.enabled) {
        pending.fault = faults_.decide(op, faults_.wants_paths() ? path_of(op, pending.file.get()) : "", random_);
    }
    trace('s', pending, op.fd);
    schedule(slot, latency_of(op, pending.file.get()) + pending.fault.delay);
    if (callback_at_ != 0 && pending.crash_number == callback_at_ && waits_for_peer(op.code)) {
        callback_now_ = true;
    }
}

void SimWorld::cancel(Op& op) noexcept {
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
        Pending& pending = slots_[slot];
        if (pending.op != &op) {
            continue;
        }
        // Parked: nothing has happened yet.  Else it may be too late, and the operation has its own result.
        if (pending.cancelled || (!pending.parked && random_.coin())) {
            pending.cancelled_late = true;
            return;
        }
        if (pending.parked) {
            std::erase(pending.kernel->waiting_for_buffer_, slot);
            if (pending.file && pending.file->socket) {
                std::erase(pending.file->socket->parked(), slot);
            }
        }
        pending.cancelled = true;
        trace('x', pending, 0);
        schedule(slot, latency_of(OpRequest{}, nullptr));
        return;
    }
}

void SimWorld::drop_stale() noexcept {
    while (!heap_.empty() && slots_[heap_.front().slot].generation != heap_.front().generation) {
        std::ranges::pop_heap(heap_, later);
        heap_.pop_back();
    }
}

bool SimWorld::top_is_due() {
    drop_stale();
    return !heap_.empty() && heap_.front().time <= clock_.now_;
}

bool SimWorld::advance() {
    MonotonicTime next = heap_.empty() ? kNever : heap_.front().time;
    for (const SimKernel* kernel : kernels_) {
        if (const auto deadline = kernel->loop_.next_deadline()) {
            next = std::min(next, *deadline);
        }
    }
    if (next == kNever || next > limit_) {
        return false;
    }
    clock_.now_ = std::max(clock_.now_, next);
    return true;
}

void SimWorld::run(SimKernel& kernel) {
    const auto cost = static_cast<std::uint64_t>(options_.latency.resume.count());
    clock_.now_.since_origin += Duration(static_cast<std::int64_t>(cost / 2 + random_.below(cost + 1)));
    mix((kernel.index_ << 8U) | 'r');
    mix(static_cast<std::uint64_t>(clock_.now_.since_origin.count()));
    kernel.remote_ = false;
    kernel.loop_.end_sleep();
    kernel.loop_.run_ready(1 + random_.below(3));
    if (!kernel.loop_.begin_sleep()) {
        kernel.remote_ = true;
    }
}

bool SimWorld::fire_operation_callback(std::uint32_t slot, std::uint32_t generation) {
    callback_at_ = 0;
    callback_now_ = false;
    const std::function<void()> callback = std::exchange(callback_, nullptr);
    callback();
    return slots_[slot].generation == generation;
}

void SimWorld::complete_next() {
    const Due due = heap_.front();
    std::ranges::pop_heap(heap_, later);
    heap_.pop_back();
    if (callback_at_ != 0 && slots_[due.slot].crash_number == callback_at_ &&
        !fire_operation_callback(due.slot, due.generation)) {
        return;
    }
    const std::int32_t result = execute(due.slot);
    if (result != kWouldBlock) {
        finish(due.slot, result);
    } else if (slots_[due.slot].cancelled_late) {
        cancel(*slots_[due.slot].op);
    }
}

void SimWorld::finish(std::uint32_t slot, std::int32_t result) {
    trace('c', slots_[slot], result);
    Pending& pending = slots_[slot];
    Op* op = std::exchange(pending.op, nullptr);
    const std::shared_ptr<SimFile> file = std::move(pending.file);  // May close a socket and wake others, at the end.
    const std::shared_ptr<SimFile> file2 = std::move(pending.file2);
    const std::uint32_t generation = pending.generation + 1;
    pending = Pending{};
    pending.generation = generation;
    free_slots_.push_back(slot);
    op->complete(result);
}

bool SimWorld::step() {
    ++steps_;
    if (callback_now_) {
        fire_operation_callback(0, 0);
        return true;
    }
    for (;;) {
        runnable_.clear();
        for (SimKernel* kernel : kernels_) {
            if (kernel->runnable()) {
                runnable_.push_back(kernel);
            }
        }
        const std::size_t choices = runnable_.size() + (top_is_due() ? 1 : 0);
        if (choices != 0) {
            const std::size_t choice = choices == 1 ? 0 : random_.below(choices);
            if (choice < runnable_.size()) {
                run(*runnable_[choice]);
            } else {
                complete_next();
            }
            return true;
        }
        if (!advance()) {
            return false;
        }
    }
}

Result<> SimWorld::run_until_idle(std::uint64_t steps_max) {
    for (std::uint64_t i = 0; step(); ++i) {
        if (i == steps_max) {
            return hang("too many steps");
        }
    }
    return {};
}

Result<> SimWorld::run_within(Duration duration, const std::function<bool()>& done, std::uint64_t steps_max) {
    limit_ = clock_.now_ + duration;
    bool too_many = false;
    bool found = done();
    for (std::uint64_t i = 0; !found && !too_many && clock_.now_ < limit_ && step(); ++i) {
        too_many = i == steps_max;
        found = done();
    }
    if (!found) {
        clock_.now_ = std::max(clock_.now_, limit_);
    }
    limit_ = kNever;
    if (too_many) {
        return hang("too many steps");
    }
    return {};
}

// ---- crash ----

void SimWorld::at_operation(std::uint64_t number, std::function<void()> callback) {
    callback_at_ = number;
    callback_now_ = false;
    callback_ = std::move(callback);
}

void SimWorld::crash(CrashKind kind) {
    mix(static_cast<std::uint64_t>(kind) << 8U | 'K');
    trace_event(kind == CrashKind::power ? "POWER LOSS" : "PROCESS KILLED");
    std::vector<std::uint32_t> struck;
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
        const Pending& pending = slots_[slot];
        if (pending.op != nullptr && pending.kernel->options_.crashes && !pending.kernel->crashed_) {
            struck.push_back(slot);
        }
    }
    for (std::size_t i = struck.size(); i > 1; --i) {
        std::swap(struck[i - 1], struck[random_.below(i)]);
    }
    for (const std::uint32_t slot : struck) {
        strike(slot, kind);
    }
    for (SimKernel* kernel : kernels_) {
        kernel->crashed_ = kernel->crashed_ || kernel->options_.crashes;
        kernel->waiting_for_buffer_.clear();
    }
    for (const std::uint32_t slot : struck) {
        Pending& pending = slots_[slot];
        if (pending.parked && pending.file && pending.file->socket) {
            std::erase(pending.file->socket->parked(), slot);
        }
        pending.cancelled = true;
        pending.file = nullptr;
        pending.file2 = nullptr;
        schedule(slot, Duration(0));
    }
    for (std::size_t i = 0; i < descriptors_.size(); ++i) {
        if (descriptors_[i].owner != nullptr && descriptors_[i].owner->crashed_) {
            descriptors_[i] = {};
        }
    }
    if (kind == CrashKind::power) {
        disk_.lose_power();
        boot_id_ = make_boot_id(options_.seed, ++boots_);
    }
}

// ---- watching ----

std::size_t SimWorld::pending() const noexcept {
    return slots_.size() - free_slots_.size();
}

std::size_t SimWorld::open_descriptors(const SimKernel& kernel) const noexcept {
    return static_cast<std::size_t>(
        std::ranges::count_if(descriptors_, [&](const Descriptor& d) { return d.owner == &kernel; }));
}

std::unexpected<Error> SimWorld::hang(std::string_view why) const {
    return fail(Errc::internal, "the simulation hangs: {}; seed {}, step {}, {} us; {} operations wait\n{}", why,
                options_.seed, steps_, clock_.now_.since_origin.count() / 1000, pending(), describe_pending());
}

}  // namespace sluice::io
