// Names that journal_writer.cpp and journal_reader.cpp agree on.
#pragma once

#include <string>
#include <string_view>

#include "wire/record.h"

namespace sluice::wire {

inline constexpr std::string_view kRealtimeName = "__REALTIME_TIMESTAMP";
inline constexpr std::string_view kPriorityName = "PRIORITY";
inline constexpr std::string_view kIdentifierName = "SYSLOG_IDENTIFIER";
inline constexpr std::string_view kMessageName = "MESSAGE";
inline constexpr std::string_view kOwnPrefix = "SLUICE_";
inline constexpr std::string_view kFieldsName = "SLUICE_FIELDS";
inline constexpr std::string_view kStreamName = "SLUICE_STREAM";
inline constexpr std::string_view kTimeName = "SLUICE_TIME_NS";
inline constexpr std::string_view kOriginName = "SLUICE_ORIGIN";
inline constexpr std::string_view kFieldPrefix = "FIELD_";
inline constexpr std::string_view kTypeLetters = "syifb";  // By FieldType.
inline constexpr char kOddFloatLetter = 'x';

// The journal's name of a client's field.
std::string journal_name(std::string_view name);

// Not a number, and not the one whose text reads back equal.
bool is_odd_float(const FieldView& field) noexcept;

}  // namespace sluice::wire
