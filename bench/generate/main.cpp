// sluice-generate: log records for benchmarks, the same bytes for the same seed.
#include <cstdio>

#include "args/program.h"
#include "base/format.h"
#include "generate/generator.h"

namespace {

using namespace sluice::bench;

constexpr std::size_t kFlushBytes = 1U << 20U;

// Closes what it opened; standard output stays.
struct CloseFile {
    void operator()(std::FILE* file) const noexcept {
        if (file != stdout) {
            std::fclose(file);
        }
    }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

File open(const std::string& path) {
    return File(path == "-" ? stdout : std::fopen(path.c_str(), "wb"));
}

bool write(std::FILE* file, const std::string& text) {
    return std::fwrite(text.data(), 1, text.size(), file) == text.size();
}

int fail(const std::string& path) {
    std::perror(fmt::format("sluice-generate: {}", path).c_str());
    return 1;
}

int generate(const GeneratorOptions& options, const std::string& format, const std::string& path,
             const std::string& facts_path) {
    const File output = open(path);
    if (!output) {
        return fail(path);
    }
    Generator generator(options);
    Facts facts(options, generator.needle_trace());
    std::string text;
    while (const GeneratedRecord* record = generator.next()) {
        if (format == "journal") {
            append_journal(text, *record);
        } else {
            append_json(text, *record);
            text += '\n';
        }
        if (!facts_path.empty()) {
            facts.add(*record);
        }
        if (text.size() >= kFlushBytes) {
            if (!write(output.get(), text)) {
                return fail(path);
            }
            text.clear();
        }
    }
    if (!write(output.get(), text) || std::fflush(output.get()) != 0) {
        return fail(path);
    }
    if (facts_path.empty()) {
        return 0;
    }
    const File file = open(facts_path);
    return file && write(file.get(), facts.json()) && std::fflush(file.get()) == 0 ? 0 : fail(facts_path);
}

}  // namespace

int main(int argc, char** argv) {
    sluice::args::Program program(
        "Generate log records: web access, applications, kernel and database, over one day.\n"
        "The same options give the same bytes.",
        "sluice-generate");
    GeneratorOptions options;
    std::string format = "json";
    std::string path = "-";
    std::string facts;
    program.option("--records", options.records, "How many").positive().show_default();
    program.option("--seed", options.seed, "Of everything that is drawn").show_default();
    program.option("--format", format, "json (lines) or journal (systemd's export format)")
        .one_of({"json", "journal"})
        .show_default();
    program.option("--output", path, "File; '-': standard output").show_default();
    program.option("--facts", facts, "Write there, as JSON, what the queries of bench/store_compare.py must find");
    if (const auto ended = program.parse(argc, argv)) {
        return ended->print();
    }
    return generate(options, format, path, facts);
}
