// What was read and decoded lately, shared by all parts of a store: least recently used goes first.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/bytes.h"

namespace sluice::part {

// Threads: any.  Values that somebody holds live on after they have left the cache.
class Cache {
 public:
    enum class Kind : std::uint8_t { block, dictionary, templates, values, slots, schema_ids, filter };
    struct Key {
        std::uint64_t part = 0;  // From next_part().
        Kind kind = Kind::block;
        std::uint32_t index = 0;
        std::uint32_t page = 0;
        friend bool operator==(const Key&, const Key&) = default;
    };

    // Above `bytes_max` the oldest values leave.  0: nothing is kept.
    explicit Cache(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}
    Cache(const Cache&) = delete;
    Cache& operator=(const Cache&) = delete;

    // An identity for the keys of one part, never used again.
    std::uint64_t next_part() noexcept;

    // Null: not there.  T is the type it was put with, which follows from the kind.
    template <class T>
    std::shared_ptr<const T> get(const Key& key) {
        return std::static_pointer_cast<const T>(find(key));
    }
    // Replaces what is there; `bytes`: what the value takes, about.
    void put(const Key& key, std::shared_ptr<const void> value, std::size_t bytes);
    // Everything of a part that is closed.
    void drop_part(std::uint64_t part);

    std::size_t bytes() const;

 private:
    struct Entry {
        Key key{};
        std::shared_ptr<const void> value;
        std::size_t bytes = 0;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const noexcept;
    };
    using Entries = std::list<Entry>;

    std::shared_ptr<const void> find(const Key& key);
    void remove(Entries::iterator entry);

    const std::size_t bytes_max_;
    mutable std::mutex mutex_;
    std::size_t bytes_ = 0;
    std::uint64_t parts_ = 0;
    Entries entries_;  // Newest first.
    std::unordered_map<Key, Entries::iterator, KeyHash> index_;
};

}  // namespace sluice::part
