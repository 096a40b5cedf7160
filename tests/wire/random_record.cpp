#include "wire/random_record.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "wire/escape.h"

namespace sluice::wire::test {
namespace {

std::string random_bytes(Random& random, Carrier carrier) {
    constexpr std::array<std::string_view, 12> kPieces{
        "a word", "\n", "\n\n", "=", "MESSAGE=x\n", "\t", "\xC3\xA9", "\xFF\xFE", "\x00x", "\x1b[1m", "\r\n", "12",
    };
    std::string text;
    const std::uint64_t kind = random.below(8);
    if (kind == 0) {
        return text;
    }
    for (std::uint64_t n = random.below(6) + 1; n > 0; --n) {
        text += kPieces[random.below(kPieces.size())];
    }
    if (kind == 1) {
        for (std::uint64_t n = random.below(300); n > 0; --n) {
            text += static_cast<char>(random.below(256));
        }
    }
    if (carrier == Carrier::json && !valid_utf8(text)) {
        return "not UTF-8";
    }
    return text;
}

std::string random_name(Random& random, Carrier carrier) {
    constexpr std::array<std::string_view, 22> kNames{
        "user",
        "User",
        "USER",
        "id.orig_h",
        "id_orig_h",
        "message",
        "MESSAGE",
        "priority",
        "field_x",
        "sluice_fields",
        "sluice.fields",
        "SLUICE_TIME_NS",
        "2xx",
        "syslog_identifier",
        "time",
        "stream",
        "\xC3\xA9t\xC3\xA9",
        "a b",
        "x:y",
        "-",
        "severity",
        "base64",
    };
    if (random.once_in(10)) {
        std::string name(random.below(255) + 1, 'n');
        for (char& c : name) {
            c = random.once_in(4) ? static_cast<char>(random.below(256)) : c;
        }
        if (valid_field_name(name) && (carrier == Carrier::any || (valid_utf8(name) && name[0] != '_'))) {
            return name;
        }
    }
    return std::string(kNames[random.below(kNames.size())]);
}

double random_float(Random& random, Carrier carrier) {
    if (random.once_in(2)) {
        return static_cast<double>(random.below(1000)) / 8;
    }
    constexpr std::array kOdd{0.0, -0.0, 1e300, -1e-300, 5e-324, 0.1};
    const double value = random.once_in(3) ? kOdd[random.below(kOdd.size())] : std::bit_cast<double>(random.next());
    return carrier == Carrier::json && !std::isfinite(value) ? 1.5 : value;
}

std::int64_t random_int(Random& random) {
    constexpr std::array<std::int64_t, 5> kOdd{0, -1, INT64_MIN, INT64_MAX, 1'700'528'523'123'456'789};
    return random.once_in(3) ? kOdd[random.below(kOdd.size())] : static_cast<std::int64_t>(random.next());
}

}  // namespace

void append_random_record(Random& random, Carrier carrier, Bytes& into) {
    constexpr std::array<std::string_view, 5> kStreams{"", "default", "shop/web", "a:b@c-d.e", "X"};
    RecordBuilder record(into);
    // JSON: the first and the last second that 64 bits can say have no text that is read.
    std::int64_t time = carrier == Carrier::any && random.once_in(4) ? random_int(random) : 1'700'528'523'000'000'000;
    time += time > 0 && time < INT64_MAX / 2 ? static_cast<std::int64_t>(random.below(4) * 333) : 0;
    record.begin(static_cast<Severity>(random.below(8)), kStreams[random.below(kStreams.size())], time);
    record.message(random_bytes(random, carrier));
    const std::uint64_t fields = random.once_in(200) ? random.below(kFieldsMax + 1) : random.below(9);
    for (std::uint64_t i = 0; i < fields; ++i) {
        const std::string name = random_name(random, carrier);
        switch (static_cast<FieldType>(random.below(5))) {
            case FieldType::string:
                record.string_field(name, random_bytes(random, carrier));
                break;
            case FieldType::bytes:
                record.bytes_field(name, as_bytes(random_bytes(random, Carrier::any)));
                break;
            case FieldType::int64:
                record.int_field(name, random_int(random));
                break;
            case FieldType::float64:
                record.float_field(name, random_float(random, carrier));
                break;
            case FieldType::boolean:
                record.bool_field(name, random.once_in(2));
                break;
        }
    }
    const auto finished = record.finish();
    ASSERT_TRUE(finished) << finished.error();
}

}  // namespace sluice::wire::test
