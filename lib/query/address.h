// IPv4 addresses, as ipv4_range() compares them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::query {

// 10.0.0.7: four numbers from 0 to 255, nothing around them.
std::optional<std::uint32_t> parse_ipv4(std::string_view text) noexcept;
std::string ipv4_text(std::uint32_t address);

// From the first to the last address, both included.
struct Network {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
};
// 10.0.0.0/24, with any address of the network; or one address.
std::optional<Network> parse_network(std::string_view text) noexcept;

}  // namespace sluice::query
