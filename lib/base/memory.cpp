#include "base/memory.h"

#include <malloc.h>

namespace sluice {

void return_free_memory() noexcept {
    malloc_trim(0);
}

}  // namespace sluice
