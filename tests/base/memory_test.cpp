#include "base/memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <vector>

#include "sanitizer.h"

namespace sluice {
namespace {

std::size_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::size_t pages = 0;
    file >> pages >> pages;
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(ReturnFreeMemory, AlsoThatWhichLiesBetweenWhatIsUsed) {
    if (test::kAddressSanitizer) {
        GTEST_SKIP() << "the sanitizer has a heap of its own";
    }
    constexpr std::size_t kBlocks = 100'000;
    constexpr std::size_t kBlockBytes = 400;
    constexpr std::size_t kKept = 1000;  // Each so many.
    std::vector<std::unique_ptr<char[]>> blocks(kBlocks);
    for (auto& block : blocks) {
        block = std::make_unique<char[]>(kBlockBytes);
    }
    for (std::size_t i = 0; i < kBlocks; ++i) {
        if (i % kKept != kKept - 1) {
            blocks[i].reset();
        }
    }
    const std::size_t before = resident_bytes();
    return_free_memory();
    EXPECT_LT(resident_bytes() + kBlocks * kBlockBytes / 2, before);
}

}  // namespace
}  // namespace sluice
