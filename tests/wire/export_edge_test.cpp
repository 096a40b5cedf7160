// The journal's export format as it is written, at the edges of names, times and values.
#include <gtest/gtest.h>

#include <bit>
#include <functional>
#include <limits>

#include "wire/journal_export.h"
#include "wire/journal_names.h"

namespace sluice::wire {
namespace {

using namespace std::literals;

std::string journal_entry(Severity severity, std::string_view stream, WallNs time, std::string_view message,
                          const std::function<void(RecordBuilder&)>& more = {}, std::uint16_t flags = 0) {
    Bytes bytes;
    RecordBuilder record(bytes);
    record.begin(severity, stream, time).message(message);
    if (more) {
        more(record);
    }
    EXPECT_TRUE(record.finish());
    std::string text = "x";
    append_journal_entry(text, {1, 0, flags, {}, RecordView::unchecked(bytes.data())});
    return text.substr(1);
}

TEST(JournalExportEdges, TimesAreMicrosecondsAndAtLeastOne) {
    const auto times = [](WallNs time) {
        const std::string text = journal_entry(Severity::info, "s", time, "m");
        const std::size_t exact = text.find("SLUICE_TIME_NS=");
        return text.substr(21, text.find('\n') - 21) +
               (exact == text.npos ? "" : " " + text.substr(exact + 15, text.find('\n', exact) - exact - 15));
    };
    EXPECT_EQ(times(1'000), "1");
    EXPECT_EQ(times(1'001), "1 1001");
    EXPECT_EQ(times(999), "1 999");
    EXPECT_EQ(times(0), "1 0");
    EXPECT_EQ(times(-5'000), "1 -5000");
    EXPECT_EQ(times(2'000'000), "2000");
}

TEST(JournalExportEdges, OriginAndUnnamedStreamAreTold) {
    EXPECT_EQ(
        journal_entry(Severity::debug, "", 1'000, "m", {}, kBatchByDaemon),
        "__REALTIME_TIMESTAMP=1\nPRIORITY=7\nSYSLOG_IDENTIFIER=default\nMESSAGE=m\nSLUICE_FIELDS=\nSLUICE_STREAM=\n"
        "SLUICE_ORIGIN=daemon\n\n");
    EXPECT_EQ(journal_entry(Severity::emerg, "default", 1'000, "m", {}, kBatchComputed),
              "__REALTIME_TIMESTAMP=1\nPRIORITY=0\nSYSLOG_IDENTIFIER=default\nMESSAGE=m\nSLUICE_FIELDS=\n\n");
}

TEST(JournalExportEdges, EveryByteIsTextOrBinary) {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string text = journal_entry(Severity::info, "s", 1'000, std::string(1, static_cast<char>(byte)));
        const bool plain = byte == '\t' || (byte >= 0x20 && byte < 0x7F);
        EXPECT_EQ(text.find("MESSAGE=") != text.npos, plain) << byte;
        EXPECT_EQ(text.find("MESSAGE\n\x01\0\0\0\0\0\0\0"s) != text.npos, !plain) << byte;
    }
    EXPECT_NE(journal_entry(Severity::info, "s", 1'000, "\u00e9").find("MESSAGE=\u00e9\n"), std::string::npos);
}

TEST(JournalExportEdges, NamesAreTheJournals) {
    EXPECT_EQ(journal_name("azAZ09"), "AZAZ09");
    EXPECT_EQ(journal_name("a.b-c_d e"), "A_B_C_D_E");
    for (int byte = 0x20; byte < 256; ++byte) {
        const auto c = static_cast<char>(byte);
        const bool kept = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        const char expected = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : kept ? c : '_';
        EXPECT_EQ(journal_name(std::string("x") + c), std::string("X") + expected) << byte;
    }
    for (const auto& [name, journal] :
         {std::pair{"1a", "FIELD_1A"}, std::pair{"_a", "FIELD__A"}, std::pair{"", "FIELD_"},
          std::pair{"message", "FIELD_MESSAGE"}, std::pair{"priority", "FIELD_PRIORITY"},
          std::pair{"syslog_identifier", "FIELD_SYSLOG_IDENTIFIER"}, std::pair{"sluice_x", "FIELD_SLUICE_X"},
          std::pair{"sluice", "SLUICE"}, std::pair{"messages", "MESSAGES"}, std::pair{"a", "A"}, std::pair{"z", "Z"}}) {
        EXPECT_EQ(journal_name(name), journal);
    }
    EXPECT_EQ(journal_name(std::string(64, 'a')), std::string(64, 'A'));
    EXPECT_EQ(journal_name(std::string(65, 'a')), std::string(64, 'A'));
    EXPECT_EQ(journal_name("_" + std::string(80, 'a')), "FIELD__" + std::string(57, 'A'));
}

TEST(JournalExportEdges, OddFloatsAreTheirBits) {
    const auto value = [](double number) {
        const std::string text =
            journal_entry(Severity::info, "s", 1'000, "m", [&](RecordBuilder& r) { r.field("v", number); });
        const std::size_t layout = text.find("SLUICE_FIELDS=") + 14;
        const std::size_t at = text.find("\nV=") + 3;
        return text.substr(layout, 3) + " " + text.substr(at, text.find('\n', at) - at);
    };
    EXPECT_EQ(value(1), "f:v 1");
    EXPECT_EQ(value(std::numeric_limits<double>::infinity()), "f:v inf");
    EXPECT_EQ(value(std::bit_cast<double>(0x7FF8'0000'0000'0000)), "f:v nan");
    EXPECT_EQ(value(std::bit_cast<double>(0x7FF8'0000'0000'0001)), "x:v 7ff8000000000001");
    EXPECT_EQ(value(std::bit_cast<double>(0xFFF8'0000'0000'0000)), "x:v fff8000000000000");
}

}  // namespace
}  // namespace sluice::wire
