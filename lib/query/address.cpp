#include "query/address.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"

namespace sluice::query {
namespace {

// A decimal number without a sign, up to `max`.
std::optional<std::uint32_t> number(std::string_view text, std::uint32_t max) noexcept {
    std::uint32_t value = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc() && rest == text.data() + text.size();
    return whole && text.size() <= 3 && value <= max ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<std::uint32_t> parse_ipv4(std::string_view text) noexcept {
    std::uint32_t address = 0;
    for (int i = 0; i < 4; ++i) {
        const std::size_t end = i < 3 ? text.find('.') : text.size();
        const auto byte = end == std::string_view::npos ? std::nullopt : number(text.substr(0, end), 255);
        if (!byte) {
            return std::nullopt;
        }
        address = address << 8U | *byte;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return address;
}

std::string ipv4_text(std::uint32_t address) {
    return fmt::format("{}.{}.{}.{}", address >> 24U, address >> 16U & 255U, address >> 8U & 255U, address & 255U);
}

std::optional<Network> parse_network(std::string_view text) noexcept {
    constexpr std::uint32_t kBits = 32;
    const std::size_t slash = std::min(text.find('/'), text.size());
    const auto address = parse_ipv4(text.substr(0, slash));
    const auto bits = slash == text.size() ? std::optional(kBits) : number(text.substr(slash + 1), kBits);
    if (!address || !bits) {
        return std::nullopt;
    }
    const auto hosts = static_cast<std::uint32_t>((std::uint64_t{1} << (kBits - *bits)) - 1);
    return Network{.first = *address & ~hosts, .last = *address | hosts};
}

}  // namespace sluice::query
