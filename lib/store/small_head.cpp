#include "store/small_head.h"

#include "base/assert.h"
#include "base/checksum.h"

namespace sluice::store {
namespace {

std::uint64_t checksum_of(ByteView file) noexcept {
    const bool first = load_int<std::uint32_t>(file.data() + 4) == 1;
    return checksum64(file.subspan(kSmallHeadBytes), first ? 0 : load_int<std::uint64_t>(file.data()));
}

}  // namespace

void seal_small_head(std::span<std::byte> file, std::uint32_t magic, std::uint32_t version) noexcept {
    SLUICE_ASSERT(file.size() >= kSmallHeadBytes, "{} bytes", file.size());
    store_int(file.data(), magic);
    store_int(file.data() + 4, version);
    store_int(file.data() + 8, checksum_of(file));
}

Result<std::uint32_t> check_small_head(ByteView file, std::string_view name, std::uint32_t magic,
                                       std::uint32_t version_max) {
    if (file.size() < kSmallHeadBytes || load_int<std::uint32_t>(file.data()) != magic) {
        return fail(Errc::corrupt, "'{}' does not hold what it should", name);
    }
    if (load_int<std::uint64_t>(file.data() + 8) != checksum_of(file)) {
        return fail(Errc::corrupt, "'{}' fails its checksum", name);
    }
    const auto version = load_int<std::uint32_t>(file.data() + 4);
    if (version == 0 || version > version_max) {
        return fail(Errc::unsupported, "'{}' has format {}, this program reads 1 to {}", name, version, version_max);
    }
    return version;
}

}  // namespace sluice::store
