#include "real_copy.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sluice::store::test {

RealCopy::RealCopy()
    : directory_(testing::TempDir() + fmt::format("sluice-store-{}-{}", getpid(),
                                                  testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::create_directory(directory_);
}

RealCopy::~RealCopy() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

void RealCopy::save(const std::string& name, const Bytes& content) const {
    std::ofstream file(directory_ + "/" + name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
    ASSERT_TRUE(file.good());
}

void RealCopy::save_all(const io::SimDisk& disk, const std::string& from) const {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directory(directory_);
    for (const std::string& name : disk.names(from)) {
        save(name, *disk.content(from + "/" + name));
    }
}

void RealCopy::flip(const std::string& name, std::uint64_t offset, int bit) const {
    std::fstream file(directory_ + "/" + name, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(offset));
    const int byte = file.get() ^ (1 << bit);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte));
    ASSERT_TRUE(file.good());
}

VerifyReport RealCopy::verify() const {
    Result<VerifyReport> report = verify_store(directory_);
    EXPECT_TRUE(report) << report.error();
    return report.value_or(VerifyReport{});
}

}  // namespace sluice::store::test
