// Rows for tests of parts: made by hand or at random, kept as encoded TAIL entries, built, and compared bit for bit.
#pragma once

#include <gtest/gtest.h>

#include "part/builder.h"
#include "part/part.h"

namespace sluice::part {

class Rows {
 public:
    // Fields with a leading '_' are trusted.
    struct Field {
        wire::FieldType type = wire::FieldType::string;
        std::string name;
        std::string value;  // Its bytes.
    };
    struct Draft {
        std::uint64_t sequence = 0;  // 0: the next.
        WallNs receive_time = 0;
        WallNs time = 0;
        std::uint16_t flags = 0;
        int severity = 6;
        std::string stream{};
        std::string message{};
        std::vector<Field> fields{};
        std::uint32_t epoch = 1;
    };

    void add(const Draft& draft);
    // One that is encoded already.
    void add(const wire::TailEntry& entry, std::uint32_t epoch);

    std::size_t size() const noexcept { return epochs_.size(); }
    const Bytes& bytes() const noexcept { return bytes_; }
    std::uint32_t epoch(std::size_t row) const { return epochs_[row]; }
    wire::TailEntryRange entries() const { return {bytes_, static_cast<std::uint32_t>(epochs_.size())}; }

    Builder builder(const BuildOptions& options = {}) const;
    // The image of a part of all rows.
    Bytes build(const BuildOptions& options = {}) const;

 private:
    Bytes bytes_;
    std::vector<std::uint32_t> epochs_;
    std::uint64_t next_ = 1;
};

Rows::Field text_field(std::string name, std::string value);
Rows::Field int_field(std::string name, std::int64_t value);
Rows::Field float_field(std::string name, double value);
Rows::Field bool_field(std::string name, bool value);

std::shared_ptr<const Part> open_part(Bytes image, std::shared_ptr<Cache> cache = nullptr);
// All rows of a part, read page by page.
Rows read_rows(const Part& part);
// What a part of these rows must say of them, from the rows alone.
Summary summary_of(const Rows& rows, const wire::StoreId& store_id = {});
// Field by field; says which differs.
testing::AssertionResult same_summary(const Summary& a, const Summary& b);
// Whether two lists of rows are the same bytes, epochs too; says where they differ.
testing::AssertionResult same_rows(const Rows& a, const Rows& b);
// Builds, opens, verifies, reads, compares rows and summary.
testing::AssertionResult round_trips(const Rows& rows, const BuildOptions& options = {});

}  // namespace sluice::part
