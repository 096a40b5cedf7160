#include "store/aside.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/format.h"

namespace sluice::store {

std::string_view name_before_aside(std::string_view file) noexcept {
    if (!file.starts_with(kAside)) {
        return {};
    }
    std::string_view name = file.substr(kAside.size());
    const std::size_t dot = name.rfind('.');
    const bool numbered =
        dot != std::string_view::npos && dot + 1 < name.size() && std::ranges::all_of(name.substr(dot + 1), is_digit);
    return numbered ? name.substr(0, dot) : name;
}

// Nobody else makes such names: the store is locked, and its start does one thing after another.
Task<Result<std::string>> set_file_aside(io::Kernel& kernel, const io::Handle& directory, std::string file) {
    SLUICE_CO_TRY(const std::vector<io::DirEntry> entries, co_await kernel.list(directory));
    const auto taken = [&entries](const std::string& name) {
        return std::ranges::any_of(entries, [&name](const io::DirEntry& entry) { return entry.name == name; });
    };
    std::string aside = fmt::format("{}{}", kAside, file);
    for (std::uint64_t number = 2; taken(aside); ++number) {  // Bounded by the files that are there.
        aside = fmt::format("{}{}.{}", kAside, file, number);
    }
    SLUICE_CO_CHECK(co_await kernel.rename(directory.fd(), file, directory.fd(), aside, 0));
    co_return aside;
}

}  // namespace sluice::store
