#include "listeners/listeners.h"

#include "base/assert.h"
#include "wire/escape.h"

namespace sluice::listeners {

struct Listeners::One {
    One(Listeners& owner, ListenerOptions o, io::Handle s) : options(std::move(o)), socket(std::move(s)) {
        if (uses_datagrams(options.protocol)) {
            listener.emplace<DatagramListener>(owner.context_, options);
        } else {
            listener.emplace<StreamListener>(owner.context_, options);
        }
    }
    template <class Visit>
    auto visit(Visit&& visitor) {
        if (auto* datagrams = std::get_if<DatagramListener>(&listener)) {
            return visitor(*datagrams);
        }
        return visitor(std::get<StreamListener>(listener));
    }

    ListenerOptions options;
    io::Handle socket;
    std::variant<std::monostate, DatagramListener, StreamListener> listener;
};

Listeners::Listeners(io::Kernel& kernel, coro::Pool& pool, ProcessSource& processes, ingest::Ingest& ingest,
                     ListenerEvents& events, coro::Aside::Options aside, ConnectionKeeper* keeper)
    : command_lines_(kernel.loop(), aside),
      files_(kernel.loop(), aside),
      context_{kernel, pool, command_lines_, files_, processes, ingest, events, keeper} {}

Listeners::~Listeners() = default;

void Listeners::add(ListenerOptions options, io::Handle socket) {
    all_.push_back(std::make_unique<One>(*this, std::move(options), std::move(socket)));
}

Result<> Listeners::adopt(KeptConnection kept) {
    for (const std::unique_ptr<One>& one : all_) {
        auto* streams = std::get_if<StreamListener>(&one->listener);
        if (streams != nullptr && one->options.name == kept.state.listener &&
            one->options.protocol == kept.state.protocol) {
            return streams->adopt(std::move(kept));
        }
    }
    context_.keeper->forget(kept.id);
    return fail(Errc::not_found, "no listener {} with protocol {}", wire::quoted(kept.state.listener),
                protocol_name(kept.state.protocol));
}

Task<> Listeners::serve() {
    coro::Context& context = co_await coro::this_context();
    coro::Scope scope(*context.loop, context.cancel);
    running_ = all_.size();
    for (const std::unique_ptr<One>& one : all_) {
        scope.spawn("listener", &Listeners::serve_one, this, one.get());
    }
    co_await scope.join();
}

Task<> Listeners::serve_one(One* one) {
    Result<> outcome;
    if (auto* datagrams = std::get_if<DatagramListener>(&one->listener)) {
        outcome = co_await datagrams->run(std::move(one->socket));
    } else {
        outcome = co_await std::get<StreamListener>(one->listener).run(std::move(one->socket));
    }
    if (!outcome && outcome.error().code() != Errc::cancelled) {
        context_.events.on_failed(one->options.name, outcome.error());
    }
    --running_;
    ended_.set();
}

Task<Result<>> Listeners::drain() {
    for (const std::unique_ptr<One>& one : all_) {
        one->visit([](auto& listener) { listener.stop(); });
    }
    while (running_ != 0) {
        ended_.reset();
        SLUICE_CO_CHECK(co_await ended_.wait());
    }
    co_return Result<>{};
}

void Listeners::set_options(const ListenerOptions& options) {
    for (const std::unique_ptr<One>& one : all_) {
        if (one->options.name == options.name) {
            SLUICE_ASSERT(one->options.protocol == options.protocol, "a listener keeps its protocol");
            one->options = options;
            if (auto* streams = std::get_if<StreamListener>(&one->listener)) {
                streams->options_changed();
            }
        }
    }
}

namespace {

void report_own(const DatagramListener& listener, ListenerReport& report) {
    const DatagramCounters& counters = listener.counters();
    report.messages = counters.messages;
    report.bytes = counters.bytes;
    report.files = counters.files;
    report.files_refused = counters.files_refused;
}

void report_own(const StreamListener& listener, ListenerReport& report) {
    const StreamCounters& counters = listener.counters();
    report.connections = counters.connections;
    report.connections_open = listener.connections();
    report.connections_waiting = listener.connections_waiting();
    report.connections_refused = counters.connections_refused;
    report.bytes = counters.bytes;
}

}  // namespace

std::vector<ListenerReport> Listeners::report() const {
    std::vector<ListenerReport> reports;
    for (const std::unique_ptr<One>& one : all_) {
        ListenerReport report{
            .name = one->options.name, .protocol = one->options.protocol, .intake = {}, .processes = {}};
        one->visit([&](const auto& listener) {
            report_own(listener, report);
            report.records = listener.fed().records;
            report.records_lost = listener.losses().total();
            report.losses_reported = listener.losses().reported();
            report.intake = listener.fed().intake;
            report.senders = listener.processes().size();
            report.processes = listener.processes().counters();
        });
        reports.push_back(std::move(report));
    }
    return reports;
}

}  // namespace sluice::listeners
