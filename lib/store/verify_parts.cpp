#include "store/verify_parts.h"

#include <algorithm>
#include <charconv>

#include "part/part.h"
#include "store/mapping.h"
#include "store/offline_file.h"
#include "store/part_set.h"
#include "store/seal_state.h"

namespace sluice::store {
namespace {

// A daemon may merge and remove parts meanwhile: then it is looked at again.
constexpr unsigned kAttemptsMax = 5;
constexpr std::size_t kCacheBytes = 8U << 20U;

// "... offset 123, 456 bytes ...": where an error of part/ says it is.  Zero: it does not.
std::uint64_t number_behind(std::string_view text, std::string_view word) {
    const std::size_t at = text.find(word);
    std::uint64_t number = 0;
    if (at != std::string_view::npos) {
        std::from_chars(text.data() + at + word.size(), text.data() + text.size(), number);
    }
    return number;
}

class PartsVerifier {
 public:
    PartsVerifier(const std::string& directory, const wire::StoreId& store_id)
        : directory_(directory), store_id_(store_id), cache_(std::make_shared<part::Cache>(kCacheBytes)) {}

    // False: a file has gone meanwhile.
    Result<bool> run();
    VerifyReport& report() noexcept { return report_; }
    const SealState& state() const noexcept { return state_; }

 private:
    struct Span {
        std::uint64_t first = 0;
        std::uint64_t end = 0;
    };
    void read_state();
    Result<std::vector<PartName>> list() const;
    bool check_part(const PartName& name);
    void check_page(const part::Part& part, const std::string& file, std::uint32_t page);
    void add_sequences(const part::Part& part, std::uint32_t page);
    void check_gaps();
    void problem(const std::string& file, const Error& why, Span lost);

    const std::string& directory_;
    const wire::StoreId& store_id_;
    std::shared_ptr<part::Cache> cache_;
    VerifyReport report_;
    SealState state_;
    bool has_state_ = false;
    std::vector<Span> spans_;  // Records that are there, or whose loss is told already.
};

void PartsVerifier::problem(const std::string& file, const Error& why, Span lost) {
    report_.problems.push_back(
        {.file = file,
         .offset = number_behind(why.text(), "offset "),
         .bytes = number_behind(why.text().substr(std::min(why.text().size(), why.text().find("offset "))), ", "),
         .first_sequence = lost.first,
         .end_sequence = lost.end,
         .what = std::string(why.text())});
    if (lost.end > lost.first) {
        spans_.push_back(lost);
    }
}

void PartsVerifier::read_state() {
    const std::string name(kSealStateName);
    const Result<Mapping> mapping = Mapping::open(directory_ + "/" + name);
    if (!mapping) {
        if (mapping.error().code() != Errc::not_found) {
            problem(name, mapping.error(), {});
        }
        return;
    }
    Result<SealState> state = parse_seal_state(mapping->bytes());
    if (!state) {
        problem(name, state.error(), {});
    } else if (state->store_id != store_id_) {
        problem(name, Error(Errc::corrupt, "belongs to another store"), {});
    } else {
        state_ = *std::move(state);
        has_state_ = true;
    }
}

// Without what a crash has left, and the next start deletes.
Result<std::vector<PartName>> PartsVerifier::list() const {
    SLUICE_TRY(const std::vector<std::string> files, list_files(directory_));
    std::vector<PartName> names;
    for (const std::string& file : files) {
        const auto name = parse_part_file_name(file);
        const bool counts =
            name && !state_.has_removed(*name) && (!has_state_ || name->first_sequence < state_.sealed_end);
        if (counts) {
            names.push_back(*name);
        }
    }
    std::ranges::sort(names, {},
                      [](const PartName& name) { return std::pair(name.first_sequence, ~name.end_sequence); });
    std::vector<PartName> kept;
    for (PartName& name : names) {
        if (std::ranges::none_of(kept, [&](const PartName& other) { return other.covers(name); })) {
            kept.push_back(std::move(name));
        }
    }
    return kept;
}

void PartsVerifier::add_sequences(const part::Part& part, std::uint32_t page) {
    const auto values = part.page(kSequence, page);
    if (!values) {
        return;  // Told by verify_page().
    }
    for (const std::int64_t value : (*values)->ints) {
        const auto sequence = static_cast<std::uint64_t>(value);
        if (!spans_.empty() && spans_.back().end == sequence) {
            ++spans_.back().end;
        } else {
            spans_.push_back({sequence, sequence + 1});
        }
    }
}

void PartsVerifier::check_page(const part::Part& part, const std::string& file, std::uint32_t page) {
    const Result<> sound = part.verify_page(page);
    if (sound) {
        add_sequences(part, page);
        return;
    }
    const auto range = part.range(kSequence, page);
    problem(file, sound.error(),
            range ? Span{static_cast<std::uint64_t>(range->min), static_cast<std::uint64_t>(range->max) + 1} : Span{});
}

// False: the file has gone.
bool PartsVerifier::check_part(const PartName& name) {
    const std::string file = part_file_name(name);
    const Span whole{name.first_sequence, name.end_sequence};
    Result<OfflineFile> bytes = OfflineFile::open(directory_ + "/" + file);
    if (!bytes) {
        if (bytes.error().code() == Errc::not_found) {
            return false;
        }
        problem(file, bytes.error(), whole);
        return true;
    }
    ++report_.parts;
    report_.part_bytes += bytes->size();
    const auto opened = part::Part::open(std::make_shared<OfflinePart>(std::move(*bytes)), cache_);
    if (!opened) {
        problem(file, opened.error(), whole);
        return true;
    }
    const part::Part& part = **opened;
    const part::Summary& summary = part.summary();
    report_.part_rows += summary.rows;
    if (summary.first_sequence != name.first_sequence || summary.end_sequence != name.end_sequence) {
        problem(file, Error(Errc::corrupt, "its name does not fit the records that it holds"), {});
    }
    if (summary.store_id != store_id_) {
        problem(file, Error(Errc::corrupt, "belongs to another store"), {});
    }
    const std::size_t before = report_.problems.size();
    for (std::uint32_t page = 0; page < part.pages(); ++page) {
        check_page(part, file, page);
    }
    if (report_.problems.size() == before) {
        if (const Result<> sound = part.verify(); !sound) {  // What belongs to no page.
            problem(file, sound.error(), {});
        }
    }
    return true;
}

// From where retention has removed nothing any more, every record is in some part.
void PartsVerifier::check_gaps() {
    std::uint64_t expected = 0;
    for (const RemovedOfClass& removed : state_.removed) {
        expected = std::max(expected, removed.last_end());
    }
    std::ranges::sort(spans_, {}, &Span::first);
    if (expected == 0) {
        expected = spans_.empty() ? state_.sealed_end : spans_.front().first;
    }
    const auto report_gap = [&](std::uint64_t end) {
        if (expected < end) {
            std::string what = "no part has these records";
            if (state_.missing_rows != 0) {
                what += fmt::format("; {} were lost before they were sealed", state_.missing_rows);
            }
            report_.problems.push_back({.file = std::string(kSealStateName),
                                        .offset = 0,
                                        .first_sequence = expected,
                                        .end_sequence = end,
                                        .what = std::move(what)});
        }
    };
    for (const Span& span : spans_) {
        report_gap(span.first);
        expected = std::max(expected, span.end);
    }
    report_gap(state_.sealed_end);
}

Result<bool> PartsVerifier::run() {
    read_state();
    SLUICE_TRY(const std::vector<PartName> names, list());
    for (const PartName& name : names) {
        if (!check_part(name)) {
            return false;
        }
        state_.sealed_end = std::max(state_.sealed_end, name.end_sequence);  // Where `sealed` is gone.
        report_.oldest_sequence =
            std::min(name.first_sequence, report_.parts == 1 ? name.first_sequence : report_.oldest_sequence);
    }
    check_gaps();
    return true;
}

}  // namespace

Result<SealState> verify_parts(const std::string& directory, const wire::StoreId& store_id, VerifyReport& report) {
    for (unsigned attempt = 1;; ++attempt) {  // Bounded by kAttemptsMax.
        PartsVerifier verifier(directory, store_id);
        SLUICE_TRY(const bool whole, verifier.run());
        if (!whole && attempt < kAttemptsMax) {
            continue;
        }
        VerifyReport& found = verifier.report();
        if (!whole) {
            found.problems.push_back(
                {.file = directory, .offset = 0, .what = "its parts change too fast to be checked"});
        }
        report.parts = found.parts;
        report.part_rows = found.part_rows;
        report.part_bytes = found.part_bytes;
        report.oldest_sequence = found.oldest_sequence;
        std::ranges::move(found.problems, std::back_inserter(report.problems));
        return verifier.state();
    }
}

}  // namespace sluice::store
