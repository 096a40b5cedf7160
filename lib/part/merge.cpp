#include "part/merge.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <tuple>

#include "part/part_impl.h"
#include "part/part_writer.h"

namespace sluice::part {
namespace {

using Parts = std::span<const std::shared_ptr<const Part>>;

constexpr std::size_t kCacheBytes = 8U << 20U;  // The chunks of one column that go on in the next page.

// The columns and schemas of all parts as those of one.
class Merged {
 public:
    Merged(Parts parts, const BuildOptions& options) : parts_(parts), options_(options) {}

    Result<Bytes> run() {
        SLUICE_CHECK(check_order());
        merge_summaries();
        make_pages();
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            map_columns(*parts_[i]);
            map_schemas(impl(i));
        }
        SLUICE_TRY(const auto ids, schema_ids());
        PartWriter writer(options_, std::move(layout_));
        for (std::uint32_t column = 0; column < sources_.size(); ++column) {
            SLUICE_CHECK(write(column, ids, writer));
        }
        return writer.finish(ids);
    }

 private:
    struct Where {
        std::uint32_t part;
        std::uint32_t column;
    };
    // Gathers the values of one column.
    struct Values {
        std::vector<std::int64_t> ints;
        std::vector<std::string_view> texts;
        std::vector<PageCount> pages;
        std::vector<std::shared_ptr<const void>> owners;  // Of the texts.
    };

    const Part::Impl& impl(std::size_t part) const { return parts_[part]->impl(); }

    Result<> check_order() const {
        if (parts_.empty()) {
            return fail(Errc::invalid_argument, "no parts to merge");
        }
        for (std::size_t i = 1; i < parts_.size(); ++i) {
            const std::uint64_t end = parts_[i - 1]->summary().end_sequence;
            if (parts_[i]->summary().first_sequence < end) {
                return fail(Errc::invalid_argument,
                            "a part begins at sequence {}, before the end of the one before it, {}",
                            parts_[i]->summary().first_sequence, end);
            }
        }
        return {};
    }

    void merge_summaries() {
        Summary& all = layout_.summary;
        all = parts_.front()->summary();
        for (const auto& part : parts_.subspan(1)) {
            const Summary& next = part->summary();
            all.rows += next.rows;
            all.end_sequence = next.end_sequence;
            all.time_sorted = all.time_sorted && next.time_sorted && all.time_max <= next.time_min;
            all.time_min = std::min(all.time_min, next.time_min);
            all.time_max = std::max(all.time_max, next.time_max);
            all.receive_min = std::min(all.receive_min, next.receive_min);
            all.receive_max = std::max(all.receive_max, next.receive_max);
            all.epoch_min = std::min(all.epoch_min, next.epoch_min);
            all.epoch_max = std::max(all.epoch_max, next.epoch_max);
            all.raw_bytes += next.raw_bytes;
        }
        all.store_id = options_.store_id;
    }

    // The bytes of single rows are not known any more: each is taken for the average of its page.
    void make_pages() {
        std::uint64_t row = 0;
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            first_row_.push_back(row);
            for (const PageLayout& from : impl(i).layout.pages) {
                const std::uint32_t bytes = std::max(from.raw_bytes / from.rows, 1U);
                for (std::uint32_t left = from.rows; left > 0; --left, ++row) {
                    add_row(row, bytes);
                }
            }
        }
    }
    void add_row(std::uint64_t row, std::uint32_t bytes) {
        auto& pages = layout_.pages;
        const bool fits = !pages.empty() && pages.back().rows < options_.page_rows &&
                          std::size_t{pages.back().raw_bytes} + bytes <= kPageBytes;
        if (!fits) {
            pages.push_back({row, 0, 0});
        }
        ++pages.back().rows;
        pages.back().raw_bytes += bytes;
    }

    void map_columns(const Part& part) {
        const auto index = static_cast<std::uint32_t>(columns_of_.size());
        std::vector<std::uint32_t>& to = columns_of_.emplace_back();
        for (const ColumnInfo& info : part.columns()) {
            const auto key =
                std::tuple(info.kind, info.trusted, info.type, info.occurrence, std::string_view(info.name));
            const auto [found, is_new] = by_key_.try_emplace(key, static_cast<std::uint32_t>(sources_.size()));
            if (is_new) {
                sources_.emplace_back();
                layout_.columns.emplace_back().info = info;
            }
            sources_[found->second].push_back({index, static_cast<std::uint32_t>(to.size())});
            to.push_back(found->second);
        }
    }

    void map_schemas(const Part::Impl& part) {
        const std::vector<std::uint32_t>& columns = columns_of_.back();
        std::vector<std::uint32_t>& to = schemas_of_.emplace_back();
        for (const std::vector<std::uint32_t>& schema : part.layout.schemas) {
            std::vector<std::uint32_t> mapped;
            for (const std::uint32_t column : schema) {
                mapped.push_back(columns[column]);
            }
            const auto [found, is_new] =
                by_schema_.try_emplace(std::move(mapped), static_cast<std::uint32_t>(layout_.schemas.size()));
            if (is_new) {
                layout_.schemas.push_back(found->first);
            }
            to.push_back(found->second);
        }
    }

    Result<> write(std::uint32_t column, std::span<const std::int64_t> ids, PartWriter& writer) const {
        SLUICE_TRY(const Values values, gather(column, writer.layout()));
        const ColumnValues of_column{values.ints, values.texts, values.pages};
        if (column != Part::fixed(ColumnKind::message)) {
            writer.add_column(of_column, nullptr);
            return {};
        }
        // What messages of the parts refer to, they will again.
        SLUICE_TRY(const auto referred, referred_columns());
        std::vector<Values> kept;
        std::vector<References::Source> sources;
        kept.reserve(referred.size());
        for (const std::uint32_t other : referred) {
            SLUICE_TRY(Values of_other, gather(other, writer.layout()));
            kept.push_back(std::move(of_other));
            sources.push_back({other, &writer.layout().columns[other].info, kept.back().ints, kept.back().texts});
        }
        References references(ids, writer.layout().schemas, std::move(sources));
        writer.add_column(of_column, &references);
        return {};
    }

    Result<std::set<std::uint32_t>> referred_columns() const {
        std::set<std::uint32_t> referred;
        for (std::uint32_t i = 0; i < parts_.size(); ++i) {
            if (!impl(i).has_templates(Part::fixed(ColumnKind::message))) {
                continue;
            }
            SLUICE_TRY(const auto templates, impl(i).templates(Part::fixed(ColumnKind::message)));
            for (const Coding& slot : templates->slots) {
                if (slot.codec == Codec::column) {
                    referred.insert(columns_of_[i][slot.entries]);
                }
            }
        }
        return referred;
    }

    Result<Values> gather(std::uint32_t column, const Layout& layout) const {
        Values values;
        for (const Where& source : sources_[column]) {
            const Part& part = *parts_[source.part];
            for (const PageSpan& span : impl(source.part).layout.columns[source.column].spans.pages) {
                SLUICE_TRY(auto page, part.page(source.column, span.page));
                count(first_row_[source.part] + part.page_first_row(span.page), *page, layout.pages, values);
                SLUICE_CHECK(take(source, *page, values));
                if (!page->texts.empty()) {
                    values.owners.push_back(std::move(page));
                }
            }
        }
        return values;
    }

    // Which pages of the new part the values are in.
    static void count(std::uint64_t first_row, const PageValues& page, std::span<const PageLayout> pages,
                      Values& values) {
        std::uint32_t at = values.pages.empty() ? 0 : values.pages.back().page;
        for (std::size_t i = 0; i < page.size(); ++i) {
            const std::uint64_t row = first_row + (page.positions.empty() ? i : page.positions[i]);
            while (row >= pages[at].first_row + pages[at].rows) {
                ++at;
            }
            if (values.pages.empty() || values.pages.back().page != at) {
                values.pages.push_back({at, 0});
            }
            ++values.pages.back().count;
        }
    }

    Result<> take(const Where& source, const PageValues& page, Values& values) const {
        values.ints.insert(values.ints.end(), page.ints.begin(), page.ints.end());
        values.texts.insert(values.texts.end(), page.texts.begin(), page.texts.end());
        for (const double value : page.floats) {
            values.ints.push_back(std::bit_cast<std::int64_t>(value));
        }
        if (page.codes.empty()) {
            return {};
        }
        SLUICE_TRY(auto dictionary, parts_[source.part]->dictionary(source.column));
        if (!dictionary->ints.empty()) {
            for (const std::uint32_t code : page.codes) {
                values.ints.push_back(dictionary->ints[code]);
            }
            return {};
        }
        for (const std::uint32_t code : page.codes) {
            values.texts.push_back(dictionary->entries[code]);
        }
        values.owners.push_back(std::move(dictionary));
        return {};
    }

    Result<std::vector<std::int64_t>> schema_ids() const {
        std::vector<std::int64_t> ids;
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            for (std::uint32_t page = 0; page < parts_[i]->pages(); ++page) {
                SLUICE_TRY(const auto of_page, impl(i).schemas(page));
                for (const std::uint32_t id : of_page->ids) {
                    ids.push_back(schemas_of_[i][id]);
                }
            }
        }
        return ids;
    }

    using Key =
        std::tuple<ColumnKind, bool, wire::FieldType, std::uint16_t, std::string_view>;  // The name is a part's.

    const Parts parts_;
    const BuildOptions& options_;
    Layout layout_;
    std::vector<std::uint64_t> first_row_;                // Of each part.
    std::vector<std::vector<Where>> sources_;             // Of each column.
    std::vector<std::vector<std::uint32_t>> columns_of_;  // Of each part: its columns as those of all.
    std::vector<std::vector<std::uint32_t>> schemas_of_;
    std::map<Key, std::uint32_t> by_key_;
    std::map<std::vector<std::uint32_t>, std::uint32_t> by_schema_;
};

}  // namespace

Result<Bytes> merge(std::span<const std::shared_ptr<const Part>> parts, const BuildOptions& options) {
    // Everything is read once, which would drive from a shared cache what is read often.
    const auto cache = std::make_shared<Cache>(kCacheBytes);
    std::vector<std::shared_ptr<const Part>> sources;
    for (const auto& part : parts) {
        sources.push_back(part->with_cache(cache));
    }
    return Merged(sources, options).run();
}

}  // namespace sluice::part
