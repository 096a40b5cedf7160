// Case-sensitive search is memmem of glibc.  Without case: a pass over the text that compares the first and the last
// byte of the needle at once, sixteen places at a time, and looks closer where both fit.  Letters are folded by setting
// bit 0x20, which may also fit what is no letter; the closer look decides.
#include "query/text_search.h"

#include <algorithm>
#include <cstring>

#include "part/words.h"

namespace sluice::query {
namespace {

constexpr std::size_t kLanes = 16;
using Lanes [[gnu::vector_size(kLanes)]] = unsigned char;
using Halves [[gnu::vector_size(kLanes)]] = unsigned long long;

Lanes load(const char* from) noexcept {
    Lanes lanes;
    std::memcpy(&lanes, from, sizeof lanes);
    return lanes;
}

bool any(Lanes lanes) noexcept {
    const auto halves = reinterpret_cast<Halves>(lanes);
    return (halves[0] | halves[1]) != 0;
}

bool equal_folded(const char* text, std::string_view lower) noexcept {
    for (std::size_t i = 0; i < lower.size(); ++i) {
        if (part::lower(text[i]) != lower[i]) {
            return false;
        }
    }
    return true;
}

unsigned char fold_bit(char c) noexcept {
    return c >= 'a' && c <= 'z' ? 0x20 : 0;
}

std::size_t find_folded(std::string_view text, std::string_view lower, std::size_t from) noexcept {
    if (lower.size() > text.size()) {
        return std::string_view::npos;
    }
    const std::size_t last = lower.size() - 1;
    const std::size_t places_end = text.size() - last;
    const Lanes first_fold = Lanes{} + fold_bit(lower.front());
    const Lanes last_fold = Lanes{} + fold_bit(lower.back());
    const Lanes first_byte = Lanes{} + static_cast<unsigned char>(lower.front());
    const Lanes last_byte = Lanes{} + static_cast<unsigned char>(lower.back());
    std::size_t at = from;
    for (; at + kLanes <= places_end; at += kLanes) {
        const auto fits = reinterpret_cast<Lanes>((load(text.data() + at) | first_fold) == first_byte) &
                          reinterpret_cast<Lanes>((load(text.data() + at + last) | last_fold) == last_byte);
        if (!any(fits)) {
            continue;
        }
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            if (fits[lane] != 0 && equal_folded(text.data() + at + lane, lower)) {
                return at + lane;
            }
        }
    }
    for (; at < places_end; ++at) {
        if (equal_folded(text.data() + at, lower)) {
            return at;
        }
    }
    return std::string_view::npos;
}

}  // namespace

std::size_t find(std::string_view text, const Needle& needle, std::size_t from) noexcept {
    if (from > text.size()) {
        return std::string_view::npos;
    }
    if (needle.text.empty()) {
        return from;
    }
    if (needle.ignore_case) {
        return find_folded(text, needle.text, from);
    }
    const void* const found = ::memmem(text.data() + from, text.size() - from, needle.text.data(), needle.text.size());
    return found == nullptr ? std::string_view::npos
                            : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

bool has_phrase(std::string_view text, const Needle& phrase, PhraseEnd end) noexcept {
    if (phrase.text.empty()) {
        return true;
    }
    const bool starts_with_word = part::is_word_byte(phrase.text.front());
    const bool ends_with_word = end == PhraseEnd::whole_word && part::is_word_byte(phrase.text.back());
    for (std::size_t at = find(text, phrase); at != std::string_view::npos; at = find(text, phrase, at + 1)) {
        const std::size_t behind = at + phrase.text.size();
        if ((!starts_with_word || at == 0 || !part::is_word_byte(text[at - 1])) &&
            (!ends_with_word || behind == text.size() || !part::is_word_byte(text[behind]))) {
            return true;
        }
    }
    return false;
}

bool has_upper_case(std::string_view text) noexcept {
    return std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace sluice::query
