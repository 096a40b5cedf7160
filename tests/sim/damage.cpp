#include "sim/damage.h"

#include "part/part.h"
#include "sim/test_daemon.h"
#include "store/part_name.h"
#include "store/seal_state.h"
#include "store/segment_format.h"

namespace sluice::sim {
namespace {

struct Frame {
    std::string file;
    std::uint64_t offset = 0;
    std::size_t bytes = 0;
    std::uint64_t first_sequence = 0;
    std::uint64_t end_sequence = 0;
};

void list_frames(const std::string& file, ByteView content, std::uint64_t sealed_end, std::uint64_t limit,
                 std::vector<Frame>& frames) {
    const auto header = store::parse_segment_header(content);
    if (!header) {
        return;
    }
    for (std::uint64_t at = store::kHeaderBlock; at < content.size();) {
        const auto frame = store::parse_frame(content.subspan(at), *header, content.size() - at);
        if (!frame) {
            return;
        }
        const std::uint64_t first = frame->header.first_sequence;
        if (frame->header.kind == store::FrameKind::records && first < limit && first >= sealed_end) {
            frames.push_back({file, at, frame->bytes(), first, first + frame->header.count});
        }
        at += round_up(frame->bytes(), header->block_bytes);
    }
}

// Every frame that holds records of the log; what a later segment took over is not among them, nor what is sealed.
std::vector<Frame> find_frames(const io::SimDisk& disk) {
    std::vector<Frame> frames;
    const auto sealed = disk.content(fmt::format("{}/{}", kStorePath, store::kSealStateName));
    const auto state = sealed ? store::parse_seal_state(*sealed) : Result<store::SealState>();
    const std::uint64_t sealed_end = state ? state->sealed_end : 1;
    std::vector<std::string> names = disk.names(kStorePath);
    std::erase_if(names, [](const std::string& name) { return !store::parse_segment_name(name); });
    for (std::size_t i = 0; i < names.size(); ++i) {
        std::uint64_t limit = ~std::uint64_t{0};
        for (std::size_t later = i + 1; later < names.size(); ++later) {
            const auto header = store::parse_segment_header(*disk.content(kStorePath + "/" + names[later]));
            limit = header ? std::min(limit, header->first_sequence) : limit;
        }
        const std::string path = kStorePath + "/" + names[i];
        const std::optional<Bytes> content = disk.content(path);
        list_frames(path, *content, sealed_end, limit, frames);
    }
    return frames;
}

}  // namespace

namespace {

void add_range(std::set<std::uint64_t>& to, std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t sequence = first; sequence < end; ++sequence) {
        to.insert(sequence);
    }
}

// Without classes of streams a part has every number of its range.
void add_lost(const Bytes& content, const store::PartName& name, std::set<std::uint64_t>& lost) {
    const auto opened = part::Part::open(std::make_shared<part::MemorySource>(content), nullptr);
    if (!opened) {
        add_range(lost, name.first_sequence, name.end_sequence);
        return;
    }
    const part::Part& part = **opened;
    for (std::uint32_t page = 0; page < part.pages(); ++page) {
        const auto range = part.range(part::Part::fixed(part::ColumnKind::sequence), page);
        if (range && !part.verify_page(page)) {
            add_range(lost, static_cast<std::uint64_t>(range->min), static_cast<std::uint64_t>(range->max) + 1);
        }
    }
}

}  // namespace

std::set<std::uint64_t> damage_parts(io::SimDisk& disk, io::SimRandom& random) {
    std::set<std::uint64_t> lost;
    std::vector<std::string> names = disk.names(kStorePath);
    std::erase_if(names, [](const std::string& name) { return !store::parse_part_file_name(name); });
    for (std::uint64_t i = names.empty() ? 0 : random.between(1, 3); i > 0 && !names.empty(); --i) {
        const auto chosen = names.begin() + static_cast<std::ptrdiff_t>(random.below(names.size()));
        const std::string path = kStorePath + "/" + *chosen;
        const std::size_t bytes = disk.content(path)->size();
        disk.flip(path, random.below(bytes), static_cast<std::byte>(1U << random.below(8)));
        add_lost(*disk.content(path), *store::parse_part_file_name(*chosen), lost);
        names.erase(chosen);  // A second flip might undo the first.
    }
    return lost;
}

std::set<std::uint64_t> damage_frames(io::SimDisk& disk, io::SimRandom& random) {
    std::set<std::uint64_t> lost;
    const std::vector<Frame> frames = find_frames(disk);
    for (std::uint64_t i = frames.empty() ? 0 : random.between(1, 3); i > 0; --i) {
        const Frame& frame = frames[random.below(frames.size())];
        if (lost.contains(frame.first_sequence)) {
            continue;  // A second flip might undo the first.
        }
        const std::optional<Bytes> content = disk.content(frame.file);
        const std::uint64_t from = frame.offset + random.below(frame.bytes);
        const std::uint64_t to = random.coin() ? from + 1 : std::min(from + 512, frame.offset + frame.bytes);
        bool changed = false;
        for (std::uint64_t at = from; at < to; ++at) {
            const std::byte now = (*content)[at];
            const std::byte mask = to - from == 1 ? static_cast<std::byte>(1U << random.below(8)) : now;
            disk.flip(frame.file, at, mask);
            changed = changed || mask != std::byte{0};
        }
        for (std::uint64_t s = frame.first_sequence; changed && s < frame.end_sequence; ++s) {
            lost.insert(s);
        }
    }
    return lost;
}

}  // namespace sluice::sim
