#include "part/skeleton_table.h"

#include <algorithm>
#include <string_view>

#include "base/checksum.h"

namespace sluice::part {
namespace {

// Two bytes stand for a slot and two for a literal byte 0x11, so that different literals never look the same.
constexpr char kMark = '\x11';
constexpr char kSlot = '\x01';
constexpr char kMarkItself = '\x02';
constexpr std::size_t kFirstPlaces = 256;

char* put(char* to, std::string_view literal, bool has_mark) noexcept {
    if (!has_mark) {
        return std::copy(literal.begin(), literal.end(), to);
    }
    for (const char c : literal) {
        *to++ = c;
        if (c == kMark) {
            *to++ = kMarkItself;
        }
    }
    return to;
}

}  // namespace

std::string_view SkeletonTable::write(std::string_view text, const Variables& variables) {
    const bool has_mark = text.contains(kMark);
    const std::size_t bytes_max = (has_mark ? 2 : 1) * text.size() + 2 * variables.count;
    if (scratch_.size() < bytes_max) {
        scratch_.resize(bytes_max);
    }
    char* to = scratch_.data();
    std::size_t done = 0;
    for (std::size_t i = 0; i < variables.count; ++i) {
        const Piece piece = variables.pieces[i];
        to = put(to, text.substr(done, piece.begin - done), has_mark);
        *to++ = kMark;
        *to++ = kSlot;
        done = piece.end;
    }
    to = put(to, text.substr(done), has_mark);
    return {scratch_.data(), to};
}

std::uint32_t SkeletonTable::number_of(std::string_view text, const Variables& variables) {
    if (2 * (entries_.size() + 1) > places_.size()) {
        grow();
    }
    const std::string_view skeleton = write(text, variables);
    const std::uint64_t hash = checksum64(as_bytes(skeleton));
    const std::size_t mask = places_.size() - 1;
    std::size_t at = hash & mask;
    for (; places_[at] != 0; at = (at + 1) & mask) {  // Bounded: half of the places are free.
        const Entry& entry = entries_[places_[at] - 1];
        if (entry.hash == hash && text_of(entry) == skeleton) {
            return places_[at] - 1;
        }
    }
    entries_.push_back({hash, texts_.size(), skeleton.size(), static_cast<std::uint32_t>(variables.count)});
    texts_.insert(texts_.end(), skeleton.begin(), skeleton.end());
    places_[at] = size();
    return size() - 1;
}

void SkeletonTable::grow() {
    places_.assign(std::max(kFirstPlaces, 2 * places_.size()), 0);
    const std::size_t mask = places_.size() - 1;
    for (std::uint32_t i = 0; i < size(); ++i) {
        std::size_t at = entries_[i].hash & mask;
        while (places_[at] != 0) {
            at = (at + 1) & mask;
        }
        places_[at] = i + 1;
    }
}

Template SkeletonTable::to_template(std::uint32_t number) const {
    const Entry& entry = entries_[number];
    const std::string_view skeleton = text_of(entry);
    Template made;
    made.literals.reserve(entry.slots + 1);
    made.literals.emplace_back();
    std::size_t at = 0;
    for (std::size_t mark = skeleton.find(kMark); mark != std::string_view::npos; mark = skeleton.find(kMark, at)) {
        made.literals.back().append(skeleton.substr(at, mark - at));
        if (skeleton[mark + 1] == kSlot) {
            made.literals.emplace_back();
        } else {
            made.literals.back() += kMark;
        }
        at = mark + 2;
    }
    made.literals.back().append(skeleton.substr(at));
    return made;
}

}  // namespace sluice::part
