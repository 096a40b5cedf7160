// JSON objects, one per line, from a socket.  The keys of json.h; the key `stream`, where it is a valid stream name, is
// the identifier that names the stream.  Empty lines are ignored.  Of an object, what cannot be in a record is
// mended, with the reason in parse_error; a line that is no object is the message of a record, whole, with the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/intake.h"
#include "wire/intake_record.h"
#include "wire/json.h"

namespace sluice::wire {

// Threads: one.
class JsonLinesDecoder final : public StreamDecoder {
 public:
    struct Options {
        // A longer line is not read as JSON and comes out in parts.
        std::size_t line_bytes_max = kImportRecordBytesMax;
    };
    // Borrows `reader`, whose memory (a multiple of the longest line) many connections can share.  It has the limits
    // of the contexts.
    explicit JsonLinesDecoder(JsonReader& reader) noexcept : JsonLinesDecoder(reader, Options()) {}
    JsonLinesDecoder(JsonReader& reader, Options options) noexcept : reader_(reader), options_(options) {}

    void take(std::string_view bytes, const IntakeContext& context, Bytes& into, IntakeCounts& counts) override;
    void finish(const IntakeContext& context, Bytes& into, IntakeCounts& counts) override;
    std::size_t held_bytes() const noexcept override { return held_.size(); }
    // Nothing holds for all of a connection: without what is unfinished it begins anew.
    void save(Unfinished unfinished, Bytes& into) const override;
    Result<> restore(ByteView saved) override;

 private:
    void add(std::string_view bytes, const Sink& sink);
    void take_parts(const Sink& sink);
    void end_line(std::string_view last, const Sink& sink);
    void read_line(std::string_view line, const Sink& sink);

    JsonReader& reader_;
    Options options_{};
    std::string held_;                 // Of the line that has not ended.
    std::optional<LongMessage> long_;  // Parts of it are out already.
};

}  // namespace sluice::wire
