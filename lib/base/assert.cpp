#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace sluice {

void assertion_failed(const char* expression, const char* file, int line, const std::string& values) {
    std::fprintf(stderr, "sluice: %s:%d: assertion failed: %s%s%s\n", file, line, expression,
                 values.empty() ? "" : ": ", values.c_str());
    std::abort();
}

}  // namespace sluice
