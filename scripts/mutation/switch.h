// Included into every mutated file: which mutant is switched on, and which places a run passes.
//   SLUICE_MUTANT=17          mutant 17 is on; without it none is
//   SLUICE_MUTANT_SEEN=FILE   byte n of FILE becomes 1 when the place of mutant n is passed
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace sluice_mutation {

inline constexpr int kPlaces = 1 << 20;

// A shared mapping, because a test may fork, abort or be killed.
inline char* open_seen() noexcept {
    const char* path = ::getenv("SLUICE_MUTANT_SEEN");
    const int fd = path == nullptr ? -1 : ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ::ftruncate(fd, kPlaces) != 0) {
        return nullptr;
    }
    void* map = ::mmap(nullptr, kPlaces, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    return map == MAP_FAILED ? nullptr : static_cast<char*>(map);
}

inline int read_chosen() noexcept {
    const char* text = ::getenv("SLUICE_MUTANT");
    return text == nullptr ? 0 : ::atoi(text);
}

inline char* const seen = open_seen();
inline const int chosen = read_chosen();

// Always the original in a constant expression.
[[gnu::always_inline]] constexpr bool on(int mutant) noexcept {
    if consteval {
        return false;
    } else {
        if (seen != nullptr) {
            seen[mutant] = 1;
        }
        return chosen == mutant;
    }
}

// An error becomes a success with an empty value.
template <class Result>
constexpr Result succeed(int mutant, Result result) {
    using Value = typename Result::value_type;
    if constexpr (requires { Result(Value()); }) {
        return on(mutant) && !result ? Result(Value()) : std::move(result);
    } else {
        static_assert(requires { result = Result(); } && __is_same(Value, void), "there is no empty value");
        return on(mutant) && !result ? Result() : std::move(result);
    }
}

}  // namespace sluice_mutation
