#include "part/words.h"

#include <algorithm>
#include <iterator>

#include "base/checksum.h"
#include "part/case_fold.h"

namespace sluice::part {

std::string lower_case(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    std::transform(text.begin(), text.end(), std::back_inserter(result), lower);
    return result;
}

std::uint64_t token_hash(std::string_view word, TokenFold fold) {
    const bool ascii = std::ranges::all_of(word, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (!ascii && fold == TokenFold::unicode) {
        return checksum64(as_bytes(fold_case(word)));
    }
    std::array<char, 64> folded;
    if (word.size() <= folded.size()) {
        std::transform(word.begin(), word.end(), folded.begin(), lower);
        return checksum64(as_bytes(std::string_view(folded.data(), word.size())));
    }
    return checksum64(as_bytes(lower_case(word)));
}

}  // namespace sluice::part
