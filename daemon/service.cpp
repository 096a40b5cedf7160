#include "daemon/service.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iterator>

#include "coro/timeout.h"
#include "daemon/descriptors.h"
#include "daemon/host.h"
#include "daemon/kept_connections.h"
#include "daemon/open_log.h"
#include "daemon/patience.h"
#include "daemon/pending.h"
#include "daemon/sockets.h"
#include "daemon/translate.h"
#include "daemon/yaml_reader.h"
#include "files/sweep.h"
#include "io/run.h"
#include "io/uring_kernel.h"
#include "listeners/listeners.h"
#include "listeners/system_processes.h"
#include "server/status.h"
#include "wire/escape.h"

namespace sluice::daemon {
namespace {

// After the drain time everything is cancelled; what is then still not over (a disk that does not answer) is left
// behind.
constexpr Duration kGiveUpDelay = std::chrono::seconds(5);

// What the queue gets at least, where requests took all of the drain time.  Less than kGiveUpDelay.
constexpr Duration kQueueDrainMin = std::chrono::seconds(1);

constexpr int kSealNice = 10;

// Read /proc of senders: not among the calls, which can be slow.
constexpr std::size_t kSenderThreads = 2;

struct Pools {
    coro::ThreadPool& calls;
    coro::ThreadPool& seal;
    coro::ThreadPool& senders;
};

server::LogPipeline::Options with_pools(server::LogPipeline::Options options, Pools pools) {
    options.read_pool = &pools.calls;
    options.seal_pool = &pools.seal;
    return options;
}

class Service {
 public:
    Service(const CommandLine& command, Config config, SignalFd& signals, LogOutput& log, const SystemClock& clock,
            io::UringKernel& kernel, Pools pools)
        : command_(command),
          config_(std::move(config)),
          signals_(signals),
          log_(log),
          clock_(clock),
          pools_(pools),
          kernel_(kernel),
          started_(clock.now()),
          events_(log, clock),
          pipeline_(kernel, with_pools(pipeline_options(config_), pools)),
          roots_(kernel),
          instance_(random_number()),
          files_(kernel, roots_, {.instance = instance_, .handles = handle_limits(config_)}),
          kept_(KeptConnections::of_unit(manager_, log)),
          listeners_(kernel, pools.senders, processes_, pipeline_.ingest(), events_, coro::Aside::Options(),
                     kept_.get()) {}

    Task<Result<>> run();
    bool was_ready() const noexcept { return ready_; }

 private:
    Task<Result<>> start();
    Task<Result<>> open_all_sockets();
    void go_on_with(std::vector<StoredSocket> stored, std::uint64_t connections_max);
    Task<Result<>> load_roots_at_start();
    Task<> sweep_root(files::RootPointer root);
    Task<Result<>> serve();
    Task<Result<>> wait_for_stop();
    Task<> feed_watchdog(Duration interval);
    Task<> give_up_later();
    Task<> reload();
    Task<> apply(const Config& wanted);
    Task<Result<>> stop(coro::Scope& serving, coro::Scope& queue);
    std::string status_line();
    void warn(const Result<>& outcome, std::string_view what);
    PendingWork pending() const;

    const CommandLine& command_;
    Config config_;
    SignalFd& signals_;
    LogOutput& log_;
    const SystemClock& clock_;
    Pools pools_;
    io::UringKernel& kernel_;
    MonotonicTime started_;
    LoggedEvents events_;
    server::LogPipeline pipeline_;
    files::Roots roots_;
    std::uint64_t instance_;
    files::Files files_;
    listeners::SystemProcesses processes_;
    ServiceManager manager_;
    std::unique_ptr<KeptConnections> kept_;  // Null: connections of listeners end with this run.
    listeners::Listeners listeners_;
    io::Handle store_directory_;
    io::Handle listener_;
    std::vector<int> made_here_;  // See Sockets.
    io::Handle signal_handle_;
    std::optional<server::Server> server_;
    bool ready_ = false;
    std::string_view stage_;  // Of a stop: what is waited for.
};

void Service::warn(const Result<>& outcome, std::string_view what) {
    if (!outcome) {
        log_.warning("{}: {}", what, outcome.error());
    }
}

std::string Service::status_line() {
    return fmt::format("{} connections, {} records", server_ ? server_->connections() : 0,
                       pipeline_.hub().end_sequence() - 1);
}

// ---- start ----

Task<Result<>> Service::open_all_sockets() {
    SLUICE_CO_TRY(Sockets sockets, co_await open_sockets(kernel_, config_, log_));
    listener_ = std::move(sockets.own);
    made_here_ = std::move(sockets.made_here);
    std::uint64_t connections_max = 0;
    for (ListenerSocket& one : sockets.listeners) {
        connections_max += listeners::uses_datagrams(one.options.protocol) ? 0 : one.options.connections_max;
        listeners_.add(std::move(one.options), std::move(one.socket));
    }
    go_on_with(std::move(sockets.stored), connections_max);
    co_return Result<>{};
}

// The connections of an earlier run.  `connections_max`: what listeners may have.
void Service::go_on_with(std::vector<StoredSocket> stored, std::uint64_t connections_max) {
    if (!kept_) {
        if (connections_max != 0) {
            log_.info(
                "connections of listeners end with this run: there is no file descriptor store "
                "(FileDescriptorStoreMax= of a unit)");
        }
        return;
    }
    if (connections_max > kept_->connections_max()) {
        log_.warning(
            "listeners may have {} connections, of which {} outlive this run: FileDescriptorStoreMax= of the unit, at "
            "most {}",
            connections_max, kept_->connections_max(), KeptConnections::kConnectionsMax);
    }
    std::vector<listeners::KeptConnection> connections = kept_->restore(kernel_, std::move(stored));
    if (!connections.empty()) {
        const auto open = std::ranges::count_if(connections, [](const auto& one) { return bool(one.socket); });
        log_.info("going on with {} connections of an earlier run; {} more were closed meanwhile", open,
                  static_cast<std::ptrdiff_t>(connections.size()) - open);
    }
    for (listeners::KeptConnection& one : connections) {
        if (const Result<> adopted = listeners_.adopt(std::move(one)); !adopted) {
            log_.warning("a connection of an earlier run ends, what it had begun is lost: {}", adopted.error());
        }
    }
}

// A root that cannot be opened keeps the log from nobody: it is left out.  A reload refuses it instead.
Task<Result<>> Service::load_roots_at_start() {
    std::vector<files::RootOptions> wanted = root_options(config_);
    std::vector<files::RootOptions> present;
    for (files::RootOptions& root : wanted) {
        const io::OpenOptions open{.flags = O_RDONLY | O_DIRECTORY};  // As Roots::load() will.
        const Result<io::Handle> directory = co_await kernel_.open(-1, root.path, open);
        if (directory) {
            present.push_back(std::move(root));
        } else {
            log_.error("root '{}': {}; it is left out until a reload", root.name, directory.error());
        }
    }
    co_return co_await roots_.load(std::move(present));
}

Task<> Service::sweep_root(files::RootPointer root) {
    const files::SweepOptions options{.instance = instance_};
    const Result<files::SweepResult> swept = co_await files::sweep(kernel_, root, options);
    if (swept && (swept->removed != 0 || swept->failed != 0)) {
        log_.info("root '{}': removed {} unfinished files of an earlier run, {} could not be", root->name(),
                  swept->removed, swept->failed);
    }
}

Task<Result<>> Service::start() {
    const io::OpenOptions open{.flags = O_RDONLY | O_DIRECTORY};
    SLUICE_CO_TRY(store_directory_, co_await kernel_.open(-1, config_.store.directory, open));
    SLUICE_CO_TRY(const int signal_fd, signals_.duplicate());
    signal_handle_ = io::Handle(kernel_, signal_fd);
    // Before the log, whose start writes a segment: a daemon that is restarted without end, because it may not listen,
    // must not fill the disk.
    SLUICE_CO_CHECK(co_await open_all_sockets());
    SLUICE_CO_CHECK(co_await open_log(kernel_, store_directory_, pipeline_, events_, log_, config_));
    const server::LogHub& hub = pipeline_.hub();
    log_.info("store {}: records {} to {}, epoch {}, {} segments, {} parts", config_.store.directory,
              hub.oldest_sequence(), hub.end_sequence() - 1, hub.epoch(), hub.catalog().size(), hub.parts()->size());
    SLUICE_CO_CHECK(co_await load_roots_at_start());
    server_.emplace(kernel_, pools_.calls, pipeline_, files_, store_directory_.fd(), server_options(config_, geteuid()),
                    events_);
    server_->set_version(SLUICE_VERSION);
    server_->set_status([this] {
        const server::StatusFacts facts{.version = SLUICE_VERSION,
                                        .started = started_,
                                        .now = clock_.now(),
                                        .io = kernel_.probe().summary(),
                                        .store_mode = pipeline_.hub().direct() ? "direct" : "buffered"};
        return server::status_json(facts, *server_, pipeline_, listeners_.report());
    });
    co_return Result<>{};
}

// ---- running ----

Task<Result<>> Service::run() {
    coro::Context& context = co_await coro::this_context();
    coro::Scope starting(*context.loop, context.cancel);
    starting.spawn("ask for time", ask_for_time, std::ref(manager_), std::ref(log_));
    Result<> outcome = co_await start();
    starting.cancel();
    co_await starting.join();
    if (!outcome) {
        (void)co_await pipeline_.stop();  // Where the store is open, it is closed in good order.
        co_return outcome;
    }
    co_return co_await serve();
}

Task<Result<>> Service::serve() {
    coro::Context& context = co_await coro::this_context();
    coro::Scope queue(*context.loop, context.cancel);
    coro::Scope serving(*context.loop, context.cancel);
    queue.spawn("queue", &server::LogPipeline::serve, &pipeline_);
    serving.spawn("server", &server::Server::serve, &*server_, std::cref(listener_));
    serving.spawn("listeners", &listeners::Listeners::serve, &listeners_);
    serving.spawn("summaries", &LoggedEvents::summarise, &events_);
    for (const files::RootPointer& root : roots_.all()) {
        serving.spawn("sweep", &Service::sweep_root, this, root);
    }
    if (const std::optional<Duration> interval = ServiceManager::watchdog_interval()) {
        serving.spawn("watchdog", &Service::feed_watchdog, this, *interval);
    }
    warn(manager_.ready(status_line()), "tell systemd that sluiced is ready");
    log_.info("ready");
    ready_ = true;
    Result<> outcome = co_await wait_for_stop();
    Result<> stopped = co_await stop(serving, queue);
    co_return outcome ? stopped : outcome;
}

Task<Result<>> Service::wait_for_stop() {
    for (;;) {
        SLUICE_CO_CHECK(co_await kernel_.poll_in(signal_handle_));
        while (const std::optional<int> signal = signals_.next()) {
            if (*signal == SIGHUP) {
                co_await reload();
            } else {
                log_.info("stopping");
                co_return Result<>{};
            }
        }
    }
}

// The loop feeds it itself: a beat needs a turn of it.
Task<> Service::feed_watchdog(Duration interval) {
    for (;;) {
        warn(manager_.watchdog(), "feed the watchdog");
        warn(manager_.status(status_line()), "tell systemd the status");
        const Result<> slept = co_await coro::sleep_for(interval / 2);
        if (!slept) {
            co_return;
        }
    }
}

// All but what needs a restart, or nothing.
Task<> Service::apply(const Config& wanted) {
    const ConfigChanges changes = compare(config_, wanted);
    const Config next = with_live_changes(config_, wanted);
    if (const ConfigProblems problems = check_together(next); !problems.empty()) {
        log_.error("reload: the old configuration stays; these need a restart: {}; without them\n{}",
                   fmt::join(changes.need_restart, "; "), problems_text(problems));
        co_return;
    }
    std::vector<files::RootOptions> roots = root_options(next);
    const Result<> loaded = co_await roots_.load(std::move(roots));
    if (!loaded) {
        log_.error("reload: the old configuration stays: {}", loaded.error());
        co_return;
    }
    config_ = next;
    server_->set_options(server_options(config_, geteuid()));
    pipeline_.set_sync_interval(config_.store.sync_interval);
    pipeline_.set_log_bytes_max(config_.store.log_bytes_max);
    pipeline_.set_retention(retention_options(config_));
    pipeline_.ingest().set_limits(pipeline_options(config_).ingest);
    for (const ListenerConfig& listener : config_.listeners) {
        listeners_.set_options(listener_options(listener, config_.limits));
    }
    files_.ledger().set_limits(handle_limits(config_));
    log_.set_level(config_.log.level);
    log_.info("reload: {}",
              changes.live.empty() ? "nothing changed" : fmt::format("{}", fmt::join(changes.live, "; ")));
    if (!changes.need_restart.empty()) {
        log_.warning("reload: these need a restart, and stay as they are until then: {}",
                     fmt::join(changes.need_restart, "; "));
    }
}

Task<> Service::reload() {
    warn(manager_.reloading(clock_.now()), "tell systemd of the reload");
    ConfigResult wanted = load_config(command_, SystemIdentities(), geteuid());
    if (!wanted) {
        log_.error("reload: the old configuration stays:\n{}", problems_text(wanted.error()));
    } else if (const Result<std::string> fits = fit_descriptors(*wanted, raise_descriptor_limit()); !fits) {
        log_.error("reload: the old configuration stays: {}", fits.error());
    } else {
        co_await apply(*wanted);
    }
    warn(manager_.ready(status_line()), "tell systemd that sluiced is ready again");
}

// ---- stop ----

PendingWork Service::pending() const {
    PendingWork work{.stage = stage_, .log_is_closed = pipeline_.log_is_closed()};
    for (std::size_t i = 0; i < io::kOpCodes; ++i) {
        const auto code = static_cast<io::OpCode>(i);
        if (const std::size_t count = kernel_.in_flight(code); count != 0 && io::is_of_file(code)) {
            work.operations.emplace_back(io::op_name(code), count);
        }
    }
    for (const coro::ThreadPool* pool : {&pools_.calls, &pools_.seal}) {
        std::ranges::copy(pool->jobs(), std::back_inserter(work.jobs));
    }
    return work;
}

Task<> Service::give_up_later() {
    const Result<> slept = co_await coro::sleep_for(config_.shutdown.drain_timeout + kGiveUpDelay);
    if (slept) {
        // The kernel keeps the process, and its sockets with it, until the disk has answered: whoever waits hears of it
        // now.
        for (const int fd : made_here_) {
            (void)::shutdown(fd, SHUT_RDWR);
        }
        co_await server_->hang_up();
        log_.error("{}", pending_text(pending()));
        log_.flush();
        std::_Exit(static_cast<int>(ExitCode::failed));
    }
}

Task<Result<>> Service::stop(coro::Scope& serving, coro::Scope& queue) {
    coro::Context& context = co_await coro::this_context();
    warn(manager_.stopping("finishing requests and writing what is queued"), "tell systemd that sluiced is stopping");
    coro::Scope limit(*context.loop, nullptr);
    limit.spawn("give up", &Service::give_up_later, this);
    limit.spawn("ask for time", ask_for_time, std::ref(manager_), std::ref(log_));
    const MonotonicTime deadline = clock_.now() + config_.shutdown.drain_timeout;
    server_->stop_accepting();
    if (std::ranges::count(made_here_, listener_.fd()) != 0) {
        (void)co_await kernel_.shutdown(listener_);  // Nobody waits in a queue that is not served any more.
    }
    stage_ = "requests of clients";
    const Result<> served = co_await coro::with_deadline(deadline, server_->drain());
    if (!served) {
        log_.warning("{} connections did not finish their requests within shutdown.drain_timeout; refusing the rest",
                     server_->connections());
    }
    const MonotonicTime heard_deadline = std::max(deadline, clock_.now() + kQueueDrainMin);
    stage_ = "what listeners have received";
    const Result<> heard = co_await coro::with_deadline(heard_deadline, listeners_.drain());
    if (!heard) {
        log_.warning("listeners: not all that they had received was queued within shutdown.drain_timeout");
    }
    const MonotonicTime queue_deadline = std::max(deadline, clock_.now() + kQueueDrainMin);
    stage_ = "what is queued";
    const Result<> drained = co_await coro::with_deadline(queue_deadline, pipeline_.ingest().drain());
    if (!drained && drained.error().code() == Errc::io_error) {
        log_.error("{}", drained.error());
    } else if (!drained) {
        log_.warning("{} bytes were not written within shutdown.drain_timeout", pipeline_.ingest().queued_bytes());
    }
    stage_ = "the end of connections";
    serving.cancel();
    co_await serving.join();
    queue.cancel();
    co_await queue.join();
    stage_ = "the end of the log";
    Result<> closed = co_await pipeline_.stop();
    limit.cancel();
    co_await limit.join();
    if (closed) {
        log_.info("stopped: everything that was acknowledged is on disk");
    }
    co_return closed;
}

// What is beneath a private directory that somebody else prepared would be served with this user's rights.
Result<> prepare_directories(const Config& config, const std::string& private_directory) {
    if (private_directory.empty()) {
        return make_directory(config.store.directory, 0750);
    }
    SLUICE_CHECK(make_own_directory(private_directory, 0750, Links::followed));
    for (const Root& root : config.roots) {
        SLUICE_CHECK(make_own_directory(root.path, 0750, Links::refused));
    }
    return make_own_directory(config.store.directory, 0750, Links::refused);
}

// Of a start.  What the kernel or a permission refuses does not heal by itself.
ExitCode exit_code_of(const Error& error) noexcept {
    const bool refused = error.code() == Errc::permission_denied || error.sys_errno() == EROFS;
    return refused ? ExitCode::refused : ExitCode::failed;
}

// Who is told of stalls.
io::UringOptions kernel_options(const Config& config, LogOutput& log) {
    io::UringOptions options;
    if (config.threads.stall_threshold.count() > 0) {
        options.loop.stall_threshold = config.threads.stall_threshold;
        options.loop.on_stall = [&log](const coro::Loop::Stall& stall) {
            log.warning("the loop was held for {} ms by: {}",
                        std::chrono::duration_cast<std::chrono::milliseconds>(stall.duration).count(), stall.name);
        };
    }
    return options;
}

}  // namespace

ExitCode run_service(const CommandLine& command, Config config, SignalFd& signals, LogOutput& log) {
    if (const Result<> made = prepare_directories(config, command.private_directory); !made) {
        log.error("{}", made.error());
        return exit_code_of(made.error());
    }
    const Result<StoreLock> lock = StoreLock::take(config.store.directory);
    if (!lock) {
        log.error("{}", lock.error());
        return lock.error().code() == Errc::already_exists ? ExitCode::refused : exit_code_of(lock.error());
    }
    const Result<std::string> fits = fit_descriptors(config, raise_descriptor_limit());
    if (!fits) {
        log.error("{}", fits.error());
        return ExitCode::refused;
    }
    if (!fits->empty()) {
        log.warning("{}", *fits);
    }
    const SystemClock clock;
    coro::ThreadPool pool(config.threads.pool);
    coro::ThreadPool seal_pool(config.threads.seal, kSealNice);
    coro::ThreadPool sender_pool(kSenderThreads);
    auto kernel = io::UringKernel::create(clock, pool, kernel_options(config, log));
    if (!kernel) {
        log.error("{}", kernel.error());
        return ExitCode::refused;
    }
    log.info("sluiced {}: {}", SLUICE_VERSION, (*kernel)->probe().summary());
    Service service(command, std::move(config), signals, log, clock, **kernel, Pools{pool, seal_pool, sender_pool});
    const Result<> outcome = io::block_on(**kernel, "service", &Service::run, &service);
    if (!outcome) {
        log.error("{}", outcome.error());
        return service.was_ready() ? ExitCode::failed : exit_code_of(outcome.error());
    }
    return ExitCode::ok;
}

}  // namespace sluice::daemon
