#include "listeners/process_table.h"

#include "coro/timeout.h"
#include "wire/escape.h"

namespace sluice::listeners {
namespace {

constexpr Duration kNumberRest = std::chrono::milliseconds(100);

void add_text(wire::FieldBlock& to, std::string_view name, const std::string& value) {
    if (!value.empty()) {
        const auto type = wire::valid_utf8(value) ? wire::FieldType::string : wire::FieldType::bytes;
        to.raw_field(type, name, as_bytes(value));
    }
}

}  // namespace

ProcessTable::ProcessTable(coro::Loop& loop, coro::Pool& pool, coro::Aside& aside, ProcessSource& source,
                           Options options)
    : loop_(loop),
      aside_(aside),
      source_(source),
      options_(options),
      offload_(pool, loop, options.reads_in_flight_max),
      reading_(loop, nullptr) {}

// ---- who sent ----

ProcessPointer ProcessTable::find(const io::PeerCredentials& sender, Fd pidfd) {
    const auto found = by_credentials_.find(sender);
    if (found == by_credentials_.end()) {
        return add(sender, std::move(pidfd));
    }
    const ProcessPointer process = *found->second;
    const Match matched = process->round == round_ && !pidfd ? Match::same : match(*process, pidfd);
    if (matched == Match::same) {
        order_.splice(order_.end(), order_, found->second);
        if (process->known.is_set() && loop_.clock().now() - process->read_at >= options_.refresh_interval) {
            start_reading(process);
        }
        return process;
    }
    order_.erase(found->second);
    by_credentials_.erase(found);
    return matched == Match::likely ? add_likely(*process) : add(sender, std::move(pidfd));
}

ProcessTable::Match ProcessTable::match(Process& process, const Fd& pidfd) noexcept {
    if (pidfd && process.identity != 0) {
        return source_.identity(pidfd.get()) == process.identity ? Match::same : Match::other;
    }
    const MonotonicTime now = loop_.clock().now();
    if (process.pidfd && source_.holds_pid(process.pidfd.get())) {
        process.round = round_;
        process.held_until = now;
        return Match::same;
    }
    if (now - process.held_until >= kNumberRest) {
        return Match::other;
    }
    return process.facts.proof == Proof::pidfd ? Match::likely : Match::same;
}

ProcessPointer ProcessTable::remember(ProcessPointer process) {
    if (order_.size() >= options_.processes_max) {
        by_credentials_.erase(order_.front()->credentials);
        order_.pop_front();
    }
    order_.push_back(process);
    by_credentials_.emplace(process->credentials, std::prev(order_.end()));
    return process;
}

ProcessPointer ProcessTable::add(const io::PeerCredentials& sender, Fd pidfd) {
    ++added_;
    auto process = std::make_shared<Process>();
    process->credentials = sender;
    process->uid_text = fmt::to_string(sender.uid);
    process->proof = pidfd ? Proof::pidfd : Proof::pid;
    process->pidfd = pidfd || sender.pid <= 0 ? std::move(pidfd) : source_.open(sender.pid);
    process->identity = process->pidfd ? source_.identity(process->pidfd.get()) : 0;
    process->round = round_;
    process->held_until = loop_.clock().now();
    describe(*process);
    start_reading(process);
    return remember(std::move(process));
}

// The same process by all appearance, without the proof.
ProcessPointer ProcessTable::add_likely(const Process& process) {
    auto likely = std::make_shared<Process>();
    likely->credentials = process.credentials;
    likely->uid_text = process.uid_text;
    likely->facts = process.facts;
    likely->facts.proof = Proof::pid;
    likely->rate = process.rate;
    likely->held_until = process.held_until;
    likely->read_at = loop_.clock().now();
    likely->named.set();
    likely->known.set();
    describe(*likely);
    return remember(std::move(likely));
}

// ---- what is known of it ----

void ProcessTable::start_reading(const ProcessPointer& process) {
    process->read_at = loop_.clock().now();
    if (process->credentials.pid <= 0) {
        process->named.set();
        process->known.set();
    } else if (!process->reading) {
        process->reading = true;
        reading_.spawn("read a sender", &ProcessTable::read, this, process);
    }
}

Task<> ProcessTable::read(ProcessPointer process) {
    const auto look = [this, process = process.get()] {
        return source_.read(process->credentials.pid, process->pidfd.get(), process->proof);
    };
    Result<FoundProcess> found = co_await offload_.run(std::cref(look));
    if (found) {
        const bool gone = found->facts.proof == Proof::kernel;
        ++counters_.read;
        counters_.gone += gone ? 1 : 0;
        if (!gone || process->facts.proof == Proof::kernel) {  // What is known of one that has ended stays.
            found->facts.cmdline = std::move(process->facts.cmdline);
            process->facts = std::move(found->facts);
            describe(*process);
        }
        process->named.set();
        if (found->directory && aside_.has_room()) {
            co_await read_rest(process, std::move(found->directory));
        }
    }
    process->reading = false;
    process->named.set();
    process->known.set();
}

Task<> ProcessTable::read_rest(ProcessPointer process, Fd directory) {
    auto look = [directory = std::move(directory)]() mutable { return read_command_line(std::move(directory)); };
    Result<std::string> line = co_await aside_.run(std::move(look));
    if (line && *line != process->facts.cmdline) {
        process->facts.cmdline = std::move(*line);
        describe(*process);
    }
}

bool ProcessTable::may_wait() noexcept {
    lost_patience_.roll(loop_.clock().now(), std::chrono::seconds(1));
    return lost_patience_.used < options_.patience_per_second;
}

Task<> ProcessTable::settle(ProcessPointer process) {
    (void)co_await process->named.wait();
    if (!process->known.is_set() && may_wait()) {
        const Result<> waited = co_await coro::with_timeout(options_.patience, coro::wait_for(process->known));
        lost_patience_.used += waited ? 0 : 1;
    }
    if (!process->known.is_set()) {
        ++counters_.late;
        process->known.set();
    }
}

Task<> ProcessTable::look_again(ProcessPointer process) {
    if (!process->reading) {
        process->named.reset();
        process->known.reset();
        start_reading(process);
    }
    co_await settle(process);
}

Task<> ProcessTable::stop() {
    reading_.cancel();
    co_await reading_.join();
}

void ProcessTable::describe(Process& process) const {
    const ProcessFacts& facts = process.facts;
    wire::FieldBlock trusted;
    if (process.credentials.pid > 0) {
        trusted.field("_pid", process.credentials.pid);
    }
    if (process.credentials != io::Message::kUnknown) {
        trusted.field("_uid", process.credentials.uid).field("_gid", process.credentials.gid);
    }
    add_text(trusted, "_comm", facts.comm);
    add_text(trusted, "_exe", facts.exe);
    add_text(trusted, "_cmdline", facts.cmdline);
    add_text(trusted, "_unit", facts.unit);
    add_text(trusted, "_user_unit", facts.user_unit);
    add_text(trusted, "_container", facts.container);
    trusted.field("_transport", options_.transport).field("_sender", proof_name(facts.proof));
    process.trusted = std::move(trusted);
}

}  // namespace sluice::listeners
