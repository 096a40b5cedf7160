// A day of a shop: access, application, kernel and database logs of 17 services.  The same seed and number of records
// give the same bytes, always.
//   - Arrivals at random (exponential gaps), most at 14:00 and fewest at 02:00, over 24 hours however many records.
//   - Client addresses, hosts and small numbers by Zipf; 64 traces alive at a time, of about 8 records each; numbers
//     and ids that were there before in 40 of 100 cases.
//   - Bursts of 30 to 230 errors of one service on one host; about 5 % of all records are errors.
//   - Planted: 25 records with kNeedlePhrase per million (at least one), 8 records of one trace.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "generate/draw.h"
#include "generate/templates.h"

namespace sluice::bench {

struct GeneratedRecord {
    std::int64_t time_us = 0;  // Since 1970.
    Level level = Level::info;
    std::string_view service;
    std::string_view host;
    std::string_view region;
    std::uint32_t pid = 0;
    std::string version;
    std::string trace_id;  // Empty: none.
    std::string message;
    // Of an access; method is empty otherwise.
    std::string_view client_ip;
    std::string_view method;
    std::string path;
    std::uint32_t status = 0;
    std::uint64_t bytes = 0;
    std::uint64_t duration_us = 0;
    std::string_view agent;
};

struct GeneratorOptions {
    std::uint64_t records = 1'000'000;
    std::uint64_t seed = 1;
    std::int64_t start_us = 1'772'323'200'000'000;  // 2026-03-01T00:00:00Z
};

class Generator {
 public:
    explicit Generator(const GeneratorOptions& options);
    ~Generator();
    Generator(const Generator&) = delete;
    Generator& operator=(const Generator&) = delete;

    // The next record, valid until the next call; null at the end.
    const GeneratedRecord* next();
    const std::string& needle_trace() const noexcept;

 private:
    struct World;
    void advance_time();
    void begin_burst();
    void fill_message(const MessageTemplate& chosen);
    void fill_access();
    void fill_trace();
    const MessageTemplate& choose(const Service& service);

    GeneratorOptions options_;
    Random random_;
    std::unique_ptr<World> world_;
    GeneratedRecord record_;
    std::uint64_t made_ = 0;
    std::uint64_t time_ns_ = 0;  // Since the start.
    std::uint32_t burst_left_ = 0;
    std::size_t burst_service_ = 0;
    std::size_t burst_host_ = 0;
    std::size_t burst_template_ = 0;
};

// A line without its line end / an entry of the journal's export format.
void append_json(std::string& to, const GeneratedRecord& record);
void append_journal(std::string& to, const GeneratedRecord& record);

// What the queries of the comparison must find: counted here, so that each engine can be checked.
class Facts {
 public:
    Facts(const GeneratorOptions& options, std::string needle_trace);
    void add(const GeneratedRecord& record);
    std::string json() const;

 private:
    GeneratorOptions options_;
    std::string needle_trace_;
    std::int64_t newest_us_ = 0;
    std::uint64_t records_ = 0;
    std::uint64_t errors_ = 0;
    std::uint64_t trace_ = 0;
    std::uint64_t needles_ = 0;
    std::uint64_t window_ = 0;
    std::uint64_t combined_ = 0;
    std::uint64_t regex_ = 0;
    std::map<std::string, std::uint64_t, std::less<>> services_;
    std::map<std::string, std::uint64_t, std::less<>> addresses_;
};

std::string_view level_name(Level level) noexcept;

}  // namespace sluice::bench
