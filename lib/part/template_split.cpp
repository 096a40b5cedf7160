#include "part/template_split.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "part/skeleton_table.h"
#include "part/variables.h"

namespace sluice::part {
namespace {

// A template costs its text and the headers of its columns, some 30 to 100 bytes; letters cut off save about a byte a
// row.  So a template that differs from others only in such letters needs this many rows, or its tokens stay whole.
constexpr std::uint32_t kRowsPerCutTemplate = 32;
constexpr std::size_t kVariablesGuess = 4;  // Of a value; only what is used becomes memory.
constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

struct Draft {
    std::uint32_t rows = 0;
    std::uint32_t first_row = 0;
    bool cut = false;
    bool merge = false;  // Its tokens stay whole: its rows are split again.
};

class Splitter {
 public:
    explicit Splitter(std::span<const std::string_view> values) : values_(values) {}

    TemplateSplit run() {
        if (!split_by_parts()) {
            return {};
        }
        if (choose_merged()) {
            split_merged_again();
        }
        number_by_first_row();
        if (skeletons_.size() > values_.size() / 2) {
            return {};
        }
        fold_constants();
        return std::move(result_);
    }

 private:
    // False: too many templates.
    bool split_by_parts() {
        result_.ids.reserve(values_.size());
        result_.variables.reserve(kVariablesGuess * values_.size());
        for (std::size_t row = 0; row < values_.size(); ++row) {
            find_variables(values_[row], Detail::parts, found_);
            const std::uint32_t id = table_.number_of(values_[row], found_);
            if (id == drafts_.size()) {
                if (drafts_.size() >= values_.size() / 2) {
                    return false;
                }
                drafts_.push_back({.first_row = static_cast<std::uint32_t>(row), .cut = found_.cut});
            }
            ++drafts_[id].rows;
            result_.ids.push_back(id);
            append_variables(values_[row], result_.variables);
        }
        return true;
    }

    void append_variables(std::string_view value, std::vector<std::string_view>& to) const {
        for (std::size_t i = 0; i < found_.count; ++i) {
            const Piece piece = found_.pieces[i];
            to.push_back(value.substr(piece.begin, piece.end - piece.begin));
        }
    }

    // Templates with few rows that would be one with others if their tokens stayed whole.
    bool choose_merged() {
        SkeletonTable whole;
        std::vector<std::uint32_t> templates;  // Of each skeleton of whole tokens.
        std::vector<std::uint32_t> family_of(drafts_.size(), kNone);
        for (std::size_t i = 0; i < drafts_.size(); ++i) {
            if (drafts_[i].cut) {
                const std::string_view value = values_[drafts_[i].first_row];
                find_variables(value, Detail::tokens, found_);
                family_of[i] = whole.number_of(value, found_);
                templates.resize(whole.size());
                ++templates[family_of[i]];
            }
        }
        bool any = false;
        for (std::size_t i = 0; i < drafts_.size(); ++i) {
            Draft& draft = drafts_[i];
            draft.merge = draft.cut && draft.rows < kRowsPerCutTemplate && templates[family_of[i]] > 1;
            any = any || draft.merge;
        }
        return any;
    }

    void split_merged_again() {
        const std::vector<std::string_view> before = std::move(result_.variables);
        result_.variables.clear();
        result_.variables.reserve(before.size());
        auto from = before.begin();
        for (std::size_t row = 0; row < values_.size(); ++row) {
            std::uint32_t& id = result_.ids[row];
            const auto end = from + table_.slots(id);
            if (id < drafts_.size() && drafts_[id].merge) {
                find_variables(values_[row], Detail::tokens, found_);
                id = table_.number_of(values_[row], found_);
                append_variables(values_[row], result_.variables);
            } else {
                result_.variables.insert(result_.variables.end(), from, end);
            }
            from = end;
        }
    }

    // Numbers of skeletons become numbers of templates: merged ones have left holes.
    void number_by_first_row() {
        std::vector<std::uint32_t> number(table_.size(), kNone);
        for (std::size_t row = 0; row < values_.size(); ++row) {
            std::uint32_t& id = result_.ids[row];
            if (number[id] == kNone) {
                number[id] = static_cast<std::uint32_t>(skeletons_.size());
                skeletons_.push_back(id);
            }
            id = number[id];
        }
    }

    // Slots with one value become literals.
    void fold_constants() {
        std::vector<std::size_t> slot_base{0};  // Of each template in the two arrays below.
        for (const std::uint32_t skeleton : skeletons_) {
            slot_base.push_back(slot_base.back() + table_.slots(skeleton));
        }
        std::vector<std::string_view> first(slot_base.back());  // A variable is never empty.
        std::vector<char> varies(slot_base.back(), 0);
        for_each_row(slot_base, [&](std::uint32_t id, std::span<const std::string_view> variables) {
            const std::size_t base = slot_base[id];
            for (std::size_t i = 0; i < variables.size(); ++i) {
                if (first[base + i].empty()) {
                    first[base + i] = variables[i];
                } else if (variables[i] != first[base + i]) {
                    varies[base + i] = 1;
                }
            }
        });
        std::size_t kept = 0;
        for_each_row(slot_base, [&](std::uint32_t id, std::span<const std::string_view> variables) {
            for (std::size_t i = 0; i < variables.size(); ++i) {
                if (varies[slot_base[id] + i] != 0) {
                    result_.variables[kept++] = variables[i];  // Never past the row being read.
                }
            }
        });
        result_.variables.resize(kept);
        for (std::size_t t = 0; t < skeletons_.size(); ++t) {
            const std::span constants = std::span(first).subspan(slot_base[t]);
            result_.templates.push_back(
                folded(table_.to_template(skeletons_[t]), constants, std::span(varies).subspan(slot_base[t])));
        }
    }

    static Template folded(Template full, std::span<const std::string_view> constants, std::span<const char> varies) {
        Template made;
        made.literals.push_back(std::move(full.literals.front()));
        for (std::size_t i = 0; i < full.slots(); ++i) {
            if (varies[i] != 0) {
                made.literals.push_back(std::move(full.literals[i + 1]));
            } else {
                made.literals.back().append(constants[i]).append(full.literals[i + 1]);
            }
        }
        return made;
    }

    // visit(template, variables of one row)
    template <class Visit>
    void for_each_row(const std::vector<std::size_t>& slot_base, const Visit& visit) {
        std::size_t at = 0;
        for (const std::uint32_t id : result_.ids) {
            const std::size_t slots = slot_base[id + 1] - slot_base[id];
            visit(id, std::span<const std::string_view>(result_.variables).subspan(at, slots));
            at += slots;
        }
    }

    std::span<const std::string_view> values_;
    Variables found_;
    SkeletonTable table_;
    std::vector<Draft> drafts_;             // Of the skeletons of the first pass.
    std::vector<std::uint32_t> skeletons_;  // Of each template.
    TemplateSplit result_;
};

}  // namespace

TemplateSplit split(std::span<const std::string_view> values) {
    SLUICE_ASSERT(values.size() < kNone, "{} values", values.size());
    return Splitter(values).run();
}

void join(const Template& from, std::span<const std::string_view> variables, std::string& to) {
    SLUICE_ASSERT(variables.size() == from.slots(), "{} variables for {} slots", variables.size(), from.slots());
    to.append(from.literals.front());
    for (std::size_t i = 0; i < variables.size(); ++i) {
        to.append(variables[i]).append(from.literals[i + 1]);
    }
}

}  // namespace sluice::part
