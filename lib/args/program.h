// What the command line of a program may say.  The library below is CLI11, whose header costs every file that includes
// it many times what the rest of the file does: only program.cpp includes it.
//
// What options are bound to outlives Program::parse(); commands and options are handles of their program.  A
// declaration that makes no sense (a name twice) is a bug, and throws.  Threads: one.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace sluice::args {

template <class T, class... Types>
concept OneOf = (std::same_as<T, Types> || ...);

// What an option can set.  A vector takes several; an optional stays empty without the option.
template <class T>
concept Value = OneOf<T, std::string, std::optional<std::string>, std::vector<std::string>, int, std::uint32_t,
                      std::uint64_t, std::optional<std::uint64_t>, double>;

class Option {
 public:
    Option() = default;
    explicit Option(CLI::Option* option) noexcept : option_(option) {}

    // Valid once the command line is parsed.
    bool given() const;

    Option type_name(std::string name) const;
    Option show_default() const;
    Option environment(std::string variable) const;
    Option required() const;
    Option excludes(Option other) const;
    // Of a vector: one value for each time that the option is written, so that what follows is no value.
    Option one_value_each() const;

    // "-1" for an unsigned number would be read as a very large one.
    Option not_negative() const;
    Option positive() const;
    Option range(int low, int high) const;
    Option range(std::uint32_t low, std::uint32_t high) const;
    Option range(double low, double high) const;
    Option one_of(std::vector<std::string> words) const;
    Option existing_directory() const;
    // Returns what is wrong with the text; empty: nothing.
    Option check(std::function<std::string(const std::string&)> problem) const;

 private:
    CLI::Option* option_ = nullptr;
};

class Command {
 public:
    // `names` as in "-n,--lines"; without dashes it is an argument, known by its place.
    template <Value T>
    Option option(std::string names, T& value, std::string help = {});
    Option flag(std::string names, bool& value, std::string help = {});
    // What Program::run() does when this command is given; returns the exit code of the program.
    void action(std::function<int()> action);

 private:
    friend class Program;
    Command(CLI::App* app, std::function<int()>* chosen) noexcept : app_(app), chosen_(chosen) {}

    CLI::App* app_;
    std::function<int()>* chosen_;
};

// A command line that ends the program: it asks for the help or the version, or it is wrong.
struct Ending {
    int exit_code = 0;  // 0: not wrong.
    // The help or the version; or "PROGRAM COMMAND: what is wrong; see 'PROGRAM COMMAND --help'", safe to show.  With a
    // line end.
    std::string text;

    // Writes the text to standard output, or if wrong to standard error; returns the exit code.
    int print() const;
};

class Program : public Command {
 public:
    // Without a name: the one it is called by.
    explicit Program(std::string about, std::string name = {});
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    void footer(std::string text);
    // --version and -V print `text`.
    void version(std::string text);
    // The first line of `help` is what the list of commands says.  A program with commands wants one of them; options
    // of the program may be given behind it.
    Command command(std::string name, std::string help);

    // A program with commands takes "help" and "help COMMAND" too.
    std::optional<Ending> parse(int argc, const char* const* argv);
    // After parse() returned none: the action of the command that was given.
    int run() const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
    explicit Program(std::unique_ptr<Impl> impl);
    std::string explain_extra(const std::string& extra) const;
    Ending wrong(const std::string& what) const;
};

}  // namespace sluice::args
