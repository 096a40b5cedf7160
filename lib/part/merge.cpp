#include "part/merge.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <set>

#include "part/merge_plan.h"
#include "part/part_impl.h"
#include "part/part_writer.h"

namespace sluice::part {
namespace {

using Parts = std::span<const std::shared_ptr<const Part>>;

constexpr std::size_t kCacheBytes = 8U << 20U;  // The chunks of one column that go on in the next page.

// Column by column from all parts.
class Merged {
 public:
    Merged(Parts parts, const BuildOptions& options) : parts_(parts), options_(options) {}

    Result<Bytes> run() {
        SLUICE_CHECK(check_order());
        merge_summaries();
        make_pages();
        SLUICE_TRY(plan_, plan_merge(parts_, options_));
        take_plan();
        PartWriter writer(options_, std::move(layout_));
        for (std::uint32_t column = 0; column < sources_.size(); ++column) {
            SLUICE_CHECK(write(column, writer));
        }
        if (plan_.has_others()) {
            const std::span<const PageLayout> pages = writer.layout().pages;
            const auto add = [&](OthersWriter& others) { return add_others(pages, others); };
            SLUICE_CHECK(writer.add_others(add));
        }
        return writer.finish(plan_.schema_ids);
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
        std::shared_ptr<const Dictionary> dictionary;     // The last one, and of which part.
        std::uint32_t dictionary_of = 0;
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

    void take_plan() {
        layout_.schemas = std::move(plan_.schemas);
        for (const ColumnInfo& info : plan_.columns) {
            layout_.columns.emplace_back().info = info;
        }
        sources_.resize(plan_.columns.size() - (plan_.has_others() ? 1 : 0));
        for (std::uint32_t part = 0; part < parts_.size(); ++part) {
            const std::vector<std::uint32_t>& columns = plan_.sources[part].columns;
            for (std::uint32_t column = 0; column < columns.size(); ++column) {
                if (columns[column] != MergePlan::kNone) {
                    sources_[columns[column]].push_back({part, column});
                }
            }
            const auto loses = [](const MergePlan::Rows& rows) { return !rows.keep_columns; };
            rows_lose_.push_back(std::ranges::any_of(plan_.sources[part].rows, loses));
        }
    }

    Result<> write(std::uint32_t column, PartWriter& writer) const {
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
        References references(plan_.schema_ids, writer.layout().schemas, std::move(sources));
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
                    referred.insert(plan_.sources[i].columns[slot.entries]);
                }
            }
        }
        referred.erase(MergePlan::kNone);
        return referred;
    }

    Result<Values> gather(std::uint32_t column, const Layout& layout) const {
        Values values;
        for (const Where& source : sources_[column]) {
            const Part& part = *parts_[source.part];
            for (const PageSpan& span : impl(source.part).layout.columns[source.column].spans.pages) {
                SLUICE_TRY(auto page, part.page(source.column, span.page));
                SLUICE_TRY(const std::vector<std::uint16_t> kept, kept_values(source, span.page, *page));
                count(first_row_[source.part] + part.page_first_row(span.page), *page, kept, layout.pages, values);
                SLUICE_CHECK(take(source, *page, kept, values));
                if (!page->texts.empty()) {
                    values.owners.push_back(std::move(page));
                }
            }
        }
        return values;
    }

    // Which of the values of a page stay in the column.
    Result<std::vector<std::uint16_t>> kept_values(const Where& source, std::uint32_t page,
                                                   const PageValues& values) const {
        std::vector<std::uint16_t> kept(values.size());
        std::iota(kept.begin(), kept.end(), std::uint16_t{0});
        if (source.column < kFixedColumns || !rows_lose_[source.part]) {
            return kept;
        }
        SLUICE_TRY(const auto schemas, impl(source.part).schemas(page));
        std::erase_if(kept, [&](std::uint16_t i) {
            const std::size_t row = values.positions.empty() ? i : values.positions[i];
            return !plan_.sources[source.part].rows[schemas->ids[row]].keep_columns;
        });
        return kept;
    }

    // Which pages of the new part the values are in.
    static void count(std::uint64_t first_row, const PageValues& page, std::span<const std::uint16_t> kept,
                      std::span<const PageLayout> pages, Values& values) {
        for (const std::uint16_t i : kept) {
            add_to_page(first_row + (page.positions.empty() ? i : page.positions[i]), pages, values.pages);
        }
    }
    static void add_to_page(std::uint64_t row, std::span<const PageLayout> pages, std::vector<PageCount>& counts) {
        const std::uint32_t at = page_of(row, pages, counts.empty() ? 0 : counts.back().page);
        if (counts.empty() || counts.back().page != at) {
            counts.push_back({at, 0});
        }
        ++counts.back().count;
    }
    // Of the new part; it is `at` or behind it.
    static std::uint32_t page_of(std::uint64_t row, std::span<const PageLayout> pages, std::uint32_t at) {
        while (row >= pages[at].first_row + pages[at].rows) {
            ++at;
        }
        return at;
    }

    Result<> take(const Where& source, const PageValues& page, std::span<const std::uint16_t> kept,
                  Values& values) const {
        if (!page.codes.empty()) {
            return take_entries(source, page, kept, values);
        }
        for (const std::uint16_t i : kept) {
            if (!page.texts.empty()) {
                values.texts.push_back(page.texts[i]);
            } else {
                values.ints.push_back(page.floats.empty() ? page.ints[i] : std::bit_cast<std::int64_t>(page.floats[i]));
            }
        }
        return {};
    }
    // One dictionary serves all pages of a part: it may be too large for the cache.
    Result<> take_entries(const Where& source, const PageValues& page, std::span<const std::uint16_t> kept,
                          Values& values) const {
        if (values.dictionary == nullptr || values.dictionary_of != source.part) {
            SLUICE_TRY(values.dictionary, parts_[source.part]->dictionary(source.column));
            values.dictionary_of = source.part;
            values.owners.push_back(values.dictionary);
        }
        for (const std::uint16_t i : kept) {
            const std::uint32_t code = page.codes[i];
            if (!values.dictionary->ints.empty()) {
                values.ints.push_back(values.dictionary->ints[code]);
            } else {
                values.texts.push_back(values.dictionary->entries[code]);
            }
        }
        return {};
    }

    Result<> add_others(std::span<const PageLayout> pages, OthersWriter& writer) const {
        std::uint32_t at = 0;
        for (std::uint32_t i = 0; i < parts_.size(); ++i) {
            const MergePlan::Source& source = plan_.sources[i];
            const auto kept = [&source](std::uint32_t schema, std::uint32_t column) {
                return source.rows[schema].keep_columns && source.columns[column] != MergePlan::kNone;
            };
            for (std::uint32_t page = 0; page < parts_[i]->pages(); ++page) {
                SLUICE_TRY(const std::vector<std::uint16_t> rows, rows_with_others(i, page));
                const std::uint64_t first_row = first_row_[i] + parts_[i]->page_first_row(page);
                auto row = rows.begin();
                const auto use = [&](ByteView value) {
                    at = page_of(first_row + *row++, pages, at);
                    writer.add(at, as_text(value));
                };
                SLUICE_CHECK(impl(i).other_fields(page, rows, kept, use));
            }
        }
        return {};
    }
    Result<std::vector<std::uint16_t>> rows_with_others(std::uint32_t part, std::uint32_t page) const {
        SLUICE_TRY(const auto schemas, impl(part).schemas(page));
        std::vector<std::uint16_t> rows;
        for (std::size_t row = 0; row < schemas->ids.size(); ++row) {
            if (plan_.sources[part].rows[schemas->ids[row]].have_others) {
                rows.push_back(static_cast<std::uint16_t>(row));
            }
        }
        return rows;
    }

    const Parts parts_;
    const BuildOptions& options_;
    Layout layout_;
    MergePlan plan_;
    std::vector<std::uint64_t> first_row_;     // Of each part.
    std::vector<std::vector<Where>> sources_;  // Of each column but `others`.
    std::vector<bool> rows_lose_;              // Of each part: are there rows that keep no columns?
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
