#include "cli/upload.h"

#include <deque>

namespace sluice::cli {
namespace {

constexpr std::size_t kWriteBytes = 512U << 10U;
constexpr std::size_t kWritesInFlight = 8;

struct Pending {
    std::uint64_t id = 0;
    std::uint64_t bytes = 0;
};

Result<void> finish_write(client::Client& client, const Pending& write,
                          const std::function<void(std::uint64_t)>& progress) {
    SLUICE_TRY(const wire::WriteReply reply, client.await_as<wire::WriteReply>(write.id));
    if (reply.written != write.bytes) {
        return fail(Errc::io_error, "the daemon wrote {} of {} bytes", reply.written, write.bytes);
    }
    progress(write.bytes);
    return {};
}

Result<void> write_pieces(client::Client& client, const Spool& spool, std::uint32_t handle,
                          const std::function<void(std::uint64_t)>& progress) {
    std::deque<Pending> pending;
    Bytes buffer;
    const std::size_t piece_bytes = std::min(kWriteBytes, client.data_bytes_max());
    const std::size_t in_flight =
        std::min<std::size_t>(kWritesInFlight, std::max(1U, client.server().requests_in_flight_max));
    for (std::uint64_t offset = 0; offset < spool.size();) {
        SLUICE_TRY(const ByteView data, spool.piece(offset, piece_bytes, buffer));
        SLUICE_TRY(const std::uint64_t id,
                   client.submit(wire::WriteRequest{.handle = handle, .sync = false, .offset = offset, .data = data}));
        pending.push_back({id, data.size()});
        offset += data.size();
        if (pending.size() >= in_flight) {
            SLUICE_CHECK(finish_write(client, pending.front(), progress));
            pending.pop_front();
        }
    }
    for (const Pending& write : pending) {
        SLUICE_CHECK(finish_write(client, write, progress));
    }
    return {};
}

}  // namespace

Result<void> upload(client::Client& client, const Spool& spool, const UploadOptions& options,
                    const std::function<void(std::uint64_t)>& progress) {
    const RootPath& file = options.file;
    if (spool.size() <= client.data_bytes_max(file.root.size() + file.path.size())) {
        Bytes buffer;
        SLUICE_TRY(const ByteView data, spool.piece(0, static_cast<std::size_t>(spool.size()), buffer));
        SLUICE_CHECK(client.put({.durable = options.durable,
                                 .mode = options.mode,
                                 .root = file.root,
                                 .path = file.path,
                                 .data = data,
                                 .parents = options.parents}));
        progress(data.size());
        return {};
    }
    SLUICE_TRY(const wire::OpenReply opened,
               client.open({.flags = wire::kOpenReplace | (options.parents ? wire::kOpenParents : 0),
                            .mode = options.mode,
                            .root = file.root,
                            .path = file.path}));
    auto written = write_pieces(client, spool, opened.handle, progress);
    if (!written) {
        // The daemon drops the temporary file with the handle, at the latest when this connection ends.
        return written;
    }
    SLUICE_CHECK(client.commit(opened.handle, options.durable));
    // In place; if this fails, the end of the connection closes the handle as well.
    (void)client.close(opened.handle);
    return {};
}

}  // namespace sluice::cli
