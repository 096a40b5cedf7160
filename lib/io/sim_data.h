// The bytes of one simulated file: what readers see now, what the device is certain to hold, and the un-synced changes
// in between, in order.
//
//   now      = every change so far                          read(), size()
//   durable  = what survives power loss for certain         durable_read(), durable_size()
//   dirty    = changes that are in `now` only; at power loss each is kept, lost or torn at 512-byte sectors, by seed
//
// A failed sync forgets the dirty changes (as Linux does): they stay in `now`, will not be written by a later sync, and
// are gone after power loss.  Pages are shared between `now` and `durable` and copied when one side changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "io/sim_random.h"

namespace sluice::io {

inline constexpr std::size_t kSimPage = 4096;
inline constexpr std::size_t kSimSector = 512;

// A counted reference to 4 KiB; or a hole; or allocated zeros, which take no memory.  Not for sharing between threads.
class SimPageRef {
 public:
    SimPageRef() noexcept = default;
    SimPageRef(const SimPageRef& other) noexcept : bits_(other.bits_) { retain(); }
    SimPageRef(SimPageRef&& other) noexcept : bits_(std::exchange(other.bits_, kHole)) {}
    SimPageRef& operator=(SimPageRef other) noexcept {
        std::swap(bits_, other.bits_);
        return *this;
    }
    ~SimPageRef() { release(); }

    bool allocated() const noexcept { return bits_ != kHole; }
    const std::byte* bytes() const noexcept { return has_page() ? page()->bytes : nullptr; }  // nullptr: zeros.
    std::byte* writable();  // Makes the page this reference's own.
    void make_zero() noexcept {
        release();
        bits_ = kZeros;
    }

 private:
    struct Page {
        std::size_t references = 1;
        std::byte bytes[kSimPage];
    };
    static constexpr std::uintptr_t kHole = 0;
    static constexpr std::uintptr_t kZeros = 1;
    bool has_page() const noexcept { return bits_ > kZeros; }
    Page* page() const noexcept { return reinterpret_cast<Page*>(bits_); }
    void retain() const noexcept {
        if (has_page()) {
            ++page()->references;
        }
    }
    void release() noexcept {
        if (has_page() && --page()->references == 0) {
            delete page();
        }
    }
    std::uintptr_t bits_ = kHole;
};

// A size and the pages below it.  Bytes at and above the size are zero.
class SimPages {
 public:
    std::uint64_t size() const noexcept { return size_; }
    void read(std::uint64_t offset, std::span<std::byte> into) const noexcept;  // Zeros beyond the end.
    // `bytes` empty with `length`: zeros.  Extends the size.
    void write(std::uint64_t offset, ByteView bytes);
    void write_zeros(std::uint64_t offset, std::uint64_t length);
    void resize(std::uint64_t size);
    // Marks the range as allocated; does not change the size.
    void allocate(std::uint64_t offset, std::uint64_t length);
    // Takes the pages that the range touches from `from`, and extends the size to the range's end.
    void share(const SimPages& from, std::uint64_t offset, std::uint64_t length);
    std::size_t allocated_pages() const noexcept { return allocated_; }
    bool page_allocated(std::size_t index) const noexcept { return index < pages_.size() && pages_[index].allocated(); }

 private:
    void reach(std::uint64_t end);
    std::uint64_t size_ = 0;
    std::size_t allocated_ = 0;
    std::vector<SimPageRef> pages_;
};

class SimData {
 public:
    std::uint64_t size() const noexcept { return now_.size(); }
    std::uint64_t durable_size() const noexcept { return durable_.size(); }
    // Returns the bytes read; 0 at the end.
    std::size_t read(std::uint64_t offset, std::span<std::byte> into) const noexcept;
    std::size_t durable_read(std::uint64_t offset, std::span<std::byte> into) const noexcept;

    // How a change reaches the device.
    enum class Via : std::uint8_t {
        cache,    // The page cache: dirty.
        direct,   // O_DIRECT: dirty (in the device's cache); what a failed sync leaves of it is unknown.
        durable,  // O_DSYNC, RWF_DSYNC: this change survives.
        nowhere,  // In `now` only: a write whose device error was already reported.
    };
    void write(std::uint64_t offset, ByteView bytes, Via via);
    // Some of the sectors, durably: a write during which the power failed.
    void write_torn(std::uint64_t offset, ByteView bytes, SimRandom& random);
    void truncate(std::uint64_t size);
    void allocate(std::uint64_t offset, std::uint64_t length, bool extend);

    void sync();
    void fail_sync(SimRandom& random);
    // `keep` percent of the dirty changes survive whole.
    void lose_power(SimRandom& random, unsigned keep);
    // Damage on the medium: flips the bits of `mask` in one byte, in `now` and `durable`.
    void flip(std::uint64_t offset, std::byte mask);

    std::size_t dirty_changes() const noexcept { return dirty_.size(); }
    std::size_t allocated_pages() const noexcept { return now_.allocated_pages(); }
    bool page_allocated(std::size_t index) const noexcept { return now_.page_allocated(index); }

 private:
    enum class Kind : std::uint8_t { write, zeros, resize, allocate };
    struct Change {
        Kind kind;
        bool direct = false;
        bool certain = false;      // Already durable; listed only because older dirty changes come before it.
        std::uint64_t offset = 0;  // resize: the new size.
        std::uint64_t length = 0;
        std::unique_ptr<std::byte[]> bytes{};
        ByteView view() const noexcept { return {bytes.get(), static_cast<std::size_t>(length)}; }
    };
    static void apply(SimPages& pages, const Change& change);
    static Change make_change(std::uint64_t offset, ByteView bytes);
    static void tear(SimPages& pages, const Change& change, SimRandom& random);
    void persist(const Change& change);
    SimPages now_;
    SimPages durable_;
    std::vector<Change> dirty_;
};

}  // namespace sluice::io
