#include "daemon/writer_thread.h"

#include "daemon/translate.h"
#include "io/run.h"
#include "store/calibrate.h"

namespace sluice::daemon {
namespace {

Task<Result<store::IoMode>> pick_mode(io::Kernel& kernel, const io::Handle& directory, StoreIo wanted, LogOutput& log) {
    switch (wanted) {
        case StoreIo::direct:
            co_return store::IoMode::direct;
        case StoreIo::buffered:
            co_return store::IoMode::buffered;
        case StoreIo::automatic:
            break;
    }
    SLUICE_CO_TRY(const store::Calibration found, co_await store::choose_io_mode(kernel, directory));
    if (found.buffered > Duration::zero()) {
        const auto us = [](Duration time) {
            return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
        };
        log.info("store: a durable commit takes {} us with O_DIRECT and {} us with write and fdatasync; using {}",
                 us(found.direct), us(found.buffered), found.mode == store::IoMode::direct ? "O_DIRECT" : "fdatasync");
    }
    co_return found.mode;
}

Task<Result<>> write_log(io::Kernel& kernel, server::LogPipeline& pipeline, store::StoreEvents& events, LogOutput& log,
                         const Config& config) {
    const io::OpenOptions open{.flags = O_RDONLY | O_DIRECTORY};
    Result<io::Handle> directory = co_await kernel.open(-1, config.store.directory, open);
    if (!directory) {
        pipeline.writer_failed(directory.error());
        co_return std::unexpected(std::move(directory).error());
    }
    Result<store::IoMode> mode = co_await pick_mode(kernel, *directory, config.store.io, log);
    if (!mode) {
        pipeline.writer_failed(mode.error());
        co_return std::unexpected(std::move(mode).error());
    }
    co_return co_await pipeline.write(kernel, *directory, writer_options(config, *mode), events);
}

void run_writer(const Clock& clock, coro::Pool& pool, server::LogPipeline& pipeline, store::StoreEvents& events,
                LogOutput& log, const Config& config) {
    auto kernel = io::UringKernel::create(clock, pool, kernel_options(config, log));
    if (!kernel) {
        pipeline.writer_failed(std::move(kernel).error());
        return;
    }
    const Result<> ended = io::block_on(**kernel, "writer", write_log, std::ref(static_cast<io::Kernel&>(**kernel)),
                                        std::ref(pipeline), std::ref(events), std::ref(log), std::cref(config));
    if (!ended) {
        log.error("store: {}", ended.error());
    }
}

}  // namespace

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

WriterThread::WriterThread(const Clock& clock, coro::Pool& pool, server::LogPipeline& pipeline,
                           store::StoreEvents& events, LogOutput& log, Config config)
    : thread_([&clock, &pool, &pipeline, &events, &log, settings = std::move(config)] {
          run_writer(clock, pool, pipeline, events, log, settings);
      }) {}

}  // namespace sluice::daemon
