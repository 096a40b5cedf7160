// A header with a mutant that does not compile: those who include it keep theirs.
#pragma once

namespace planted {

inline bool is_labelled(const char* label) noexcept {
    return label != 0;
}

}  // namespace planted
