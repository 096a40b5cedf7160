// sluice-part: what sealed parts make of a file of log lines.  Builds parts of --rows records from JSON lines (anything
// else becomes a message), merges them to parts of --merge records, reads everything back, compares it byte for byte,
// and prints sizes by column and rates.
#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <numeric>

#include "args/program.h"
#include "base/format.h"
#include "part/merge.h"
#include "part/part_impl.h"
#include "wire/json.h"

namespace {

using namespace sluice;
using Parts = std::vector<std::shared_ptr<const part::Part>>;

constexpr std::uint32_t kBatchRows = 512;  // Share a receive time and trusted fields, as from one client.

struct Options {
    std::vector<std::string> files;
    std::uint32_t rows = 65536;
    std::uint32_t merge_rows = 262144;
    int level = 3;
    int merge_level = 9;
    bool columns = false;
};

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// What went wrong ends the run: it is a benchmark.
template <class T>
T need(Result<T> result) {
    if (!result) {
        fmt::print(stderr, "sluice-part: {}\n", result.error());
        std::exit(1);
    }
    if constexpr (!std::is_void_v<T>) {
        return *std::move(result);
    }
}

class Input {
 public:
    explicit Input(const std::string& path) : in_(path == "-" ? &std::cin : &file_) {
        if (path != "-") {
            file_.open(path, std::ios::binary);
        }
        if (!*in_) {
            fmt::print(stderr, "sluice-part: cannot read '{}'\n", path);
            std::exit(1);
        }
        trusted_.int_field("_pid", 4711).int_field("_uid", 1000).int_field("_gid", 1000).string_field("_comm", "bench");
    }

    // Appends up to `rows` encoded entries.
    std::uint32_t read(std::uint32_t rows, Bytes& entries) {
        std::string line;
        std::uint32_t n = 0;
        while (n < rows && std::getline(*in_, line)) {
            bytes_ += line.size() + 1;
            record_.clear();
            need(reader_.append_record(line, {.time_ns = time_}, record_));
            const auto record = wire::RecordView::unchecked(record_.data());
            if (sequence_ % kBatchRows == 1) {
                time_ = std::max(time_, record.time_ns() + 1'000'000);
            }
            wire::append_tail_entry(entries, {sequence_++, time_, 0, trusted_.fields(), record});
            ++n;
        }
        return n;
    }
    std::uint64_t bytes() const { return bytes_; }

 private:
    std::ifstream file_;
    std::istream* in_;
    wire::JsonReader reader_;
    wire::FieldBlock trusted_;
    Bytes record_;
    std::uint64_t sequence_ = 1;
    std::uint64_t bytes_ = 0;
    WallNs time_ = 1'700'000'000'000'000'000;
};

Bytes entries_of(const part::Part& part) {
    Bytes all;
    for (std::uint32_t page = 0; page < part.pages(); ++page) {
        std::vector<std::uint16_t> rows(part.page_rows(page));
        std::iota(rows.begin(), rows.end(), std::uint16_t{0});
        need(part.append_entries(page, rows, all));
    }
    return all;
}

struct Total {
    std::uint64_t bytes = 0;
    double cpu = 0;
};

void print_columns(const Parts& parts) {
    constexpr std::array kFixed{"(sequence)", "(epoch)",    "(receive)", "(time)",
                                "(flags)",    "(severity)", "(stream)",  "(message)"};
    constexpr std::array kEncodings{"constant", "dictionary", "integer", "floating", "text", "templates"};
    struct Sum {
        std::uint64_t values = 0;
        part::Part::ColumnBytes bytes{};
        std::map<std::string_view, int> encodings;
    };
    std::map<std::string, Sum> sums;
    Sum rest;
    for (const auto& one : parts) {
        std::uint64_t in_columns = 0;
        for (std::uint32_t i = 0; i < one->columns().size(); ++i) {
            const part::ColumnInfo& info = one->columns()[i];
            Sum& sum = sums[i < part::kFixedColumns ? std::string(kFixed[i]) : info.name];
            const part::Part::ColumnBytes bytes = one->column_bytes(i);
            sum.values += info.values;
            sum.bytes.values += bytes.values;
            sum.bytes.dictionary += bytes.dictionary;
            sum.bytes.filter += bytes.filter;
            ++sum.encodings[kEncodings[static_cast<std::size_t>(info.encoding)]];
            in_columns += bytes.values + bytes.dictionary + bytes.filter;
        }
        rest.bytes.values += one->file_bytes() - in_columns;
    }
    std::vector<std::pair<std::string, Sum>> order(sums.begin(), sums.end());
    order.emplace_back("schemas and tables", rest);
    std::ranges::sort(order, std::greater{}, [](const auto& entry) {
        return entry.second.bytes.values + entry.second.bytes.dictionary + entry.second.bytes.filter;
    });
    fmt::print("{:>10} {:>10} {:>9} {:>10}  column\n", "values", "dictionary", "filter", "rows");
    for (std::size_t i = 0; i < std::min<std::size_t>(order.size(), 40); ++i) {
        const auto& [name, sum] = order[i];
        fmt::print("{:>10} {:>10} {:>9} {:>10}  {}", sum.bytes.values, sum.bytes.dictionary, sum.bytes.filter,
                   sum.values, name);
        for (const auto& [encoding, parts_with] : sum.encodings) {
            fmt::print(" {}:{}", encoding, parts_with);
        }
        fmt::print("\n");
    }
}

std::shared_ptr<const part::Part> open(Bytes image) {
    static const auto cache = std::make_shared<part::Cache>(std::size_t{64} << 20U);
    return need(part::Part::open(std::make_shared<part::MemorySource>(std::move(image)), cache));
}

// What a cold reader pays, in CPU time: medians are for others, this shows the order of magnitude.
void print_reads(const Parts& parts) {
    double opened = 0;
    double newest = 0;
    double messages = 0;
    std::uint64_t rows = 0;
    for (const auto& one : parts) {
        Bytes image(one->file_bytes());
        need(one->impl().source->read(0, image));
        const auto source = std::make_shared<part::MemorySource>(std::move(image));
        double start = cpu_seconds();
        const auto part = need(part::Part::open(source, std::make_shared<part::Cache>(std::size_t{64} << 20U)));
        opened += cpu_seconds() - start;
        start = cpu_seconds();
        const std::uint32_t last = part->pages() - 1;
        std::vector<std::uint16_t> wanted;
        for (std::uint32_t row = part->page_rows(last) - std::min(part->page_rows(last), 100U);
             row < part->page_rows(last); ++row) {
            wanted.push_back(static_cast<std::uint16_t>(row));
        }
        Bytes entries;
        need(part->append_entries(last, wanted, entries));
        newest += cpu_seconds() - start;
        start = cpu_seconds();
        for (std::uint32_t page = 0; page < part->pages(); ++page) {
            rows += need(part->page(part::Part::fixed(part::ColumnKind::message), page))->size();
        }
        messages += cpu_seconds() - start;
    }
    const double n = static_cast<double>(parts.size());
    fmt::print("read: open {:.0f} us, newest 100 rows {:.0f} us a part; messages {:.0f} ns a row\n", opened / n * 1e6,
               newest / n * 1e6, messages / static_cast<double>(rows) * 1e9);
}

void run(const std::string& path, const Options& options) {
    Input input(path);
    Parts parts;
    std::uint64_t rows = 0;
    Total sealed;
    for (;;) {
        Bytes entries;
        const std::uint32_t n = input.read(options.rows, entries);
        if (n == 0) {
            break;
        }
        const double start = cpu_seconds();
        part::Builder builder({.zstd_level = options.level});
        for (const wire::TailEntry entry : wire::TailEntryRange(entries, n)) {
            builder.add({entry, 1});
        }
        Bytes image = need(builder.finish());
        sealed.cpu += cpu_seconds() - start;
        sealed.bytes += image.size();
        parts.push_back(open(std::move(image)));
        rows += n;
        if (entries_of(*parts.back()) != entries) {
            fmt::print(stderr, "sluice-part: {}: rows differ after the round trip\n", path);
            std::exit(1);
        }
    }
    fmt::print("{}: {} records, {} bytes\n", path, rows, input.bytes());
    fmt::print("sealed, {} rows a part, level {}: {} bytes, {:.0f} records/s of CPU\n", options.rows, options.level,
               sealed.bytes, static_cast<double>(rows) / sealed.cpu);
    if (options.columns) {
        print_columns(parts);
    }
    Total merged;
    Parts larger;
    const std::size_t each = std::max<std::size_t>(options.merge_rows / options.rows, 1);
    for (std::size_t first = 0; first < parts.size(); first += each) {
        const auto group = std::span(parts).subspan(first, std::min(each, parts.size() - first));
        const double start = cpu_seconds();
        larger.push_back(open(need(part::merge(group, {.zstd_level = options.merge_level}))));
        merged.cpu += cpu_seconds() - start;
        merged.bytes += larger.back()->file_bytes();
        Bytes before;
        for (const auto& one : group) {
            append(before, entries_of(*one));
        }
        if (entries_of(*larger.back()) != before) {
            fmt::print(stderr, "sluice-part: {}: rows differ after the merge\n", path);
            std::exit(1);
        }
    }
    fmt::print("merged, {} rows a part, level {}: {} bytes, {:.0f} records/s of CPU\n", options.merge_rows,
               options.merge_level, merged.bytes, static_cast<double>(rows) / merged.cpu);
    if (options.columns) {
        print_columns(larger);
    }
    print_reads(larger);
    double verify = cpu_seconds();
    for (const auto& one : larger) {
        need(one->verify());
    }
    verify = cpu_seconds() - verify;
    fmt::print("verified: {:.0f} records/s of CPU\n", static_cast<double>(rows) / verify);
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    args::Program program("Builds, merges, reads and verifies parts from log files; prints sizes and rates.");
    program.option("file", options.files, "JSON lines or text; '-' is standard input").required();
    program.option("--rows", options.rows, "rows of a sealed part").range(1U, 1U << 22U);
    program.option("--merge", options.merge_rows, "rows of a merged part").range(1U, 1U << 24U);
    program.option("--level", options.level, "zstd level of sealed parts").range(1, 19);
    program.option("--merge-level", options.merge_level, "zstd level of merged parts").range(1, 19);
    program.flag("--columns", options.columns, "sizes by column");
    if (const auto ended = program.parse(argc, argv)) {
        return ended->print();
    }
    for (const std::string& file : options.files) {
        run(file, options);
    }
    return 0;
}
