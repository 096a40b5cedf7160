// What a unit knows at its end, where rows do not leave it one by one.
#pragma once

#include <memory>

#include "query/group_table.h"
#include "query/sort_buffer.h"

namespace sluice::query {

struct Partial {  // One of the two.
    std::unique_ptr<GroupTable> groups;
    std::unique_ptr<SortBuffer> rows;
};

}  // namespace sluice::query
