// Reads one sealed part: an immutable columnar file.  Format: docs/storage-format.md, "Parts".
//
// Resident after open(): the footer with its tables.  Everything else is read when it is asked for, checked against its
// checksum, decoded, and kept in the cache.  Threads: any, at the same time.
// Errors of all reading calls: corrupt (with the offset and the bytes of the damaged block), and what the source
// returns.
#pragma once

#include <optional>

#include "base/result.h"
#include "part/cache.h"
#include "part/column.h"
#include "part/source.h"
#include "part/template_set.h"
#include "part/words.h"

namespace sluice::part {

class Part : public std::enable_shared_from_this<Part> {
 public:
    // Errors: corrupt; unsupported (a version that this build does not know).  Without a `cache` the part
    // has one of its own, 16 MiB.
    static Result<std::shared_ptr<const Part>> open(std::shared_ptr<const Source> source, std::shared_ptr<Cache> cache);
    ~Part();
    // The same part, read through another cache.
    std::shared_ptr<const Part> with_cache(std::shared_ptr<Cache> cache) const;
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

    const Summary& summary() const noexcept;
    std::span<const ColumnInfo> columns() const noexcept;
    // Index of a fixed column; not for ColumnKind::field.
    static constexpr std::uint32_t fixed(ColumnKind kind) noexcept { return static_cast<std::uint32_t>(kind); }
    // The columns of that field, trusted ones too: one for each type and occurrence.  Rows may also have it in
    // others().
    std::span<const std::uint32_t> find(std::string_view field_name) const noexcept;
    // The column of fields that have none of their own; its texts are for OtherFields (other_fields.h), and valid.
    std::optional<std::uint32_t> others() const noexcept;
    // False: no row has a field of that name and type there.  Reads the token filter.
    bool others_may_have(std::string_view name, wire::FieldType type) const;

    std::uint32_t pages() const noexcept;
    std::uint32_t page_rows(std::uint32_t page) const noexcept;
    std::uint64_t page_first_row(std::uint32_t page) const noexcept;
    // How many values the page has of the column; without reading anything.
    std::uint32_t page_values(std::uint32_t column, std::uint32_t page) const noexcept;

    struct Range {
        std::int64_t min = 0;
        std::int64_t max = 0;
    };
    // Of int64 fields and of the numeric fixed columns: smallest and largest value.  Empty: not kept, or no value.
    std::optional<Range> range(std::uint32_t column) const noexcept;
    std::optional<Range> range(std::uint32_t column, std::uint32_t page) const noexcept;

    // How the words of token filters are folded.
    TokenFold token_fold() const noexcept;
    // False: no value of the column has all the words with these hashes (part/words.h, of that folding).  Reads the
    // token filter; a damaged one excludes nothing.
    bool may_contain(std::uint32_t column, std::span<const std::uint64_t> token_hashes) const;

    // Of constant and dictionary columns; others: invalid_argument.
    Result<std::shared_ptr<const Dictionary>> dictionary(std::uint32_t column) const;
    // Of templates columns, with row counts; others: invalid_argument.
    Result<std::shared_ptr<const TemplateSet>> templates(std::uint32_t column) const;

    // Whole values (templates joined).
    Result<std::shared_ptr<const PageValues>> page(std::uint32_t column, std::uint32_t page) const;
    // Of templates columns: codes are the template of each value.
    Result<std::shared_ptr<const PageValues>> template_ids(std::uint32_t column, std::uint32_t page) const;
    // Of templates columns: like page(), but a value whose template is not wanted comes out empty and is not decoded.
    // `wanted` has one element for each template.
    Result<std::shared_ptr<const PageValues>> page_of(std::uint32_t column, std::uint32_t page,
                                                      std::span<const bool> wanted) const;

    // Appends the rows (ascending, of that page) as encoded TAIL entries (wire::append_tail_entry).
    // On error `to` is as before.
    Result<> append_entries(std::uint32_t page, std::span<const std::uint16_t> rows, Bytes& to) const;

    std::uint64_t file_bytes() const noexcept;
    // What a column takes in the file, its share of the blocks it is in.  The rest of the file: schemas and tables.
    struct ColumnBytes {
        std::uint64_t values = 0;
        std::uint64_t dictionary = 0;  // Or templates.
        std::uint64_t filter = 0;
    };
    ColumnBytes column_bytes(std::uint32_t column) const;

    // Reads everything: every checksum, every page, counts and ranges.
    Result<> verify() const;
    // Reads one page of every column, as verify() does: to say which rows are lost.
    Result<> verify_page(std::uint32_t page) const;

    struct Impl;
    const Impl& impl() const noexcept { return *impl_; }  // For this layer (part_impl.h).

 private:
    explicit Part(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::part
