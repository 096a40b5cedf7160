// A walk over the object: what is right is copied as it is.  What is mended has to be JSON only in form: the strict
// parser reads the result.
#include "wire/json_repair.h"

#include <simdjson.h>

#include <algorithm>
#include <iterator>

#include "base/format.h"
#include "wire/base64.h"
#include "wire/escape.h"
#include "wire/json.h"

namespace sluice::wire {
namespace {

constexpr std::size_t kFaultsShown = 3;
constexpr std::size_t kFaultNameBytes = 64;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

constexpr bool is_hex(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// The code unit of "\uXXXX" at the front; empty: there is none.
std::optional<std::uint32_t> code_unit(std::string_view text) noexcept {
    if (text.size() < 6 || !text.starts_with("\\u")) {
        return std::nullopt;
    }
    std::uint32_t unit = 0;
    for (const char c : text.substr(2, 4)) {
        if (!is_hex(c)) {
            return std::nullopt;
        }
        const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        unit = unit * 16 + static_cast<std::uint32_t>(digit);
    }
    return unit;
}

constexpr bool is_high_half(std::uint32_t unit) noexcept {
    return unit >= 0xD800 && unit < 0xDC00;
}
constexpr bool is_low_half(std::uint32_t unit) noexcept {
    return unit >= 0xDC00 && unit < 0xE000;
}

void append_utf8(std::string& to, std::uint32_t point) {
    const auto tail = [&](unsigned shift) { to += static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
    if (point < 0x80) {
        to += static_cast<char>(point);
    } else if (point < 0x800) {
        to += static_cast<char>(0xC0 | (point >> 6));
        tail(0);
    } else if (point < 0x10000) {
        to += static_cast<char>(0xE0 | (point >> 12));
        tail(6);
        tail(0);
    } else {
        to += static_cast<char>(0xF0 | (point >> 18));
        tail(12);
        tail(6);
        tail(0);
    }
}

// What the text between two quotes means.
struct Unescaped {
    std::string bytes;
    const char* fault = nullptr;  // The first one; it was mended.
};

Unescaped unescape(std::string_view text) {
    Unescaped result;
    const auto note = [&](const char* fault) { result.fault = result.fault == nullptr ? fault : result.fault; };
    while (!text.empty()) {  // Bounded: each turn takes a byte.
        const char c = text.front();
        if (c != '\\') {
            if (static_cast<unsigned char>(c) < 0x20) {
                note("a control character");
            }
            result.bytes += c;
            text.remove_prefix(1);
            continue;
        }
        if (const auto unit = code_unit(text)) {
            text.remove_prefix(6);
            const auto next = is_high_half(*unit) ? code_unit(text) : std::nullopt;
            if (next && is_low_half(*next)) {
                append_utf8(result.bytes, 0x10000 + ((*unit - 0xD800) << 10U) + (*next - 0xDC00));
                text.remove_prefix(6);
            } else if (is_high_half(*unit) || is_low_half(*unit)) {
                note("half of a surrogate pair, now U+FFFD");
                result.bytes += kReplacement;
            } else {
                append_utf8(result.bytes, *unit);
            }
            continue;
        }
        constexpr std::string_view kLetters = "\"\\/bfnrt";
        constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
        const std::size_t letter = text.size() > 1 ? kLetters.find(text[1]) : std::string_view::npos;
        if (letter == std::string_view::npos) {
            note("an escape that JSON does not have");
            result.bytes += c;
            text.remove_prefix(1);
        } else {
            result.bytes += kMeant[letter];
            text.remove_prefix(2);
        }
    }
    return result;
}

std::string replaced(std::string_view bytes) {
    std::string text;
    while (!bytes.empty()) {  // Bounded: each turn takes a byte.
        const std::size_t length = utf8_length(bytes);
        text += length == 0 ? kReplacement : bytes.substr(0, length);
        bytes.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return text;
}

class Repairer {
 public:
    Repairer(std::string_view line, JsonFaults& faults) : rest_(line), faults_(faults) {}

    std::optional<std::string> run() {
        skip_space();
        if (!rest_.starts_with('{') || !object(1)) {
            return std::nullopt;
        }
        skip_space();
        return rest_.empty() ? std::optional(std::move(out_)) : std::nullopt;
    }

 private:
    void skip_space() noexcept { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }
    bool accept(char c) noexcept {
        skip_space();
        if (!rest_.starts_with(c)) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }
    std::string_view take(std::size_t bytes) noexcept {
        const std::string_view taken = rest_.substr(0, bytes);
        rest_.remove_prefix(taken.size());
        return taken;
    }

    // Where the string ends that begins at `at` with its quote; npos: nowhere.
    std::size_t string_end(std::size_t at) const noexcept {
        for (++at; at < rest_.size(); ++at) {
            if (rest_[at] == '"') {
                return at + 1;
            }
            at += rest_[at] == '\\' ? 1 : 0;
        }
        return std::string_view::npos;
    }

    // Recursion ends at kJsonDepthMax.
    bool object(int depth) {
        take(1);
        out_ += '{';
        for (bool first = true; !accept('}'); first = false) {  // Bounded: each turn takes a name.
            if (!first) {
                if (!accept(',')) {
                    return false;
                }
                out_ += ',';
            }
            skip_space();
            const std::size_t end = rest_.starts_with('"') ? string_end(0) : std::string_view::npos;
            if (end == std::string_view::npos) {
                return false;
            }
            name(take(end));
            if (!accept(':')) {
                return false;
            }
            out_ += ':';
            skip_space();
            if (!value(depth)) {
                return false;
            }
        }
        out_ += '}';
        return true;
    }

    void name(std::string_view quoted) {
        name_ = quoted.substr(1, quoted.size() - 2);
        if (is_json(quoted)) {
            out_ += quoted;
            return;
        }
        const Unescaped unescaped = unescape(name_);
        faults_.add(name_, unescaped.fault != nullptr ? unescaped.fault : "a name that is not UTF-8, now with U+FFFD");
        append_json_string(out_, replaced(unescaped.bytes));
    }

    bool value(int depth) {
        if (rest_.starts_with('"')) {
            const std::size_t end = string_end(0);
            if (end == std::string_view::npos) {
                return false;
            }
            string(take(end));
            return true;
        }
        if (rest_.starts_with('{') && depth < kJsonDepthMax) {
            return object(depth + 1);
        }
        if (rest_.starts_with('{') || rest_.starts_with('[')) {
            const std::size_t end = bracket_end();
            if (end == std::string_view::npos) {
                return false;
            }
            as_text_unless_json(take(end), "a value that is not JSON, now text");
            return true;
        }
        constexpr std::string_view kWordBytes = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-._";
        const std::size_t end = std::min(rest_.find_first_not_of(kWordBytes), rest_.size());
        if (end == 0) {
            return false;
        }
        const std::string_view word = take(end);
        const bool number = word.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
        as_text_unless_json(word, number ? "a number beyond 64 bits, now text" : "a word that is not JSON, now text");
        return true;
    }

    void string(std::string_view quoted) {
        if (is_json(quoted)) {
            out_ += quoted;
            return;
        }
        const Unescaped unescaped = unescape(quoted.substr(1, quoted.size() - 2));
        const bool utf8 = valid_utf8(unescaped.bytes);
        faults_.add(name_, utf8 && unescaped.fault != nullptr ? unescaped.fault : "text that is not UTF-8, now bytes");
        append_text(unescaped.bytes, utf8);
    }

    void as_text_unless_json(std::string_view raw, std::string_view fault) {
        if (is_json(raw)) {
            out_ += raw;
            return;
        }
        faults_.add(name_, fault);
        append_text(raw, valid_utf8(raw));
    }

    void append_text(std::string_view bytes, bool utf8) {
        if (utf8) {
            append_json_string(out_, bytes);
        } else {
            out_ += R"({"base64":")";
            append_base64(out_, as_bytes(bytes));
            out_ += "\"}";
        }
    }

    // Where the array or object at the front ends; npos: nowhere.
    std::size_t bracket_end() const noexcept {
        std::size_t open = 0;
        std::size_t at = 0;
        while (at < rest_.size()) {  // Bounded: each turn takes a byte.
            const char c = rest_[at];
            if (c == '"') {
                at = string_end(at);
                continue;
            }
            ++at;
            open += c == '[' || c == '{' ? 1 : 0;
            open -= c == ']' || c == '}' ? 1 : 0;
            if (open == 0) {
                return at;
            }
        }
        return std::string_view::npos;
    }

    bool is_json(std::string_view text) {
        const bool plain =
            text.starts_with('"') && std::ranges::none_of(text, [](char c) {
                return c == '\\' || static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7E;
            });
        return plain || parser_.parse(text.data(), text.size()).error() == simdjson::SUCCESS;
    }

    std::string_view rest_;
    JsonFaults& faults_;
    simdjson::dom::parser parser_;
    std::string out_;
    std::string_view name_;  // Of the value, as it is written.
};

}  // namespace

void JsonFaults::add(std::string_view name, std::string_view what) {
    if (++count_ > kFaultsShown) {
        return;
    }
    text_ += text_.empty() ? "" : "; ";
    append_quoted(text_, name.substr(0, kFaultNameBytes));
    fmt::format_to(std::back_inserter(text_), ": {}", what);
}

std::string JsonFaults::text() const {
    return count_ <= kFaultsShown ? text_ : fmt::format("{}; {} more", text_, count_ - kFaultsShown);
}

std::optional<std::string> repair_json_object(std::string_view line, JsonFaults& faults) {
    return Repairer(line, faults).run();
}

}  // namespace sluice::wire
