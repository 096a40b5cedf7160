#include "store/identity_evidence.h"

#include <algorithm>
#include <utility>

#include "part/part.h"
#include "store/identity.h"
#include "store/offline_file.h"
#include "store/part_name.h"
#include "store/part_source.h"
#include "store/seal_state.h"

namespace sluice::store {
namespace {

Result<StoreId> id_in(std::string_view name, const std::shared_ptr<const part::Source>& file) {
    if (parse_part_file_name(name)) {
        SLUICE_TRY(const std::shared_ptr<const part::Part> part, part::Part::open(file, nullptr));
        return part->summary().store_id;
    }
    const bool segment = parse_segment_name(name).has_value();
    Bytes bytes(std::min<std::uint64_t>(file->size(), segment ? sizeof(SegmentHeader) : kSealStateBytesMax));
    SLUICE_CHECK(file->read(0, bytes));
    if (segment) {
        SLUICE_TRY(const SegmentHeader header, parse_segment_header(bytes));
        return header.store_id;
    }
    SLUICE_TRY(const SealState state, parse_seal_state(bytes));
    return state.store_id;
}

}  // namespace

bool IdentityEvidence::is_in(std::string_view name) noexcept {
    return name == kSealStateName || parse_segment_name(name) || parse_part_file_name(name);
}

Result<> IdentityEvidence::add(const std::string& name, std::shared_ptr<const part::Source> file) {
    const Result<StoreId> id = id_in(name, file);
    if (!id && id.error().code() == Errc::corrupt) {
        return {};
    }
    SLUICE_TRY(const StoreId said, id);
    if (!first_) {
        first_ = Said{.file = name, .id = said};
    } else if (first_->id != said) {
        other_ = Said{.file = name, .id = said};
        return {};
    }
    ++files_;
    return {};
}

Result<std::optional<StoreId>> IdentityEvidence::agreed() const {
    if (other_) {
        return fail(Errc::corrupt,
                    "'{}' is of store {} and '{}' of store {}; move away what does not belong here, or restore "
                    "'identity' from a copy of the store",
                    first_->file, wire::format_id(first_->id), other_->file, wire::format_id(other_->id));
    }
    return first_ ? std::optional(first_->id) : std::nullopt;
}

Task<Result<IdentityEvidence>> gather_evidence(io::Kernel& kernel, const io::Handle& directory) {
    IdentityEvidence evidence;
    SLUICE_CO_TRY(std::vector<io::DirEntry> entries, co_await kernel.list(directory));
    std::ranges::sort(entries, {}, &io::DirEntry::name);
    for (const io::DirEntry& entry : entries) {
        if (!IdentityEvidence::is_in(entry.name)) {
            continue;
        }
        SLUICE_CO_TRY(io::Handle file, co_await kernel.open(directory.fd(), entry.name, io::OpenOptions()));
        SLUICE_CO_TRY(const io::FileStat stat, co_await kernel.stat(file));
        auto source = std::make_shared<const PartSource>(kernel.blocking_reader(std::move(file)), stat.size);
        SLUICE_CO_CHECK(evidence.add(entry.name, std::move(source)));
    }
    co_return std::move(evidence);
}

Result<OfflineIdentity> read_identity(const std::string& directory) {
    Result<StoreId> own = read_identity_file(directory);
    if (own) {
        return OfflineIdentity{.id = *own};
    }
    if (!may_be_made_again(own.error())) {
        return std::unexpected(std::move(own).error());
    }
    IdentityEvidence evidence;
    SLUICE_TRY(const std::vector<std::string> names, list_files(directory));
    for (const std::string& name : names) {
        if (!IdentityEvidence::is_in(name)) {
            continue;
        }
        Result<OfflineFile> file = OfflineFile::open(directory + "/" + name);
        if (file) {  // Else a daemon has removed it meanwhile, or it is told of where its contents are wanted.
            SLUICE_CHECK(evidence.add(name, std::make_shared<const OfflinePart>(std::move(*file))));
        }
    }
    SLUICE_TRY(const std::optional<StoreId> said, evidence.agreed());
    if (!said) {
        return std::unexpected(std::move(own).error());
    }
    return OfflineIdentity{.id = *said, .why = std::move(own).error()};
}

}  // namespace sluice::store
