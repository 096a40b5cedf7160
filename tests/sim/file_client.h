// A client that replaces files through the daemon and reads them back: each is the old one or the new one, whole.
#pragma once

#include <array>
#include <string>

#include "sim/connection.h"
#include "sim/model.h"

namespace sluice::sim {

class FileClient {
 public:
    // Borrows kernel and model until destroyed.
    FileClient(io::SimKernel& kernel, Model& model, std::uint32_t puts, std::uint64_t seed)
        : kernel_(kernel), model_(model), random_(seed), left_(puts) {}

    Task<Result<>> run();  // Until every put has succeeded.
    // What is on the disk at the end.
    void check(const io::SimDisk& disk);

 private:
    struct File {
        std::string name;
        std::uint32_t sent = 0;    // The newest version that was tried; 0: none.
        std::uint32_t stored = 0;  // The newest one acknowledged, in `life`.
        unsigned life = 0;
        std::uint32_t durable = 0;  // The newest one acknowledged as durable.
    };
    Task<Result<>> connected();
    Task<Result<>> put(Connection& connection, File& file);
    Task<Result<>> get(Connection& connection, const File& file);
    std::string content(const File& file, std::uint32_t version) const;

    io::SimKernel& kernel_;
    Model& model_;
    io::SimRandom random_;
    std::uint32_t left_;
    std::uint64_t next_request_ = 2;
    std::array<File, 2> files_{File{.name = "a"}, File{.name = "b"}};
};

}  // namespace sluice::sim
