// Which columns and which schema a row gets, at the limits of both.
#include "part/schema_tree.h"

#include <gtest/gtest.h>

namespace sluice::part {
namespace {

class SchemaTreeTest : public testing::Test {
 protected:
    using Columns = std::vector<std::uint32_t>;

    // A row of text fields; those that begin with '_' are trusted.
    SchemaTree::RowEnd row(SchemaTree& tree, const std::vector<std::string>& names) {
        tree.begin_row();
        columns_.clear();
        for (const std::string& name : names) {
            columns_.push_back(tree.field({name.starts_with('_'), wire::FieldType::string, name}));
        }
        return tree.end_row();
    }
    // So many names that nobody else has.
    static std::vector<std::string> names(std::size_t count) {
        std::vector<std::string> all;
        for (std::size_t i = 0; i < count; ++i) {
            all.push_back("n" + std::to_string(i));
        }
        return all;
    }

    Columns columns_;  // Of the last row.
};

TEST_F(SchemaTreeTest, SameFieldsAreTheSameSchema) {
    SchemaTree tree({.columns_max = 100, .schema_cells_max = 1000});
    const auto first = row(tree, {"_a", "b"});
    EXPECT_EQ(columns_, (Columns{8, 9}));
    const auto other = row(tree, {"_a", "c", "c"});
    EXPECT_EQ(columns_, (Columns{8, 10, 11})) << "each occurrence has a column";
    EXPECT_NE(other.schema, first.schema);
    EXPECT_EQ(row(tree, {"_a", "b"}).schema, first.schema);
    EXPECT_EQ(row(tree, {"_a", "c", "c"}).schema, other.schema);
    EXPECT_NE(row(tree, {"b", "_a"}).schema, first.schema) << "the order is kept";
    EXPECT_EQ(tree.schemas()[first.schema], (Columns{8, 9}));
    EXPECT_EQ(tree.schemas()[other.schema], (Columns{8, 10, 11}));
    EXPECT_FALSE(tree.refused_column());
}

TEST_F(SchemaTreeTest, ColumnsAreBounded) {
    SchemaTree tree({.columns_max = 2, .schema_cells_max = 1000});
    row(tree, {"a", "b"});
    EXPECT_FALSE(tree.refused_column());
    const auto more = row(tree, {"a", "c", "b"});
    EXPECT_TRUE(tree.refused_column());
    EXPECT_EQ(columns_, (Columns{8, kOtherFields, 9}));
    EXPECT_FALSE(more.all_others);
    EXPECT_EQ(tree.schemas()[more.schema], (Columns{8, 9, kOtherFields}));
}

// A schema costs its columns, and eight.
TEST_F(SchemaTreeTest, CellsOfAllSchemasAreBounded) {
    SchemaTree tree({.columns_max = 100, .schema_cells_max = 20});
    const auto first = row(tree, {"a", "b"});
    EXPECT_FALSE(first.all_others);
    EXPECT_FALSE(row(tree, {"a", "c"}).all_others) << "20 cells";
    const auto refused = row(tree, {"a", "d"});
    EXPECT_TRUE(refused.all_others);
    EXPECT_EQ(tree.schemas()[refused.schema], (Columns{kOtherFields}));
    EXPECT_EQ(row(tree, {"a", "b"}).schema, first.schema);
    SchemaTree smaller({.columns_max = 100, .schema_cells_max = 19});
    EXPECT_FALSE(row(smaller, {"a", "b"}).all_others);
    EXPECT_TRUE(row(smaller, {"a", "c"}).all_others);
}

// The rows behind one that found no place are not lost with it.
TEST_F(SchemaTreeTest, NodesAreBoundedAndARowThatFindsNoneStandsAlone) {
    SchemaTree tree({.columns_max = 100, .schema_cells_max = 17});
    EXPECT_TRUE(row(tree, names(16)).all_others) << "24 cells; that of rows like this takes eight";
    EXPECT_FALSE(row(tree, {"x"}).all_others) << "the last node, and the last cell";
    const auto lost = row(tree, {"y"});
    EXPECT_TRUE(lost.all_others);
    const auto known = row(tree, {"x"});
    EXPECT_FALSE(known.all_others);
    EXPECT_NE(known.schema, lost.schema);
    EXPECT_EQ(row(tree, names(17)).schema, lost.schema);
}

}  // namespace
}  // namespace sluice::part
