#include "io/sim_data.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace sluice::io {
namespace {

constexpr std::array<std::byte, kSimPage> kZeroPage{};

constexpr auto is_allocated = [](const SimPageRef& page) { return page.allocated(); };

bool all_zero(ByteView bytes) noexcept {
    return bytes.empty() ||
           (bytes[0] == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

// Calls visit(page index, offset in the page, bytes, offset in the range) for each page that the range touches.
template <class Visit>
void for_pages(std::uint64_t offset, std::uint64_t length, Visit&& visit) {
    for (std::uint64_t done = 0; done < length;) {
        const std::uint64_t at = offset + done;
        const std::size_t within = at % kSimPage;
        const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(kSimPage - within, length - done));
        visit(static_cast<std::size_t>(at / kSimPage), within, count, done);
        done += count;
    }
}

}  // namespace

std::byte* SimPageRef::writable() {
    if (has_page() && page()->references == 1) {
        return page()->bytes;
    }
    auto* fresh = new Page;
    std::memcpy(fresh->bytes, has_page() ? page()->bytes : kZeroPage.data(), kSimPage);
    release();
    bits_ = reinterpret_cast<std::uintptr_t>(fresh);
    return fresh->bytes;
}

void SimPages::reach(std::uint64_t end) {
    const std::size_t pages = static_cast<std::size_t>((end + kSimPage - 1) / kSimPage);
    if (pages > pages_.size()) {
        pages_.resize(pages);
    }
    size_ = std::max(size_, end);
}

void SimPages::read(std::uint64_t offset, std::span<std::byte> into) const noexcept {
    for_pages(offset, into.size(), [&](std::size_t index, std::size_t within, std::size_t count, std::uint64_t done) {
        const std::byte* from = index < pages_.size() ? pages_[index].bytes() : nullptr;
        if (from != nullptr) {
            std::memcpy(into.data() + done, from + within, count);
        } else {
            std::memset(into.data() + done, 0, count);
        }
    });
}

void SimPages::write(std::uint64_t offset, ByteView bytes) {
    reach(offset + bytes.size());
    for_pages(offset, bytes.size(), [&](std::size_t index, std::size_t within, std::size_t count, std::uint64_t done) {
        SimPageRef& page = pages_[index];
        allocated_ += page.allocated() ? 0 : 1;
        const ByteView part = bytes.subspan(done, count);
        if ((count == kSimPage || page.bytes() == nullptr) && all_zero(part)) {
            page.make_zero();
        } else if (count == kSimPage) {
            page = SimPageRef();  // No copy of what is about to be overwritten.
            std::memcpy(page.writable(), part.data(), count);
        } else {
            std::memcpy(page.writable() + within, part.data(), count);
        }
    });
}

void SimPages::write_zeros(std::uint64_t offset, std::uint64_t length) {
    reach(offset + length);
    for_pages(offset, length, [&](std::size_t index, std::size_t within, std::size_t count, std::uint64_t) {
        SimPageRef& page = pages_[index];
        allocated_ += page.allocated() ? 0 : 1;
        if (count == kSimPage || page.bytes() == nullptr) {
            page.make_zero();
        } else {
            std::memset(page.writable() + within, 0, count);
        }
    });
}

void SimPages::resize(std::uint64_t size) {
    if (size < size_) {
        const std::size_t keep = static_cast<std::size_t>((size + kSimPage - 1) / kSimPage);
        if (keep < pages_.size()) {
            allocated_ -= static_cast<std::size_t>(
                std::count_if(pages_.begin() + static_cast<std::ptrdiff_t>(keep), pages_.end(), is_allocated));
            pages_.resize(keep);
        }
        const std::size_t within = size % kSimPage;
        if (within != 0 && keep == pages_.size() && pages_.back().bytes() != nullptr) {
            std::memset(pages_.back().writable() + within, 0, kSimPage - within);
        }
    }
    size_ = size;
}

void SimPages::allocate(std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t size = size_;
    reach(offset + length);
    size_ = size;
    for_pages(offset, length, [&](std::size_t index, std::size_t, std::size_t, std::uint64_t) {
        if (!pages_[index].allocated()) {
            ++allocated_;
            pages_[index].make_zero();
        }
    });
}

void SimPages::share(const SimPages& from, std::uint64_t offset, std::uint64_t length) {
    reach(offset + length);
    for_pages(offset, length, [&](std::size_t index, std::size_t, std::size_t, std::uint64_t) {
        if (index < from.pages_.size()) {
            allocated_ -= pages_[index].allocated() ? 1 : 0;
            pages_[index] = from.pages_[index];
            allocated_ += pages_[index].allocated() ? 1 : 0;
        }
    });
}

namespace {

std::size_t read_below_end(const SimPages& pages, std::uint64_t offset, std::span<std::byte> into) noexcept {
    if (offset >= pages.size()) {
        return 0;
    }
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), pages.size() - offset));
    pages.read(offset, into.first(count));
    return count;
}

}  // namespace

std::size_t SimData::read(std::uint64_t offset, std::span<std::byte> into) const noexcept {
    return read_below_end(now_, offset, into);
}

std::size_t SimData::durable_read(std::uint64_t offset, std::span<std::byte> into) const noexcept {
    return read_below_end(durable_, offset, into);
}

void SimData::write(std::uint64_t offset, ByteView bytes, Via via) {
    now_.write(offset, bytes);
    if (via == Via::nowhere) {
        return;
    }
    const bool durable = via == Via::durable;
    if (durable) {
        // Whole pages are shared; the rest is copied, because its page may hold bytes that are not durable.
        const std::uint64_t end = offset + bytes.size();
        const std::uint64_t first = std::min(round_up(offset, kSimPage), end);
        const std::uint64_t last = std::max(end / kSimPage * kSimPage, first);
        durable_.write(offset, bytes.first(first - offset));
        durable_.share(now_, first, last - first);
        durable_.write(last, bytes.subspan(last - offset));
        if (dirty_.empty()) {
            return;
        }
    }
    Change change = make_change(offset, bytes);
    change.direct = via == Via::direct;
    change.certain = durable;
    dirty_.push_back(std::move(change));
}

SimData::Change SimData::make_change(std::uint64_t offset, ByteView bytes) {
    Change change{.kind = Kind::zeros, .offset = offset, .length = bytes.size()};
    if (!all_zero(bytes)) {
        change.kind = Kind::write;
        change.bytes = std::make_unique_for_overwrite<std::byte[]>(bytes.size());
        std::memcpy(change.bytes.get(), bytes.data(), bytes.size());
    }
    return change;
}

void SimData::write_torn(std::uint64_t offset, ByteView bytes, SimRandom& random) {
    const Change change = make_change(offset, bytes);
    SimRandom same = random;
    tear(now_, change, same);
    tear(durable_, change, random);
}

void SimData::truncate(std::uint64_t size) {
    now_.resize(size);
    dirty_.push_back(Change{.kind = Kind::resize, .offset = size});
}

void SimData::allocate(std::uint64_t offset, std::uint64_t length, bool extend) {
    now_.allocate(offset, length);
    dirty_.push_back(Change{.kind = Kind::allocate, .offset = offset, .length = length});
    if (extend && offset + length > now_.size()) {
        truncate(offset + length);
    }
}

void SimData::apply(SimPages& pages, const Change& change) {
    switch (change.kind) {
        case Kind::write:
            pages.write(change.offset, change.view());
            break;
        case Kind::zeros:
            pages.write_zeros(change.offset, change.length);
            break;
        case Kind::resize:
            pages.resize(change.offset);
            break;
        case Kind::allocate:
            pages.allocate(change.offset, change.length);
            break;
    }
}

void SimData::persist(const Change& change) {
    if (change.kind == Kind::write || change.kind == Kind::zeros) {
        durable_.share(now_, change.offset, change.length);
    } else {
        apply(durable_, change);
    }
}

void SimData::sync() {
    for (const Change& change : dirty_) {
        persist(change);
    }
    dirty_.clear();
    durable_.resize(now_.size());
}

void SimData::fail_sync(SimRandom& random) {
    for (const Change& change : dirty_) {
        if (change.direct && random.coin()) {
            apply(durable_, change);
        }
    }
    dirty_.clear();
}

// The sectors that reach the medium: a prefix, a suffix, all but one, or any of them.
void SimData::tear(SimPages& pages, const Change& change, SimRandom& random) {
    const std::uint64_t end = change.offset + change.length;
    const std::uint64_t first = change.offset / kSimSector;
    const std::uint64_t sectors = (end + kSimSector - 1) / kSimSector - first;
    const std::uint64_t mode = random.below(4);
    const std::uint64_t cut = random.below(sectors + 1);
    for (std::uint64_t i = 0; i < sectors; ++i) {
        const bool reaches = mode == 0 ? i < cut : mode == 1 ? i >= cut : mode == 2 ? i != cut : random.coin();
        if (!reaches) {
            continue;
        }
        const std::uint64_t from = std::max(change.offset, (first + i) * kSimSector);
        const std::uint64_t to = std::min(end, (first + i + 1) * kSimSector);
        if (change.kind == Kind::write) {
            pages.write(from, change.view().subspan(from - change.offset, to - from));
        } else {
            pages.write_zeros(from, to - from);
        }
    }
}

void SimData::lose_power(SimRandom& random, unsigned keep) {
    for (const Change& change : dirty_) {
        const bool transfer = change.kind == Kind::write || change.kind == Kind::zeros;
        if (change.certain || random.below(100) < keep) {
            apply(durable_, change);
        } else if (transfer && keep != 0 && random.coin()) {
            tear(durable_, change, random);
        } else if (transfer && random.below(4) == 0) {
            // The size reached the journal, the bytes did not.
            const std::uint64_t end = change.offset + change.length;
            durable_.resize(std::max(durable_.size(), end));
        }
    }
    dirty_.clear();
    now_ = durable_;
}

void SimData::flip(std::uint64_t offset, std::byte mask) {
    for (SimPages* pages : {&now_, &durable_}) {
        if (offset < pages->size()) {
            std::byte byte{};
            pages->read(offset, {&byte, 1});
            byte ^= mask;
            pages->write(offset, {&byte, 1});
        }
    }
}

}  // namespace sluice::io
