// What the tests of UringKernel share: a scratch folder, a kernel, a way to run a coroutine on it.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "coro/pool.h"
#include "coro/timeout.h"
#include "io/run.h"
#include "io/uring_kernel.h"

namespace sluice::io {

class ScratchFolder {
 public:
    ScratchFolder() {
        std::string pattern = std::filesystem::temp_directory_path() / "sluice-uring-XXXXXX";
        path_ = mkdtemp(pattern.data());
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    ~ScratchFolder() { std::filesystem::remove_all(path_); }
    std::string file(const std::string& name) const { return path_ + "/" + name; }
    const std::string& path() const noexcept { return path_; }

 private:
    std::string path_;
};

struct SocketPair {
    Handle near;
    Handle far;
    explicit SocketPair(Kernel& kernel) {
        int fds[2] = {-1, -1};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        near = Handle(kernel, fds[0]);
        far = Handle(kernel, fds[1]);
    }
};

class UringTest : public testing::Test {
 protected:
    // Builds the kernel with other options than the default; call it first.
    void start(UringOptions options) {
        kernel_.reset();
        auto made = UringKernel::create(clock_, pool_, std::move(options));
        ASSERT_TRUE(made) << made.error();
        kernel_ = std::move(*made);
    }
    void SetUp() override { start({}); }
    UringKernel& kernel() { return *kernel_; }

    // Runs fn(kernel, args...) to its end.
    template <class F, class... Args>
    auto run(F fn, Args... args) {
        return block_on(*kernel_, "test", std::move(fn), std::ref<Kernel>(*kernel_), std::move(args)...);
    }

    ScratchFolder folder_;

 private:
    SystemClock clock_;
    coro::ThreadPool pool_{2};
    std::unique_ptr<UringKernel> kernel_;
};

}  // namespace sluice::io
