// A state machine over the bytes: a line (which is a field, the name of a binary one, or empty), the length of a binary
// value, the value, its line end.  Bytes that are not enough for the next step are kept until more come.
#include <algorithm>
#include <utility>

#include "wire/journal_entry.h"
#include "wire/journal_export.h"
#include "wire/json.h"
#include "wire/whole_message.h"

namespace sluice::wire {
namespace {

constexpr std::size_t kValueBytesMax = kImportRecordBytesMax;
// systemd's own bound.  A longer length is taken for text that is no journal.
constexpr std::uint64_t kSkippedBytesMax = 768ULL << 20U;

bool valid_journal_name(std::string_view name) noexcept {
    const auto good = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
    return !name.empty() && name.size() <= kNameBytesMax && !(name[0] >= '0' && name[0] <= '9') &&
           std::ranges::all_of(name, good);
}

class JournalImporter final : public Importer {
 public:
    explicit JournalImporter(const ImportOptions& options) : options_(options) {}

    void take(std::string_view bytes, Bytes& into) override {
        if (held_.empty()) {
            const std::size_t used = parse(bytes, into);
            held_ = bytes.substr(used);
            return;
        }
        held_ += bytes;
        const std::size_t used = parse(held_, into);
        held_.erase(0, used);
    }

    void finish(Bytes& into) override {
        switch (state_) {
            case State::line:
                if (!held_.empty()) {
                    take_line(held_, into);
                }
                if (state_ == State::size) {  // It was the name of a binary field.
                    not_understood(name_, into);
                }
                break;
            case State::size:
                not_understood(name_, into);
                if (!held_.empty()) {
                    not_understood(held_, into);
                }
                break;
            case State::value:
                add(name_, held_);
                ++counts_.left_out;
                break;
            case State::skip_value:
            case State::skip_line:
            case State::line_end:
                break;
        }
        flush(into);
        held_.clear();
        state_ = State::line;
    }

    std::size_t held_bytes() const noexcept override { return held_.size() + entry_.bytes(); }

 private:
    enum class State : std::uint8_t { line, skip_line, size, value, skip_value, line_end };

    // Returns the bytes used.  Each turn uses some, or changes the state, or ends.
    std::size_t parse(std::string_view all, Bytes& into) {
        std::string_view rest = all;
        while (step(rest, into)) {
        }
        return all.size() - rest.size();
    }

    bool step(std::string_view& rest, Bytes& into) {
        switch (state_) {
            case State::line:
                return step_line(rest, into);
            case State::skip_line: {
                const std::size_t end = rest.find('\n');
                rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
                state_ = end == std::string_view::npos ? State::skip_line : State::line;
                return end != std::string_view::npos;
            }
            case State::size:
                return step_size(rest, into);
            case State::value:
                if (rest.size() < size_) {
                    return false;
                }
                add(name_, rest.substr(0, size_));
                rest.remove_prefix(size_);
                state_ = State::line_end;
                return true;
            case State::skip_value: {
                const std::size_t n = std::min<std::size_t>(rest.size(), size_);
                rest.remove_prefix(n);
                size_ -= n;
                state_ = size_ == 0 ? State::line_end : State::skip_value;
                return size_ == 0;
            }
            case State::line_end:
                if (rest.empty()) {
                    return false;
                }
                rest.remove_prefix(rest.front() == '\n' ? 1 : 0);
                name_.clear();
                state_ = State::line;
                return true;
        }
        return false;
    }

    bool step_line(std::string_view& rest, Bytes& into) {
        const std::size_t end = rest.find('\n');
        if (end != std::string_view::npos && end <= kValueBytesMax + kNameBytesMax) {
            const std::string_view line = rest.substr(0, end);
            rest.remove_prefix(end + 1);
            take_line(line, into);
            return true;
        }
        if (rest.size() <= kValueBytesMax + kNameBytesMax) {
            return false;
        }
        if (valid_journal_name(rest.substr(0, std::min(rest.find('='), rest.size())))) {
            ++counts_.left_out;
            state_ = State::skip_line;
        } else {
            const std::size_t n = options_.limits.message_bytes_max;
            not_understood(rest.substr(0, n), into);
            rest.remove_prefix(std::min(n, rest.size()));
        }
        return true;
    }

    bool step_size(std::string_view& rest, Bytes& into) {
        if (rest.size() < sizeof(std::uint64_t)) {
            return false;
        }
        size_ = load_int<std::uint64_t>(as_bytes(rest).data());
        if (size_ > kSkippedBytesMax) {
            not_understood(name_, into);
            name_.clear();
            state_ = State::line;
            return true;
        }
        rest.remove_prefix(sizeof(std::uint64_t));
        counts_.left_out += size_ > kValueBytesMax ? 1 : 0;
        state_ = size_ > kValueBytesMax ? State::skip_value : State::value;
        return true;
    }

    void take_line(std::string_view line, Bytes& into) {
        line = std::exchange(at_start_, false) ? without_byte_order_mark(line) : line;
        if (line.empty()) {
            flush(into);
            return;
        }
        const std::size_t equals = line.find('=');
        const std::string_view name = line.substr(0, equals);
        if (!valid_journal_name(name)) {
            not_understood(line, into);
        } else if (equals == std::string_view::npos) {
            name_ = name;
            state_ = State::size;
        } else {
            add(name, line.substr(equals + 1));
        }
    }

    void add(std::string_view name, std::string_view value) { counts_.left_out += entry_.add(name, value) ? 0 : 1; }

    void not_understood(std::string_view line, Bytes& into) {
        ++counts_.not_understood;
        append_whole_message(line, {.severity = options_.severity, .stream = options_.stream}, options_.limits, into,
                             counts_);
    }

    void flush(Bytes& into) {
        if (!entry_.empty()) {
            entry_.append_record(options_, into, counts_);
            entry_.clear();
        }
    }

    ImportOptions options_;
    bool at_start_ = true;
    State state_ = State::line;
    std::string held_;  // Not yet used.
    std::string name_;  // Of the binary value being read.
    std::uint64_t size_ = 0;
    JournalEntry entry_;
};

}  // namespace

std::unique_ptr<Importer> make_journal_importer(const ImportOptions& options) {
    return std::make_unique<JournalImporter>(options);
}

}  // namespace sluice::wire
