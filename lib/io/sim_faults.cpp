#include "io/sim_faults.h"

#include <fcntl.h>
#include <fnmatch.h>

#include <algorithm>
#include <cerrno>

namespace sluice::io {

FaultRule fail_nth(OpCode code, std::string path, std::uint64_t nth, int error) {
    FaultRule rule;
    rule.codes.push_back(code);
    rule.path = std::move(path);
    rule.nth = nth;
    rule.fault.error = error;
    return rule;
}

FaultRule fail_from(OpCode code, std::string path, std::uint64_t nth, int error) {
    FaultRule rule = fail_nth(code, std::move(path), nth, error);
    rule.for_ever = true;
    return rule;
}

namespace {

SimFault failure(int error, FaultEffect effect = FaultEffect::nothing) {
    return {.error = error, .effect = effect};
}

std::vector<SimFault> faults_of_open(std::uint32_t flags) {
    std::vector<SimFault> faults{failure(EIO), failure(EMFILE), failure(EACCES)};
    if ((flags & O_CREAT) != 0) {
        faults.insert(faults.begin() + 1, failure(EIO, FaultEffect::all));
        faults.push_back(failure(ENOSPC));
        faults.push_back(failure(EDQUOT));
    }
    if ((flags & (O_WRONLY | O_RDWR)) != 0) {
        faults.push_back(failure(EROFS));
    }
    return faults;
}

}  // namespace

std::vector<SimFault> plausible_faults(OpCode code, std::uint32_t flags) {
    using enum FaultEffect;
    switch (code) {
        case OpCode::open:
            return faults_of_open(flags);
        case OpCode::close:
            return {failure(EIO, all)};
        case OpCode::read:
        case OpCode::stat:
        case OpCode::list:
        case OpCode::file_system:
            return {failure(EIO)};
        case OpCode::write:
            return {failure(EIO), failure(EIO, part), failure(EIO, all), failure(ENOSPC), failure(EDQUOT)};
        case OpCode::sync:
            return {failure(EIO, by_chance), failure(ENOSPC, by_chance), failure(EDQUOT, by_chance)};
        case OpCode::mkdir:
        case OpCode::rename:
            return {failure(EIO), failure(EIO, all), failure(ENOSPC), failure(EDQUOT), failure(EROFS), failure(EACCES)};
        case OpCode::unlink:
            return {failure(EIO), failure(EIO, all), failure(EROFS), failure(EACCES)};
        case OpCode::allocate:
            return {failure(EIO), failure(ENOSPC), failure(EDQUOT)};
        case OpCode::truncate:
        case OpCode::resemble:
            return {failure(EIO), failure(EIO, all), failure(EROFS), failure(EACCES)};
        default:
            return {};
    }
}

void SimFaults::plan(std::vector<PlannedFault> faults, std::function<void()> on_hit) {
    planned_.clear();
    for (const PlannedFault& fault : faults) {
        planned_.push_back({.fault = fault, .failing = std::nullopt});
    }
    planned_hits_.clear();
    on_hit_ = std::move(on_hit);
    counted_ = 0;
}

std::optional<SimFault> SimFaults::by_plan(const OpRequest& request) {
    const std::vector<SimFault> faults = plausible_faults(request.code, request.flags);
    if (faults.empty()) {
        return std::nullopt;
    }
    ++counted_;
    for (Planned& planned : planned_) {
        const bool now = planned.fault.operation == counted_ || planned.failing == request.code;
        if (!now || planned.fault.choice >= faults.size()) {
            continue;
        }
        if (planned.fault.for_ever) {
            planned.failing = request.code;
        }
        planned_hits_.push_back(request.code);
        if (on_hit_) {
            on_hit_();
        }
        return faults[planned.fault.choice];
    }
    return std::nullopt;
}

std::size_t SimFaults::add(FaultRule rule) {
    rules_.push_back(Rule{.rule = std::move(rule)});
    return rules_.size() - 1;
}

void SimFaults::remove(std::size_t rule) {
    rules_[rule].removed = true;
}

std::optional<SimFault> SimFaults::by_rule(const OpRequest& request, std::string_view path) {
    const std::string text(path);
    std::optional<SimFault> first;
    for (Rule& entry : rules_) {
        const FaultRule& rule = entry.rule;
        const bool kind = (rule.codes.empty() || std::ranges::find(rule.codes, request.code) != rule.codes.end()) &&
                          rule.mode.value_or(request.mode) == request.mode;
        if (entry.removed || !kind || fnmatch(rule.path.c_str(), text.c_str(), 0) != 0) {
            continue;
        }
        ++entry.seen;
        if (entry.seen == rule.nth || (rule.for_ever && entry.seen > rule.nth)) {
            ++entry.hits;
            if (!first) {
                first = rule.fault;
            }
        }
    }
    return first;
}

SimFault SimFaults::by_rate(const OpRequest& request, SimRandom& random) {
    SimFault fault;
    const auto fail = [&](double rate, int error) {
        if (fault.error == 0 && random.chance(rate)) {
            fault.error = error;
        }
    };
    switch (request.code) {
        case OpCode::read:
            fail(rates.read_error, EIO);
            fail(rates.interrupted, EINTR);
            fail(rates.again, EAGAIN);
            fault.shorten = random.chance(rates.short_read);
            break;
        case OpCode::write:
            fail(rates.write_error, EIO);
            fail(rates.no_space, ENOSPC);
            fail(rates.interrupted, EINTR);
            fail(rates.again, EAGAIN);
            fault.shorten = random.chance(rates.short_write);
            break;
        case OpCode::sync:
            fail(rates.sync_error, EIO);
            break;
        case OpCode::open:
            if ((request.flags & O_CREAT) != 0) {
                fail(rates.no_space, ENOSPC);
            }
            fail(rates.name_error, EIO);
            break;
        case OpCode::allocate:
            fail(rates.no_space, ENOSPC);
            break;
        case OpCode::mkdir:
        case OpCode::rename:
            fail(rates.no_space, ENOSPC);
            fail(rates.name_error, EIO);
            break;
        case OpCode::unlink:
        case OpCode::stat:
        case OpCode::list:
        case OpCode::truncate:
        case OpCode::resemble:
            fail(rates.name_error, EIO);
            break;
        case OpCode::recv:
        case OpCode::recv_pooled:
            fail(rates.interrupted, EINTR);
            fail(rates.again, EAGAIN);
            fault.shorten = random.chance(rates.short_recv);
            break;
        case OpCode::send:
            fail(rates.interrupted, EINTR);
            fail(rates.again, EAGAIN);
            fault.shorten = random.chance(rates.short_send);
            break;
        case OpCode::accept:
            fail(rates.interrupted, EINTR);
            fail(rates.again, EAGAIN);
            break;
        default:
            break;
    }
    if (random.chance(rates.slow)) {
        fault.delay =
            Duration(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(rates.slow_max.count()))));
    }
    return fault;
}

SimFault SimFaults::decide(const OpRequest& request, std::string_view path, SimRandom& random) {
    if (!enabled) {
        return {};
    }
    SimFault fault;
    std::optional<SimFault> exact = by_plan(request);
    if (!exact && !rules_.empty()) {
        exact = by_rule(request, path);
    }
    fault = exact ? *exact : by_rate(request, random);
    const bool socket =
        request.code == OpCode::recv || request.code == OpCode::recv_pooled || request.code == OpCode::send;
    if (fault.error != 0 || fault.length_max != 0 || fault.delay.count() != 0 || (fault.shorten && !socket)) {
        ++injected_;
    }
    return fault;
}

}  // namespace sluice::io
