#include "daemon/kept_connections.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/format.h"
#include "daemon/host.h"
#include "wire/escape.h"

namespace sluice::daemon {
namespace {

using listeners::ConnectionState;
using listeners::KeptConnection;
using listeners::KeptId;

std::string name_of(KeptId id) {
    return fmt::format("{}{:x}", kStoredPrefix, static_cast<std::uint64_t>(id));
}

std::optional<KeptId> id_of(std::string_view name) {
    if (!name.starts_with(kStoredPrefix)) {
        return std::nullopt;
    }
    std::uint64_t number = 0;
    (void)std::from_chars(name.data() + kStoredPrefix.size(), name.data() + name.size(), number, 16);
    const auto id = static_cast<KeptId>(number);
    return number != 0 && name_of(id) == name ? std::optional(id) : std::nullopt;
}

Result<> write_all(int fd, ByteView bytes) {
    while (!bytes.empty()) {  // Bounded: each turn writes at least one byte or ends.
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno != EINTR) {
            return fail_errno(errno, "write");
        }
        bytes = bytes.subspan(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    }
    return {};
}

}  // namespace

std::unique_ptr<KeptConnections> KeptConnections::of_unit(ServiceManager& manager, LogOutput& log) {
    const std::size_t room = ServiceManager::store_max();
    const char* runtime = std::getenv("RUNTIME_DIRECTORY");
    if (!manager.present() || room == 0 || runtime == nullptr) {
        return nullptr;
    }
    const std::string_view all(runtime);  // Separated by colons.
    std::string directory(all.substr(0, all.find(':')));
    directory += "/streams";
    if (const Result<> made = make_own_directory(directory, 0700, Links::refused); !made) {
        log.warning("connections of listeners will not outlive this run of sluiced: {}", made.error());
        return nullptr;
    }
    return std::make_unique<KeptConnections>(manager, log, std::move(directory), room);
}

KeptConnections::KeptConnections(ServiceManager& manager, LogOutput& log, std::string directory,
                                 std::size_t connections_max)
    : manager_(manager),
      log_(log),
      directory_(std::move(directory)),
      connections_max_(std::min(connections_max, kConnectionsMax)) {}

std::string KeptConnections::path_of(KeptId id) const {
    return directory_ + "/" + name_of(id);
}

// ---- of earlier runs ----

std::map<KeptId, Fd> KeptConnections::find_all(std::vector<StoredSocket> stored) {
    std::map<KeptId, Fd> found;
    for (StoredSocket& socket : stored) {
        if (const std::optional<KeptId> id = id_of(socket.name)) {
            found[*id] = std::move(socket.fd);
        } else if (const Result<> removed = manager_.remove(socket.name); !removed) {
            log_.warning("{}", removed.error());
        }
    }
    std::error_code error;
    std::vector<std::filesystem::path> others;
    for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
        if (const std::optional<KeptId> id = id_of(entry.path().filename().native())) {
            found.try_emplace(*id);
            std::error_code unknown;
            const std::uintmax_t bytes = entry.file_size(unknown);
            bytes_[*id] = unknown ? 0 : bytes;
            bytes_total_ += bytes_[*id];
        } else {
            others.push_back(entry.path());  // A state that was not written to its end.
        }
    }
    if (error) {
        log_.warning("read directory '{}': {}", directory_, error.message());
    }
    for (const std::filesystem::path& other : others) {
        std::filesystem::remove(other, error);
    }
    return found;
}

Result<ConnectionState> KeptConnections::read(KeptId id) {
    const std::string path = path_of(id);
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) {
        return fail_errno(errno, "open '{}'", path);
    }
    const std::uint64_t size = bytes_[id];
    if (size > ConnectionState::kBytesMax) {
        return fail(Errc::too_large, "'{}' has {} bytes; a state has at most {}", path, size,
                    ConnectionState::kBytesMax);
    }
    Bytes bytes(size);
    const ssize_t n = ::pread(file.get(), bytes.data(), bytes.size(), 0);
    if (n < 0) {
        return fail_errno(errno, "read '{}'", path);
    }
    bytes.resize(static_cast<std::size_t>(n));
    auto state = ConnectionState::decode(bytes);
    if (!state) {
        return std::unexpected(std::move(state).error().during("'{}'", path));
    }
    return state;
}

std::vector<KeptConnection> KeptConnections::restore(io::Kernel& kernel, std::vector<StoredSocket> stored) {
    std::vector<KeptConnection> connections;
    for (auto& [id, socket] : find_all(std::move(stored))) {
        last_ = std::max(last_, static_cast<std::uint64_t>(id));
        Result<ConnectionState> state = read(id);
        if (!state) {
            log_.warning("a connection of an earlier run ends, what it had begun is lost: {}", state.error());
            forget(id);
            continue;
        }
        KeptConnection connection;
        connection.id = id;
        connection.socket = socket ? io::Handle(kernel, socket.release()) : io::Handle();
        connection.state = std::move(*state);
        connections.push_back(std::move(connection));
    }
    return connections;
}

// ---- of this run ----

// Whole or not at all: whoever is killed leaves the old state.
Result<> KeptConnections::write(KeptId id, ByteView state) {
    std::uint64_t& charged = bytes_[id];
    if (bytes_total_ - charged + state.size() > kBytesMax) {
        return fail(Errc::limit_exceeded, "what connections have begun takes more than {} bytes together", kBytesMax);
    }
    const std::string path = path_of(id);
    const std::string unfinished = path + ".new";
    Fd file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) {
        return fail_errno(errno, "open '{}'", unfinished);
    }
    Result<> written = write_all(file.get(), state);
    if (written && ::rename(unfinished.c_str(), path.c_str()) != 0) {
        written = fail_errno(errno, "rename");
    }
    if (!written) {
        (void)::unlink(unfinished.c_str());
        return std::unexpected(std::move(written).error().during("'{}'", unfinished));
    }
    bytes_total_ += state.size() - charged;
    charged = state.size();
    return {};
}

Result<KeptId> KeptConnections::keep(int socket, ByteView state) {
    if (bytes_.size() >= connections_max_) {
        return fail(Errc::limit_exceeded,
                    "{} connections are kept for the next run, as many as FileDescriptorStoreMax= of the unit allows, "
                    "and at most {}",
                    bytes_.size(), kConnectionsMax);
    }
    const auto id = static_cast<KeptId>(++last_);
    Result<> kept = write(id, state);
    if (kept) {
        kept = manager_.store(name_of(id), socket);
    }
    if (!kept) {
        (void)::unlink(path_of(id).c_str());
        bytes_total_ -= bytes_[id];
        bytes_.erase(id);
        return std::unexpected(std::move(kept).error());
    }
    return id;
}

Result<> KeptConnections::update(KeptId id, ByteView state) {
    return write(id, state);
}

void KeptConnections::forget(KeptId id) {
    if (const Result<> removed = manager_.remove(name_of(id)); !removed) {
        log_.warning("a connection that has ended is passed to the next run all the same: {}", removed.error());
    }
    (void)::unlink(path_of(id).c_str());
    bytes_total_ -= bytes_[id];
    bytes_.erase(id);
}

}  // namespace sluice::daemon
