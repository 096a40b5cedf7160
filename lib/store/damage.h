// A place in a store's files that cannot be read, and what it costs.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace sluice::store {

struct Damage {
    std::string file;
    std::uint64_t offset = 0;  // 0: of the file as a whole, or of a page of a part.
    std::uint64_t bytes = 0;
    std::uint64_t first_sequence = 0;  // The records [first_sequence, end_sequence) are lost.
    std::uint64_t end_sequence = 0;
    std::string what{};  // Empty: the bytes are no valid frame.

    // Equal for all who meet it, wherever they come from.
    std::pair<std::string, std::uint64_t> place() const { return {file, offset != 0 ? offset : end_sequence}; }
    // "log-0000000000000001.wal at 4096: 512 bytes are no valid frame"; `what` is text from outside.
    std::string reason() const;
};

}  // namespace sluice::store
