// What the fuzz targets of wire/intake.h's decoders share: they decode with small limits, so that these are met, and
// check what comes out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "wire/intake.h"

namespace sluice::wire::fuzz {

inline void require(bool holds) {
    if (!holds) {
        __builtin_trap();
    }
}

class Names final : public StreamNamer {
 public:
    std::string_view stream(std::string_view identifier) override {
        return !identifier.empty() && valid_stream_name(identifier) ? identifier : std::string_view("app");
    }
};

struct Outcome {
    Bytes bytes{};
    IntakeCounts counts{};
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Checks each record and the counts.
inline std::vector<RecordView> records_of(const Outcome& outcome, const RecordLimits& limits) {
    std::vector<RecordView> records;
    std::uint64_t faulty = 0;
    for (ByteView cursor = outcome.bytes; !cursor.empty();) {
        const auto record = parse_record(cursor, limits);
        require(record.has_value() && record->size() <= kImportRecordBytesMax);
        faulty += record->fields().find(kParseErrorName) ? 1 : 0;
        records.push_back(*record);
    }
    require(records.size() == outcome.counts.records);
    require(faulty == 0 || outcome.counts.malformed + outcome.counts.cut > 0);
    return records;
}

inline std::string messages_of(const std::vector<RecordView>& records) {
    std::string text;
    for (const RecordView record : records) {
        text += record.message();
    }
    return text;
}

// Decodes `text` in pieces of `step` bytes; 0: all at once.  `between` is called before each piece.
template <class Between>
Outcome decode_stream(StreamDecoder& decoder, std::string_view text, std::size_t step, std::size_t held_bytes_max,
                      const RecordLimits& limits, Between&& between) {
    Names names;
    const IntakeContext context{.names = names, .time_ns = 42, .limits = limits};
    Outcome outcome;
    while (!text.empty()) {
        const std::string_view piece = text.substr(0, step == 0 ? text.size() : step);
        between(context, outcome);
        decoder.take(piece, context, outcome.bytes, outcome.counts);
        text.remove_prefix(piece.size());
        require(decoder.held_bytes() <= held_bytes_max);
    }
    decoder.finish(context, outcome.bytes, outcome.counts);
    require(decoder.held_bytes() == 0);
    return outcome;
}

inline Outcome decode_stream(StreamDecoder& decoder, std::string_view text, std::size_t step,
                             std::size_t held_bytes_max, const RecordLimits& limits) {
    return decode_stream(decoder, text, step, held_bytes_max, limits, [](const IntakeContext&, Outcome&) {});
}

// The same by a decoder that is saved and restored before each piece; and nothing bad happens where one byte of what
// was saved last is another.
template <class Decoder, class... Args>
Outcome decode_resumed(std::string_view text, std::size_t step, std::size_t held_bytes_max, const RecordLimits& limits,
                       Args&... args) {
    Decoder decoder(args...);
    Bytes saved;
    const auto resume = [&](const IntakeContext&, Outcome&) {
        saved.clear();
        decoder.save(Unfinished::included, saved);
        require(saved.size() <= StreamDecoder::kSavedBytesMax && decoder.restore(saved).has_value());
    };
    Outcome outcome = decode_stream(decoder, text, step, held_bytes_max, limits, resume);
    if (!saved.empty()) {
        const auto flip = static_cast<unsigned char>(text.front());
        saved[text.size() % saved.size()] ^= std::byte{flip};
        Decoder damaged(args...);
        if (damaged.restore(saved)) {
            Names names;
            const IntakeContext context{.names = names, .time_ns = 42, .limits = limits};
            Outcome ignored;
            damaged.take(text, context, ignored.bytes, ignored.counts);
            damaged.finish(context, ignored.bytes, ignored.counts);
        }
    }
    return outcome;
}

inline std::string without(std::string_view text, std::string_view bytes) {
    std::string rest;
    for (const char c : text) {
        if (bytes.find(c) == std::string_view::npos) {
            rest += c;
        }
    }
    return rest;
}

}  // namespace sluice::wire::fuzz
