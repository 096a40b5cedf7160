// Mends a JSON object of which single values are none of JSON, so that one odd value does not cost the record:
//   numbers beyond 64 bits or the range of a double, NaN and other words   text
//   strings with bytes that are not UTF-8                                  {"base64":"..."}; in names U+FFFD
//   halves of surrogate pairs                                              U+FFFD
//   controls in strings, and escapes that there are not                    escaped
//   arrays, and objects below kJsonDepthMax, with something of that kind   text
// What does not have the structure of an object is not mended.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::wire {

// How deep objects are looked into; what is below is its JSON text.
inline constexpr int kJsonDepthMax = 16;

// What was mended: the first few in full, the others as a number.
class JsonFaults {
 public:
    // `name`: of the value; any text.
    void add(std::string_view name, std::string_view what);
    bool empty() const noexcept { return count_ == 0; }
    // `"n": a number ..., now text; "msg": ...; 3 more`
    std::string text() const;

 private:
    std::string text_;
    std::size_t count_ = 0;
};

// Empty: no object.  The result is at most about six times as long as `line`.
std::optional<std::string> repair_json_object(std::string_view line, JsonFaults& faults);

}  // namespace sluice::wire
