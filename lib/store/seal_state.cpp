#include "store/seal_state.h"

#include <algorithm>

#include "store/small_head.h"

namespace sluice::store {
namespace {

constexpr std::uint32_t kSealStateMagic = 0x53505753;  // "SWPS"
constexpr std::size_t kFixedBytes = 56;
constexpr std::size_t kEpochBytes = 16;
constexpr std::size_t kRemovedBytes = 36;
constexpr std::size_t kRangeBytes = 16;

std::unexpected<Error> damaged() {
    return fail(Errc::corrupt, "'{}' does not hold what it should", kSealStateName);
}

// Takes `count` epochs off the front of `rest`.
bool take_epochs(ByteView& rest, std::uint32_t count, std::vector<EpochStart>& into) {
    if (rest.size() / kEpochBytes < count) {
        return false;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        const EpochStart start{load_int<std::uint32_t>(rest.data()), load_int<std::uint64_t>(rest.data() + 8)};
        if (!into.empty() && (start.epoch <= into.back().epoch || start.first_sequence < into.back().first_sequence)) {
            return false;
        }
        into.push_back(start);
        rest = rest.subspan(kEpochBytes);
    }
    return true;
}

bool take_ranges(ByteView& rest, RemovedOfClass& into) {
    if (rest.size() < sizeof(std::uint32_t)) {
        return false;
    }
    const auto count = load_int<std::uint32_t>(rest.data());
    rest = rest.subspan(sizeof count);
    if (rest.size() / kRangeBytes < count) {
        return false;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        const RemovedRange range{load_int<std::uint64_t>(rest.data()), load_int<std::uint64_t>(rest.data() + 8)};
        if (range.first_sequence < into.last_end() || range.end_sequence <= range.first_sequence) {
            return false;
        }
        into.beyond.push_back(range);
        rest = rest.subspan(kRangeBytes);
    }
    return true;
}

bool take_removed(ByteView& rest, std::uint32_t count, std::uint32_t version, std::vector<RemovedOfClass>& into) {
    for (std::uint32_t i = 0; i < count; ++i) {  // Bounded by the bytes.
        if (rest.size() < kRemovedBytes) {
            return false;
        }
        const auto name_bytes = load_int<std::uint32_t>(rest.data() + 32);
        if (rest.size() - kRemovedBytes < name_bytes) {
            return false;
        }
        RemovedOfClass removed{.class_name = std::string(as_text(rest.subspan(kRemovedBytes, name_bytes))),
                               .end_sequence = load_int<std::uint64_t>(rest.data()),
                               .parts = load_int<std::uint64_t>(rest.data() + 8),
                               .rows = load_int<std::uint64_t>(rest.data() + 16),
                               .bytes = load_int<std::uint64_t>(rest.data() + 24)};
        rest = rest.subspan(kRemovedBytes + name_bytes);
        if (!valid_class_name(removed.class_name) || (version >= 2 && !take_ranges(rest, removed))) {
            return false;
        }
        into.push_back(std::move(removed));
    }
    return true;
}

}  // namespace

bool SealState::has_removed(const PartName& part) const noexcept {
    const auto found = std::ranges::find(removed, part.class_name, &RemovedOfClass::class_name);
    return found != removed.end() && (part.end_sequence <= found->end_sequence ||
                                      std::ranges::any_of(found->beyond, [&part](const RemovedRange& range) {
                                          return range.first_sequence <= part.first_sequence &&
                                                 part.end_sequence <= range.end_sequence;
                                      }));
}

RemovedOfClass& SealState::removed_of(std::string_view class_name) {
    const auto found = std::ranges::find(removed, class_name, &RemovedOfClass::class_name);
    return found != removed.end() ? *found
                                  : removed.emplace_back(RemovedOfClass{.class_name = std::string(class_name)});
}

Bytes encode_seal_state(const SealState& state) {
    const bool ranges =
        std::ranges::any_of(state.removed, [](const RemovedOfClass& removed) { return !removed.beyond.empty(); });
    Bytes bytes(kSmallHeadBytes);
    append(bytes, state.store_id);
    append_int(bytes, state.sealed_end);
    append_int(bytes, state.missing_rows);
    append_int(bytes, static_cast<std::uint32_t>(state.epochs.size()));
    append_int(bytes, static_cast<std::uint32_t>(state.removed.size()));
    for (const EpochStart& start : state.epochs) {
        append_int(bytes, start.epoch);
        append_int(bytes, std::uint32_t{0});
        append_int(bytes, start.first_sequence);
    }
    for (const RemovedOfClass& removed : state.removed) {
        append_int(bytes, removed.end_sequence);
        append_int(bytes, removed.parts);
        append_int(bytes, removed.rows);
        append_int(bytes, removed.bytes);
        append_int(bytes, static_cast<std::uint32_t>(removed.class_name.size()));
        append(bytes, as_bytes(removed.class_name));
        if (!ranges) {
            continue;
        }
        append_int(bytes, static_cast<std::uint32_t>(removed.beyond.size()));
        for (const RemovedRange& range : removed.beyond) {
            append_int(bytes, range.first_sequence);
            append_int(bytes, range.end_sequence);
        }
    }
    seal_small_head(bytes, kSealStateMagic, ranges ? kSealStateVersion : 1);
    return bytes;
}

Result<SealState> parse_seal_state(ByteView bytes) {
    SLUICE_TRY(const std::uint32_t version,
               check_small_head(bytes, kSealStateName, kSealStateMagic, kSealStateVersion));
    if (bytes.size() < kFixedBytes) {
        return damaged();
    }
    SealState state;
    std::memcpy(state.store_id.data(), bytes.data() + 16, state.store_id.size());
    state.sealed_end = load_int<std::uint64_t>(bytes.data() + 32);
    state.missing_rows = load_int<std::uint64_t>(bytes.data() + 40);
    ByteView rest = bytes.subspan(kFixedBytes);
    const bool whole = take_epochs(rest, load_int<std::uint32_t>(bytes.data() + 48), state.epochs) &&
                       take_removed(rest, load_int<std::uint32_t>(bytes.data() + 52), version, state.removed) &&
                       rest.empty();
    if (!whole || state.sealed_end == 0) {
        return damaged();
    }
    return state;
}

}  // namespace sluice::store
