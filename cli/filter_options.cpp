#include "cli/filter_options.h"

#include "cli/text.h"
#include "wire/escape.h"

namespace sluice::cli {

void add_filter_options(args::Command& command, FilterOptions& options) {
    command.option("--stream", options.streams, "Only this stream; PREFIX* for many; repeat for several")
        .one_value_each();
    command.option("--severity", options.severity, "This severity and worse: err, warning, ...").type_name("NAME");
    command.option("--field", options.fields, "Only records with this field; repeat: all must match")
        .type_name("K=V")
        .one_value_each();
    command.option("--grep", options.greps, "Only messages that contain TEXT; repeat: all must match")
        .type_name("TEXT")
        .one_value_each();
}

Result<wire::TailFilter> filter_of(const FilterOptions& options) {
    wire::TailFilter filter;
    SLUICE_TRY(filter.severity_max, parse_severity(options.severity));
    for (const std::string& stream : options.streams) {
        if (!wire::valid_stream_pattern(stream)) {
            return fail(
                Errc::invalid_argument,
                "{} can match no stream: names have 1 to 255 letters, digits and ._/@:-, and '*' is possible at "
                "the end only",
                wire::quoted(stream));
        }
    }
    filter.streams = options.streams;
    SLUICE_TRY(const auto fields, parse_key_values(options.fields));
    for (const KeyValue& field : fields) {
        filter.fields.push_back({field.key, field.value});
    }
    filter.greps = options.greps;
    return filter;
}

}  // namespace sluice::cli
