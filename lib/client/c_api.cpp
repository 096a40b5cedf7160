#include "client/log_writer.h"
#include "client/sluice.h"

struct sluice_writer {
    std::unique_ptr<sluice::client::LogWriter> writer;
};

namespace {

using sluice::Duration;
using sluice::Error;

int report(const Error& from, sluice_error* to) noexcept {
    if (to != nullptr) {
        to->code = static_cast<int>(from.code());
        to->sys_errno = from.sys_errno();
        const std::size_t length = from.text().copy(static_cast<char*>(to->text), sizeof to->text - 1);
        to->text[length] = '\0';
    }
    return -1;
}

int report(const sluice::Result<void>& result, sluice_error* to) noexcept {
    if (!result) {
        return report(result.error(), to);
    }
    if (to != nullptr) {
        *to = {};
    }
    return 0;
}

std::string socket_path_of(const sluice_options& options) {
    return options.socket_path != nullptr ? options.socket_path : sluice::client::default_socket_path();
}

sluice::Result<sluice::client::LogWriterOptions> convert(const sluice_options& options) {
    if (options.level < SLUICE_ACCEPTED || options.level > SLUICE_DURABLE) {
        return sluice::fail(sluice::Errc::invalid_argument, "{} is not an acknowledgement level", options.level);
    }
    sluice::client::LogWriterOptions converted;
    converted.socket_path = socket_path_of(options);
    converted.connect.client_name = options.client_name != nullptr ? options.client_name : "";
    converted.level = static_cast<sluice::wire::AckLevel>(options.level);
    if (options.linger_ms != 0) {
        converted.linger = std::chrono::milliseconds(options.linger_ms);
    }
    if (options.memory_bytes_max != 0) {
        converted.memory_bytes_max = options.memory_bytes_max;
    }
    if (options.give_up_after_ms != 0) {
        converted.retry.give_up_after = std::chrono::milliseconds(options.give_up_after_ms);
    }
    converted.wait_for_daemon = options.wait_for_daemon != 0;
    return converted;
}

}  // namespace

extern "C" {

sluice_writer* sluice_open(const sluice_options* options, sluice_error* error) {
    auto converted = convert(options != nullptr ? *options : sluice_options{});
    if (!converted) {
        report(converted.error(), error);
        return nullptr;
    }
    auto writer = sluice::client::LogWriter::open(std::move(*converted));
    if (!writer) {
        report(writer.error(), error);
        return nullptr;
    }
    report(sluice::Result<void>{}, error);
    return new sluice_writer{std::move(*writer)};
}

int sluice_log(sluice_writer* writer, int severity, const char* stream, const char* message, const sluice_field* fields,
               size_t field_count, sluice_error* error) {
    if (severity < SLUICE_EMERG || severity > SLUICE_DEBUG) {
        return report(Error(sluice::Errc::invalid_argument, fmt::format("{} is not a severity", severity)), error);
    }
    auto& record =
        writer->writer->begin(static_cast<sluice::wire::Severity>(severity), stream != nullptr ? stream : "");
    record.message(message != nullptr ? message : "");
    for (std::size_t i = 0; i < field_count; ++i) {
        record.string_field(fields[i].name != nullptr ? fields[i].name : "",
                            fields[i].value != nullptr ? fields[i].value : "");
    }
    return report(writer->writer->finish_record(), error);
}

int sluice_flush(sluice_writer* writer, int timeout_ms, sluice_error* error) {
    const Duration timeout = timeout_ms < 0 ? sluice::client::kForever : std::chrono::milliseconds(timeout_ms);
    return report(writer->writer->flush(timeout), error);
}

int sluice_close(sluice_writer* writer, int timeout_ms, sluice_error* error) {
    if (writer == nullptr) {
        return report(sluice::Result<void>{}, error);
    }
    const int result = sluice_flush(writer, timeout_ms, error);
    delete writer;
    return result;
}

}  // extern "C"
