#include "args/program.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <sstream>
#include <utility>

namespace sluice::args {
namespace {

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
    app_->set_version_flag("--version", text);
}

Command Program::command(std::string name, std::string help) {
    app_->require_subcommand(1);
    return {app_->add_subcommand(std::move(name), std::move(help)), chosen_};
}

std::optional<Ending> Program::parse(int argc, const char* const* argv) {
    try {
        app_->parse(argc, argv);
        return std::nullopt;
    } catch (const CLI::ParseError& error) {
        std::ostringstream text;
        Ending ending;
        ending.exit_code = app_->exit(error, text, text);
        ending.text = std::move(text).str();
        ending.error = error.what();
        if (ending.exit_code != 0 && app_->get_subcommands().empty() && !app_->remaining().empty()) {
            ending.unknown_command = app_->remaining().front();
        }
        return ending;
    }
}

int Program::run() const {
    return impl_->chosen();
}

}  // namespace sluice::args
