// Makes a directory one whose files can be opened and whose names cannot be listed, also for root.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace sluice::store::test {

// While it lives, the directory is `path()`, and the process is somebody else if it is root.
class Unlistable {
 public:
    explicit Unlistable(const std::string& directory) : before_(std::filesystem::current_path()) {
        std::filesystem::current_path(directory);
        std::filesystem::permissions(".", std::filesystem::perms(0111));
        if (root_) {
            EXPECT_EQ(::seteuid(kNobody), 0);
        }
    }
    Unlistable(const Unlistable&) = delete;
    Unlistable& operator=(const Unlistable&) = delete;
    ~Unlistable() {
        if (root_) {
            EXPECT_EQ(::seteuid(0), 0);
        }
        std::filesystem::permissions(".", std::filesystem::perms(0755));
        std::filesystem::current_path(before_);
    }
    static std::string path() { return "."; }

 private:
    static constexpr ::uid_t kNobody = 65534;
    std::filesystem::path before_;
    bool root_ = ::geteuid() == 0;
};

}  // namespace sluice::store::test
