// One entry of the journal's export format while it is read, and the record it becomes.  See journal_export.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wire/import.h"

namespace sluice::wire {

class JournalEntry {
 public:
    static constexpr std::size_t kBytesMax = 2 * kImportRecordBytesMax;  // Names and values.
    static constexpr std::size_t kFieldsMax = 4096;

    struct Field {
        std::string_view name;
        std::string_view value;
        bool used = false;
    };

    bool empty() const noexcept { return places_.empty(); }
    std::size_t bytes() const noexcept { return text_.size(); }
    void clear() noexcept {
        text_.clear();
        places_.clear();
    }
    // False: no room.
    bool add(std::string_view name, std::string_view value);
    // Views into the entry.
    std::vector<Field> fields() const;
    // Appends the record.
    void append_record(const ImportOptions& options, Bytes& into, ImportCounts& counts) const;

 private:
    struct Place {
        std::size_t at;
        std::size_t name;
        std::size_t value;
    };
    std::string text_;  // Grows, so that fields are kept as places in it.
    std::vector<Place> places_;
};

}  // namespace sluice::wire
