// Random messages that look like logs and like what breaks parsers of logs.
#pragma once

#include <rapidcheck.h>

#include <string>
#include <vector>

namespace sluice::part {

inline std::string any_bytes() {
    const auto bytes = *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::arbitrary<std::uint8_t>());
    return {bytes.begin(), bytes.end()};
}

inline std::string run_of(const std::string& alphabet, std::size_t most) {
    const auto size = *rc::gen::inRange<std::size_t>(1, most + 1);
    return *rc::gen::container<std::string>(size, rc::gen::elementOf(alphabet));
}

// A piece of a message: what is variable, what only looks like it, and separators.
inline std::string any_piece() {
    switch (*rc::gen::inRange(0, 12)) {
        case 0:
            return run_of("0123456789", 6);
        case 1:
            return run_of("0123456789abcdef", 10);
        case 2:
            return run_of("abcxyzABCXYZ019", 5);
        case 3:
            return run_of("0123456789.", 9);
        case 4:
            return run_of("01af:", 12);
        case 5:
            return "0123abcd-4567-89ef-0123-" + run_of("0123456789abcdef", 13);
        case 6:
            return "-" + run_of("09", 2);
        case 7:
            return *rc::gen::elementOf(std::vector<std::string>{"user", "error", "Error", "dead", "beef", "at", "ms",
                                                                "2024-03-01T12:00:05.123Z", "0x1f", "deadbeef",
                                                                "key="});
        case 8:
            return *rc::gen::elementOf(std::vector<std::string>{std::string(1, '\0'), "\x11", "\x11\x01", "\x11\x02",
                                                                "\xff", "\xc3", "\xc3\xa9"});
        default:
            return run_of(" =-_./:,[]", 2);
    }
}

inline std::string any_message() {
    std::string message;
    const auto pieces = *rc::gen::inRange(0, 8);
    for (int i = 0; i < pieces; ++i) {
        message += any_piece();
    }
    return message;
}

// A column: a few patterns, each filled several times, between messages that have none.
inline std::vector<std::string> any_column() {
    std::vector<std::string> column;
    const auto patterns = *rc::gen::inRange(0, 4);
    for (int pattern = 0; pattern < patterns; ++pattern) {
        const std::vector<std::string> fixed{any_message(), any_message(), any_message()};
        const auto rows = *rc::gen::inRange(1, 6);
        for (int row = 0; row < rows; ++row) {
            column.push_back(fixed[0] + any_piece() + fixed[1] + run_of("0123456789", 2) + fixed[2]);
        }
    }
    const auto others = *rc::gen::inRange(0, 3);
    for (int i = 0; i < others; ++i) {
        column.push_back(*rc::gen::inRange(0, 2) == 0 ? any_message() : any_bytes());
    }
    return column;
}

inline std::vector<std::string_view> views_of(const std::vector<std::string>& column) {
    return {column.begin(), column.end()};
}

}  // namespace sluice::part
