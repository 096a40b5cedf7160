// A simulated store on the real disk, for what reads real files.
#pragma once

#include <string>

#include "io/sim_disk.h"
#include "store/verify.h"

namespace sluice::store::test {

class RealCopy {
 public:
    // Makes an empty directory, named after the running test.
    RealCopy();
    RealCopy(const RealCopy&) = delete;
    RealCopy& operator=(const RealCopy&) = delete;
    ~RealCopy();

    const std::string& directory() const noexcept { return directory_; }
    void save(const std::string& name, const Bytes& content) const;
    // Takes the place of what was there.
    void save_all(const io::SimDisk& disk, const std::string& from) const;
    void flip(const std::string& name, std::uint64_t offset, int bit) const;
    VerifyReport verify() const;

 private:
    std::string directory_;
};

}  // namespace sluice::store::test
