// Finds a literal in text: exactly, or in any ASCII case; anywhere, or only as whole words (words.h).
//
// The kernel compares a block of text with the first byte of the needle and the block that is needle.size() - 1 further
// with its last, 32 positions at once with AVX2, and looks closer only where both agree.  So its speed hardly depends
// on the needle, while memmem and std::string_view::find collapse when the first byte is common (GB/s over 60 MB of log
// lines, rare needles: AVX2 5 to 30, SSE2 5 to 21, memmem 2.4 to 8.5, find 1 to 2; ignoring case costs nothing).
// Worst case: text.size() * needle.size() byte comparisons, for needles like "aaaa" in text of only that; whoever scans
// does it page by page, with a deadline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::part {

enum class SearchKernel : std::uint8_t { best, avx2, sse2, scalar };
// `best` is always there; avx2 needs the CPU, avx2 and sse2 need x86.
bool is_available(SearchKernel kernel) noexcept;

// Immutable.  Threads: any.
class LiteralSearcher {
 public:
    LiteralSearcher(std::string_view needle, bool ignore_case, SearchKernel kernel = SearchKernel::best);

    // Each returns the position of the first occurrence at or after `from`, or npos.  An empty needle is everywhere.
    std::size_t find(std::string_view text, std::size_t from = 0) const noexcept {
        return from <= text.size() && needle_.size() <= text.size() - from ? scan_(*this, text, from)
                                                                           : std::string_view::npos;
    }
    // Of whole words: where the needle begins or ends with a byte of a word, the text has none before or behind it.
    std::size_t find_phrase(std::string_view text, std::size_t from = 0) const noexcept;
    // Likewise, but the last word may go on.
    std::size_t find_prefix(std::string_view text, std::size_t from = 0) const noexcept;

    // With small ASCII letters if case is ignored.
    std::string_view needle() const noexcept { return needle_; }
    bool ignore_case() const noexcept { return ignore_case_; }
    // Whether the needle is at `at`.  Precondition: needle().size() bytes are there.
    bool is_at(const char* at) const noexcept;

 private:
    using Scan = std::size_t (*)(const LiteralSearcher&, std::string_view text, std::size_t from) noexcept;
    friend struct LiteralKernels;

    std::string needle_;
    bool ignore_case_;
    Scan scan_;
    // What is or-ed to a byte of text before it is compared: 0x20 makes a letter small; 0 leaves other bytes alone.
    std::uint8_t first_fold_ = 0;
    std::uint8_t last_fold_ = 0;
};

}  // namespace sluice::part
