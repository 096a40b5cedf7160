#include "store/part_reader.h"

#include <algorithm>
#include <ranges>

#include "base/assert.h"
#include "wire/tail_messages.h"

namespace sluice::store {
namespace {

// Of one run: a few milliseconds of a thread's time.
constexpr std::size_t kRunRows = 1024;
constexpr std::uint32_t kEpoch = part::Part::fixed(part::ColumnKind::epoch);

// Sequences [first, end) of a page, from the tables that are resident.
std::pair<std::uint64_t, std::uint64_t> span_of(const part::Part& part, std::uint32_t page) {
    const std::optional<part::Part::Range> range = part.range(kSequence, page);
    SLUICE_ASSERT(range, "page {} has no sequences", page);
    return {static_cast<std::uint64_t>(range->min), static_cast<std::uint64_t>(range->max) + 1};
}

// The first page that ends above `from`.
std::uint32_t page_at(const part::Part& part, std::uint64_t from) {
    const auto pages = std::views::iota(std::uint32_t{0}, part.pages());
    const auto found =
        std::ranges::partition_point(pages, [&](std::uint32_t page) { return span_of(part, page).second <= from; });
    return static_cast<std::uint32_t>(found - pages.begin());
}

// The first part that ends above `from`.
auto part_at(const PartSet::Class& one, std::uint64_t from) {
    return std::ranges::upper_bound(one.parts, from, {},
                                    [](const PartPointer& part) { return part->name.end_sequence; });
}

}  // namespace

std::uint32_t PartReader::Head::epoch() const {
    const std::uint32_t code = epochs->codes[row];
    return static_cast<std::uint32_t>(epoch_values->ints[code]);
}

Result<> PartReader::load_page(Head& head) const {
    const part::Part& part = *head.part->part;
    SLUICE_TRY(head.sequences, part.page(kSequence, head.page));
    SLUICE_TRY(head.epochs, part.page(kEpoch, head.page));
    SLUICE_TRY(head.epoch_values, part.dictionary(kEpoch));
    return {};
}

// The page's records are lost, and the reader goes on behind it.
Result<> PartReader::skip_page(const Head& head, Error why, std::uint64_t from, PartRun& run) {
    if (why.code() != Errc::corrupt) {
        return std::unexpected(std::move(why).during("'{}'", head.part->file));
    }
    bad_.emplace(head.part, head.page);
    const auto [first, end] = span_of(*head.part->part, head.page);
    run.damage.push_back({.file = head.part->file,
                          .offset = 0,
                          .bytes = 0,
                          .first_sequence = std::max(from, first),
                          .end_sequence = end,
                          .what = why.text()});
    return {};
}

// False: the class has nothing at or above `from`.
Result<bool> PartReader::find_head(const PartSet::Class& one, std::uint64_t from, PartRun& run, Head& head) {
    for (auto part = part_at(one, from); part != one.parts.end(); ++part) {
        const part::Part& opened = *(*part)->part;
        head.part = part->get();
        for (head.page = page_at(opened, from); head.page < opened.pages(); ++head.page) {
            if (bad_.contains({head.part, head.page})) {
                continue;
            }
            if (Result<> loaded = load_page(head); !loaded) {
                SLUICE_CHECK(skip_page(head, std::move(loaded).error(), from, run));
                continue;
            }
            const auto sequences = head.sequences->ints;
            const auto place = std::ranges::lower_bound(sequences, static_cast<std::int64_t>(from));
            head.row = static_cast<std::size_t>(place - sequences.begin());
            if (head.more()) {
                return true;
            }
        }
    }
    return false;
}

// The rows chosen, in one order.  Errors: corrupt: a page is lost, and told; io errors.
Result<> PartReader::append(std::vector<Head>& heads, PartRun& run) {
    std::vector<Bytes> of_head(heads.size());
    std::vector<wire::TailEntryRange::Iterator> next;
    for (std::size_t i = 0; i < heads.size(); ++i) {
        Head& head = heads[i];
        if (!head.chosen.empty()) {
            Bytes& into = heads.size() == 1 ? run.entries : of_head[i];
            Result<> appended = head.part->part->append_entries(head.page, head.chosen, into);
            if (!appended) {
                SLUICE_CHECK(skip_page(head, std::move(appended).error(), run.first_sequence, run));
                return fail(Errc::corrupt, "a page is damaged");
            }
        }
        next.emplace_back(of_head[i].data(), static_cast<std::uint32_t>(head.chosen.size()));
    }
    for (std::uint32_t left = heads.size() == 1 ? 0 : run.count; left > 0; --left) {
        const auto first = std::ranges::min_element(
            next, {}, [](const auto& entry) { return entry == std::default_sentinel ? kNoLimit : (*entry).sequence; });
        wire::append_tail_entry(run.entries, **first);
        ++*first;
    }
    return {};
}

Result<PartRun> PartReader::read(std::uint64_t from, std::uint64_t limit) {
    PartRun run;
    for (;;) {  // Bounded by the pages: each further turn has found one that is damaged.
        std::vector<Head> heads;
        std::uint64_t bound = limit;
        for (const PartSet::Class& one : parts_->classes) {
            Head head;
            SLUICE_TRY(const bool found, find_head(one, from, run, head));
            if (found && head.sequence() < limit) {
                bound = std::min(bound, head.page_end());
                heads.push_back(std::move(head));
            }
        }
        run.count = 0;
        run.first_sequence = run.end_sequence = limit;
        if (heads.empty()) {
            return run;
        }
        const auto position = [](const Head& head) { return head.more() ? head.sequence() : head.page_end(); };
        while (run.count < kRunRows) {
            Head& head = *std::ranges::min_element(heads, {}, position);
            if (!head.more() || head.sequence() >= bound || (run.count != 0 && head.epoch() != run.epoch)) {
                break;
            }
            if (run.count++ == 0) {
                run.epoch = head.epoch();
                run.first_sequence = head.sequence();
            }
            head.chosen.push_back(static_cast<std::uint16_t>(head.row++));
        }
        run.end_sequence = std::min(limit, position(*std::ranges::min_element(heads, {}, position)));
        const Result<> appended = append(heads, run);
        if (appended) {
            return run;
        }
        if (appended.error().code() != Errc::corrupt) {
            return std::unexpected(appended.error());
        }
    }
}

std::uint64_t PartReader::page_before(std::uint64_t limit, std::uint64_t oldest) const {
    std::uint64_t boundary = oldest;
    for (const PartSet::Class& one : parts_->classes) {
        auto part =
            std::ranges::lower_bound(one.parts, limit, {}, [](const PartPointer& p) { return p->name.first_sequence; });
        if (part == one.parts.begin()) {
            continue;
        }
        const part::Part& opened = *(*--part)->part;
        for (std::uint32_t page = opened.pages(); page-- > 0;) {  // Usually one of the last.
            const std::uint64_t first = span_of(opened, page).first;
            if (first < limit) {
                boundary = std::max(boundary, first);
                break;
            }
        }
    }
    return boundary;
}

}  // namespace sluice::store
