#include "part/literal_search.h"

#include <bit>
#include <cstring>

#include "base/assert.h"
#include "part/words.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sluice::part {
namespace {

constexpr std::size_t kNotFound = std::string_view::npos;

std::uint8_t fold_of(char c, bool ignore_case) noexcept {
    return ignore_case && c >= 'a' && c <= 'z' ? std::uint8_t{0x20} : std::uint8_t{0};
}

}  // namespace

// One function for each instruction set.  Precondition of all: the needle fits into what is left of the text.
struct LiteralKernels {
    static std::size_t nothing(const LiteralSearcher& /*searcher*/, std::string_view /*text*/,
                               std::size_t from) noexcept {
        return from;
    }

    static std::size_t scalar(const LiteralSearcher& searcher, std::string_view text, std::size_t from) noexcept {
        const std::size_t end = text.size() - searcher.needle_.size() + 1;  // Of the positions where it may begin.
        for (std::size_t at = from; at < end; ++at) {
            at = next_first(searcher, text.substr(0, end), at);
            if (at == kNotFound || searcher.is_at(text.data() + at)) {
                return at;
            }
        }
        return kNotFound;
    }

    static std::size_t next_first(const LiteralSearcher& searcher, std::string_view text, std::size_t at) noexcept {
        const char first = searcher.needle_.front();
        if (searcher.first_fold_ == 0) {
            return text.find(first, at);
        }
        while (at < text.size() && lower(text[at]) != first) {
            ++at;
        }
        return at < text.size() ? at : kNotFound;
    }

#if defined(__x86_64__)
    // `hits`: positions from `at` on where first and last byte agree.
    static std::size_t first_of(const LiteralSearcher& searcher, const char* text, std::size_t at,
                                std::uint32_t hits) noexcept {
        for (; hits != 0; hits &= hits - 1) {  // Bounded: clears a bit.
            const std::size_t place = at + static_cast<std::size_t>(std::countr_zero(hits));
            if (searcher.is_at(text + place)) {
                return place;
            }
        }
        return kNotFound;
    }

    static std::size_t sse2(const LiteralSearcher& searcher, std::string_view text, std::size_t from) noexcept {
        constexpr std::size_t kStep = sizeof(__m128i);
        const std::size_t offset = searcher.needle_.size() - 1;
        const std::size_t end = text.size() - offset;  // Of the positions where the needle may begin.
        if (end - from < kStep) {
            return scalar(searcher, text, from);
        }
        const __m128i first = _mm_set1_epi8(searcher.needle_.front());
        const __m128i last = _mm_set1_epi8(searcher.needle_.back());
        const __m128i first_fold = _mm_set1_epi8(static_cast<char>(searcher.first_fold_));
        const __m128i last_fold = _mm_set1_epi8(static_cast<char>(searcher.last_fold_));
        for (std::size_t at = from;;) {  // Bounded: each turn is kStep further, the last one overlaps.
            const char* block = text.data() + at;
            const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i_u*>(block));
            const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i_u*>(block + offset));
            const __m128i both = _mm_and_si128(_mm_cmpeq_epi8(_mm_or_si128(a, first_fold), first),
                                               _mm_cmpeq_epi8(_mm_or_si128(b, last_fold), last));
            const auto hits = static_cast<std::uint32_t>(_mm_movemask_epi8(both));
            if (hits != 0) {
                if (const std::size_t found = first_of(searcher, text.data(), at, hits); found != kNotFound) {
                    return found;
                }
            }
            if (at + kStep == end) {
                return kNotFound;
            }
            at = at + 2 * kStep <= end ? at + kStep : end - kStep;
        }
    }

    [[gnu::target("avx2")]] static std::size_t avx2(const LiteralSearcher& searcher, std::string_view text,
                                                    std::size_t from) noexcept {
        constexpr std::size_t kStep = sizeof(__m256i);
        const std::size_t offset = searcher.needle_.size() - 1;
        const std::size_t end = text.size() - offset;
        if (end - from < kStep) {
            return sse2(searcher, text, from);
        }
        const __m256i first = _mm256_set1_epi8(searcher.needle_.front());
        const __m256i last = _mm256_set1_epi8(searcher.needle_.back());
        const __m256i first_fold = _mm256_set1_epi8(static_cast<char>(searcher.first_fold_));
        const __m256i last_fold = _mm256_set1_epi8(static_cast<char>(searcher.last_fold_));
        for (std::size_t at = from;;) {
            const char* block = text.data() + at;
            const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(block));
            const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(block + offset));
            const __m256i both = _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_or_si256(a, first_fold), first),
                                                  _mm256_cmpeq_epi8(_mm256_or_si256(b, last_fold), last));
            const auto hits = static_cast<std::uint32_t>(_mm256_movemask_epi8(both));
            if (hits != 0) {
                if (const std::size_t found = first_of(searcher, text.data(), at, hits); found != kNotFound) {
                    return found;
                }
            }
            if (at + kStep == end) {
                return kNotFound;
            }
            at = at + 2 * kStep <= end ? at + kStep : end - kStep;
        }
    }
#endif

    static LiteralSearcher::Scan of(SearchKernel kernel) noexcept {
#if defined(__x86_64__)
        const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
        switch (kernel) {
            case SearchKernel::best:
                return has_avx2 ? avx2 : sse2;
            case SearchKernel::avx2:
                return has_avx2 ? avx2 : nullptr;
            case SearchKernel::sse2:
                return sse2;
            case SearchKernel::scalar:
                return scalar;
        }
        return nullptr;
#else
        return kernel == SearchKernel::best || kernel == SearchKernel::scalar ? scalar : nullptr;
#endif
    }
};

bool is_available(SearchKernel kernel) noexcept {
    return LiteralKernels::of(kernel) != nullptr;
}

LiteralSearcher::LiteralSearcher(std::string_view needle, bool ignore_case, SearchKernel kernel)
    : needle_(ignore_case ? lower_case(needle) : std::string(needle)),
      ignore_case_(ignore_case),
      scan_(needle.empty() ? &LiteralKernels::nothing : LiteralKernels::of(kernel)) {
    SLUICE_ASSERT(scan_ != nullptr, "kernel {} on this machine", static_cast<int>(kernel));
    if (!needle_.empty()) {
        first_fold_ = fold_of(needle_.front(), ignore_case);
        last_fold_ = fold_of(needle_.back(), ignore_case);
    }
}

bool LiteralSearcher::is_at(const char* at) const noexcept {
    if (!ignore_case_) {
        return std::memcmp(at, needle_.data(), needle_.size()) == 0;
    }
    for (std::size_t i = 0; i < needle_.size(); ++i) {
        if (lower(at[i]) != needle_[i]) {
            return false;
        }
    }
    return true;
}

std::size_t LiteralSearcher::find_prefix(std::string_view text, std::size_t from) const noexcept {
    const bool word = !needle_.empty() && is_word_byte(needle_.front());
    std::size_t at = find(text, from);
    while (at != kNotFound && word && at > 0 && is_word_byte(text[at - 1])) {
        at = find(text, at + 1);
    }
    return at;
}

std::size_t LiteralSearcher::find_phrase(std::string_view text, std::size_t from) const noexcept {
    const bool word = !needle_.empty() && is_word_byte(needle_.back());
    const auto goes_on = [&](std::size_t end) { return end < text.size() && is_word_byte(text[end]); };
    std::size_t at = find_prefix(text, from);
    while (at != kNotFound && word && goes_on(at + needle_.size())) {
        at = find_prefix(text, at + 1);
    }
    return at;
}

}  // namespace sluice::part
