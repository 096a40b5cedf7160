// Which bytes belong to what: every byte, or every pair of them, against tables that were not made by the code.
#include <gtest/gtest.h>

#include <set>

#include "wire/base64.h"
#include "wire/cursor.h"
#include "wire/escape.h"
#include "wire/record.h"
#include "wire/record_check.h"
#include "wire/severity.h"

namespace sluice::wire {
namespace {

std::string byte_text(int byte) {
    return std::string(1, static_cast<char>(byte));
}

bool is_one_of(int byte, std::string_view set) {
    return set.find(static_cast<char>(byte)) != std::string_view::npos;
}

constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kLowerCase = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kDigits = "0123456789";

// ---- identifiers and cursors ----

TEST(IdText, HasSixteenBytesAsHexDigits) {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string digits = "000102030405060708090a0b0c0d0e" + std::string("0") + byte_text(byte);
        EXPECT_EQ(parse_id(digits).has_value(), byte != 0 && is_one_of(byte, "0123456789abcdefABCDEF")) << byte;
        std::string high = digits;
        std::swap(high[30], high[31]);
        EXPECT_EQ(parse_id(high).has_value(), byte != 0 && is_one_of(byte, "0123456789abcdefABCDEF")) << byte;
    }
    const auto id = parse_id("00019aAfFf1020304050607080909fa0");
    ASSERT_TRUE(id);
    EXPECT_EQ(format_id(*id), "00019aafff1020304050607080909fa0");
    EXPECT_EQ((*id)[1], std::byte{0x01});
    EXPECT_EQ((*id)[2], std::byte{0x9A});
    EXPECT_EQ((*id)[4], std::byte{0xFF});
    EXPECT_EQ((*id)[15], std::byte{0xA0});
    EXPECT_FALSE(parse_id(std::string(31, '0')));
    EXPECT_FALSE(parse_id(std::string(33, '0')));
    EXPECT_FALSE(parse_id(std::string(34, '0')));
    EXPECT_FALSE(parse_id(""));
}

TEST(CursorText, PartsAreEachChecked) {
    const std::string store(32, 'a');
    EXPECT_TRUE(parse_cursor(store + ":0:0"));
    const auto cursor = parse_cursor(store + ":12:345");
    ASSERT_TRUE(cursor);
    EXPECT_EQ(cursor->store[15], std::byte{0xAA});
    EXPECT_EQ(cursor->epoch, 12U);
    EXPECT_EQ(cursor->sequence, 345U);
    for (const std::string& bad :
         {store + ":1:2:3", store + ":1:2x", store + ":1x:2", store + ":x1:2", store + ":1:x2", store + ": 1:2",
          store + ":+1:2", store + "a:1:2", store.substr(1) + ":1:2", store + "::", store + ":1", store,
          std::string(":1:2"), store.substr(1) + "g:1:2", store + ":1:-2"}) {
        const auto refused = parse_cursor(bad);
        ASSERT_FALSE(refused) << bad;
        EXPECT_EQ(fmt::format("{}", refused.error()),
                  "invalid_argument: not a cursor: expected 32 hex digits, ':', epoch, ':', sequence");
    }
}

// ---- base64 ----

TEST(Base64Alphabet, IsThatOfTheRfc) {
    const std::string alphabet = std::string(kUpper) + std::string(kLowerCase) + std::string(kDigits) + "+/";
    for (int byte = 0; byte < 256; ++byte) {
        const auto decoded = decode_base64("AA" + byte_text(byte) + "A");
        const std::size_t value = alphabet.find(static_cast<char>(byte));
        ASSERT_EQ(decoded.has_value(), value != std::string::npos) << byte;
        if (decoded) {
            const std::string expected{'\0', static_cast<char>(value >> 2U), static_cast<char>((value & 3U) << 6U)};
            EXPECT_EQ(*decoded, expected) << byte;
            std::string again;
            append_base64(again, as_bytes(expected));
            EXPECT_EQ(again, "AA" + byte_text(byte) + "A");
        }
    }
    std::string all;
    for (int byte = 0; byte < 256; ++byte) {
        all += byte_text(byte);
    }
    for (std::size_t size = 0; size <= all.size(); ++size) {
        std::string text = "kept ";
        append_base64(text, as_bytes(std::string_view(all).substr(0, size)));
        EXPECT_EQ(text.size(), 5 + (size + 2) / 3 * 4);
        EXPECT_EQ(decode_base64(std::string_view(text).substr(5)), all.substr(0, size));
    }
}

TEST(Base64Alphabet, PaddingHasZeroBitsAndItsPlace) {
    for (const char* good : {"AA==", "AQ==", "AAA=", "AAE=", "////"}) {
        EXPECT_TRUE(decode_base64(good)) << good;
    }
    for (const char* bad :
         {"AB==", "AH==", "AAB=", "AAD=", "=", "==", "A===", "=AAA", "A=AA", "AA=A", "AAAAA", "AAAAAA"}) {
        EXPECT_FALSE(decode_base64(bad)) << bad;
    }
}

// ---- UTF-8 ----

// Table 3-7 of the Unicode standard: the length of a sequence by its first two bytes; 0: there is none.
std::size_t length_by_table(int first, int second) {
    const auto in = [](int value, int low, int high) { return value >= low && value <= high; };
    if (in(first, 0x00, 0x7F)) {
        return 1;
    }
    if (in(first, 0xC2, 0xDF)) {
        return in(second, 0x80, 0xBF) ? 2 : 0;
    }
    if (first == 0xE0) {
        return in(second, 0xA0, 0xBF) ? 3 : 0;
    }
    if (first == 0xED) {
        return in(second, 0x80, 0x9F) ? 3 : 0;
    }
    if (in(first, 0xE1, 0xEF)) {
        return in(second, 0x80, 0xBF) ? 3 : 0;
    }
    if (first == 0xF0) {
        return in(second, 0x90, 0xBF) ? 4 : 0;
    }
    if (in(first, 0xF1, 0xF3)) {
        return in(second, 0x80, 0xBF) ? 4 : 0;
    }
    return first == 0xF4 && in(second, 0x80, 0x8F) ? 4 : 0;
}

TEST(Utf8Table, EveryPairOfBytesIsAsInTheStandard) {
    for (int first = 0; first < 256; ++first) {
        for (int second = 0; second < 256; ++second) {
            const std::string text = byte_text(first) + byte_text(second) + "\x80\xBF";
            const std::size_t length = length_by_table(first, second);
            ASSERT_EQ(utf8_length(text), length) << first << ' ' << second;
            if (length < 2) {
                continue;
            }
            ASSERT_TRUE(valid_utf8(text.substr(0, length))) << first << ' ' << second;
            for (std::size_t cut = 1; cut < length; ++cut) {
                ASSERT_EQ(utf8_length(std::string_view(text).substr(0, cut)), 0U) << first << ' ' << second;
                ASSERT_FALSE(valid_utf8(text.substr(0, cut)));
            }
            for (std::size_t at = 2; at < length; ++at) {
                for (const char wrong : {'\x7F', '\xC0', '\xFF', 'a'}) {
                    std::string bad = text;
                    bad[at] = wrong;
                    ASSERT_EQ(utf8_length(bad), 0U) << first << ' ' << second << ' ' << at;
                }
            }
        }
    }
}

std::string encoded_point(char32_t point) {
    const auto byte = [](char32_t value) { return static_cast<char>(static_cast<unsigned char>(value)); };
    if (point < 0x80) {
        return {byte(point)};
    }
    if (point < 0x800) {
        return {byte(0xC0 | point >> 6U), byte(0x80 | (point & 0x3FU))};
    }
    if (point < 0x10000) {
        return {byte(0xE0 | point >> 12U), byte(0x80 | (point >> 6U & 0x3FU)), byte(0x80 | (point & 0x3FU))};
    }
    return {byte(0xF0 | point >> 18U), byte(0x80 | (point >> 12U & 0x3FU)), byte(0x80 | (point >> 6U & 0x3FU)),
            byte(0x80 | (point & 0x3FU))};
}

TEST(Utf8Table, PointsAndControlsAreTold) {
    const auto listed = [](char32_t p) {
        return p <= 0x1F || (p >= 0x7F && p <= 0x9F) || p == 0x061C || p == 0x200E || p == 0x200F || p == 0x2028 ||
               p == 0x2029 || (p >= 0x202A && p <= 0x202E) || (p >= 0x2066 && p <= 0x2069);
    };
    for (char32_t point = 0; point < 0x11000; ++point) {
        if (point >= 0xD800 && point <= 0xDFFF) {
            continue;
        }
        const std::string text = encoded_point(point);
        ASSERT_EQ(utf8_length(text), text.size());
        ASSERT_EQ(utf8_point(text), point);
        ASSERT_EQ(is_control(point), listed(point)) << static_cast<std::uint32_t>(point);
        ASSERT_EQ(escaped(text) == text, !listed(point)) << static_cast<std::uint32_t>(point);
        if (point >= 0x80 && listed(point)) {
            ASSERT_EQ(escaped(text), fmt::format("\\u{:04x}", static_cast<std::uint32_t>(point)));
        }
    }
    EXPECT_EQ(utf8_point(encoded_point(0x10FFFF)), char32_t{0x10FFFF});
}

// The bytes of a text are looked at eight, four and one at a time.
TEST(Utf8Table, OneWrongByteIsFoundWhereverItIs) {
    for (std::size_t size = 0; size < 40; ++size) {
        const std::string good(size, 'a');
        EXPECT_TRUE(valid_utf8(good));
        for (std::size_t at = 0; at < size; ++at) {
            std::string bad = good;
            bad[at] = '\x80';
            EXPECT_FALSE(valid_utf8(bad)) << size << ' ' << at;
            bad[at] = '\x7F';
            EXPECT_TRUE(valid_utf8(bad));
        }
        EXPECT_TRUE(valid_utf8(good + "\xC3\xA9"));
        EXPECT_FALSE(valid_utf8(good + "\xC3"));
    }
}

TEST(EscapeTable, EveryByteHasItsForm) {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string text = byte_text(byte);
        std::string expected = byte >= 0x20 && byte <= 0x7E ? text : fmt::format("\\x{:02x}", byte);
        expected = byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : byte == '\t' ? "\\t" : expected;
        EXPECT_EQ(escaped(text), expected);
        EXPECT_EQ(escaped("a" + text + "b"), "a" + expected + "b");
        const bool special = byte == '"' || byte == '\\';
        EXPECT_EQ(wire::quoted("a" + text + "b"), "\"a" + (special ? "\\" + text : expected) + "b\"");
    }
}

// ---- names ----

TEST(NameTable, EveryByteOfStreamsAndFields) {
    const std::string stream = std::string(kUpper) + std::string(kLowerCase) + std::string(kDigits) + "._/@:-";
    for (int byte = 0; byte < 256; ++byte) {
        EXPECT_EQ(valid_stream_name("a" + byte_text(byte)), is_one_of(byte, stream)) << byte;
        EXPECT_EQ(valid_field_name("a" + byte_text(byte)), byte >= 0x20 && byte != 0x7F && byte != '=') << byte;
        EXPECT_EQ(valid_field_name(byte_text(byte) + "a"), byte >= 0x20 && byte != 0x7F && byte != '=') << byte;
    }
    EXPECT_TRUE(valid_field_name(std::string(255, 'n')));
    EXPECT_FALSE(valid_field_name(std::string(256, 'n')));
    EXPECT_TRUE(valid_stream_name(std::string(255, 'n')));
    EXPECT_FALSE(valid_stream_name(std::string(256, 'n')));
}

TEST(SeverityTable, NamesAreLettersInAnyCaseAndNothingElse) {
    for (int i = 0; i < 8; ++i) {
        const std::string name(severity_name(static_cast<Severity>(i)));
        for (std::size_t at = 0; at < name.size(); ++at) {
            for (int byte = 0; byte < 256; ++byte) {
                std::string other = name;
                other[at] = static_cast<char>(byte);
                const bool same = byte == name[at] || byte == name[at] - 'a' + 'A';
                EXPECT_EQ(parse_severity(other) == static_cast<Severity>(i), same) << other;
            }
        }
        EXPECT_FALSE(parse_severity(name + "x"));
    }
    for (int byte = 0; byte < 256; ++byte) {
        const auto parsed = parse_severity(byte_text(byte));
        ASSERT_EQ(parsed.has_value(), byte >= '0' && byte <= '7') << byte;
        EXPECT_TRUE(!parsed || static_cast<int>(*parsed) == byte - '0');
    }
    EXPECT_EQ(severity_name(Severity{255}), "invalid");
    EXPECT_FALSE(parse_severity("77"));
    for (const auto& [name, severity] :
         {std::pair{"error", Severity::err}, std::pair{"warn", Severity::warning}, std::pair{"panic", Severity::emerg},
          std::pair{"emergency", Severity::emerg}, std::pair{"critical", Severity::crit}}) {
        EXPECT_EQ(parse_severity(name), severity);
    }
}

// ---- faults ----

TEST(RecordErrorTable, EachFaultHasItsCodeAndWords) {
    const auto told = [](RecordFault fault) { return fmt::format("{}", record_error(fault)); };
    EXPECT_EQ(told(RecordFault::cut_short), "malformed: cut short");
    EXPECT_EQ(told(RecordFault::size_too_small), "malformed: size below the header's 20 bytes");
    EXPECT_EQ(told(RecordFault::sizes_disagree), "malformed: stream, message and fields do not add up to size");
    EXPECT_EQ(told(RecordFault::severity), "malformed: severity above 7");
    EXPECT_EQ(told(RecordFault::stream_name), "malformed: stream name has a byte outside [A-Za-z0-9._/@:-]");
    EXPECT_EQ(told(RecordFault::message_too_long), "too_large: message too long");
    EXPECT_EQ(told(RecordFault::too_many_fields), "too_large: too many fields");
    EXPECT_EQ(told(RecordFault::field_cut_short), "malformed: a field is cut short");
    EXPECT_EQ(told(RecordFault::field_type), "malformed: unknown field type");
    EXPECT_EQ(told(RecordFault::field_zero), "malformed: the zero bytes of a field are not zero");
    EXPECT_EQ(told(RecordFault::field_name), "malformed: a field name is empty or has a control character or '='");
    EXPECT_EQ(told(RecordFault::field_value_size), "malformed: a field value does not have the size of its type");
    EXPECT_EQ(told(RecordFault::field_boolean), "malformed: a boolean field is neither 0 nor 1");
    EXPECT_EQ(told(RecordFault::none), "internal: no fault");
}

}  // namespace
}  // namespace sluice::wire
