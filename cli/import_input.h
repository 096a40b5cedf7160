// What `sluice import` reads, and how.
#pragma once

#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/import.h"

namespace sluice::cli {

inline constexpr std::size_t kImportReadBytes = 512U << 10U;

struct ImportCommandOptions {
    std::string format = "auto";
    std::string time_pattern;
    std::string zone;
    bool keep_time = false;
    std::string stream;
    std::string severity = "info";
    std::string level = "written";
    bool wait = false;
    bool dry_run = false;
    bool force = false;
    std::string time_field;
    std::string level_field;
    std::string message_field;
    std::vector<std::string> files;
};

struct ImportPlan {
    wire::ImportOptions import;
    std::optional<wire::ImportFormat> format;  // None: seen in each file.
    wire::AckLevel level = wire::AckLevel::written;
    bool force = false;
};

// Errors: invalid_argument, about the command line.  A zone with a name becomes that of the process.
Result<ImportPlan> plan_import(const ImportCommandOptions& options);

// One input; standard input is not closed.
class ImportFile {
 public:
    explicit ImportFile(const std::string& path) : path_(path), fd_(path == "-" ? STDIN_FILENO : -1) {}
    ~ImportFile() {
        if (fd_ > STDIN_FILENO) {
            ::close(fd_);
        }
    }
    ImportFile(const ImportFile&) = delete;
    ImportFile& operator=(const ImportFile&) = delete;

    Result<void> open();
    int fd() const noexcept { return fd_; }
    const std::string& path() const noexcept { return path_; }

 private:
    std::string path_;
    int fd_;
};

// The importer for a file that begins so.  Errors, unless forced: what it is not.
Result<std::unique_ptr<wire::Importer>> importer_for(std::string_view start, const ImportPlan& plan);

void add_counts(wire::ImportCounts& to, const wire::ImportCounts& counts);
// A line for each that is not 0.
void print_count(std::uint64_t count, std::string_view what);
void print_counts(const wire::ImportCounts& counts);

// Makes the records, shows the first of each file, and stores nothing.  Returns the exit code.
int dry_run(const ImportPlan& plan, const std::vector<std::string>& files);

}  // namespace sluice::cli
