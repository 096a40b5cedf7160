#include "cli/start_time.h"

#include "base/format.h"
#include "cli/text.h"
#include "client/query.h"
#include "wire/render.h"
#include "wire/time_text.h"

namespace sluice::cli {
namespace {

// When the first of these records was received; `now` if there is none yet.  Nothing: the daemon does not say.
std::optional<WallNs> first_received(WallNs since, WallNs now, const Context& context, std::string_view command) {
    client::QueryOptions options;
    options.socket_path = context.socket_path();
    options.connect.client_name = fmt::format("sluice {}", command);
    options.text = "* | stats min(receive_time) as first";
    options.since = since;
    auto reader = client::QueryReader::open(std::move(options));
    if (!reader) {
        return std::nullopt;
    }
    WallNs first = now;
    for (;;) {  // Ends with the answer.
        const auto step = (*reader)->next();
        if (!step) {
            return std::nullopt;
        }
        if (step->state == client::QueryState::end) {
            return first;
        }
        for (const wire::TailEntry& row : step->rows) {
            first = wire::parse_rfc3339(wire::column_text(row, "first")).value_or(first);
        }
    }
}

// Of --since; see begin().
void begin_at(wire::TailRequest& request, WallNs since, WallNs now, const Context& context, std::string_view command) {
    if (const auto first = first_received(since, now, context, command)) {
        request.start = wire::TailStart::since;
        request.since_ns = *first;
    } else {
        request.start = wire::TailStart::oldest;
    }
    std::string filter = "time:>=";
    wire::append_rfc3339(filter, since);
    request.query = request.query.empty() ? filter : fmt::format("{} | where {}", filter, request.query);
}

}  // namespace

void add_start_options(args::Command& command, StartOptions& options) {
    command.option("--after", options.after, "Start after this record").type_name("CURSOR");
    command
        .option("--since", options.since,
                "Only records of this time or later: '2026-05-17 08:30', or 90s, 15m, 2h, 3d ago")
        .type_name("TIME");
    command.option("--received-since", options.received_since, "Start with what the daemon received at this time")
        .type_name("TIME");
}

Result<void> begin(wire::TailRequest& request, const StartOptions& options, const Context& context,
                   std::string_view command) {
    const WallNs now = SystemClock().wall_now();
    if (options.after.has_value()) {
        request.start = wire::TailStart::after_cursor;
        SLUICE_TRY(request.after, wire::parse_cursor(*options.after));
    } else if (options.received_since.has_value()) {
        request.start = wire::TailStart::since;
        SLUICE_TRY(request.since_ns, parse_time(*options.received_since, now, zone_of(options.utc)));
    } else if (options.since.has_value()) {
        SLUICE_TRY(const WallNs since, parse_time(*options.since, now, zone_of(options.utc)));
        begin_at(request, since, now, context, command);
    }
    return {};
}

}  // namespace sluice::cli
