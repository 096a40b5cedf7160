// The file requests of a session: each decodes its payload, asks lib/files, and replies.
#include "server/session.h"

namespace sluice::server {
namespace {

// One read: short enough for others to come between.
constexpr std::size_t kPieceBytes = std::size_t{256} * 1024;

files::Durability durability(bool durable) noexcept {
    return durable ? files::Durability::durable : files::Durability::none;
}

wire::StatReply to_reply(const io::FileStat& stat) noexcept {
    return {.size = stat.size, .mode = stat.mode, .uid = stat.uid, .gid = stat.gid, .mtime_ns = stat.modified};
}

}  // namespace

files::Identity identity_of(const Peer& peer) {
    return {.uid = peer.credentials.uid, .gid = peer.credentials.gid, .groups = peer.groups};
}

Task<Result<>> Session::open(const OwnedRequest& request) {
    SLUICE_CO_TRY(const wire::OpenRequest wanted, wire::OpenRequest::decode(request.payload));
    const files::OpenFlags flags{.read = (wanted.flags & wire::kOpenRead) != 0,
                                 .write = (wanted.flags & wire::kOpenWrite) != 0,
                                 .create = (wanted.flags & wire::kOpenCreate) != 0,
                                 .exclusive = (wanted.flags & wire::kOpenExclusive) != 0,
                                 .truncate = (wanted.flags & wire::kOpenTruncate) != 0,
                                 .append = (wanted.flags & wire::kOpenAppend) != 0,
                                 .parents = (wanted.flags & wire::kOpenParents) != 0,
                                 .replace = (wanted.flags & wire::kOpenReplace) != 0};
    SLUICE_CO_TRY(const files::OpenedFile opened, co_await files_.open(wanted.root, wanted.path, flags, wanted.mode));
    output_.reply(request.header.id, wire::OpenReply{.handle = opened.handle, .size = opened.size});
    co_return Result<>{};
}

Task<Result<>> Session::read(const OwnedRequest& request) {
    SLUICE_CO_TRY(const wire::ReadRequest wanted, wire::ReadRequest::decode(request.payload));
    const std::size_t length_max = shared_.limits.frame_bytes_max - wire::kFrameHeaderSize;
    if (wanted.length > length_max) {
        co_return fail(Errc::too_large, "a read of {} bytes; one reply carries at most {}", wanted.length, length_max);
    }
    SLUICE_CO_TRY(Charge charge, co_await output_.reserve(wanted.length));
    Bytes data(wanted.length);
    std::size_t got = 0;
    while (got < data.size()) {  // Bounded by the length: each turn reads at least a byte, or ends.
        const std::span<std::byte> piece = std::span(data).subspan(got, std::min(data.size() - got, kPieceBytes));
        SLUICE_CO_CHECK(co_await shared_.turns.take(piece.size()));
        const Result<std::size_t> n = co_await files_.read(wanted.handle, wanted.offset + got, piece);
        if (!n && got == 0) {
            co_return std::unexpected(n.error());
        }
        if (!n || *n == 0) {
            break;  // The end of the file, or what could be read before an error.
        }
        got += *n;
    }
    output_.reply(request.header.id, wire::ReadReply{.data = ByteView(data).first(got)}, {}, std::move(charge));
    co_return Result<>{};
}

Task<Result<>> Session::write(const OwnedRequest& request) {
    SLUICE_CO_TRY(const wire::WriteRequest wanted, wire::WriteRequest::decode(request.payload));
    SLUICE_CO_TRY(const std::uint64_t written,
                  co_await files_.write(wanted.handle, wanted.offset, wanted.data, durability(wanted.sync)));
    output_.reply(request.header.id, wire::WriteReply{.written = written});
    co_return Result<>{};
}

Task<Result<>> Session::append(const OwnedRequest& request) {
    SLUICE_CO_TRY(const wire::AppendRequest wanted, wire::AppendRequest::decode(request.payload));
    SLUICE_CO_TRY(const files::Appended added,
                  co_await files_.append(wanted.handle, wanted.data, durability(wanted.sync)));
    output_.reply(request.header.id, wire::AppendReply{.offset = added.offset, .length = added.length});
    co_return Result<>{};
}

Task<Result<>> Session::sync(const OwnedRequest& request) {
    SLUICE_CO_TRY(const wire::SyncRequest wanted, wire::SyncRequest::decode(request.payload));
    const io::SyncKind kind = wanted.data_only ? io::SyncKind::data : io::SyncKind::all;
    SLUICE_CO_CHECK(co_await files_.sync(wanted.handle, kind));
    output_.reply(request.header.id, wire::SyncReply());
    co_return Result<>{};
}

Task<Result<>> Session::stat(const OwnedRequest& request) {
    SLUICE_CO_TRY(const wire::StatRequest wanted, wire::StatRequest::decode(request.payload));
    io::FileStat found;
    if (wanted.handle != 0) {
        SLUICE_CO_TRY(found, co_await files_.stat(wanted.handle));
    } else {
        const files::Identity identity = identity_of(peer_);
        SLUICE_CO_TRY(found, co_await shared_.files.stat(identity, wanted.root, wanted.path));
    }
    output_.reply(request.header.id, to_reply(found));
    co_return Result<>{};
}

Task<Result<>> Session::close_handle(const OwnedRequest& request) {
    SLUICE_CO_TRY(const wire::CloseRequest wanted, wire::CloseRequest::decode(request.payload));
    SLUICE_CO_CHECK(co_await files_.close(wanted.handle));
    output_.reply(request.header.id, wire::CloseReply());
    co_return Result<>{};
}

Task<Result<>> Session::commit(const OwnedRequest& request) {
    SLUICE_CO_TRY(const wire::CommitRequest wanted, wire::CommitRequest::decode(request.payload));
    SLUICE_CO_CHECK(co_await files_.commit(wanted.handle, durability(wanted.durable)));
    output_.reply(request.header.id, wire::CommitReply());
    co_return Result<>{};
}

// Sends the pieces of a file as they are read.
class Session::GetStream final : public files::Consumer {
 public:
    explicit GetStream(ReplyStream& stream) noexcept : stream_(stream) {}
    Task<Result<>> consume(ByteView piece) override {
        SLUICE_CO_TRY(Charge charge, co_await stream_.ready(piece.size()));
        stream_.send_message(wire::GetChunk{.data = piece}, std::move(charge));
        co_return Result<>{};
    }

 private:
    ReplyStream& stream_;
};

Task<Result<>> Session::get(const OwnedRequest& request) {
    SLUICE_CO_TRY(const wire::GetRequest wanted, wire::GetRequest::decode(request.payload));
    ReplyStream stream(output_, shared_.turns, request.header.id, wanted.credit);
    GetStream consumer(stream);
    const StreamEntry listed(*this, stream);
    const files::Identity identity = identity_of(peer_);
    const files::GetRange range{.offset = wanted.offset, .length = wanted.length};
    const Result<io::FileStat> stat = co_await shared_.files.get(identity, wanted.root, wanted.path, range, consumer);
    if (!stat) {
        co_return std::unexpected(stat.error());
    }
    output_.reply(request.header.id,
                  wire::GetReply{.size = stat->size, .mtime_ns = stat->modified, .mode = stat->mode});
    co_return Result<>{};
}

Task<Result<>> Session::put(const OwnedRequest& request) {
    SLUICE_CO_TRY(const wire::PutRequest wanted, wire::PutRequest::decode(request.payload));
    const files::Identity identity = identity_of(peer_);
    const files::PutOptions options{
        .durability = durability(wanted.durable), .mode = wanted.mode, .parents = wanted.parents};
    SLUICE_CO_TRY(const std::uint64_t size,
                  co_await shared_.files.put(identity, wanted.root, wanted.path, wanted.data, options));
    output_.reply(request.header.id, wire::PutReply{.size = size});
    co_return Result<>{};
}

}  // namespace sluice::server
