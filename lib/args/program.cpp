#include "args/program.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <sstream>
#include <utility>

#include "base/format.h"
#include "base/nearest_word.h"

namespace sluice::args {
namespace {

constexpr int kWrong = 2;

// In the list of commands only the first line of each one's explanation is shown.
class ShortListFormatter final : public CLI::Formatter {
 public:
    std::string make_subcommand(const CLI::App* command) const override {
        std::string name = command->get_name();
        name.resize(std::max<std::size_t>(name.size(), 8), ' ');
        const std::string text = command->get_description();
        return "  " + name + "  " + text.substr(0, text.find('\n')) + "\n";
    }
};

// Arguments are anybody's: what does not print is shown by its number.
std::string printable(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c >= ' ' && c < 0x7F) {
            out += c;
        } else {
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
    return out;
}

// The command that was given, or the program itself.
const CLI::App& given_app(const CLI::App& app) {
    const std::vector<CLI::App*> commands = app.get_subcommands();
    return commands.empty() ? app : *commands.front();
}

void offer_options(NearestWord& nearest, const CLI::App& app) {
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) {
            nearest.offer(name);
        }
    }
}

}  // namespace

bool Option::given() const {
    return option_->count() > 0;
}

Option Option::type_name(std::string name) const {
    return Option(option_->type_name(std::move(name)));
}

Option Option::show_default() const {
    return Option(option_->capture_default_str());
}

Option Option::environment(std::string variable) const {
    return Option(option_->envname(std::move(variable)));
}

Option Option::required() const {
    return Option(option_->required());
}

Option Option::excludes(Option other) const {
    return Option(option_->excludes(other.option_));
}

Option Option::one_value_each() const {
    return Option(option_->allow_extra_args(false));
}

Option Option::not_negative() const {
    return check([](const std::string& text) { return text.starts_with('-') ? text + " is below 0" : std::string(); });
}

Option Option::positive() const {
    return Option(option_->check(CLI::PositiveNumber));
}

Option Option::range(int low, int high) const {
    return Option(option_->check(CLI::Range(low, high)));
}

Option Option::range(std::uint32_t low, std::uint32_t high) const {
    return Option(option_->check(CLI::Range(low, high)));
}

Option Option::range(double low, double high) const {
    return Option(option_->check(CLI::Range(low, high)));
}

Option Option::one_of(std::vector<std::string> words) const {
    return Option(option_->check(CLI::IsMember(std::move(words))));
}

Option Option::existing_directory() const {
    return Option(option_->check(CLI::ExistingDirectory));
}

Option Option::check(std::function<std::string(const std::string&)> problem) const {
    return Option(option_->check(std::move(problem)));
}

template <Value T>
Option Command::option(std::string names, T& value, std::string help) {
    return Option(app_->add_option(std::move(names), value, std::move(help)));
}
template Option Command::option(std::string, std::string&, std::string);
template Option Command::option(std::string, std::optional<std::string>&, std::string);
template Option Command::option(std::string, std::vector<std::string>&, std::string);
template Option Command::option(std::string, int&, std::string);
template Option Command::option(std::string, std::uint32_t&, std::string);
template Option Command::option(std::string, std::uint64_t&, std::string);
template Option Command::option(std::string, std::optional<std::uint64_t>&, std::string);
template Option Command::option(std::string, double&, std::string);

Option Command::flag(std::string names, bool& value, std::string help) {
    return Option(app_->add_flag(std::move(names), value, std::move(help)));
}

void Command::action(std::function<int()> action) {
    app_->callback([chosen = chosen_, action = std::move(action)] { *chosen = action; });
}

int Ending::print() const {
    std::fputs(text.c_str(), exit_code == 0 ? stdout : stderr);
    return exit_code;
}

struct Program::Impl {
    Impl(std::string about, std::string name) : app(std::move(about), std::move(name)) {}
    CLI::App app;
    std::function<int()> chosen;
};

Program::Program(std::unique_ptr<Impl> impl) : Command(&impl->app, &impl->chosen), impl_(std::move(impl)) {}

Program::Program(std::string about, std::string name)
    : Program(std::make_unique<Impl>(std::move(about), std::move(name))) {
    app_->formatter(std::make_shared<ShortListFormatter>());
    app_->fallthrough();
}

Program::~Program() = default;

void Program::footer(std::string text) {
    app_->footer(std::move(text));
}

void Program::version(std::string text) {
    app_->set_version_flag("-V,--version", text);
}

Command Program::command(std::string name, std::string help) {
    app_->require_subcommand(1);
    return {app_->add_subcommand(std::move(name), std::move(help)), chosen_};
}

// An argument that nothing takes.
std::string Program::explain_extra(const std::string& extra) const {
    const CLI::App& given = given_app(*app_);
    if (extra.starts_with('-')) {
        const std::string_view name =
            std::string_view(extra).substr(std::min(extra.find_first_not_of('-'), extra.size()));
        NearestWord nearest(name.substr(0, name.find('=')));
        offer_options(nearest, given);
        offer_options(nearest, *app_);
        const std::string meant =
            nearest.answer().empty() ? "" : fmt::format("; did you mean '--{}'?", nearest.answer());
        return fmt::format("there is no option '{}'{}", extra, meant);
    }
    if (&given == app_ && !app_->get_subcommands(nullptr).empty()) {
        NearestWord nearest(extra);
        for (const CLI::App* command : app_->get_subcommands(nullptr)) {
            nearest.offer(command->get_name());
        }
        return fmt::format("there is no command '{}'{}", extra, nearest.question());
    }
    return fmt::format("the argument '{}' is one too many; what belongs together is written in quotes", extra);
}

Ending Program::wrong(const std::string& what) const {
    const CLI::App& given = given_app(*app_);
    const std::string who = &given == app_ ? app_->get_name() : app_->get_name() + ' ' + given.get_name();
    return {.exit_code = kWrong, .text = fmt::format("{}: {}; see '{} --help'\n", who, printable(what), who)};
}

std::optional<Ending> Program::parse(int argc, const char* const* argv) {
    std::vector<const char*> arguments(argv, argv + argc);
    if (argc >= 2 && std::string_view(argv[1]) == "help" && !app_->get_subcommands(nullptr).empty()) {
        arguments.erase(arguments.begin() + 1);
        const auto is_named = [&](const CLI::App* command) { return command->get_name() == argv[2]; };
        if (argc >= 3 && std::ranges::none_of(app_->get_subcommands(nullptr), is_named)) {
            return wrong(explain_extra(argv[2]));
        }
        arguments.push_back("--help");
    }
    try {
        app_->parse(static_cast<int>(arguments.size()), arguments.data());
        return std::nullopt;
    } catch (const CLI::ParseError& error) {
        std::ostringstream text;
        Ending ending;
        ending.exit_code = app_->exit(error, text, text);
        ending.text = std::move(text).str();
        if (ending.exit_code != 0) {
            const std::vector<std::string> extras = app_->remaining(/*recurse=*/true);
            // Where a command is wanted, what was given in its place is left over.
            const bool no_command =
                dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && app_->get_subcommands().empty();
            const bool unexpected = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
            if (extras.empty() || !(no_command || unexpected)) {
                return wrong(error.what());
            }
            // The value of an unknown option is left over too.
            const auto option =
                std::ranges::find_if(extras, [](const std::string& one) { return one.starts_with('-'); });
            return wrong(explain_extra(option != extras.end() ? *option : extras.front()));
        }
        return ending;
    }
}

int Program::run() const {
    return impl_->chosen();
}

}  // namespace sluice::args
