// What the generated services say.  A word in angle brackets is drawn anew for each record, see generator.cpp:
//   <ip> <port> <user> <host> <hex> <uuid>     <id>   a number, often one that was there before
//   <n> <k> <big>   small, below 10,000, below 2^31     <ms> <s> <pct>  decimals
//   <table> <dev> <topic> <tenant>                      <path>          of a request
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::bench {

enum class Level : std::uint8_t { debug, info, notice, warn, error, crit };

struct MessageTemplate {
    Level level;
    std::string_view text;
};

struct Service {
    std::string_view name;
    std::uint32_t weight;  // Share of the records, out of the sum of all.
    bool web;              // Answers requests: records have the columns of an access.
    std::span<const MessageTemplate> templates;
};

std::span<const Service> services();
std::span<const std::string_view> request_paths();
std::span<const std::string_view> user_agents();
std::size_t template_count();

// Planted, and in no template above.
inline constexpr std::string_view kNeedlePhrase = "ledger drift detected";
inline constexpr std::string_view kNeedleText =
    "ledger drift detected: account <id> differs by <n> cents from its journal";
// Each of the two words occurs, never next to each other.
inline constexpr std::string_view kAbsentPhrase = "checkpoint refused";
inline constexpr std::string_view kAbsentWord = "xylophone";
inline constexpr std::string_view kBurstService = "sshd";
inline constexpr std::string_view kBurstPhrase = "Connection reset";
inline constexpr std::string_view kRegex = R"(quota \w+ for tenant-\d{4})";

}  // namespace sluice::bench
