// The heap as a whole.
#pragma once

namespace sluice {

// Gives back to the system what was freed, wherever in the heap it lies; malloc itself gives back only what is at the
// end. Takes some milliseconds for each 100 MiB, in which other threads may have to wait for memory.  Threads: any.
void return_free_memory() noexcept;

}  // namespace sluice
