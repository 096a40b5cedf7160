// The real sluiced as a child process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace sluice::kill {

class Daemon {
 public:
    // `directory` gets the configuration, the store, the socket and the daemon's messages.
    Daemon(std::string program, std::string directory);
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon();  // Kills it.

    std::string socket_path() const { return directory_ + "/sluice.sock"; }
    std::string store_path() const { return directory_ + "/store"; }

    Result<> write_config() const;
    Result<> start();
    // SIGKILL.  An error if it had ended by itself before.
    Result<> kill();
    // SIGTERM; an error unless it leaves with exit code 0 within `limit`.
    Result<> stop(Duration limit);
    // How often it got as far as serving.
    std::uint64_t times_ready() const;

 private:
    std::string log_path() const { return directory_ + "/sluiced.log"; }
    // The wait status, if it has ended within `limit`.
    std::optional<int> wait(Duration limit);
    std::string ended_text(int status) const;

    std::string program_;
    std::string directory_;
    pid_t pid_ = -1;
};

}  // namespace sluice::kill
