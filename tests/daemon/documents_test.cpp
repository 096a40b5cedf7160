// Holds the code, etc/sluiced.yaml and sluiced.yaml(5) equal.  SLUICE_UPDATE_DOCUMENTS=1 rewrites the two files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "daemon/config_values.h"
#include "daemon/defaults.h"
#include "daemon/settings.h"
#include "daemon/support.h"
#include "daemon/yaml_reader.h"

namespace sluice::daemon {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kYamlPath = SLUICE_SOURCE_DIR "/etc/sluiced.yaml";
const std::string kManPath = SLUICE_SOURCE_DIR "/docs/man/sluiced.yaml.5";
constexpr std::string_view kBegin = ".\\\" settings: begin";
constexpr std::string_view kEnd = ".\\\" settings: end\n";

// The lines between the markers.
std::string man_settings(const std::string& page) {
    const std::size_t begin = page.find(kBegin);
    const std::size_t end = page.find(kEnd);
    if (begin == std::string::npos || end == std::string::npos) {
        return {};
    }
    const std::size_t first = page.find('\n', begin) + 1;
    return page.substr(first, end - first);
}

std::string unescape(std::string text) {
    text = std::regex_replace(text, std::regex(R"(\\\(aq)"), "'");
    text = std::regex_replace(text, std::regex(R"(\\-)"), "-");
    return std::regex_replace(text, std::regex(R"(\\e)"), "\\");
}

// What differs between the three, one line each.  Beside the text as a whole each default is compared by itself, in
// both directions, so that a mistake in the rendering cannot hide behind the same mistake in the file.
std::vector<std::string> differences(const std::string& yaml, const std::string& page) {
    std::vector<std::string> found;
    if (yaml != render_defaults()) {
        found.push_back("etc/sluiced.yaml is not what --print-defaults prints");
    }
    if (const ConfigResult config = parse_config(yaml, "etc/sluiced.yaml", testing::FakeIdentities{}); !config) {
        found.push_back(config.error()[0].to_string());
    } else {
        const ConfigChanges changes = compare(Config{}, *config);
        found.insert(found.end(), changes.live.begin(), changes.live.end());
        found.insert(found.end(), changes.need_restart.begin(), changes.need_restart.end());
    }
    const std::string settings_text = man_settings(page);
    if (settings_text != render_man_settings()) {
        found.push_back("the settings in sluiced.yaml.5 are not those of the table");
    }
    const std::regex item(R"(\.It Ic (\S+) : [^\n]*\n(?:[^.][^\n]*\n)*?Default: ([^\n]*)\.\n)");
    std::map<std::string, std::string> defaults;
    for (std::sregex_iterator match(settings_text.begin(), settings_text.end(), item), none; match != none; ++match) {
        defaults[(*match)[1]] = unescape((*match)[2]);
    }
    for (const Setting& setting : settings()) {
        const std::string value = value_text(setting, Config{});
        const auto documented = defaults.extract(std::string(setting.key));
        if (documented.empty()) {
            found.push_back(fmt::format("{}: not in sluiced.yaml.5", setting.key));
        } else if (documented.mapped() != value) {
            found.push_back(
                fmt::format("{}: {} in sluiced.yaml.5, {} in the code", setting.key, documented.mapped(), value));
        }
        if (yaml.find(fmt::format("{}: {}\n", name_of(setting), value)) == std::string::npos) {
            found.push_back(fmt::format("{}: not in etc/sluiced.yaml as {}", setting.key, value));
        }
    }
    for (const auto& [key, value] : defaults) {
        found.push_back(fmt::format("{}: in sluiced.yaml.5, not in the code", key));
    }
    return found;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(Documents, AgreeWithTheCodeOnEverySettingAndDefault) {
    if (getenv("SLUICE_UPDATE_DOCUMENTS") != nullptr) {
        std::ofstream(kYamlPath, std::ios::binary) << render_defaults();
        const std::string page = testing::read_file(kManPath);
        const std::size_t first = page.find('\n', page.find(kBegin)) + 1;
        std::ofstream(kManPath, std::ios::binary)
            << page.substr(0, first) << render_man_settings() << page.substr(page.find(kEnd));
    }
    EXPECT_THAT(differences(testing::read_file(kYamlPath), testing::read_file(kManPath)), IsEmpty())
        << "after a change of the table: SLUICE_UPDATE_DOCUMENTS=1 daemon_test --gtest_filter='Documents.*'";
}

TEST(Documents, ViolationPlantedInTheYamlIsFound) {
    const std::string page = testing::read_file(kManPath);
    const std::string yaml = testing::read_file(kYamlPath);
    EXPECT_THAT(differences(replaced(yaml, "segment_bytes: 64 MiB", "segment_bytes: 32 MiB"), page),
                Contains("store.segment_bytes: 64 MiB -> 32 MiB"));
    EXPECT_THAT(differences(replaced(yaml, "  hello_timeout: 10 s\n", ""), page),
                Contains("limits.hello_timeout: not in etc/sluiced.yaml as 10 s"));
    EXPECT_THAT(differences(replaced(yaml, "Size of one log file", "Size of a log file"), page),
                Contains("etc/sluiced.yaml is not what --print-defaults prints"));
    EXPECT_THAT(differences(replaced(yaml, "pool: 4", "pools: 4"), page),
                Contains(HasSubstr("unknown setting 'pools'")));
}

TEST(Documents, ViolationPlantedInTheManPageIsFound) {
    const std::string page = testing::read_file(kManPath);
    const std::string yaml = testing::read_file(kYamlPath);
    EXPECT_THAT(differences(yaml, replaced(page, "Default: 64 MiB.", "Default: 32 MiB.")),
                Contains("store.segment_bytes: 32 MiB in sluiced.yaml.5, 64 MiB in the code"));
    EXPECT_THAT(differences(yaml, replaced(page, ".It Ic threads.pool :", ".It Ic threads.poll :")),
                Contains("threads.pool: not in sluiced.yaml.5"));
    EXPECT_THAT(differences(yaml, replaced(page, "Size of one log file", "Size of a log file")), Not(IsEmpty()));
}

// Each example of the YAML file, without its comment signs.
TEST(Documents, ExamplesInTheYamlCanBeUsed) {
    std::istringstream lines(testing::read_file(kYamlPath));
    std::string examples;
    bool inside = false;
    for (std::string line; std::getline(lines, line);) {
        inside = inside ? line.starts_with("#   ") : line == "# Example:";
        if (inside && line != "# Example:") {
            examples += line.substr(4) + "\n";
        }
    }
    const ConfigResult config = parse_config(examples, "example", testing::FakeIdentities{});
    ASSERT_TRUE(config) << examples << config.error()[0].to_string();
    ASSERT_EQ(config->roots.size(), 1U);
    EXPECT_EQ(config->roots[0].rights.size(), 3U);
    EXPECT_EQ(config->listeners.size(), 5U);
}

TEST(Documents, ExamplesOfTheManPageCanBeUsed) {
    const std::string page = testing::read_file(kManPath);
    const std::regex block(R"(\.Bd -literal -offset indent\n((?:[^.][^\n]*\n)+)\.Ed)");
    int examples = 0;
    for (std::sregex_iterator match(page.begin(), page.end(), block), none; match != none; ++match, ++examples) {
        const std::string yaml = unescape((*match)[1]);
        const ConfigResult config = parse_config(yaml, "example", testing::FakeIdentities{});
        EXPECT_TRUE(config) << yaml << config.error()[0].to_string();
    }
    EXPECT_EQ(examples, 2);
}

}  // namespace
}  // namespace sluice::daemon
