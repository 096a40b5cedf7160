#include "part/source.h"

#include <algorithm>

namespace sluice::part {

Result<> MemorySource::read(std::uint64_t offset, std::span<std::byte> into) const {
    if (offset > bytes_.size() || into.size() > bytes_.size() - offset) {
        return fail(Errc::io_error, "read of {} bytes at {} beyond the end, {}", into.size(), offset, bytes_.size());
    }
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return {};
}

}  // namespace sluice::part
