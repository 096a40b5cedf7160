#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "coro/pool.h"
#include "environment.h"
#include "io/uring_kernel.h"

namespace sluice::files::test {

namespace {

class RealEnvironment final : public Environment {
 public:
    Result<> set_up() {
        SLUICE_TRY(kernel_, io::UringKernel::create(clock_, pool_));
        std::string pattern = testing::TempDir() + "sluice-files-XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr) {
            return fail_errno(errno, "make a scratch directory '{}'", pattern);
        }
        directory_ = pattern;
        return {};
    }
    ~RealEnvironment() override {
        std::error_code ignored;
        if (!directory_.empty()) {
            std::filesystem::remove_all(directory_, ignored);
        }
    }

    io::Kernel& kernel() override { return *kernel_; }
    std::string absolute(std::string_view path) const override { return directory_ + "/" + std::string(path); }
    void write_file(std::string_view path, std::string_view content) override {
        std::filesystem::create_directories(std::filesystem::path(absolute(path)).parent_path());
        std::ofstream(absolute(path), std::ios::binary) << content;
    }
    void make_directory(std::string_view path) override { std::filesystem::create_directories(absolute(path)); }
    std::optional<std::string> content(std::string_view path) const override {
        std::ifstream file(absolute(path), std::ios::binary);
        if (!file) {
            return std::nullopt;
        }
        std::ostringstream all;
        all << file.rdbuf();
        return all.str();
    }
    std::vector<std::string> names(std::string_view directory) const override {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(absolute(directory))) {
            names.push_back(entry.path().filename());
        }
        std::ranges::sort(names);
        return names;
    }

 private:
    SystemClock clock_;
    coro::ThreadPool pool_{1};
    std::unique_ptr<io::UringKernel> kernel_;
    std::string directory_;
};

}  // namespace

Result<std::unique_ptr<Environment>> make_real() {
    auto environment = std::make_unique<RealEnvironment>();
    SLUICE_CHECK(environment->set_up());
    return environment;
}

}  // namespace sluice::files::test
