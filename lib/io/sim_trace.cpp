// The trace of a simulation: a hash over every event, and text for those who replay one.
#include <algorithm>

#include "base/checksum.h"
#include "base/format.h"
#include "io/sim_kernel.h"
#include "io/sim_world.h"

namespace sluice::io {
namespace {

constexpr std::size_t kHashedBytes = 1024;  // Of each transfer: enough to tell runs apart, cheap for large ones.

bool transfers(OpCode code) {
    return code == OpCode::read || code == OpCode::write || code == OpCode::recv || code == OpCode::recv_pooled ||
           code == OpCode::send;
}

std::string event_name(char kind) {
    switch (kind) {
        case 's':
            return "submit";
        case 'c':
            return "done  ";
        default:
            return "cancel";
    }
}

}  // namespace

std::string SimWorld::path_of(const OpRequest& request, const SimFile* file) const {
    const std::string_view path = request.path;
    if (path.starts_with('/') || (file == nullptr && path.empty())) {
        return std::string(path);
    }
    if (file == nullptr) {
        return "/" + std::string(path);
    }
    return path.empty() ? file->path : (file->path == "/" ? "" : file->path) + "/" + std::string(path);
}

void SimWorld::trace(char kind, const Pending& pending, std::int64_t value) {
    mix(static_cast<std::uint64_t>(kind) | (static_cast<std::uint64_t>(pending.op->code) << 8U) |
        (pending.kernel->index_ << 16U) | (pending.number << 24U));
    mix(static_cast<std::uint64_t>(clock_.now_.since_origin.count()));
    mix(static_cast<std::uint64_t>(value));
    if (kind == 'c' && value > 0 && transfers(pending.op->code)) {
        const std::size_t count = std::min<std::size_t>(static_cast<std::size_t>(value), kHashedBytes);
        mix(checksum64({static_cast<const std::byte*>(pending.op->data), count}));
    }
    if (options_.on_trace) {
        trace_text(kind, pending, value);
    }
}

void SimWorld::trace_text(char kind, const Pending& pending, std::int64_t value) const {
    const Op& op = *pending.op;
    const double us = static_cast<double>(clock_.now_.since_origin.count()) / 1000.0;
    std::string line = fmt::format("{:14.3f} us  {:<10} {} #{} {} '{}'", us, pending.kernel->name(), event_name(kind),
                                   pending.number, op_name(op.code), path_of(op, pending.file.get()));
    if (op.code == OpCode::rename) {
        fmt::format_to(std::back_inserter(line), " to '{}'", op.path2);
    }
    if (op.code == OpCode::read || op.code == OpCode::write || op.code == OpCode::allocate) {
        fmt::format_to(std::back_inserter(line), " offset {} length {}", op.offset, op.length);
    } else if (op.code == OpCode::send || op.code == OpCode::recv) {
        fmt::format_to(std::back_inserter(line), " length {}", op.length);
    }
    if (kind == 'c') {
        fmt::format_to(std::back_inserter(line), " = {}", value);
    } else if (pending.fault.error != 0) {
        fmt::format_to(std::back_inserter(line), " (fault: errno {})", pending.fault.error);
    }
    options_.on_trace(line);
}

void SimWorld::trace_event(std::string_view what) const {
    if (options_.on_trace) {
        const double us = static_cast<double>(clock_.now_.since_origin.count()) / 1000.0;
        options_.on_trace(fmt::format("{:14.3f} us  {}", us, what));
    }
}

std::string SimWorld::describe_pending() const {
    std::string text;
    for (const Pending& pending : slots_) {
        if (pending.op == nullptr) {
            continue;
        }
        const auto age = (clock_.now_ - pending.submitted).count() / 1000;
        fmt::format_to(std::back_inserter(text), "  {} #{} {} '{}'{} for {} us\n", pending.kernel->name(),
                       pending.number, op_name(pending.op->code), path_of(*pending.op, pending.file.get()),
                       pending.parked ? " waits" : "", age);
    }
    return text;
}

}  // namespace sluice::io
