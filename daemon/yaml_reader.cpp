// The only file that sees yaml-cpp, and the only one where exceptions are caught: yaml-cpp throws, sluice does not.
#include "daemon/yaml_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "base/format.h"
#include "daemon/yaml_document.h"

namespace sluice::daemon {
namespace {

class DocumentStarts : public YAML::EventHandler {
 public:
    std::vector<YAML::Mark> marks;

    void OnDocumentStart(const YAML::Mark& mark) override { marks.push_back(mark); }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
    void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
    void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  const std::string& /*value*/) override {}
    void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                         YAML::EmitterStyle::value /*style*/) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                    YAML::EmitterStyle::value /*style*/) override {}
    void OnMapEnd() override {}
};

// Where the first documents begin, at most so many.  Throws YAML::Exception.
std::vector<YAML::Mark> document_starts(const std::string& yaml, std::size_t count_max) {
    std::istringstream in(yaml);
    YAML::Parser parser(in);
    DocumentStarts starts;
    while (starts.marks.size() < count_max && parser.HandleNextDocument(starts)) {
    }
    return std::move(starts.marks);
}

}  // namespace

namespace detail {

void YamlReader::problem(const YAML::Mark& mark, std::string_view key, std::string text, std::size_t offset) {
    ConfigProblem problem{.file = file_, .key = std::string(key), .text = std::move(text)};
    if (!mark.is_null()) {
        problem.line = mark.line + 1;
        problem.column = mark.column + 1 + static_cast<int>(offset);
    }
    problems_.push_back(std::move(problem));
}

void YamlReader::value_problem(const YAML::Node& node, std::string_view key, ValueError error) {
    const bool in_quotes = node.Tag() == "!";  // yaml-cpp's tag of a quoted scalar; its mark is the opening quote.
    problem(node.Mark(), key, std::move(error.text), error.offset + (in_quotes ? 1 : 0));
}

void YamlReader::out_of_range(const YAML::Node& node, const Setting& setting) {
    problem(node.Mark(), setting.key,
            fmt::format("{} is out of range: {}", quote(node.Scalar()), bounds_text(setting)));
}

std::vector<YamlReader::Entry> YamlReader::entries(const YAML::Node& map, const std::string& key) {
    std::vector<Entry> list;
    std::set<std::string> seen;
    if (map.IsNull()) {
        return list;  // A section with every line commented out.
    }
    if (!map.IsMap()) {
        problem(map.Mark(), key, "expected 'name: value' lines");
        return list;
    }
    for (const auto& pair : map) {
        if (!pair.first.IsScalar()) {
            problem(pair.first.Mark(), key, "a key must be a word");
            continue;
        }
        const std::string& name = pair.first.Scalar();
        if (!seen.insert(name).second) {
            problem(pair.first.Mark(), key, fmt::format("{} is given twice", quote(name)));
            continue;
        }
        list.push_back({name, pair.first.Mark(), pair.second});
    }
    return list;
}

const std::string* YamlReader::scalar(const Entry& entry, std::string_view key, std::string_view expected) {
    if (entry.value.IsScalar()) {
        return &entry.value.Scalar();
    }
    if (entry.value.IsNull()) {
        problem(entry.key_mark, key, fmt::format("has no value; expected {}", expected));
    } else {
        problem(entry.value.Mark(), key, fmt::format("expected {}, not a list or map", expected));
    }
    return nullptr;
}

// Not with YAML::LoadAll(): what is no beginning of a document, a comma for example, is to yaml-cpp 0.7 an empty one at
// its place, again and again, for as long as there is memory.
void YamlReader::read(const std::string& yaml) {
    const std::vector<YAML::Mark> starts = document_starts(yaml, /*count_max=*/3);
    const auto stuck = std::ranges::adjacent_find(starts, std::equal_to(), &YAML::Mark::pos);
    if (stuck != starts.end()) {
        syntax_error(*stuck, "nothing can begin like this");
        return;
    }
    if (starts.size() > 1) {
        problem(starts[1], "", "a second YAML document; there must be only one");
        return;
    }
    for (const Entry& section : entries(YAML::Load(yaml), "")) {
        read_section(section);
    }
}

void YamlReader::read_section(const Entry& section) {
    if (const Setting* setting = find_setting(section.key); setting != nullptr && section_of(*setting) == section.key) {
        read_setting(*setting, section);
        return;
    }
    const auto is_ours = [&](const Setting& setting) { return section_of(setting) == section.key; };
    if (std::ranges::none_of(settings(), is_ours)) {
        NearestWord nearest(section.key);
        for (const Setting& setting : settings()) {
            nearest.offer(section_of(setting));
            nearest.offer(name_of(setting), setting.key);
        }
        problem(section.key_mark, "", fmt::format("unknown section {}{}", quote(section.key), nearest.question()));
        return;
    }
    for (const Entry& entry : entries(section.value, section.key)) {
        const Setting* setting = find_setting(fmt::format("{}.{}", section.key, entry.key));
        if (setting == nullptr) {
            unknown_setting(section.key, entry);
        } else {
            read_setting(*setting, entry);
        }
    }
}

void YamlReader::unknown_setting(const std::string& section, const Entry& entry) {
    NearestWord nearest(entry.key);
    for (const Setting& setting : settings()) {
        if (section_of(setting) == section) {
            nearest.offer(name_of(setting));
        }
    }
    for (const Setting& setting : settings()) {
        if (section_of(setting) != section) {
            nearest.offer(name_of(setting), setting.key);
        }
    }
    problem(entry.key_mark, section, fmt::format("unknown setting {}{}", quote(entry.key), nearest.question()));
}

void YamlReader::read_setting(const Setting& setting, const Entry& entry) {
    where_.emplace(setting.key, entry.value.IsNull() ? entry.key_mark : entry.value.Mark());
    if (const auto* mode = std::get_if<ModeField>(&setting.field)) {
        read_mode(setting, entry, mode->edit(config_));
    } else if (const auto* path = std::get_if<PathField>(&setting.field)) {
        read_path(entry, setting.key, setting.most, path->edit(config_));
    } else {
        std::visit(
            [&]<class F>(const F& field) {
                if constexpr (!std::is_same_v<F, ModeField> && !std::is_same_v<F, PathField>) {
                    read_value(setting, entry, field.edit(config_));
                }
            },
            setting.field);
    }
}

bool YamlReader::in_range(const Setting& setting, std::uint64_t value) const {
    return (value >= setting.least && value <= setting.most) || (value == 0 && !setting.zero.empty());
}

void YamlReader::read_value(const Setting& setting, const Entry& entry, std::uint64_t& to) {
    const std::string* text = scalar(entry, setting.key, "a size such as '64 MiB'");
    if (text == nullptr) {
        return;
    }
    auto value = parse_size(*text);
    if (!value) {
        value_problem(entry.value, setting.key, std::move(value).error());
    } else if (!in_range(setting, *value) || *value % setting.multiple != 0) {
        out_of_range(entry.value, setting);
    } else {
        to = *value;
    }
}

void YamlReader::read_value(const Setting& setting, const Entry& entry, std::uint32_t& to) {
    const std::string* text = scalar(entry, setting.key, "a number");
    if (text == nullptr) {
        return;
    }
    auto value = parse_count(*text);
    if (!value) {
        value_problem(entry.value, setting.key, std::move(value).error());
    } else if (!in_range(setting, *value)) {
        out_of_range(entry.value, setting);
    } else {
        to = static_cast<std::uint32_t>(*value);
    }
}

void YamlReader::read_value(const Setting& setting, const Entry& entry, Milliseconds& to) {
    const std::string* text = scalar(entry, setting.key, "a duration such as '10 s'");
    if (text == nullptr) {
        return;
    }
    auto value = parse_duration(*text);
    if (!value) {
        value_problem(entry.value, setting.key, std::move(value).error());
    } else if (!in_range(setting, static_cast<std::uint64_t>(value->count()))) {
        out_of_range(entry.value, setting);
    } else {
        to = *value;
    }
}

void YamlReader::read_mode(const Setting& setting, const Entry& entry, std::uint32_t& to) {
    const std::string* text = scalar(entry, setting.key, "an octal mode such as '0660'");
    if (text == nullptr) {
        return;
    }
    auto value = parse_mode(*text);
    if (!value) {
        value_problem(entry.value, setting.key, std::move(value).error());
    } else if (!in_range(setting, *value)) {
        problem(entry.value.Mark(), setting.key,
                fmt::format("{} is out of range: 0000 to {:04o}", quote(*text), setting.most));
    } else {
        to = *value;
    }
}

void YamlReader::read_path(const Entry& entry, std::string_view key, std::uint64_t bytes_max, std::string& to) {
    const std::string* text = scalar(entry, key, "an absolute path");
    if (text == nullptr) {
        return;
    }
    if (!text->starts_with('/') || text->find('\0') != std::string::npos) {
        value_problem(entry.value, key, {0, fmt::format("expected an absolute path, not {}", quote(*text))});
    } else if (text->size() > bytes_max) {
        value_problem(entry.value, key,
                      {0, fmt::format("the path has {} bytes; the limit is {}", text->size(), bytes_max)});
    } else {
        to = *text;
    }
}

// One name or, where more than one is allowed, a list of names; '' is none.
template <class Ref, class LookUp>
void YamlReader::read_names(const Setting& setting, const Entry& entry, std::vector<Ref>& to, std::string_view what,
                            LookUp look_up) {
    to.clear();
    if (setting.most == 1) {
        if (!entry.value.IsScalar() || !entry.value.Scalar().empty()) {
            read_name(entry, setting.key, to, what, look_up);
        }
        return;
    }
    if (!entry.value.IsSequence()) {
        problem(entry.value.IsNull() ? entry.key_mark : entry.value.Mark(), setting.key,
                fmt::format("expected a list of {0} names, for example [{0}1, {0}2]", what));
        return;
    }
    if (entry.value.size() > setting.most) {
        problem(entry.value.Mark(), setting.key,
                fmt::format("{} names; the limit is {}", entry.value.size(), setting.most));
        return;
    }
    for (const YAML::Node& element : entry.value) {
        read_name(Entry{"", element.IsNull() ? entry.key_mark : element.Mark(), element}, setting.key, to, what,
                  look_up);
    }
}

void YamlReader::read_value(const Setting& setting, const Entry& entry, std::vector<UserRef>& to) {
    read_names(setting, entry, to, "user", [this](const std::string& name) { return identities_.user(name); });
}

void YamlReader::read_value(const Setting& setting, const Entry& entry, std::vector<GroupRef>& to) {
    read_names(setting, entry, to, "group", [this](const std::string& name) { return identities_.group(name); });
}

ConfigResult YamlReader::finish() {
    if (problems_.empty()) {
        for (ConfigProblem& together : check_together(config_)) {
            // A setting that is not in the file got its default; then the position is unknown.
            const auto at = where_.find(together.key);
            problem(at != where_.end() ? at->second : YAML::Mark::null_mark(), together.key, std::move(together.text));
        }
    }
    if (problems_.empty()) {
        return std::move(config_);
    }
    std::ranges::sort(problems_, [](const ConfigProblem& a, const ConfigProblem& b) {
        return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    return std::unexpected(std::move(problems_));
}

}  // namespace detail

namespace {

std::unexpected<ConfigProblems> unreadable(const std::string& path, std::string text) {
    return std::unexpected(ConfigProblems{{.file = path, .text = std::move(text)}});
}

}  // namespace

ConfigResult parse_config(std::string_view yaml, const std::string& file, const Identities& identities) {
    detail::YamlReader reader(file, identities);
    try {
        reader.read(std::string(yaml));
    } catch (const YAML::Exception& error) {
        reader.syntax_error(error.mark, error.msg);
    }
    return reader.finish();
}

ConfigResult read_config_file(const std::string& path, const Identities& identities) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return unreadable(path, fmt::format("cannot be opened: {}", std::strerror(errno)));
    }
    std::string text(kConfigFileBytesMax + 1, '\0');
    std::size_t size = 0;
    ssize_t got = 1;
    while (got > 0 && size < text.size()) {
        got = ::read(fd, text.data() + size, text.size() - size);
        size += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    const int error = errno;
    ::close(fd);
    if (got < 0) {
        return unreadable(path, fmt::format("cannot be read: {}", std::strerror(error)));
    }
    if (size > kConfigFileBytesMax) {
        return unreadable(path, fmt::format("is larger than {}", format_size(kConfigFileBytesMax)));
    }
    text.resize(size);
    return parse_config(text, path, identities);
}

}  // namespace sluice::daemon
