#include "listeners/process_table.h"

#include "coro/timeout.h"

namespace sluice::listeners {
namespace {

// Within so long after a process was last seen to hold its number, nobody else has got it: the kernel would have to
// start a process for each of the numbers (32,768 at least) first.
constexpr Duration kNumberRest = std::chrono::milliseconds(100);

Task<Result<>> wait_for(coro::Event& event) {
    co_return co_await event.wait();
}

}  // namespace

ProcessTable::ProcessTable(coro::Loop& loop, coro::Pool& pool, ProcessSource& source, Options options)
    : loop_(loop),
      source_(source),
      options_(options),
      offload_(pool, loop, options.reads_in_flight_max),
      reading_(loop, nullptr) {}

ProcessPointer ProcessTable::find(const io::PeerCredentials& sender, Fd pidfd) {
    const auto found = by_credentials_.find(sender);
    if (found == by_credentials_.end()) {
        return add(sender, std::move(pidfd));
    }
    ProcessPointer process = *found->second;
    if (process->round != round_ && !is_same(*process, pidfd)) {
        order_.erase(found->second);
        by_credentials_.erase(found);
        return add(sender, std::move(pidfd));
    }
    order_.splice(order_.end(), order_, found->second);
    if (process->known.is_set() && loop_.clock().now() - process->read_at >= options_.refresh_interval) {
        start_reading(process);
    }
    return process;
}

void ProcessTable::start_reading(const ProcessPointer& process) {
    process->read_at = loop_.clock().now();
    if (process->credentials.pid <= 0 || overdue_ >= options_.reads_in_flight_max) {
        process->known.set();
    } else if (!process->reading) {
        process->reading = true;
        reading_.spawn("read a sender", &ProcessTable::read, this, process);
    }
}

bool ProcessTable::is_same(Process& process, const Fd& pidfd) noexcept {
    const MonotonicTime now = loop_.clock().now();
    if (process.pidfd && source_.holds_pid(process.pidfd.get())) {
        process.round = round_;
        process.held_until = now;
        return true;
    }
    if (pidfd && process.identity != 0) {
        return source_.identity(pidfd.get()) == process.identity;
    }
    return now - process.held_until < kNumberRest;
}

ProcessPointer ProcessTable::add(const io::PeerCredentials& sender, Fd pidfd) {
    if (order_.size() >= options_.processes_max) {
        by_credentials_.erase(order_.front()->credentials);
        order_.pop_front();
    }
    auto process = std::make_shared<Process>();
    process->credentials = sender;
    process->uid_text = fmt::to_string(sender.uid);
    process->proof = pidfd ? Proof::pidfd : Proof::pid;
    process->pidfd = pidfd || sender.pid <= 0 ? std::move(pidfd) : source_.open(sender.pid);
    process->identity = process->pidfd ? source_.identity(process->pidfd.get()) : 0;
    process->round = round_;
    process->held_until = loop_.clock().now();
    describe(*process);
    order_.push_back(process);
    by_credentials_.emplace(sender, std::prev(order_.end()));
    start_reading(process);
    return process;
}

Task<> ProcessTable::read(ProcessPointer process) {
    const auto look = [this, process = process.get()] {
        return source_.read(process->credentials.pid, process->pidfd.get(), process->proof);
    };
    Result<ProcessFacts> facts = co_await offload_.run(std::cref(look));
    process->reading = false;
    overdue_ -= process->overdue ? 1 : 0;
    process->overdue = false;
    if (facts) {
        const bool gone = facts->proof == Proof::kernel;
        ++counters_.read;
        counters_.gone += gone ? 1 : 0;
        if (!gone || process->facts.proof == Proof::kernel) {  // What is known of one that has ended stays.
            process->facts = std::move(*facts);
            describe(*process);
        }
    }
    process->known.set();
}

Task<> ProcessTable::settle(ProcessPointer process) {
    const Result<> waited = co_await coro::with_timeout(options_.patience, wait_for(process->known));
    if (!waited && waited.error().code() == Errc::deadline_exceeded && !process->known.is_set()) {
        ++counters_.late;
        ++overdue_;
        process->overdue = true;
        process->known.set();
    }
}

void ProcessTable::describe(Process& process) const {
    const ProcessFacts& facts = process.facts;
    wire::FieldBlock trusted;
    const auto add_text = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) {
            trusted.field(name, value);
        }
    };
    if (process.credentials.pid > 0) {
        trusted.field("_pid", process.credentials.pid);
    }
    if (process.credentials != io::Message::kUnknown) {
        trusted.field("_uid", process.credentials.uid).field("_gid", process.credentials.gid);
    }
    add_text("_comm", facts.comm);
    add_text("_exe", facts.exe);
    add_text("_cmdline", facts.cmdline);
    add_text("_unit", facts.unit);
    add_text("_user_unit", facts.user_unit);
    add_text("_container", facts.container);
    trusted.field("_transport", options_.transport).field("_sender", proof_name(facts.proof));
    process.trusted = std::move(trusted);
}

}  // namespace sluice::listeners
