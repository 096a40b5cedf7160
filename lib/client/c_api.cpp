// There is no lock here that a fork could leave held: a writer is used by one thread at a time, and writers share
// nothing. A child that comes to a writer of its parent puts another in its place before it touches what that holds.
#include <unistd.h>

#include <atomic>

#include "client/log_writer.h"
#include "client/sluice.h"

struct sluice_writer {
    std::unique_ptr<sluice::client::LogWriter> log;
    std::atomic<bool> in_call = false;
};

namespace {

using sluice::Duration;
using sluice::Error;
using sluice::client::LogWriter;
using sluice::wire::RecordBuilder;

// In a child: the batches and the producer id are the parent's, and so is the socket.
void replace_inherited(sluice_writer& writer) {
    std::unique_ptr<LogWriter> own = writer.log->successor();
    if (writer.in_call.load(std::memory_order_acquire)) {
        // Another thread of the parent was in a call: what it changed is half changed in this copy, and is left alone.
        const LogWriter* const torn = writer.log.release();
        if (torn->fd() >= 0) {
            ::close(torn->fd());
        }
    }
    writer.log = std::move(own);
}

// One call on a writer.
class Call {
 public:
    explicit Call(sluice_writer& writer) : writer_(writer) {
        if (writer.log->inherited()) {
            replace_inherited(writer);
        }
        writer.in_call.store(true, std::memory_order_release);
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() { writer_.in_call.store(false, std::memory_order_release); }
    LogWriter* operator->() const noexcept { return writer_.log.get(); }

 private:
    sluice_writer& writer_;
};

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

std::string_view text_of(const char* text) noexcept {
    return text != nullptr ? text : "";
}

std::string_view text_of(const void* bytes, std::size_t length) noexcept {
    return {static_cast<const char*>(bytes), length};
}

template <class AddFields>
int log_record(sluice_writer& writer, int severity, const char* stream, std::string_view message,
               const AddFields& add_fields, sluice_error* error) {
    if (severity < SLUICE_EMERG || severity > SLUICE_DEBUG) {
        return report(Error(sluice::Errc::invalid_argument, fmt::format("{} is not a severity", severity)), error);
    }
    const Call log(writer);
    RecordBuilder& record = log->begin(static_cast<sluice::wire::Severity>(severity), text_of(stream));
    record.message(message);
    add_fields(record);
    return report(log->finish_record(), error);
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
    return new sluice_writer{.log = std::move(*writer)};
}

int sluice_log(sluice_writer* writer, int severity, const char* stream, const char* message, const sluice_field* fields,
               size_t field_count, sluice_error* error) {
    const auto add_fields = [&](RecordBuilder& record) {
        for (const sluice_field& field : std::span(fields, field_count)) {
            record.string_field(text_of(field.name), text_of(field.value));
        }
    };
    return log_record(*writer, severity, stream, text_of(message), add_fields, error);
}

int sluice_log_bytes(sluice_writer* writer, int severity, const char* stream, const void* message,
                     size_t message_length, const sluice_bytes_field* fields, size_t field_count, sluice_error* error) {
    const auto add_fields = [&](RecordBuilder& record) {
        for (const sluice_bytes_field& field : std::span(fields, field_count)) {
            record.string_field(text_of(field.name), text_of(field.value, field.value_length));
        }
    };
    return log_record(*writer, severity, stream, text_of(message, message_length), add_fields, error);
}

int sluice_flush(sluice_writer* writer, int timeout_ms, sluice_error* error) {
    const Duration timeout = timeout_ms < 0 ? sluice::client::kForever : std::chrono::milliseconds(timeout_ms);
    return report(Call(*writer)->flush(timeout), error);
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
