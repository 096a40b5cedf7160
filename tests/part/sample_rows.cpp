#include "part/sample_rows.h"

#include <random>

namespace sluice::part {
namespace {

constexpr WallNs kStart = 1'700'000'000'000'000'000;

std::string message_of(std::mt19937_64& random) {
    const auto number = [&random](std::uint64_t below) { return std::to_string(random() % below); };
    switch (random() % 5) {
        case 0:
            return "user " + number(5000) + " logged in from 10.0." + number(4) + "." + number(256);
        case 1:
            return "request took " + number(900) + "ms, status=" + number(5);
        case 2:
            return "block blk_" + number(100'000'000) + " written to /data/" + number(30) + "/x";
        case 3:
            return "checkpoint complete";
        default:
            return "queue " + fmt::format("{:04x}{:08x}", random() % 65536, random() % 4294967296) + " is empty";
    }
}

}  // namespace

Rows sample_rows(std::size_t rows, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Rows made;
    WallNs time = kStart;
    for (std::size_t i = 0; i < rows; ++i) {
        time += static_cast<WallNs>(random() % 90'000) * 1000;
        Rows::Draft draft;
        draft.sequence = 100 + i + i / 50;
        draft.time = time;
        draft.receive_time = kStart + static_cast<WallNs>(i / 16) * 1'000'000;
        draft.severity = static_cast<int>(random() % 8);
        draft.stream = random() % 3 == 0 ? "web" : "";
        draft.message = message_of(random);
        draft.epoch = i < rows / 2 ? 1 : 2;
        draft.fields = {int_field("_pid", static_cast<std::int64_t>(4000 + i / 100)), text_field("_comm", "test")};
        const auto add = [&draft](Rows::Field field) { draft.fields.push_back(std::move(field)); };
        add(text_field("trace", fmt::format("{:016x}{:016x}", random(), random())));
        add(text_field("note", std::string(random() % 9, static_cast<char>(random() % 256))));
        if (random() % 2 == 0) {
            const auto bytes = static_cast<std::int64_t>(random() % 100'000);
            const double duration = static_cast<double>(random() % 100'000) / 1000;
            if (random() % 2 == 0) {
                draft.message = fmt::format("sent {} bytes in {} s", bytes, duration);
            }
            add(int_field("bytes", bytes));
            add(float_field("duration", duration));
            add(text_field("at",
                           fmt::format("2023-11-21T01:{:02}:{:02}.{:03}Z", i / 60 % 60, i % 60, random() % 1000)));
        }
        if (random() % 9 == 0) {
            add(bool_field("cached", random() % 2 == 0));
            add(float_field("ratio", static_cast<double>(random()) / 3));
            add({wire::FieldType::bytes, "raw", std::string("\0\1\2", 3)});
            add(text_field("host", "host-" + std::to_string(random() % 20)));
        }
        made.add(draft);
    }
    return made;
}

}  // namespace sluice::part
