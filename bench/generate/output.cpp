// Generated records as JSON lines and as the journal's export format, and the facts about them.
#include <fmt/chrono.h>

#include <chrono>
#include <iterator>

#include "base/format.h"
#include "generate/generator.h"

namespace sluice::bench {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kHourUs = 3600 * kSecondUs;
// Where the day is busiest.
constexpr std::int64_t kWindowUs = 14 * kHourUs;
constexpr std::int64_t kWindowLengthUs = 600 * kSecondUs;

std::string time_text(std::int64_t time_us) {
    const std::chrono::sys_seconds seconds{std::chrono::seconds(time_us / kSecondUs)};
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", seconds, time_us % kSecondUs);
}

void append_quoted(std::string& to, std::string_view text) {
    to += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            to += '\\';
        }
        to += c;  // Templates have no control characters.
    }
    to += '"';
}

int priority_of(Level level) noexcept {
    constexpr std::array kPriorities{7, 6, 5, 4, 3, 2};
    return kPriorities[static_cast<std::size_t>(level)];
}

std::string ranking(const std::map<std::string, std::uint64_t, std::less<>>& counts) {
    std::vector<std::pair<std::uint64_t, std::string_view>> sorted;
    for (const auto& [name, count] : counts) {
        sorted.emplace_back(count, name);
    }
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    sorted.resize(std::min<std::size_t>(sorted.size(), 10));
    std::string text;
    for (const auto& [count, name] : sorted) {
        text += fmt::format("{}[\"{}\", {}]", text.empty() ? "" : ", ", name, count);
    }
    return "[" + text + "]";
}

}  // namespace

std::string_view level_name(Level level) noexcept {
    constexpr std::array<std::string_view, 6> kLevelNames{"debug", "info", "notice", "warn", "error", "crit"};
    return kLevelNames[static_cast<std::size_t>(level)];
}

void append_json(std::string& to, const GeneratedRecord& record) {
    fmt::format_to(std::back_inserter(to),
                   R"({{"time":"{}","level":"{}","service":"{}","host":"{}","region":"{}","version":"{}","pid":{})",
                   time_text(record.time_us), level_name(record.level), record.service, record.host, record.region,
                   record.version, record.pid);
    if (!record.trace_id.empty()) {
        fmt::format_to(std::back_inserter(to), R"(,"trace_id":"{}")", record.trace_id);
    }
    to += R"(,"msg":)";
    append_quoted(to, record.message);
    if (!record.method.empty()) {
        fmt::format_to(std::back_inserter(to), R"(,"client_ip":"{}","method":"{}","path":)", record.client_ip,
                       record.method);
        append_quoted(to, record.path);
        fmt::format_to(std::back_inserter(to), R"(,"status":{},"bytes":{},"duration_ms":{}.{:03},"agent":)",
                       record.status, record.bytes, record.duration_us / 1000, record.duration_us % 1000);
        append_quoted(to, record.agent);
    }
    to += '}';
}

void append_journal(std::string& to, const GeneratedRecord& record) {
    fmt::format_to(std::back_inserter(to),
                   "__REALTIME_TIMESTAMP={}\nPRIORITY={}\nSYSLOG_IDENTIFIER={}\nSERVICE={}\nHOST={}\nREGION={}\n"
                   "VERSION={}\nPID={}\nMESSAGE={}\n",
                   record.time_us, priority_of(record.level), record.service, record.service, record.host,
                   record.region, record.version, record.pid, record.message);
    if (!record.trace_id.empty()) {
        fmt::format_to(std::back_inserter(to), "TRACE_ID={}\n", record.trace_id);
    }
    if (!record.method.empty()) {
        fmt::format_to(
            std::back_inserter(to),
            "CLIENT_IP={}\nMETHOD={}\nREQUEST_PATH={}\nSTATUS={}\nBYTES={}\nDURATION_MS={}.{:03}\nAGENT={}\n",
            record.client_ip, record.method, record.path, record.status, record.bytes, record.duration_us / 1000,
            record.duration_us % 1000, record.agent);
    }
    to += '\n';
}

Facts::Facts(const GeneratorOptions& options, std::string needle_trace)
    : options_(options), needle_trace_(std::move(needle_trace)) {}

void Facts::add(const GeneratedRecord& record) {
    const std::int64_t in_day = record.time_us - options_.start_us;
    ++records_;
    newest_us_ = record.time_us;
    errors_ += record.level == Level::error ? 1 : 0;
    trace_ += record.trace_id == needle_trace_ ? 1 : 0;
    needles_ += record.message.starts_with(kNeedlePhrase) ? 1 : 0;
    window_ += in_day >= kWindowUs && in_day < kWindowUs + kWindowLengthUs ? 1 : 0;
    combined_ += in_day >= kWindowUs && in_day < kWindowUs + kHourUs && record.level == Level::error &&
                         record.service == kBurstService && record.message.find(kBurstPhrase) != std::string::npos
                     ? 1
                     : 0;
    regex_ += record.message.starts_with("quota ") ? 1 : 0;
    ++services_[std::string(record.service)];
    if (!record.client_ip.empty()) {
        ++addresses_[std::string(record.client_ip)];
    }
}

std::string Facts::json() const {
    return fmt::format(
        R"({{"records": {}, "errors": {}, "trace_id": "{}", "trace_rows": {}, "absent_trace_id": "{}",
"phrase": "{}", "phrase_rows": {}, "absent_phrase": "{}", "absent_word": "{}",
"window": ["{}", "{}"], "window_rows": {}, "hour": ["{}", "{}"],
"combined": {{"service": "{}", "phrase": "{}"}}, "combined_rows": {},
"regex": {}, "regex_rows": {}, "newest": "{}", "services": {}, "client_ips": {}, "templates": {}}}
)",
        records_, errors_, needle_trace_, trace_, std::string(needle_trace_.rbegin(), needle_trace_.rend()),
        kNeedlePhrase, needles_, kAbsentPhrase, kAbsentWord, time_text(options_.start_us + kWindowUs),
        time_text(options_.start_us + kWindowUs + kWindowLengthUs), window_, time_text(options_.start_us + kWindowUs),
        time_text(options_.start_us + kWindowUs + kHourUs), kBurstService, kBurstPhrase, combined_,
        R"("quota \\w+ for tenant-\\d{4}")", regex_, time_text(newest_us_), ranking(services_), ranking(addresses_),
        template_count());
}

}  // namespace sluice::bench
