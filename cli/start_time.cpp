#include "cli/start_time.h"

#include "base/format.h"
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

}  // namespace

void begin_at(wire::TailRequest& request, WallNs since, const Context& context, std::string_view command) {
    if (const auto first = first_received(since, SystemClock().wall_now(), context, command)) {
        request.start = wire::TailStart::since;
        request.since_ns = *first;
    } else {
        request.start = wire::TailStart::oldest;
    }
    std::string filter = "time:>=";
    wire::append_rfc3339(filter, since);
    request.query = request.query.empty() ? filter : fmt::format("{} | where {}", filter, request.query);
}

}  // namespace sluice::cli
