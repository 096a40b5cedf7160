// Connections of listeners that go on in the next run.  Their sockets are in systemd's file descriptor store, under the
// name stream-ID; what else has to be known of each is in a file of that name in the runtime directory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "daemon/log_output.h"
#include "daemon/systemd_notify.h"
#include "listeners/keeper.h"

namespace sluice::daemon {

// Threads: one.  Each call is some system calls to a file system in memory, and up to one message to the service
// manager.
class KeptConnections final : public listeners::ConnectionKeeper {
 public:
    // The service manager passes all names in one environment variable, which has at most 128 KiB: with more the next
    // run could not start.
    static constexpr std::size_t kConnectionsMax = 4096;
    // Of the files together, which are in memory that the machine shares: 48 KiB of a stdout stream, up to 2 MiB of
    // others.
    static constexpr std::uint64_t kBytesMax = 64U << 20U;

    // Of this process: $FDSTORE and $RUNTIME_DIRECTORY, where the unit has both.  Null: connections end with the run.
    static std::unique_ptr<KeptConnections> of_unit(ServiceManager& manager, LogOutput& log);
    // At most `connections_max`, with files in `directory`, which is ours.  Borrows the others until destroyed.
    KeptConnections(ServiceManager& manager, LogOutput& log, std::string directory, std::size_t connections_max);

    // The connections of earlier runs: those of `stored`, and states whose socket is closed.  What cannot be used is
    // told, and forgotten.  Once, before anything is kept.
    std::vector<listeners::KeptConnection> restore(io::Kernel& kernel, std::vector<StoredSocket> stored);

    Result<listeners::KeptId> keep(int socket, ByteView state) override;
    Result<> update(listeners::KeptId id, ByteView state) override;
    void forget(listeners::KeptId id) override;

    std::size_t connections_max() const noexcept { return connections_max_; }

 private:
    Result<> write(listeners::KeptId id, ByteView state);
    Result<listeners::ConnectionState> read(listeners::KeptId id);
    std::map<listeners::KeptId, Fd> find_all(std::vector<StoredSocket> stored);
    std::string path_of(listeners::KeptId id) const;

    ServiceManager& manager_;
    LogOutput& log_;
    std::string directory_;
    std::size_t connections_max_;
    std::uint64_t last_ = 0;
    std::map<listeners::KeptId, std::uint64_t> bytes_;  // Of the files, by connection.
    std::uint64_t bytes_total_ = 0;
};

}  // namespace sluice::daemon
