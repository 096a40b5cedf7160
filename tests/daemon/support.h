// What the tests of daemon/ share.
#pragma once

#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "daemon/identities.h"

namespace sluice::daemon::testing {

// alice 1000, bob 1001; groups adm 4 (member bob), www-data 33; numbers stand for themselves.
class FakeIdentities final : public Identities {
 public:
    std::optional<UserRef> user(const std::string& name) const override {
        static const std::map<std::string, uid_t> kUsers{{"root", 0}, {"alice", 1000}, {"bob", 1001}, {"1234", 1234}};
        const auto found = kUsers.find(name);
        return found == kUsers.end() ? std::nullopt : std::optional(UserRef{name, found->second});
    }
    std::optional<GroupRef> group(const std::string& name) const override {
        static const std::map<std::string, GroupRef> kGroups{{"adm", {"adm", 4, {1001}}},
                                                             {"www-data", {"www-data", 33, {}}}};
        const auto found = kGroups.find(name);
        return found == kGroups.end() ? std::nullopt : std::optional(found->second);
    }
};

inline std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

class TemporaryDirectory {
 public:
    TemporaryDirectory() { path_ = mkdtemp(path_.data()); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::string& path() const { return path_; }
    std::string file(const std::string& name, const std::string& text) const {
        std::ofstream(path_ + "/" + name, std::ios::binary) << text;
        return path_ + "/" + name;
    }

 private:
    std::string path_ = "/tmp/sluice-daemon-test-XXXXXX";
};

// Sets a variable for the life of the object.
class ScopedVariable {
 public:
    ScopedVariable(std::string name, const std::string& value) : name_(std::move(name)) {
        if (const char* before = getenv(name_.c_str())) {
            before_ = before;
        }
        setenv(name_.c_str(), value.c_str(), 1);
    }
    ScopedVariable(const ScopedVariable&) = delete;
    ScopedVariable& operator=(const ScopedVariable&) = delete;
    ~ScopedVariable() {
        if (before_) {
            setenv(name_.c_str(), before_->c_str(), 1);
        } else {
            unsetenv(name_.c_str());
        }
    }

 private:
    std::string name_;
    std::optional<std::string> before_;
};

struct ShellResult {
    int status = -1;     // Exit code; -1: did not exit by itself.
    std::string output;  // Standard output and error.
};

inline ShellResult shell(const std::string& command) {
    ShellResult result;
    std::FILE* pipe = popen(("{ " + command + "; } 2>&1").c_str(), "re");
    if (pipe == nullptr) {
        return result;
    }
    char buffer[4096];
    for (std::size_t got = 0; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
        result.output.append(buffer, got);
    }
    const int status = pclose(pipe);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return result;
}

inline bool have(const std::string& program) {
    return shell("command -v " + program).status == 0;
}

}  // namespace sluice::daemon::testing
