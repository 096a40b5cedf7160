// Decoders of connections that are saved, and go on as others: StreamDecoder::save and restore.
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "intake_records.h"
#include "wire/json_lines.h"
#include "wire/stdout_stream.h"
#include "wire/syslog_stream.h"

namespace sluice::wire {
namespace {

using namespace std::literals;

constexpr RecordLimits kLimits{.message_bytes_max = 24};

struct Protocol {
    std::function<std::unique_ptr<StreamDecoder>()> make;
    std::string text;  // Comes into all states.
};

JsonReader& json_reader() {
    static JsonReader reader(kLimits);
    return reader;
}

const std::vector<Protocol>& protocols() {
    static const std::string long_text(100, 'x');
    static const std::vector<Protocol> all = {
        {[] { return std::make_unique<StdoutStreamDecoder>(StdoutStreamDecoder::Options{.line_bytes_max = 12}); },
         "my app\na.service\n30\n1\n0\n0\n0\n<3>one\n\ntwo \0three\nlonger than a line may be\nend"s},
        {[] { return std::make_unique<StdoutStreamDecoder>(); }, "a\n\nno number\n1\n0\n0\n0\nline\n"},
        {[] { return std::make_unique<SyslogStreamDecoder>(); },
         "<14>a: one\n9 <14>b: 22<14>c: x\0<13>d: line\nof two\n<12>e: f\n404 <html>\n1 <14>short\n"s +
             "120 <14>f: " + long_text + "...........\n<14>g: " + long_text + "\nend"},
        {[] {
             return std::make_unique<JsonLinesDecoder>(json_reader(), JsonLinesDecoder::Options{.line_bytes_max = 40});
         },
         "{\"msg\":\"a\",\"level\":\"warn\"}\r\n\nno json\n" + long_text + "\n{\"msg\":\"b\"}\nend"},
    };
    return all;
}

// What `first` and then `second` make of `text`, cut at `cut`.
template <class Between>
std::vector<std::string> records_of(StreamDecoder& first, StreamDecoder& second, std::string_view text, std::size_t cut,
                                    Between&& between) {
    const auto decode = [&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
        first.take(text.substr(0, cut), context, into, counts);
        between();
        second.take(text.substr(cut), context, into, counts);
        second.finish(context, into, counts);
    };
    return intake(decode, kLimits).records;
}

Bytes saved(const StreamDecoder& decoder, Unfinished unfinished) {
    Bytes bytes;
    decoder.save(unfinished, bytes);
    EXPECT_LE(bytes.size(), StreamDecoder::kSavedBytesMax);
    return bytes;
}

TEST(SavedStream, GoesOnWhereverItWasCut) {
    for (const Protocol& protocol : protocols()) {
        const std::vector<std::string> whole = stream_intake(*protocol.make(), protocol.text, 0, kLimits).records;
        EXPECT_GT(whole.size(), 3U);
        for (std::size_t cut = 0; cut <= protocol.text.size(); ++cut) {
            const auto first = protocol.make();
            const auto second = protocol.make();
            const auto hand_over = [&] { ASSERT_TRUE(second->restore(saved(*first, Unfinished::included))); };
            EXPECT_EQ(records_of(*first, *second, protocol.text, cut, hand_over), whole) << cut;
        }
    }
}

// Whoever was killed has what it held lost, and never makes two records of it.
TEST(SavedStream, AtRestHoldsNothing) {
    for (const Protocol& protocol : protocols()) {
        for (std::size_t cut = 0; cut <= protocol.text.size(); ++cut) {
            const auto first = protocol.make();
            const auto second = protocol.make();
            const auto hand_over = [&] { ASSERT_TRUE(second->restore(saved(*first, Unfinished::left_out))); };
            (void)records_of(*first, *second, protocol.text.substr(0, cut), cut, hand_over);
            EXPECT_EQ(second->held_bytes(), 0U);
        }
    }
}

TEST(SavedStream, AtRestKnowsTheHeader) {
    StdoutStreamDecoder first;
    StdoutStreamDecoder second;
    const std::string_view text = "my app\na.service\n11\n1\n0\n0\n0\nlost|m\n";
    const auto hand_over = [&] { ASSERT_TRUE(second.restore(saved(first, Unfinished::left_out))); };
    EXPECT_EQ(records_of(first, second, text, text.find('|') + 1, hand_over),
              (std::vector<std::string>{"err app@42 m | syslog_facility=1 unit=a.service syslog_identifier=my app"}));
    EXPECT_TRUE(second.has_header());
}

// The bytes come from a file: each of them may be missing, and each may be another.
TEST(SavedStream, DamagedIsRefusedOrHarmless) {
    std::size_t refused = 0;
    for (const Protocol& protocol : protocols()) {
        for (std::size_t cut = 0; cut <= protocol.text.size(); cut += 3) {
            const auto decoder = protocol.make();
            const auto take = [&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
                decoder->take(protocol.text.substr(0, cut), context, into, counts);
            };
            (void)intake(take, kLimits);
            const Bytes whole = saved(*decoder, Unfinished::included);
            for (std::size_t i = 0; i < whole.size(); ++i) {
                EXPECT_FALSE(protocol.make()->restore(ByteView(whole).first(i)));
                for (const std::byte value : {std::byte{0x00}, std::byte{0x01}, std::byte{0x7F}, std::byte{0xFF}}) {
                    Bytes damaged = whole;
                    damaged[i] = value;
                    const auto other = protocol.make();
                    refused += other->restore(damaged) ? 0 : 1;
                    (void)stream_intake(*other, protocol.text, 0, kLimits);
                }
            }
            Bytes longer = whole;
            longer.push_back(std::byte{0});
            EXPECT_FALSE(protocol.make()->restore(longer));
        }
    }
    EXPECT_GT(refused, 1000U);
}

TEST(SavedStream, RefusedLeavesTheDecoderAsItWas) {
    for (const Protocol& protocol : protocols()) {
        const auto decoder = protocol.make();
        const auto take = [&](const IntakeContext& context, Bytes& into, IntakeCounts& counts) {
            decoder->take(protocol.text.substr(0, protocol.text.size() - 2), context, into, counts);
        };
        (void)intake(take, kLimits);
        const Bytes before = saved(*decoder, Unfinished::included);
        EXPECT_FALSE(decoder->restore(as_bytes("not what save() writes")));
        EXPECT_EQ(saved(*decoder, Unfinished::included), before);
    }
}

// A length that is not checked would be allocated; a state that cannot be would be read past its end.
TEST(SavedStream, LengthsAndStatesAreChecked) {
    Bytes huge;
    append_int(huge, std::uint32_t{0xFFFF'FFFF});
    EXPECT_EQ(JsonLinesDecoder(json_reader()).restore(huge).error().code(), Errc::too_large);
    const auto syslog = [](std::uint8_t state, std::uint32_t left, std::string_view begun) {
        Bytes bytes;
        append_int(bytes, state);
        append_int(bytes, std::uint8_t{0});
        append_int(bytes, left);
        append_str(bytes, begun);
        append_str(bytes, {});
        append_int(bytes, std::uint8_t{0});
        return SyslogStreamDecoder().restore(bytes);
    };
    EXPECT_TRUE(syslog(0, 0, "12 <3"));
    EXPECT_FALSE(syslog(0, 0, "x"));
    EXPECT_FALSE(syslog(0, 0, "12 <34>"));
    EXPECT_FALSE(syslog(1, 0, "12"));
    EXPECT_TRUE(syslog(3, 0, "\n<1"));
    EXPECT_FALSE(syslog(3, 0, ""));
    EXPECT_FALSE(syslog(3, 0, "\nx"));
    EXPECT_TRUE(syslog(4, 7, ""));
    EXPECT_FALSE(syslog(4, 0, ""));
    EXPECT_FALSE(syslog(1, 7, ""));
    EXPECT_FALSE(syslog(4, 100'000'000, ""));
    EXPECT_FALSE(syslog(6, 0, ""));
}

}  // namespace
}  // namespace sluice::wire
