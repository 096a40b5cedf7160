// The table of all settings: key, field, bounds, documentation.  The YAML reader, --print-defaults (=
// etc/sluiced.yaml), the list in sluiced.yaml(5) and the comparison at a reload are all made from it.  Adding a field
// to Config without a row here fails a test.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/config.h"

namespace sluice::daemon {

// Access to one field of a Config.
template <class T>
struct Field {
    T& (*edit)(Config&);
    const T& (*view)(const Config&);
};

// Octal permission bits.  A type of its own, because a count is a std::uint32_t too.
struct ModeField : Field<std::uint32_t> {};
// A file system path; the other strings of a Config are inside lists.
struct PathField : Field<std::string> {};

using AnyField = std::variant<Field<std::uint64_t>,                 // size in bytes
                              Field<std::uint32_t>,                 // count
                              Field<Milliseconds>,                  // duration
                              ModeField,                            //
                              PathField,                            //
                              Field<StoreIo>,                       // words
                              Field<LogTarget>,                     // words
                              Field<LogLevel>,                      // words
                              Field<std::vector<UserRef>>,          // names or uids
                              Field<std::vector<GroupRef>>,         // names or gids
                              Field<std::vector<Root>>,             // a list of maps
                              Field<std::vector<ListenerConfig>>,   // a list of maps
                              Field<std::vector<RetentionClass>>>;  // a list of maps

enum class Apply : std::uint8_t {
    live,     // A reload applies it.
    restart,  // A reload leaves it as it is, and says so.
};

struct Setting {
    std::string_view key;  // "section.name", or "roots" or "listeners".
    AnyField field;
    // Sizes in bytes, durations in milliseconds, counts, bytes of a path, elements of a list.
    std::uint64_t least = 0;
    std::uint64_t most = 0;
    Apply apply = Apply::live;
    std::string_view doc;        // Sentences; plain text.
    std::string_view zero = {};  // What 0 means, if it is allowed although it is below `least` or special.
    std::uint64_t multiple = 1;  // Sizes only.
};

// In the order of Config; the settings of a section are neighbours.
std::span<const Setting> settings();
// nullptr: no such key.
const Setting* find_setting(std::string_view key);

std::string_view section_of(const Setting& setting);  // "store"; for a key without a dot the key itself.
std::string_view name_of(const Setting& setting);     // "segment_bytes"

// What the words of an enum setting mean, in the order in which they are offered.
template <class E>
using Words = std::span<const std::pair<std::string_view, E>>;
Words<StoreIo> words_of(StoreIo);
Words<LogTarget> words_of(LogTarget);
Words<LogLevel> words_of(LogLevel);
Words<Right> words_of(Right);
Words<listeners::Protocol> words_of(listeners::Protocol);
Words<listeners::Overflow> words_of(listeners::Overflow);
Words<wire::Severity> words_of(wire::Severity);

template <class E>
std::string_view word_for(E value) {
    for (const auto& [word, meaning] : words_of(value)) {
        if (meaning == value) {
            return word;
        }
    }
    return "?";
}

// "size", "count", "duration", "mode", "path", "one of auto, direct, buffered", "list of users", ...
std::string type_text(const Setting& setting);
// "1 MiB to 4 GiB, a multiple of 4 KiB; 0: never".  Empty where the type says it all.
std::string bounds_text(const Setting& setting);
// The value as YAML on one line: "64 MiB", "'0660'", "[adm, wheel]".
std::string value_text(const Setting& setting, const Config& config);

}  // namespace sluice::daemon
