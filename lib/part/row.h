// One record as a part takes it and gives it back, bit for bit.
#pragma once

#include "wire/tail_messages.h"

namespace sluice::part {

// Borrows what its entry borrows.
struct Row {
    wire::TailEntry entry{};
    std::uint32_t epoch = 0;
};

}  // namespace sluice::part
