#include "listeners/datagram_listener.h"

#include "coro/timeout.h"
#include "listeners/passed_file.h"
#include "wire/syslog_message.h"

namespace sluice::listeners {
namespace {

// Rounds without a turn of the loop: about 2 ms at 500,000 messages a second.
constexpr unsigned kRoundsMax = 32;
// Of messages that wait for their sender.  Beyond it the socket is not read.
constexpr std::size_t kWaitingBytesMax = 8U << 20U;
// What a waiting message costs beside its bytes.
constexpr std::size_t kWaitingOverhead = 128;
constexpr std::size_t kFileReadsMax = 1;
// Records of a passed file that are decoded between two flushes.
constexpr std::size_t kFileStepBytes = 64 * 1024;

}  // namespace

DatagramListener::DatagramListener(io::Kernel& kernel, coro::Pool& pool, ProcessSource& processes,
                                   ingest::Ingest& ingest, const ListenerOptions& options, ListenerEvents& events)
    : kernel_(kernel),
      ingest_(ingest),
      options_(options),
      events_(events),
      files_(pool, kernel.loop(), kFileReadsMax),
      aside_(kernel.loop(), nullptr),
      table_(kernel.loop(), pool, processes, {.transport = protocol_name(options.protocol)}),
      losses_(ingest, options_.name),
      feed_(ingest, losses_, options_, fed_),
      namer_(options_) {}

Task<Result<>> DatagramListener::run(io::Handle socket) {
    socket_ = std::move(socket);
    const io::PassedFiles files =
        options_.protocol == Protocol::journal ? io::PassedFiles::accepted : io::PassedFiles::refused;
    SLUICE_CO_CHECK(kernel_.receive_senders(socket_, files));
    has_pidfds_ = pidfds_ = kernel_.receive_pidfds(socket_, true);
    coro::Context& context = co_await coro::this_context();
    coro::Scope scope(*context.loop, context.cancel);
    scope.spawn("report losses", &Losses::run, &losses_);
    scope.spawn("waiting messages", &DatagramListener::serve_waiting, this);
    Result<> outcome = co_await receive_until_stopped();
    while (outcome && (serving_ || !waiting_.empty())) {  // Bounded: each turn one was served.
        served_.reset();
        outcome = co_await served_.wait();
    }
    scope.cancel();
    co_await scope.join();
    co_await table_.join();
    co_await aside_.join();
    Result<> told = co_await losses_.report_all();
    socket_ = io::Handle();
    co_return outcome ? told : outcome;
}

void DatagramListener::stop() {
    stopping_ = true;
    if (receiving_ != nullptr) {
        receiving_->cancel();
    }
}

Task<Result<>> DatagramListener::receive_until_stopped() {
    coro::Context& context = co_await coro::this_context();
    coro::CancelNode* const outer = context.cancel;
    coro::CancelNode receiving(outer);
    receiving_ = &receiving;
    while (!stopping_) {
        context.cancel = &receiving;
        Result<> readable = co_await kernel_.poll_in(socket_);
        context.cancel = outer;
        if (!readable && !stopping_) {
            receiving_ = nullptr;
            co_return readable;
        }
        SLUICE_CO_CHECK(co_await receive_what_is_there());
        co_await coro::yield();
    }
    receiving_ = nullptr;
    co_return co_await receive_what_is_there();
}

Task<Result<>> DatagramListener::receive_what_is_there() {
    for (unsigned round = 0; round < kRoundsMax; ++round) {
        SLUICE_CO_TRY(const std::size_t count, kernel_.receive(socket_, room_.messages()));
        choose_pidfds(count);
        if (count == 0) {
            break;
        }
        SLUICE_CO_CHECK(co_await take_round(room_.messages().first(count)));
        room_.trim(count);
    }
    co_return Result<>{};
}

// A pidfd costs more than the message: full rounds do without.
void DatagramListener::choose_pidfds(std::size_t received) {
    const bool busy = received == ReceiveRoom::kMessages;
    if (has_pidfds_ && busy == pidfds_) {
        pidfds_ = !busy;
        (void)kernel_.receive_pidfds(socket_, pidfds_);
    }
}

Task<Result<>> DatagramListener::take_round(std::span<io::Message> messages) {
    table_.begin_round();
    for (io::Message& message : messages) {
        const ProcessPointer sender = admit(message);
        if (!sender) {
            continue;
        }
        if (!feed_.takes(sender) && !feed_.try_flush()) {
            SLUICE_CO_CHECK(co_await feed_.flush());
        }
        decode(sender, as_text(message.content()), message.time_ns);
    }
    if (!feed_.try_flush()) {
        SLUICE_CO_CHECK(co_await feed_.flush());
    }
    while (waiting_bytes_ > kWaitingBytesMax) {  // Bounded: each turn one was served.
        served_.reset();
        SLUICE_CO_CHECK(co_await served_.wait());
    }
    co_return Result<>{};
}

// The sender of a message that can be decoded now; null: there is nothing to decode, or not yet.
ProcessPointer DatagramListener::admit(io::Message& message) {
    ++counters_.messages;
    counters_.bytes += message.bytes;
    const bool has_files = message.file_count != 0 || message.files_cut;
    if (message.bytes == 0 && !has_files) {
        return nullptr;  // Clients send these to see whether somebody listens.
    }
    ProcessPointer sender = table_.find(message.sender, std::move(message.pidfd));
    if (has_files) {
        ++counters_.files;
        const bool alone = message.bytes == 0 && message.file_count == 1 && !message.files_cut;
        if (!alone || options_.protocol != Protocol::journal) {
            ++counters_.files_refused;
            events_.on_file_refused(options_.name, sender->credentials,
                                    Error(Errc::invalid_argument, "files beside a payload, or more than one"));
            losses_.add(sender, 1, "files beside a payload, or more than one");
            for (Fd& file : message.files) {
                discard(std::move(file));
            }
            return nullptr;
        }
    }
    if (message.whole_bytes > message.bytes) {
        losses_.add(sender, 1, "a datagram longer than 1.25 MiB was cut");
    }
    if (must_wait(*sender, message)) {
        keep_waiting(std::move(sender), message);
        return nullptr;
    }
    return sender;
}

bool DatagramListener::must_wait(const Process& sender, const io::Message& message) const noexcept {
    return serving_ || !waiting_.empty() || message.file_count != 0 || !sender.known.is_set();
}

void DatagramListener::keep_waiting(ProcessPointer sender, io::Message& message) {
    ++counters_.copied;
    const ByteView content = message.content();
    waiting_bytes_ += content.size() + kWaitingOverhead;
    waiting_.push_back(
        {std::move(sender), Bytes(content.begin(), content.end()), message.time_ns, std::move(message.files[0])});
    arrived_.set();
}

Task<> DatagramListener::serve_waiting() {
    for (;;) {
        const Result<> woken = co_await arrived_.wait();
        if (!woken) {
            co_return;
        }
        arrived_.reset();
        while (!waiting_.empty()) {
            serving_ = true;
            Waiting next = std::move(waiting_.front());
            waiting_.pop_front();
            waiting_bytes_ -= next.bytes.size() + kWaitingOverhead;
            const Result<> served = co_await serve_one(std::move(next));
            serving_ = false;
            served_.set();
            if (!served) {
                co_return;
            }
        }
    }
}

Task<Result<>> DatagramListener::serve_one(Waiting waiting) {
    if (!waiting.sender->known.is_set()) {
        co_await table_.settle(waiting.sender);
    }
    if (waiting.file) {
        SLUICE_CO_CHECK(co_await take_file(waiting.sender, std::move(waiting.file), waiting.time_ns));
    } else {
        if (!feed_.takes(waiting.sender) && !feed_.try_flush()) {
            SLUICE_CO_CHECK(co_await feed_.flush());
        }
        decode(waiting.sender, as_text(waiting.bytes), waiting.time_ns);
    }
    // The last one of those that wait: nobody else would flush for it.
    if (waiting_.empty() && !feed_.try_flush()) {
        SLUICE_CO_CHECK(co_await feed_.flush());
    }
    co_return Result<>{};
}

Task<Result<>> DatagramListener::take_file(ProcessPointer sender, Fd file, WallNs time_ns) {
    const int fd = file.release();
    const uid_t uid = sender->credentials.uid;
    const auto read = [fd, uid] { return read_passed_file(Fd(fd), uid); };
    Result<Result<Bytes>> content = co_await files_.run(std::cref(read));
    if (!content) {
        ::close(fd);  // It was not begun.
        co_return std::unexpected(std::move(content).error());
    }
    if (!*content) {
        ++counters_.files_refused;
        events_.on_file_refused(options_.name, sender->credentials, content->error());
        losses_.add(sender, 1, "a passed file that is not accepted");
        co_return Result<>{};
    }
    const std::string_view text = as_text(**content);
    for (std::size_t at = 0; at < text.size();) {  // Bounded: each turn takes an entry.
        Bytes records;
        wire::IntakeCounts counts;
        at = reader_.append_some(text, at, kFileStepBytes, context_of(sender, time_ns), records, counts);
        const ByteView view(records);
        SLUICE_CO_CHECK(co_await feed_.append(sender, view, counts));
    }
    co_return Result<>{};
}

wire::IntakeContext DatagramListener::context_of(const ProcessPointer& sender, WallNs time_ns) {
    namer_.set_sender(*sender);
    return {.names = namer_, .time_ns = time_ns, .severity = wire::Severity::info, .limits = options_.limits};
}

void DatagramListener::decode(const ProcessPointer& sender, std::string_view text, WallNs time_ns) {
    const wire::IntakeContext context = context_of(sender, time_ns);
    feed_.decode(sender, [&](Bytes& into, wire::IntakeCounts& counts) {
        if (options_.protocol == Protocol::journal) {
            reader_.append_records(text, context, into, counts);
        } else {
            wire::append_syslog(text, context, into, counts);
        }
    });
}

// Closing somebody's file can block: a worker of the kernel does it.
void DatagramListener::discard(Fd file) {
    if (file) {
        aside_.spawn("close a file", &DatagramListener::close_aside, this, io::Handle(kernel_, file.release()));
    }
}

Task<> DatagramListener::close_aside(io::Handle file) {
    (void)co_await kernel_.close(std::move(file));
}

}  // namespace sluice::listeners
