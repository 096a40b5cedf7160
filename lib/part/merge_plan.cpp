#include "part/merge_plan.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "part/part_impl.h"
#include "part/schema_tree.h"

namespace sluice::part {
namespace {

constexpr std::uint32_t kNone = MergePlan::kNone;

class Planner {
 public:
    Planner(std::span<const std::shared_ptr<const Part>> parts, const BuildOptions& options)
        : parts_(parts), options_(options) {
        plan_.sources.resize(parts.size());
    }

    Result<MergePlan> run() {
        unite_columns();
        keep_frequent_columns();
        unite_schemas();
        SLUICE_CHECK(read_ids());
        keep_frequent_schemas();
        drop_unused_columns();
        return std::move(plan_);
    }

 private:
    const Part::Impl& impl(std::size_t part) const { return parts_[part]->impl(); }

    // Each once, fixed ones first; counts_: the values of each.
    void unite_columns() {
        using Key = std::tuple<ColumnKind, bool, wire::FieldType, std::uint16_t, std::string_view>;
        std::map<Key, std::uint32_t> known;
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            for (const ColumnInfo& info : std::span(impl(i).infos).first(impl(i).own_columns)) {
                const Key key(info.kind, info.trusted, info.type, info.occurrence, info.name);
                const auto [found, is_new] = known.try_emplace(key, static_cast<std::uint32_t>(plan_.columns.size()));
                if (is_new) {
                    plan_.columns.push_back(info);
                    counts_.push_back(0);
                }
                counts_[found->second] += info.values;
                plan_.sources[i].columns.push_back(found->second);
            }
        }
    }

    // What becomes of columns or schemas: `index_of` each, ascending where it is not kNone.
    void renumber_columns(std::span<const std::uint32_t> index_of) {
        std::vector<ColumnInfo> kept;
        for (std::size_t i = 0; i < index_of.size(); ++i) {
            if (index_of[i] != kNone) {
                kept.push_back(std::move(plan_.columns[i]));
            }
        }
        plan_.columns = std::move(kept);
        for (MergePlan::Source& source : plan_.sources) {
            for (std::uint32_t& column : source.columns) {
                column = column == kNone ? kNone : index_of[column];
            }
        }
    }
    static std::vector<std::uint32_t> numbered(const std::vector<bool>& kept) {
        std::vector<std::uint32_t> index_of(kept.size(), kNone);
        std::uint32_t next = 0;
        for (std::size_t i = 0; i < kept.size(); ++i) {
            index_of[i] = kept[i] ? next++ : kNone;
        }
        return index_of;
    }
    // Numbers from `first` to below counts.size(), those with the largest counts first.
    static std::vector<std::uint32_t> by_count(std::span<const std::uint64_t> counts, std::uint32_t first) {
        std::vector<std::uint32_t> order(counts.size() - first);
        std::iota(order.begin(), order.end(), first);
        std::ranges::sort(order, [counts](std::uint32_t a, std::uint32_t b) {
            return std::tuple(counts[b], a) < std::tuple(counts[a], b);
        });
        return order;
    }

    void keep_frequent_columns() {
        const std::vector<std::uint32_t> order = by_count(counts_, kFixedColumns);
        if (order.size() <= options_.columns_max) {
            return;
        }
        std::vector<bool> kept(plan_.columns.size(), true);
        for (const std::uint32_t column : std::span(order).subspan(options_.columns_max)) {
            kept[column] = false;
        }
        renumber_columns(numbered(kept));
    }

    // schema_of_: what each schema of each part becomes if there is room, numbers of schemas_.
    void unite_schemas() {
        std::map<std::vector<std::uint32_t>, std::uint32_t> known;
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            std::vector<std::uint32_t>& to = schema_of_.emplace_back();
            for (const std::vector<std::uint32_t>& schema : impl(i).layout.schemas) {
                std::vector<std::uint32_t> mapped;
                for (const std::uint32_t column : schema) {
                    const bool has_column = column < impl(i).own_columns;
                    mapped.push_back(has_column ? plan_.sources[i].columns[column] : kNone);
                }
                const bool others = std::erase(mapped, kNone) > 0;
                if (others) {
                    mapped.push_back(kOtherFields);
                }
                const auto [found, is_new] = known.try_emplace(mapped, static_cast<std::uint32_t>(schemas_.size()));
                if (is_new) {
                    schemas_.push_back(std::move(mapped));
                }
                to.push_back(found->second);
            }
        }
    }

    Result<> read_ids() {
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            for (std::uint32_t page = 0; page < parts_[i]->pages(); ++page) {
                SLUICE_TRY(const auto of_page, impl(i).schemas(page));
                for (const std::uint32_t id : of_page->ids) {
                    plan_.schema_ids.push_back(schema_of_[i][id]);
                }
            }
        }
        return {};
    }

    // Where the combinations of columns are too many, the rows of the rare ones keep no columns.
    void keep_frequent_schemas() {
        std::vector<std::uint64_t> rows(schemas_.size());
        for (const std::int64_t id : plan_.schema_ids) {
            ++rows[static_cast<std::size_t>(id)];
        }
        std::vector<bool> kept(schemas_.size());
        std::size_t cells = 0;
        for (const std::uint32_t schema : by_count(rows, 0)) {
            const bool needs_room = !schemas_[schema].empty() && schemas_[schema].front() != kOtherFields;
            cells += needs_room ? schemas_[schema].size() + kSchemaCells : 0;
            kept[schema] = rows[schema] > 0 && (!needs_room || cells <= options_.schema_cells_max);
        }
        const std::vector<std::uint32_t> index_of = numbered(kept);
        std::uint32_t only_others = kNone;
        for (std::size_t i = 0; i < schemas_.size(); ++i) {
            if (kept[i]) {
                only_others =
                    schemas_[i].size() == 1 && schemas_[i].front() == kOtherFields ? index_of[i] : only_others;
                plan_.schemas.push_back(schemas_[i]);
            }
        }
        for (std::int64_t& id : plan_.schema_ids) {
            const std::uint32_t index = index_of[static_cast<std::size_t>(id)];
            if (index == kNone && only_others == kNone) {
                only_others = static_cast<std::uint32_t>(plan_.schemas.size());
                plan_.schemas.push_back({kOtherFields});
            }
            id = index == kNone ? only_others : index;
        }
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            for (const std::uint32_t schema : schema_of_[i]) {
                const bool others = !schemas_[schema].empty() && schemas_[schema].back() == kOtherFields;
                plan_.sources[i].rows.push_back({kept[schema], others || !kept[schema]});
            }
        }
    }

    // Those of rows that keep no columns may be in no other.
    void drop_unused_columns() {
        std::vector<bool> kept(plan_.columns.size());
        std::fill_n(kept.begin(), kFixedColumns, true);
        bool others = false;
        for (const auto& schema : plan_.schemas) {
            for (const std::uint32_t column : schema) {
                if (column == kOtherFields) {
                    others = true;
                } else {
                    kept[column] = true;
                }
            }
        }
        const std::vector<std::uint32_t> index_of = numbered(kept);
        renumber_columns(index_of);
        const auto behind = static_cast<std::uint32_t>(plan_.columns.size());
        for (auto& schema : plan_.schemas) {
            for (std::uint32_t& column : schema) {
                column = column == kOtherFields ? behind : index_of[column];
            }
        }
        if (others) {
            plan_.columns.push_back({.kind = ColumnKind::others});
        }
    }

    const std::span<const std::shared_ptr<const Part>> parts_;
    const BuildOptions& options_;
    MergePlan plan_;
    std::vector<std::uint64_t> counts_;
    std::vector<std::vector<std::uint32_t>> schemas_;
    std::vector<std::vector<std::uint32_t>> schema_of_;
};

}  // namespace

Result<MergePlan> plan_merge(std::span<const std::shared_ptr<const Part>> parts, const BuildOptions& options) {
    return Planner(parts, options).run();
}

}  // namespace sluice::part
