#include "part/case_fold.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include "part/words.h"

namespace sluice::part {
namespace {

// Characters from `first` to `last`, each `step`-th of them, that fold to the one `shift` further.
struct FoldRange {
    std::uint32_t first;
    std::uint32_t last;
    std::uint8_t step;
    std::int32_t shift;
    bool capital;  // Not so a variant of a small letter, such as the final sigma.
};

// Of Unicode 14.
constexpr FoldRange kFoldRanges[] = {
    {0xB5, 0xB5, 1, 775, false},       {0xC0, 0xD6, 1, 32, true},         {0xD8, 0xDE, 1, 32, true},
    {0x100, 0x12E, 2, 1, true},        {0x132, 0x136, 2, 1, true},        {0x139, 0x147, 2, 1, true},
    {0x14A, 0x176, 2, 1, true},        {0x178, 0x178, 1, -121, true},     {0x179, 0x17D, 2, 1, true},
    {0x181, 0x181, 1, 210, true},      {0x182, 0x184, 2, 1, true},        {0x186, 0x186, 1, 206, true},
    {0x187, 0x187, 1, 1, true},        {0x189, 0x18A, 1, 205, true},      {0x18B, 0x18B, 1, 1, true},
    {0x18E, 0x18E, 1, 79, true},       {0x18F, 0x18F, 1, 202, true},      {0x190, 0x190, 1, 203, true},
    {0x191, 0x191, 1, 1, true},        {0x193, 0x193, 1, 205, true},      {0x194, 0x194, 1, 207, true},
    {0x196, 0x196, 1, 211, true},      {0x197, 0x197, 1, 209, true},      {0x198, 0x198, 1, 1, true},
    {0x19C, 0x19C, 1, 211, true},      {0x19D, 0x19D, 1, 213, true},      {0x19F, 0x19F, 1, 214, true},
    {0x1A0, 0x1A4, 2, 1, true},        {0x1A6, 0x1A6, 1, 218, true},      {0x1A7, 0x1A7, 1, 1, true},
    {0x1A9, 0x1A9, 1, 218, true},      {0x1AC, 0x1AC, 1, 1, true},        {0x1AE, 0x1AE, 1, 218, true},
    {0x1AF, 0x1AF, 1, 1, true},        {0x1B1, 0x1B2, 1, 217, true},      {0x1B3, 0x1B5, 2, 1, true},
    {0x1B7, 0x1B7, 1, 219, true},      {0x1B8, 0x1B8, 1, 1, true},        {0x1BC, 0x1BC, 1, 1, true},
    {0x1C4, 0x1C4, 1, 2, true},        {0x1C5, 0x1C5, 1, 1, true},        {0x1C7, 0x1C7, 1, 2, true},
    {0x1C8, 0x1C8, 1, 1, true},        {0x1CA, 0x1CA, 1, 2, true},        {0x1CB, 0x1DB, 2, 1, true},
    {0x1DE, 0x1EE, 2, 1, true},        {0x1F1, 0x1F1, 1, 2, true},        {0x1F2, 0x1F4, 2, 1, true},
    {0x1F6, 0x1F6, 1, -97, true},      {0x1F7, 0x1F7, 1, -56, true},      {0x1F8, 0x21E, 2, 1, true},
    {0x220, 0x220, 1, -130, true},     {0x222, 0x232, 2, 1, true},        {0x23A, 0x23A, 1, 10795, true},
    {0x23B, 0x23B, 1, 1, true},        {0x23D, 0x23D, 1, -163, true},     {0x23E, 0x23E, 1, 10792, true},
    {0x241, 0x241, 1, 1, true},        {0x243, 0x243, 1, -195, true},     {0x244, 0x244, 1, 69, true},
    {0x245, 0x245, 1, 71, true},       {0x246, 0x24E, 2, 1, true},        {0x345, 0x345, 1, 116, false},
    {0x370, 0x372, 2, 1, true},        {0x376, 0x376, 1, 1, true},        {0x37F, 0x37F, 1, 116, true},
    {0x386, 0x386, 1, 38, true},       {0x388, 0x38A, 1, 37, true},       {0x38C, 0x38C, 1, 64, true},
    {0x38E, 0x38F, 1, 63, true},       {0x391, 0x3A1, 1, 32, true},       {0x3A3, 0x3AB, 1, 32, true},
    {0x3C2, 0x3C2, 1, 1, false},       {0x3CF, 0x3CF, 1, 8, true},        {0x3D0, 0x3D0, 1, -30, false},
    {0x3D1, 0x3D1, 1, -25, false},     {0x3D5, 0x3D5, 1, -15, false},     {0x3D6, 0x3D6, 1, -22, false},
    {0x3D8, 0x3EE, 2, 1, true},        {0x3F0, 0x3F0, 1, -54, false},     {0x3F1, 0x3F1, 1, -48, false},
    {0x3F4, 0x3F4, 1, -60, true},      {0x3F5, 0x3F5, 1, -64, false},     {0x3F7, 0x3F7, 1, 1, true},
    {0x3F9, 0x3F9, 1, -7, true},       {0x3FA, 0x3FA, 1, 1, true},        {0x3FD, 0x3FF, 1, -130, true},
    {0x400, 0x40F, 1, 80, true},       {0x410, 0x42F, 1, 32, true},       {0x460, 0x480, 2, 1, true},
    {0x48A, 0x4BE, 2, 1, true},        {0x4C0, 0x4C0, 1, 15, true},       {0x4C1, 0x4CD, 2, 1, true},
    {0x4D0, 0x52E, 2, 1, true},        {0x531, 0x556, 1, 48, true},       {0x10A0, 0x10C5, 1, 7264, true},
    {0x10C7, 0x10C7, 1, 7264, true},   {0x10CD, 0x10CD, 1, 7264, true},   {0x1C80, 0x1C80, 1, -6222, false},
    {0x1C81, 0x1C81, 1, -6221, false}, {0x1C82, 0x1C82, 1, -6212, false}, {0x1C83, 0x1C84, 1, -6210, false},
    {0x1C85, 0x1C85, 1, -6211, false}, {0x1C86, 0x1C86, 1, -6204, false}, {0x1C87, 0x1C87, 1, -6180, false},
    {0x1C88, 0x1C88, 1, 35267, false}, {0x1C90, 0x1CBA, 1, -3008, true},  {0x1CBD, 0x1CBF, 1, -3008, true},
    {0x1E00, 0x1E94, 2, 1, true},      {0x1E9B, 0x1E9B, 1, -58, false},   {0x1E9E, 0x1E9E, 1, -7615, true},
    {0x1EA0, 0x1EFE, 2, 1, true},      {0x1F08, 0x1F0F, 1, -8, true},     {0x1F18, 0x1F1D, 1, -8, true},
    {0x1F28, 0x1F2F, 1, -8, true},     {0x1F38, 0x1F3F, 1, -8, true},     {0x1F48, 0x1F4D, 1, -8, true},
    {0x1F59, 0x1F5F, 2, -8, true},     {0x1F68, 0x1F6F, 1, -8, true},     {0x1F88, 0x1F8F, 1, -8, true},
    {0x1F98, 0x1F9F, 1, -8, true},     {0x1FA8, 0x1FAF, 1, -8, true},     {0x1FB8, 0x1FB9, 1, -8, true},
    {0x1FBA, 0x1FBB, 1, -74, true},    {0x1FBC, 0x1FBC, 1, -9, true},     {0x1FBE, 0x1FBE, 1, -7173, false},
    {0x1FC8, 0x1FCB, 1, -86, true},    {0x1FCC, 0x1FCC, 1, -9, true},     {0x1FD8, 0x1FD9, 1, -8, true},
    {0x1FDA, 0x1FDB, 1, -100, true},   {0x1FE8, 0x1FE9, 1, -8, true},     {0x1FEA, 0x1FEB, 1, -112, true},
    {0x1FEC, 0x1FEC, 1, -7, true},     {0x1FF8, 0x1FF9, 1, -128, true},   {0x1FFA, 0x1FFB, 1, -126, true},
    {0x1FFC, 0x1FFC, 1, -9, true},     {0x2126, 0x2126, 1, -7517, true},  {0x212B, 0x212B, 1, -8262, true},
    {0x2132, 0x2132, 1, 28, true},     {0x2160, 0x216F, 1, 16, true},     {0x2183, 0x2183, 1, 1, true},
    {0x24B6, 0x24CF, 1, 26, true},     {0x2C00, 0x2C2F, 1, 48, true},     {0x2C60, 0x2C60, 1, 1, true},
    {0x2C62, 0x2C62, 1, -10743, true}, {0x2C63, 0x2C63, 1, -3814, true},  {0x2C64, 0x2C64, 1, -10727, true},
    {0x2C67, 0x2C6B, 2, 1, true},      {0x2C6D, 0x2C6D, 1, -10780, true}, {0x2C6E, 0x2C6E, 1, -10749, true},
    {0x2C6F, 0x2C6F, 1, -10783, true}, {0x2C70, 0x2C70, 1, -10782, true}, {0x2C72, 0x2C72, 1, 1, true},
    {0x2C75, 0x2C75, 1, 1, true},      {0x2C7E, 0x2C7F, 1, -10815, true}, {0x2C80, 0x2CE2, 2, 1, true},
    {0x2CEB, 0x2CED, 2, 1, true},      {0x2CF2, 0x2CF2, 1, 1, true},      {0xA640, 0xA66C, 2, 1, true},
    {0xA680, 0xA69A, 2, 1, true},      {0xA722, 0xA72E, 2, 1, true},      {0xA732, 0xA76E, 2, 1, true},
    {0xA779, 0xA77B, 2, 1, true},      {0xA77D, 0xA77D, 1, -35332, true}, {0xA77E, 0xA786, 2, 1, true},
    {0xA78B, 0xA78B, 1, 1, true},      {0xA78D, 0xA78D, 1, -42280, true}, {0xA790, 0xA792, 2, 1, true},
    {0xA796, 0xA7A8, 2, 1, true},      {0xA7AA, 0xA7AA, 1, -42308, true}, {0xA7AB, 0xA7AB, 1, -42319, true},
    {0xA7AC, 0xA7AC, 1, -42315, true}, {0xA7AD, 0xA7AD, 1, -42305, true}, {0xA7AE, 0xA7AE, 1, -42308, true},
    {0xA7B0, 0xA7B0, 1, -42258, true}, {0xA7B1, 0xA7B1, 1, -42282, true}, {0xA7B2, 0xA7B2, 1, -42261, true},
    {0xA7B3, 0xA7B3, 1, 928, true},    {0xA7B4, 0xA7C2, 2, 1, true},      {0xA7C4, 0xA7C4, 1, -48, true},
    {0xA7C5, 0xA7C5, 1, -42307, true}, {0xA7C6, 0xA7C6, 1, -35384, true}, {0xA7C7, 0xA7C9, 2, 1, true},
    {0xA7D0, 0xA7D0, 1, 1, true},      {0xA7D6, 0xA7D8, 2, 1, true},      {0xA7F5, 0xA7F5, 1, 1, true},
    {0xFF21, 0xFF3A, 1, 32, true},     {0x10400, 0x10427, 1, 40, true},   {0x104B0, 0x104D3, 1, 40, true},
    {0x10570, 0x1057A, 1, 39, true},   {0x1057C, 0x1058A, 1, 39, true},   {0x1058C, 0x10592, 1, 39, true},
    {0x10594, 0x10595, 1, 39, true},   {0x10C80, 0x10CB2, 1, 64, true},   {0x118A0, 0x118BF, 1, 32, true},
    {0x16E40, 0x16E5F, 1, 32, true},   {0x1E900, 0x1E921, 1, 34, true}};

const FoldRange* range_of(std::uint32_t character) noexcept {
    const auto* const at = std::ranges::lower_bound(kFoldRanges, character, {}, &FoldRange::last);
    const bool in = at != std::end(kFoldRanges) && character >= at->first && (character - at->first) % at->step == 0;
    return in ? at : nullptr;
}

bool is_folded_to(std::uint32_t character) noexcept {
    return std::ranges::any_of(kFoldRanges, [character](const FoldRange& range) {
        const std::int64_t from = std::int64_t{character} - range.shift;
        return from >= range.first && from <= range.last && (from - range.first) % range.step == 0;
    });
}

void append_utf8(std::string& to, std::uint32_t character) {
    const auto continuation = [character](unsigned shift) {
        return static_cast<char>(0x80U | ((character >> shift) & 0x3FU));
    };
    if (character < 0x800) {
        to += static_cast<char>(0xC0U | (character >> 6U));
    } else if (character < 0x10000) {
        to += static_cast<char>(0xE0U | (character >> 12U));
        to += continuation(6);
    } else {
        to += static_cast<char>(0xF0U | (character >> 18U));
        to += continuation(12);
        to += continuation(6);
    }
    to += continuation(0);
}

// Calls use(character, its bytes) for each character; one byte that begins none is character 0.
template <class Use>
void for_each_character(std::string_view text, Use&& use) {
    constexpr std::array<std::uint32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
    for (std::size_t at = 0; at < text.size();) {  // Bounded: each turn takes a byte or more.
        const auto lead = static_cast<unsigned char>(text[at]);
        const std::size_t length = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
        std::uint32_t character = length == 1 ? lead : lead & (0x7FU >> length);
        bool whole = length > 1 && length <= text.size() - at;
        for (std::size_t i = 1; i < length && whole; ++i) {
            const auto byte = static_cast<unsigned char>(text[at + i]);
            whole = (byte & 0xC0U) == 0x80;
            character = (character << 6U) | (byte & 0x3FU);
        }
        whole = whole && character >= kSmallest[length];
        const std::size_t taken = whole ? length : 1;
        use(whole || lead < 0x80 ? character : 0, text.substr(at, taken));
        at += taken;
    }
}

}  // namespace

std::string fold_case(std::string_view text) {
    std::string folded;
    folded.reserve(text.size() + text.size() / 2);  // Two bytes may become three.
    for_each_character(text, [&](std::uint32_t character, std::string_view bytes) {
        const FoldRange* const range = character < 0x80 ? nullptr : range_of(character);
        if (range != nullptr) {
            append_utf8(folded, static_cast<std::uint32_t>(std::int64_t{character} + range->shift));
        } else if (bytes.size() == 1) {
            folded += lower(bytes.front());
        } else {
            folded += bytes;
        }
    });
    return folded;
}

bool has_capital(std::string_view text) noexcept {
    bool found = false;
    for_each_character(text, [&](std::uint32_t character, std::string_view /*bytes*/) {
        const FoldRange* const range = character < 0x80 ? nullptr : range_of(character);
        found = found || (character >= 'A' && character <= 'Z') || (range != nullptr && range->capital);
    });
    return found;
}

bool has_case_beyond_ascii(std::string_view text) noexcept {
    bool found = false;
    for_each_character(text, [&](std::uint32_t character, std::string_view /*bytes*/) {
        found = found || (character >= 0x80 && (range_of(character) != nullptr || is_folded_to(character)));
    });
    return found;
}

}  // namespace sluice::part
