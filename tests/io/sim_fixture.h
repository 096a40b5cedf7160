// What the tests of the simulated kernel share: a world with one kernel, and small coroutines to run on it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "coro/timeout.h"
#include "io/run.h"
#include "io/sim_kernel.h"

namespace sluice::io {

inline OpenOptions open_flags(int flags) {
    OpenOptions options;
    options.flags = flags;
    return options;
}

inline Task<Result<Handle>> open_file(Kernel& kernel, std::string path, int flags) {
    const OpenOptions options = open_flags(flags);
    co_return co_await kernel.open(-1, path, options);
}

inline Task<Result<std::size_t>> write_text(Kernel& kernel, const Handle& file, std::uint64_t offset,
                                            std::string_view text, WriteSync sync = WriteSync::none) {
    const ByteView bytes = as_bytes(text);
    co_return co_await kernel.write_at(file, offset, bytes, sync);
}

// Creates or truncates `path` and writes `text`; nothing is synced.
inline Task<Result<>> save(Kernel& kernel, std::string path, std::string text) {
    SLUICE_CO_TRY(Handle file, co_await open_file(kernel, path, O_RDWR | O_CREAT | O_TRUNC));
    SLUICE_CO_CHECK(co_await write_text(kernel, file, 0, text));
    co_return Result<>{};
}

inline Task<Result<>> sync_path(Kernel& kernel, std::string path) {
    SLUICE_CO_TRY(Handle file, co_await open_file(kernel, path, O_RDONLY));
    co_return co_await kernel.sync(file, SyncKind::all);
}

inline std::string text_of(const std::optional<Bytes>& bytes) {
    return bytes ? std::string(as_text(*bytes)) : "(no such file)";
}

class SimTest : public testing::Test {
 protected:
    // Builds the world with other options than the default; call it first.
    void start(SimWorld::Options options) {
        kernel_.reset();
        world_.emplace(std::move(options));
        kernel_.emplace(*world_, SimKernel::Options());
    }
    void SetUp() override { start(SimWorld::Options()); }
    SimWorld& world() { return *world_; }
    SimDisk& disk() { return world_->disk(); }
    SimKernel& kernel() { return *kernel_; }
    // After a crash: the same machine, new programs.
    void restart() {
        kernel_.reset();
        kernel_.emplace(*world_, SimKernel::Options());
    }
    std::string content(std::string_view path) { return text_of(disk().content(path)); }
    std::string durable(std::string_view path) { return text_of(disk().durable_content(path)); }

    // Runs fn(kernel, args...) to its end.
    template <class F, class... Args>
    auto run(F fn, Args... args) {
        return block_on(*kernel_, "test", std::move(fn), std::ref<Kernel>(*kernel_), std::move(args)...);
    }

 private:
    std::optional<SimWorld> world_;
    std::optional<SimKernel> kernel_;
};

}  // namespace sluice::io
