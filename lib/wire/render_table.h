// Rows in columns of equal width.  The first rows are held back to find the widths; what comes later keeps to them.
#pragma once

#include <string>
#include <vector>

#include "wire/render.h"

namespace sluice::wire {

class TableText {
 public:
    static constexpr std::size_t kRowsHeld = 1000;
    static constexpr std::size_t kBytesHeld = std::size_t{1} << 20U;

    // Empty `columns`: every column of the rows held, in the order of their first occurrence.
    explicit TableText(const RenderOptions& options) : options_(options), columns_(options.columns) {}

    void add(std::string& to, const TailEntry& entry);
    void finish(std::string& to);

 private:
    struct Cell {
        std::string text;
        bool number = false;
    };
    using Row = std::vector<Cell>;

    void find_columns();
    Row row_of(const TailEntry& entry) const;
    TailEntry held(std::size_t index) const noexcept;
    void begin(std::string& to);
    void append_row(std::string& to, const Row& row) const;

    RenderOptions options_;
    std::vector<std::string> columns_;
    bool begun_ = false;  // The header is written.
    Bytes entries_;       // Held back, encoded.
    std::vector<std::size_t> starts_;
    std::vector<std::size_t> widths_;
    std::vector<bool> right_;  // Every value held is a number.
};

}  // namespace sluice::wire
