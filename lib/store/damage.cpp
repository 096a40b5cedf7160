#include "store/damage.h"

#include "base/format.h"
#include "wire/escape.h"

namespace sluice::store {

std::string Damage::reason() const {
    const std::string where = what.empty() || offset != 0 ? fmt::format("{} at {}", file, offset) : file;
    return what.empty() ? fmt::format("{}: {} bytes are no valid frame", where, bytes)
                        : fmt::format("{}: {}", where, wire::escaped(what));
}

}  // namespace sluice::store
