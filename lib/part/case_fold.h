// Case without regard to language: the simple folding of Unicode, one character for one (CaseFolding.txt, C and S).
//
// ASCII folds within ASCII only: the long s and the sign of the kelvin are not "s" and "k", so that what has only ASCII
// can be searched byte by byte (literal_search.h).  Cherokee, which folds to capitals, is left alone.  Bytes that are
// no UTF-8 are kept as they are.
#pragma once

#include <string>
#include <string_view>

namespace sluice::part {

// The text, folded; it may be a little longer or shorter.
std::string fold_case(std::string_view text);
// Has it a capital letter, of ASCII or not?
bool has_capital(std::string_view text) noexcept;
// Has it a letter beyond ASCII that is written in more than one case?
bool has_case_beyond_ascii(std::string_view text) noexcept;

}  // namespace sluice::part
