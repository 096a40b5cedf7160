#include "sim/test_daemon.h"

#include <cstring>

#include "coro/timeout.h"
#include "files/sweep.h"
#include "store/calibrate.h"

namespace sluice::sim {
namespace {

constexpr Duration kDrainTimeout = std::chrono::seconds(10);

io::SimKernel::Options kernel_options(const char* name) {
    io::SimKernel::Options options;
    options.name = name;
    options.buffers = 8;
    options.buffer_bytes = 4096;
    return options;
}

Task<> sweep_root(io::Kernel* kernel, files::RootPointer root, std::uint64_t instance) {
    const files::SweepOptions options{.instance = instance};
    (void)co_await files::sweep(*kernel, root, options);
}

}  // namespace

TestDaemon::TestDaemon(io::SimWorld& world, const DaemonOptions& options, unsigned life, std::uint64_t seed)
    : options_(options),
      life_(life),
      random_(seed),
      boot_id_(world.boot_id()),
      kernel_(world, kernel_options("sluiced")),
      pipeline_(kernel_, options.pipeline),
      roots_(kernel_),
      instance_(random_.next()),
      files_(kernel_, roots_, {.instance = instance_, .handles = {}}),
      service_(kernel_.loop(), "service", &TestDaemon::run_service, this) {}

Task<Result<>> TestDaemon::run_service() {
    Result<> outcome = co_await start();
    if (!outcome) {
        (void)co_await pipeline_.stop();
        co_return outcome;
    }
    co_return co_await serve();
}

Task<Result<>> TestDaemon::start() {
    const io::OpenOptions open{.flags = O_RDONLY | O_DIRECTORY};
    SLUICE_CO_TRY(store_directory_, co_await kernel_.open(-1, kStorePath, open));
    SLUICE_CO_CHECK(co_await open_log());
    first_sequence_ = pipeline_.hub().end_sequence();
    files::RootOptions root;
    root.name = "files";
    root.path = kRootPath;
    root.rules.push_back({.who = files::Rule::Who::anyone, .id = 0, .rights = options_.root_rights});
    std::vector<files::RootOptions> roots;
    roots.push_back(std::move(root));
    SLUICE_CO_CHECK(co_await roots_.load(std::move(roots)));
    server::ServerOptions server = options_.server;
    server.session = options_.session;
    coro::Pool& pool = options_.pool != nullptr ? *options_.pool : pool_;
    server_.emplace(kernel_, pool, pipeline_, files_, store_directory_.fd(), std::move(server), events_);
    server_->set_version(fmt::format("{}", life_));
    SLUICE_CO_TRY(listener_, kernel_.listen_unix(kSocketPath, 0660));
    co_return Result<>{};
}

Task<Result<>> TestDaemon::serve() {
    coro::Context& context = co_await coro::this_context();
    coro::Scope queue(*context.loop, context.cancel);
    coro::Scope serving(*context.loop, context.cancel);
    queue.spawn("queue", &server::LogPipeline::serve, &pipeline_);
    serving.spawn("server", &server::Server::serve, &*server_, std::cref(listener_));
    for (const files::RootPointer& root : roots_.all()) {
        serving.spawn("sweep", sweep_root, &kernel_, root, instance_);
    }
    serving_ = true;
    (void)co_await stop_.wait();
    serving_ = false;
    Result<> drained;
    if (!killed_) {
        (void)co_await coro::with_timeout(kDrainTimeout, server_->drain());
        drained = co_await coro::with_timeout(kDrainTimeout, pipeline_.ingest().drain());
    }
    serving.cancel();
    co_await serving.join();
    queue.cancel();
    co_await queue.join();
    Result<> closed = co_await pipeline_.stop();
    if (!drained) {
        co_return drained;
    }
    co_return closed;
}

Task<Result<>> TestDaemon::open_log() {
    store::WriterOptions writer = options_.writer;
    if (options_.calibrate) {
        SLUICE_CO_TRY(const store::Calibration found, co_await store::choose_io_mode(kernel_, store_directory_));
        writer.mode = found.mode;
    }
    std::memcpy(writer.boot_id.data(), boot_id_.data(), std::min(boot_id_.size(), writer.boot_id.size()));
    writer.random = [this] { return random_.next(); };
    co_return co_await pipeline_.open(store_directory_, std::move(writer), report_);
}

}  // namespace sluice::sim
