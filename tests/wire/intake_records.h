// What the decoders of wire/intake.h made of a message, as lines that tests compare.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "wire/intake.h"

namespace sluice::wire {

// Streams as the identifiers; "app" for none, and for what is no stream name.
class TestNames final : public StreamNamer {
 public:
    std::string_view stream(std::string_view identifier) override {
        return !identifier.empty() && valid_stream_name(identifier) ? identifier : std::string_view("app");
    }
};

struct Intake {
    std::vector<std::string> records;  // "severity stream@time message | name=value name:bytes=value ..."
    IntakeCounts counts;
};

inline constexpr WallNs kIntakeTimeNs = 42;

// The records that `decode` appends.  Each has to be valid, and the counts have to agree.
Intake intake(const std::function<void(const IntakeContext&, Bytes&, IntakeCounts&)>& decode,
              const RecordLimits& limits = {});

// The records of a stream that comes in pieces of `step` bytes; 0: all at once.
Intake stream_intake(StreamDecoder& decoder, std::string_view text, std::size_t step = 0,
                     const RecordLimits& limits = {});

}  // namespace sluice::wire
