// The templates of one column of a part, and how many rows have each.
#pragma once

#include "part/template_split.h"

namespace sluice::part {

struct TemplateSet {
    std::vector<Template> templates;
    std::vector<std::uint32_t> counts;
};

}  // namespace sluice::part
