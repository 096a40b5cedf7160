#include "daemon/open_log.h"

#include "daemon/translate.h"
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

}  // namespace

Task<Result<>> open_log(io::Kernel& kernel, const io::Handle& directory, server::LogPipeline& pipeline,
                        store::StoreEvents& events, LogOutput& log, const Config& config) {
    SLUICE_CO_TRY(const store::IoMode mode, co_await pick_mode(kernel, directory, config.store.io, log));
    co_return co_await pipeline.open(directory, writer_options(config, mode), events);
}

}  // namespace sluice::daemon
