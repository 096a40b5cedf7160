#include "cli/context.h"

#include "cli/console.h"
#include "wire/escape.h"

namespace sluice::cli {
namespace {

// "; try this" for the errors where something can be done about it; else empty.
std::string_view advice(Errc code) noexcept {
    switch (code) {
        case Errc::permission_denied:
            return "the daemon's policy does not allow this; see 'roots' and 'listen' in sluiced.yaml(5)";
        case Errc::limit_exceeded:
            return "the daemon is at a limit; try again, or raise it in sluiced.yaml(5)";
        case Errc::no_space:
            return "free some space where the daemon writes, or lower its retention";
        case Errc::shutting_down:
            return "the daemon is stopping; try again when it is back";
        case Errc::cursor_lost:
            return "start with --all or --since; the records at that cursor are gone";
        default:
            return {};
    }
}

}  // namespace

std::string Context::socket_path() const {
    return socket_option.empty() ? client::default_socket_path() : socket_option;
}

int exit_code_of(Errc code) noexcept {
    switch (code) {
        case Errc::permission_denied:
        case Errc::too_large:
        case Errc::limit_exceeded:
        case Errc::no_space:
        case Errc::unsupported:
            return kExitRefused;
        default:
            return kExitFailed;
    }
}

int report(std::string_view command, const Error& error) {
    tell("sluice {}: {} ({})\n", command, wire::escaped(error.text()), errc_name(error.code()));
    if (const std::string_view next = advice(error.code()); !next.empty()) {
        tell("  {}\n", next);
    }
    return exit_code_of(error.code());
}

int report_no_daemon(std::string_view command, std::string_view path, const Error& error) {
    const bool absent = (error.code() == Errc::not_found || error.code() == Errc::closed) && error.sys_errno() != 0;
    tell("sluice {}: {} {}: {}\n", command, absent ? "no daemon at" : "cannot use the daemon at", wire::quoted(path),
         wire::escaped(error.text()));
    if (error.code() == Errc::permission_denied && error.sys_errno() != 0) {
        tell("  this user may not open the socket; its mode, owner and group decide who may\n");
    } else if (absent) {
        tell(
            "  start one with 'sluiced --private DIR' (then --socket DIR/sluice.sock),\n"
            "  or 'systemctl start sluiced'; --socket PATH or SLUICE_SOCKET says where it listens\n");
    }
    return exit_code_of(error.code()) == kExitRefused && error.sys_errno() == 0 ? kExitRefused : kExitFailed;
}

int report_usage(std::string_view command, std::string_view text) {
    tell("sluice {}: {}; see 'sluice {} --help'\n", command, text, command);
    return kExitUsage;
}

Result<client::Client> connect(const Context& context, std::string_view command) {
    client::ClientOptions options;
    options.connect.client_name = fmt::format("sluice {}", command);
    return client::Client::connect(context.socket_path(), std::move(options));
}

namespace {

std::string awaited(Errc code, std::string_view path) {
    switch (code) {
        case Errc::no_space:
            return fmt::format("the disk of the daemon at {} is full; waiting for space", path);
        case Errc::io_error:
        case Errc::corrupt:
            return fmt::format("the disk of the daemon at {} fails; trying again", path);
        case Errc::limit_exceeded:
            return fmt::format("the daemon at {} is at a limit; trying again", path);
        default:
            return fmt::format("waiting for sluiced at {}", path);
    }
}

}  // namespace

void WaitingNotice::waiting(const client::Waiting& waiting) {
    if (!shown_) {
        tell("sluice {}: {}: {}\n", command_, awaited(waiting.reason.code(), wire::quoted(path_)),
             wire::escaped(waiting.reason.text()));
        shown_ = true;
    }
}

void WaitingNotice::over() {
    if (shown_) {
        tell("sluice {}: sluiced goes on\n", command_);
        shown_ = false;
    }
}

Result<RootPath> parse_root_path(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) {
        return fail(Errc::invalid_argument, "{} is not ROOT:PATH, for example files:notes/today.txt",
                    wire::quoted(text));
    }
    return RootPath{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

}  // namespace sluice::cli
