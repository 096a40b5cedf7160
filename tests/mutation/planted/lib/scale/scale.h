// What the self-test of scripts/mutate breaks.
#pragma once

#include <expected>
#include <string>

#include "scale/label.h"

namespace planted {

using Weighed = std::expected<int, std::string>;

class Scale {
 public:
    Weighed weigh(int grams);
    int total() const noexcept { return total_; }

 private:
    int total_ = 0;
    int weighed_ = 0;
};

int untested(int a, int b);

}  // namespace planted
