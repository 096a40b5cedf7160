// SLUICE_ASSERT: for programming errors only.  Always on, prints the expression and a message, aborts.
// Nothing that a peer, a disk, the kernel or a configuration file can cause may reach it.
#pragma once

#include <string>

#include "base/format.h"

namespace sluice {

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line, const std::string& values);

}  // namespace sluice

// SLUICE_ASSERT(condition) or SLUICE_ASSERT(condition, "format {}", values...)
#define SLUICE_ASSERT(condition, ...)                                                                  \
    do {                                                                                               \
        if (!(condition)) [[unlikely]] {                                                               \
            ::sluice::assertion_failed(#condition, __FILE__, __LINE__, ::fmt::format("" __VA_ARGS__)); \
        }                                                                                              \
    } while (false)
