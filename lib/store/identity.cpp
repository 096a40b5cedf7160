#include "store/identity.h"

#include <algorithm>

#include "coro/timeout.h"
#include "store/aside.h"
#include "store/identity_evidence.h"
#include "store/offline_file.h"
#include "store/seal_state.h"
#include "store/small_head.h"

namespace sluice::store {
namespace {

constexpr std::uint32_t kIdentityMagic = 0x44495753;  // "SWID"
constexpr std::size_t kIdentityBytes = 32;
constexpr std::size_t kIdentityBytesMax = 4096;  // Of a newer version, whose name is to be told.
constexpr std::size_t kPieceBytes = 1U << 20U;   // Of one write: commits get their turn at the device.

Bytes encode_identity(const StoreId& id) {
    Bytes bytes(kSmallHeadBytes);
    append(bytes, id);
    seal_small_head(bytes, kIdentityMagic, kFormatVersion);
    return bytes;
}

}  // namespace

Result<StoreId> parse_identity(ByteView bytes) {
    SLUICE_CHECK(check_small_head(bytes, kIdentityName, kIdentityMagic, kFormatVersion));
    if (bytes.size() != kIdentityBytes) {
        return fail(Errc::corrupt, "'{}' has {} bytes, not {}", kIdentityName, bytes.size(), kIdentityBytes);
    }
    StoreId id;
    std::memcpy(id.data(), bytes.data() + kSmallHeadBytes, id.size());
    return id;
}

Task<Result<Bytes>> read_small_file(io::Kernel& kernel, const io::Handle& directory, std::string name,
                                    std::size_t bytes_max) {
    SLUICE_CO_TRY(io::Handle file, co_await kernel.open(directory.fd(), name, io::OpenOptions()));
    Bytes bytes(bytes_max + 1);
    std::size_t have = 0;
    while (have < bytes.size()) {  // Bounded by bytes_max.
        const std::span<std::byte> rest = std::span(bytes).subspan(have);
        SLUICE_CO_TRY(const std::size_t n, co_await kernel.read_at(file, have, rest));
        if (n == 0) {
            break;
        }
        have += n;
    }
    if (have > bytes_max) {
        co_return fail(Errc::too_large, "'{}' has more than {} bytes", name, bytes_max);
    }
    bytes.resize(have);
    co_return bytes;
}

Task<Result<>> write_file(io::Kernel& kernel, const io::Handle& directory, std::string name, ByteView bytes) {
    const io::OpenOptions options{.flags = O_WRONLY | O_CREAT | O_TRUNC};
    SLUICE_CO_TRY(io::Handle file, co_await kernel.open(directory.fd(), name, options));
    std::size_t done = 0;
    while (done < bytes.size()) {  // Bounded: each turn writes at least one byte or fails.
        const ByteView rest = bytes.subspan(done);
        const ByteView piece = rest.first(std::min(rest.size(), kPieceBytes));
        SLUICE_CO_TRY(const std::size_t n, co_await kernel.write_at(file, done, piece, io::WriteSync::none));
        if (n == 0) {
            co_return fail(Errc::no_space, "a write to '{}' wrote nothing", name);
        }
        done += n;
    }
    SLUICE_CO_CHECK(co_await kernel.sync(file, io::SyncKind::all));
    co_return co_await kernel.close(std::move(file));
}

namespace {

Task<Result<>> replace_file(io::Kernel& kernel, const io::Handle& directory, std::string name, Bytes bytes) {
    const std::string temporary = name + ".tmp";
    SLUICE_CO_CHECK(co_await write_file(kernel, directory, temporary, bytes));
    SLUICE_CO_CHECK(co_await kernel.rename(directory.fd(), temporary, directory.fd(), name, 0));
    co_return co_await kernel.sync(directory, io::SyncKind::all);
}

}  // namespace

Task<Result<>> write_file_atomically(io::Kernel& kernel, const io::Handle& directory, std::string name, Bytes bytes) {
    co_return co_await coro::shield(replace_file(kernel, directory, std::move(name), std::move(bytes)));
}

Result<StoreId> read_identity_file(const std::string& directory) {
    SLUICE_TRY(const OfflineFile file, OfflineFile::open(directory + "/" + kIdentityName));
    Bytes bytes(kIdentityBytesMax);
    SLUICE_TRY(const std::size_t size, file.read(0, bytes));
    return parse_identity(ByteView(bytes).first(size));
}

bool may_be_made_again(const Error& error) noexcept {
    return error.code() == Errc::corrupt || error.code() == Errc::too_large || error.code() == Errc::not_found;
}

namespace {

Task<Result<StoreId>> load_identity(io::Kernel& kernel, const io::Handle& directory) {
    SLUICE_CO_TRY(const Bytes bytes, co_await read_small_file(kernel, directory, kIdentityName, kIdentityBytesMax));
    co_return parse_identity(bytes);
}

}  // namespace

Task<Result<StoreId>> load_or_make_identity(io::Kernel& kernel, const io::Handle& directory,
                                            std::function<std::uint64_t()> random, StoreEvents& events) {
    Result<StoreId> own = co_await load_identity(kernel, directory);
    if (own || !may_be_made_again(own.error())) {
        co_return own;
    }
    const Error& why = own.error();
    SLUICE_CO_TRY(const IdentityEvidence evidence, co_await gather_evidence(kernel, directory));
    const Result<std::optional<StoreId>> said = evidence.agreed();
    if (!said) {
        co_return fail(Errc::corrupt, "{}, and {}", why.text(), said.error().text());
    }
    const bool there = why.code() != Errc::not_found;
    if (there && !*said) {
        co_return fail(
            Errc::corrupt,
            "{}, and no segment, no part and no '{}' tells whose they are; restore it from a copy of the store",
            why.text(), kSealStateName);
    }
    StoreId id{};
    if (*said) {
        id = **said;
    } else {
        store_int(id.data(), random());
        store_int(id.data() + 8, random());
    }
    if (there) {  // A start that gets no further finds none, and does the same.
        SLUICE_CO_TRY(const std::string aside, co_await set_file_aside(kernel, directory, kIdentityName));
        events.on_set_aside(aside, why);
    }
    SLUICE_CO_CHECK(co_await write_file_atomically(kernel, directory, kIdentityName, encode_identity(id)));
    if (*said) {
        events.on_identity_made_again(id, evidence.files(), why);
    }
    co_return id;
}

}  // namespace sluice::store
