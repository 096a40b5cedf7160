// The simulated environment, with the machine in reach: faults, crashes, what is durable.
#pragma once

#include "environment.h"
#include "io/sim_kernel.h"
#include "io/sim_world.h"

namespace sluice::files::test {

class SimEnvironment final : public Environment {
 public:
    explicit SimEnvironment(std::uint64_t seed) : world_(seed) {
        world_.disk().make_directories(kBase);
        boot();
    }

    // A new kernel, as after a restart.  The old one lives on until the environment ends.
    void boot() { kernels_.push_back(std::make_unique<io::SimKernel>(world_, io::SimKernel::Options{})); }

    io::SimWorld& world() noexcept { return world_; }
    io::SimKernel& kernel() override { return *kernels_.back(); }
    std::string absolute(std::string_view path) const override {
        return path.empty() ? kBase : kBase + "/" + std::string(path);
    }
    void write_file(std::string_view path, std::string_view content) override {
        world_.disk().put_file(absolute(path), as_bytes(content));
    }
    void make_directory(std::string_view path) override { world_.disk().make_directories(absolute(path)); }
    std::optional<std::string> content(std::string_view path) const override {
        const std::optional<Bytes> bytes = world_.disk().content(absolute(path));
        return bytes ? std::optional(std::string(as_text(*bytes))) : std::nullopt;
    }
    std::vector<std::string> names(std::string_view directory) const override {
        return world_.disk().names(absolute(directory));
    }

 private:
    inline static const std::string kBase = "/data";
    mutable io::SimWorld world_;
    std::vector<std::unique_ptr<io::SimKernel>> kernels_;
};

}  // namespace sluice::files::test
