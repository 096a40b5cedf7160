// Which parts count is decided as at a start of the daemon (part_recovery.cpp), but nothing is deleted or renamed.
//
// The daemon may change the directory meanwhile.  The segments are opened first, then `sealed` is read, then the parts
// are opened.  What is sealed in between is taken from the segments, which are open.  A merge or a removal in between
// shows as a list of parts that is not the same after they were opened: then all of it is done again.
#include "store/offline_store.h"

#include <algorithm>

#include "store/offline_file.h"

namespace sluice::store {
namespace {

constexpr int kAttempts = 20;

std::uint64_t span_of(const PartName& name) noexcept {
    return name.end_sequence - name.first_sequence;
}

// Without the parts that do not count.  `log_begins`: the first sequence that the segments may hold.
std::vector<PartName> settled(std::vector<PartName> names, const SealState& state, bool state_known,
                              std::optional<std::uint64_t> log_begins) {
    std::erase_if(names, [&](const PartName& name) {
        const bool not_yet =
            state_known && log_begins && name.first_sequence >= state.sealed_end && *log_begins <= name.first_sequence;
        return state.has_removed(name) || not_yet;
    });
    std::ranges::sort(names, std::greater(), span_of);
    std::vector<PartName> good;
    for (const PartName& name : names) {
        if (std::ranges::none_of(good, [&](const PartName& other) { return other.overlaps(name); })) {
            good.push_back(name);
        }
    }
    std::ranges::sort(good, {}, &PartName::first_sequence);
    return good;
}

}  // namespace

Result<std::unique_ptr<OfflineStore>> OfflineStore::open(const std::string& directory, std::size_t cache_bytes_max) {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        std::unique_ptr<OfflineStore> found(new OfflineStore());
        SLUICE_TRY(found->log_, LogScan::open(directory));
        SLUICE_TRY(const bool stable, found->read_parts(directory, std::make_shared<part::Cache>(cache_bytes_max)));
        if (stable) {
            return found;
        }
    }
    return fail(Errc::limit_exceeded, "the parts in '{}' change faster than they can be read", directory);
}

std::uint32_t OfflineStore::epoch() const noexcept {
    std::uint32_t epoch = log_->epoch();
    for (const EpochStart& start : state_.epochs) {
        epoch = std::max(epoch, start.epoch);
    }
    for (const std::shared_ptr<const part::Part>& part : parts_) {
        epoch = std::max(epoch, part->summary().epoch_max);
    }
    return epoch;
}

Result<std::vector<PartName>> OfflineStore::list(const std::string& directory) const {
    SLUICE_TRY(const std::vector<std::string> files, list_files(directory));
    std::vector<PartName> names;
    for (const std::string& file : files) {
        if (auto name = parse_part_file_name(file)) {
            names.push_back(*std::move(name));
        }
    }
    return names;
}

// Errors: not_found, and why it cannot be read.
Result<> OfflineStore::read_state(const std::string& directory) {
    const std::string path = directory + "/" + std::string(kSealStateName);
    SLUICE_TRY(const OfflineFile file, OfflineFile::open(path));
    if (file.size() > kSealStateBytesMax) {
        return fail(Errc::corrupt, "'{}' has {} bytes", path, file.size());
    }
    Bytes bytes(file.size());
    SLUICE_TRY(const std::size_t size, file.read(0, bytes));
    SLUICE_TRY(SealState state, parse_seal_state(ByteView(bytes).first(size)));
    if (state.store_id != log_->store_id()) {
        return fail(Errc::corrupt, "'{}' belongs to another store", path);
    }
    state_ = std::move(state);
    return {};
}

// False: they changed meanwhile.
Result<bool> OfflineStore::read_parts(const std::string& directory, const std::shared_ptr<part::Cache>& cache) {
    const Result<> state = read_state(directory);
    if (!state && state.error().code() != Errc::not_found) {
        problems_.push_back(fmt::format("{}: {}", kSealStateName, state.error().text()));
    }
    SLUICE_TRY(const std::vector<PartName> names, list(directory));
    for (const PartName& name : settled(names, state_, state.has_value(), log_->begins())) {
        const std::string file_name = part_file_name(name);
        Result<OfflineFile> file = OfflineFile::open(directory + "/" + file_name);
        if (!file && file.error().code() == Errc::not_found) {
            return false;
        }
        Result<std::shared_ptr<const part::Part>> part =
            file ? part::Part::open(std::make_shared<OfflinePart>(std::move(*file)), cache)
                 : std::unexpected(file.error());
        if (!part) {
            problems_.push_back(fmt::format("{}: {} (records {} to {})", file_name, part.error().text(),
                                            name.first_sequence, name.end_sequence - 1));
        } else {
            parts_.push_back(*std::move(part));
        }
        state_.sealed_end = std::max(state_.sealed_end, name.end_sequence);
    }
    SLUICE_TRY(const std::vector<PartName> again, list(directory));
    return names == again;
}

}  // namespace sluice::store
