#include "cli/import_input.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "cli/console.h"
#include "cli/context.h"
#include "cli/text.h"
#include "wire/escape.h"
#include "wire/json.h"

namespace sluice::cli {
namespace {

// "Z", "+01:00", or the name of a zone, which becomes the one of this process.
Result<void> set_zone(const std::string& name, wire::TextPattern::Options& options) {
    if (const auto seconds = wire::TextPattern::parse_zone(name)) {
        options.zone_seconds = *seconds;
        return {};
    }
    const char* const directory = std::getenv("TZDIR");
    const std::string path =
        fmt::format("{}/{}", directory != nullptr && *directory != '\0' ? directory : "/usr/share/zoneinfo", name);
    struct stat found{};
    if (name.starts_with('/') || name.find("..") != std::string::npos || ::stat(path.c_str(), &found) != 0 ||
        !S_ISREG(found.st_mode)) {
        return fail(Errc::invalid_argument, "{} is not a zone; use Z, +01:00, -0530, or a name such as Europe/Berlin",
                    wire::quoted(name));
    }
    ::setenv("TZ", name.c_str(), 1);
    ::tzset();
    options.local = true;
    return {};
}

// Compressed bytes would be taken for text, line by line.
Result<void> refuse_compressed(std::string_view start) {
    const auto refuse = [](std::string_view what, std::string_view tool) {
        return fail(Errc::unsupported, "it is compressed ({}); use '{} FILE | sluice import'", what, tool);
    };
    if (start.starts_with("\x28\xB5\x2F\xFD")) {
        return refuse("zstd", "zstdcat");
    }
    if (start.starts_with("\x1F\x8B")) {
        return refuse("gzip", "zcat");
    }
    return start.starts_with(
               "\xFD"
               "7zXZ")
               ? refuse("xz", "xzcat")
               : Result<void>{};
}

class DryRun {
 public:
    explicit DryRun(const ImportPlan& plan) : plan_(plan) {}

    int run(const std::vector<std::string>& files) {
        int exit_code = kExitDone;
        for (const std::string& file : files) {
            if (const auto read = read_file(file); !read) {
                exit_code = report("import", Error(read.error()).during("{}", wire::quoted(file)));
            }
        }
        fmt::print("{} records; nothing is stored\n", counts_.records);
        print_counts(counts_);
        return exit_code;
    }

 private:
    static constexpr std::size_t kShown = 3;

    Result<void> read_file(const std::string& path) {
        ImportFile input(path);
        SLUICE_CHECK(input.open());
        std::unique_ptr<wire::Importer> importer;
        Bytes buffer(kImportReadBytes);
        std::size_t shown = 0;
        for (;;) {
            SLUICE_TRY(const std::size_t received, read_some(input.fd(), buffer));
            const std::string_view text = as_text({buffer.data(), received});
            if (!importer && received > 0) {
                SLUICE_TRY(importer, importer_for(text, plan_));
            }
            Bytes records;
            if (importer && received > 0) {
                importer->take(text, records);
            } else if (importer) {
                importer->finish(records);
            }
            for (ByteView rest = records; !rest.empty() && shown < kShown; ++shown) {
                const wire::RecordView record = wire::RecordView::unchecked(rest.data());
                std::string line;
                wire::append_json_record(line, record);
                fmt::print("{}\n", line);
                rest = rest.subspan(wire::RecordCodec::size(rest.data()));
            }
            if (received == 0) {
                break;
            }
        }
        if (importer) {
            add_counts(counts_, importer->counts());
        }
        return {};
    }

    const ImportPlan& plan_;
    wire::ImportCounts counts_;
};

}  // namespace

Result<ImportPlan> plan_import(const ImportCommandOptions& options) {
    ImportPlan parsed;
    SLUICE_TRY(parsed.level, parse_level(options.level));
    SLUICE_TRY(parsed.import.severity, parse_severity(options.severity));
    if (!wire::valid_stream_name(options.stream)) {
        return fail(Errc::invalid_argument, "a stream name has 1 to 255 letters, digits and ._/@:- and {} has not",
                    wire::quoted(options.stream));
    }
    parsed.import.stream = options.stream;
    parsed.import.time = options.keep_time ? wire::ImportOptions::Time::keep : wire::ImportOptions::Time::cut;
    if (options.format == "json") {
        parsed.format = wire::ImportFormat::json;
    } else if (options.format == "journal") {
        parsed.format = wire::ImportFormat::journal;
    } else if (options.format == "text" || !options.time_pattern.empty()) {
        parsed.format = wire::ImportFormat::text;
    }
    parsed.force = options.force;
    parsed.import.time_key = options.time_field;
    parsed.import.severity_key = options.level_field;
    parsed.import.message_key = options.message_field;
    const bool keys = !options.time_field.empty() || !options.level_field.empty() || !options.message_field.empty();
    if (keys && parsed.format && parsed.format != wire::ImportFormat::json) {
        return fail(Errc::invalid_argument, "--time-field, --level-field and --message-field are for JSON");
    }
    if (options.time_pattern.empty()) {
        if (!options.zone.empty() || options.keep_time) {
            return fail(Errc::invalid_argument, "--zone and --keep-time need --time-pattern");
        }
        return parsed;
    }
    if (parsed.format != wire::ImportFormat::text) {
        return fail(Errc::invalid_argument, "--time-pattern is for text");
    }
    wire::TextPattern::Options times{.now = SystemClock().wall_now()};
    SLUICE_CHECK(set_zone(options.zone.empty() ? "Z" : options.zone, times));
    auto pattern = wire::TextPattern::compile(options.time_pattern, times);
    if (!pattern) {
        return std::unexpected(std::move(pattern).error().during("--time-pattern"));
    }
    parsed.import.pattern = std::move(*pattern);
    return parsed;
}

Result<void> ImportFile::open() {
    if (fd_ < 0) {
        fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    }
    return fd_ >= 0 ? Result<void>{} : fail_errno(errno, "open {}", wire::quoted(path_));
}

Result<std::unique_ptr<wire::Importer>> importer_for(std::string_view start, const ImportPlan& plan) {
    if (!plan.force) {
        SLUICE_CHECK(refuse_compressed(start));
        if (const std::string doubt = wire::import_doubt(start, plan.format); !doubt.empty()) {
            return fail(Errc::invalid_argument, "it {}; --force stores it all the same", doubt);
        }
    }
    return wire::make_importer(plan.format.value_or(wire::detect_import_format(start)), plan.import);
}

void add_counts(wire::ImportCounts& to, const wire::ImportCounts& counts) {
    to.records += counts.records;
    to.not_understood += counts.not_understood;
    to.mended += counts.mended;
    to.untimed += counts.untimed;
    to.joined += counts.joined;
    to.split += counts.split;
    to.left_out += counts.left_out;
}

void print_count(std::uint64_t count, std::string_view what) {
    if (count > 0) {
        fmt::print("  {} {}\n", count, what);
    }
}

void print_counts(const wire::ImportCounts& counts) {
    print_count(counts.not_understood, "lines were not understood and are kept whole as messages");
    print_count(counts.mended, "lines have a value that was mended: parse_error says which");
    print_count(counts.untimed, "lines before the first with a time");
    print_count(counts.joined, "lines continue the record before");
    print_count(counts.split, "messages were too long for one record: line_part numbers the parts");
    print_count(counts.left_out, "values were too long: cut or left out");
}

int dry_run(const ImportPlan& plan, const std::vector<std::string>& files) {
    return DryRun(plan).run(files);
}

}  // namespace sluice::cli
