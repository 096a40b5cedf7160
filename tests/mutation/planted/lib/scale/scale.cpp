#include "scale/scale.h"

namespace planted {
namespace {

constexpr int kMax = 1000 + 1;  // Needed when compiling: no mutant.
static_assert(kMax == 1001);

int limited(int grams) {
    return grams < kMax ? grams : kMax;
}

}  // namespace

Weighed Scale::weigh(int grams) {
    if (grams < 0) {
        return std::unexpected("below nothing");
    }
    ++weighed_;
    total_ += limited(grams);
    return grams;
}

int untested(int a, int b) {
    return a - b;
}

}  // namespace planted
