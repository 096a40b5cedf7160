// A disk and a kernel to test lib/files on: io_uring with a scratch directory, or the simulation.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "files/file_table.h"
#include "files/files.h"
#include "files/roots.h"
#include "files/sweep.h"
#include "io/kernel.h"
#include "io/run.h"

namespace sluice::files::test {

// Paths here are relative to the scratch directory.
class Environment {
 public:
    Environment() = default;
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;
    virtual ~Environment() = default;

    virtual io::Kernel& kernel() = 0;
    virtual std::string absolute(std::string_view path) const = 0;
    virtual void write_file(std::string_view path, std::string_view content) = 0;
    virtual void make_directory(std::string_view path) = 0;
    virtual std::optional<std::string> content(std::string_view path) const = 0;
    virtual std::vector<std::string> names(std::string_view directory) const = 0;

    template <class T>
    T run(Task<T>&& task) {
        return io::block_on(kernel(), "test", &await<T>, &task);
    }
    void finish(Task<>&& task) {
        Result<> done = io::block_on(kernel(), "test", &await_void, &task);
        ASSERT_TRUE(done) << done.error();
    }

 private:
    template <class T>
    static Task<T> await(Task<T>* task) {
        co_return co_await *task;
    }
    static Task<Result<>> await_void(Task<>* task) {
        co_await *task;
        co_return Result<>{};
    }
};

std::unique_ptr<Environment> make_simulated(std::uint64_t seed = 1);
// An error: io_uring is not available here; the text says why.
Result<std::unique_ptr<Environment>> make_real();

inline constexpr std::uint64_t kInstance = 0x1234;
inline constexpr std::uint32_t kUid = 1000;

inline Identity identity(std::uint32_t uid = kUid) {
    return {.uid = uid, .gid = uid, .groups = {}};
}

// A root at the scratch directory where everybody may do everything.
inline RootOptions open_root(const Environment& environment, std::string name = "files") {
    RootOptions options;
    options.name = std::move(name);
    options.path = environment.absolute("");
    options.rules.push_back({.who = Rule::Who::anyone, .id = 0, .rights = Rights::all()});
    return options;
}

// Collects what get() hands out.
class Collector final : public Consumer {
 public:
    Task<Result<>> consume(ByteView piece) override {
        pieces.emplace_back(as_text(piece));
        if (fail_at != 0 && pieces.size() == fail_at) {
            co_return fail(Errc::closed, "the reader went away");
        }
        co_return Result<>{};
    }
    std::string text() const {
        std::string all;
        for (const std::string& piece : pieces) {
            all += piece;
        }
        return all;
    }
    std::vector<std::string> pieces;
    std::size_t fail_at = 0;
};

// One root "files", one Files object, one session.
struct Service {
    explicit Service(Environment& with, HandleLimits limits = {}) : Service(with, open_root(with), limits) {}
    Service(Environment& with, RootOptions root, HandleLimits limits = {})
        : environment(with),
          roots(with.kernel()),
          files(with.kernel(), roots, {.instance = kInstance, .handles = limits}),
          table(files, identity()) {
        std::vector<RootOptions> all;
        all.push_back(std::move(root));
        Result<> loaded = with.run(roots.load(std::move(all)));
        EXPECT_TRUE(loaded) << loaded.error();
    }
    ~Service() { environment.finish(table.close_all()); }

    Result<std::uint64_t> put(std::string_view path, std::string_view content, PutOptions options = {}) {
        return environment.run(files.put(identity(), "files", path, as_bytes(content), options));
    }
    Result<std::string> get(std::string_view path, GetRange range = {}) {
        Collector collector;
        Result<io::FileStat> stat = environment.run(files.get(identity(), "files", path, range, collector));
        if (!stat) {
            return std::unexpected(std::move(stat).error());
        }
        return collector.text();
    }
    Result<OpenedFile> open(std::string_view path, OpenFlags flags, mode_t mode = 0) {
        return environment.run(table.open("files", path, flags, mode));
    }
    Result<std::uint64_t> write(std::uint32_t handle, std::uint64_t offset, std::string_view text,
                                Durability durability = Durability::none) {
        return environment.run(table.write(handle, offset, as_bytes(text), durability));
    }
    Result<Appended> append(std::uint32_t handle, std::string_view text, Durability durability = Durability::none) {
        return environment.run(table.append(handle, as_bytes(text), durability));
    }
    Result<std::string> read(std::uint32_t handle, std::uint64_t offset, std::size_t length) {
        std::string into(length, '\0');
        Result<std::size_t> count =
            environment.run(table.read(handle, offset, std::as_writable_bytes(std::span(into))));
        if (!count) {
            return std::unexpected(std::move(count).error());
        }
        into.resize(*count);
        return into;
    }

    Environment& environment;
    Roots roots;
    Files files;
    FileTable table;
};

// For tests that hold on both kernels.
class OnBothKernels : public testing::TestWithParam<const char*> {
 protected:
    void SetUp() override {
        if (std::string_view(GetParam()) == "simulated") {
            environment = make_simulated();
            return;
        }
        Result<std::unique_ptr<Environment>> real = make_real();
        if (!real) {
            GTEST_SKIP() << real.error();
        }
        environment = std::move(*real);
    }
    std::unique_ptr<Environment> environment;
};

template <class T>
Errc code_of(const Result<T>& result) {
    return result ? Errc{} : result.error().code();
}

}  // namespace sluice::files::test

#define SLUICE_ON_BOTH_KERNELS(suite)                                              \
    INSTANTIATE_TEST_SUITE_P(Kernel, suite, testing::Values("simulated", "uring"), \
                             [](const auto& information) { return std::string(information.param); })
