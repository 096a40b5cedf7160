#include "listeners/datagram_listener.h"

#include "coro/timeout.h"
#include "listeners/passed_file.h"
#include "wire/syslog_message.h"

namespace sluice::listeners {
namespace {

// Rounds without a turn of the loop: about 2 ms at 500,000 messages a second.
constexpr unsigned kRoundsMax = 32;
// At the end: what the largest queue of a socket can hold.
constexpr unsigned kLastRoundsMax = 4096;
// Of what waits; beyond it the socket is not read.  Each can hold a pidfd or sealed memory.
constexpr std::size_t kWaitingBytesMax = 8U << 20U;
constexpr std::size_t kWaitingMax = 1024;
// Plain files that are being read at the same time; more are refused.
constexpr std::size_t kFilesMax = 16;
constexpr Duration kFilePatience = std::chrono::seconds(5);
// Records of a passed file that are decoded between two flushes.
constexpr std::size_t kFileStepBytes = 64 * 1024;

}  // namespace

DatagramListener::DatagramListener(const ListenerContext& context, const ListenerOptions& options)
    : context_(context),
      options_(options),
      table_(context.kernel.loop(), context.pool, context.command_lines, context.processes,
             {.transport = protocol_name(options.protocol)}),
      losses_(context.ingest, options.name),
      feed_(context.ingest, losses_, options_, fed_),
      namer_(options_),
      reading_memory_(context.pool, context.kernel.loop(), 1),
      reading_files_(context.kernel.loop(), nullptr) {}

// ---- the socket ----

Task<Result<>> DatagramListener::run(io::Handle socket) {
    socket_ = std::move(socket);
    SLUICE_CO_CHECK(room_.reserve());
    const io::PassedFiles files =
        options_.protocol == Protocol::journal ? io::PassedFiles::accepted : io::PassedFiles::refused;
    if (Result<> asked = context_.kernel.receive_senders(socket_, files); !asked) {
        socket_ = io::Handle();  // Senders shall not wait for ever.
        co_return asked;
    }
    has_pidfds_ = pidfds_ = context_.kernel.receive_pidfds(socket_, true);
    coro::Context& context = co_await coro::this_context();
    coro::Scope scope(*context.loop, context.cancel);
    scope.spawn("report losses", &Losses::run, &losses_);
    scope.spawn("waiting messages", &DatagramListener::serve_waiting, this);
    Result<> outcome = co_await receive_until_stopped();
    while (outcome && (serving_ || !waiting_.empty())) {  // Bounded: each turn one was served.
        served_.reset();
        outcome = co_await served_.wait();
    }
    if (!outcome) {
        reading_files_.cancel();
    }
    co_await reading_files_.join();  // They have some seconds.
    scope.cancel();
    co_await scope.join();
    co_await table_.stop();
    give_up_waiting();
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
    Result<> outcome;
    while (!stopping_ && outcome) {
        context.cancel = &receiving;
        Result<> readable = co_await context_.kernel.poll_in(socket_);
        context.cancel = outer;
        if (stopping_) {
            break;
        }
        if (readable) {
            outcome = co_await receive_what_is_there(kRoundsMax);
        } else {
            outcome = std::move(readable);
        }
        if (!outcome && outcome.error().code() != Errc::cancelled) {  // Short of memory, say.
            context_.events.on_trouble(options_.name, outcome.error());
            outcome = co_await coro::sleep_for(kRetryDelay);
        }
        co_await coro::yield();
    }
    receiving_ = nullptr;
    SLUICE_CO_CHECK(std::move(outcome));
    co_return co_await receive_what_is_there(kLastRoundsMax);
}

Task<Result<>> DatagramListener::receive_what_is_there(unsigned rounds_max) {
    if (options_.protocol == Protocol::journal) {
        accept_files();
    }
    for (unsigned round = 0; round < rounds_max; ++round) {
        SLUICE_CO_TRY(const std::size_t count, context_.kernel.receive(socket_, room_.messages()));
        if (count == 0) {
            choose_pidfds(0, table_.added());
            break;
        }
        const std::size_t processes_before = table_.added();
        Result<> taken = co_await take_round(room_.messages().first(count));
        room_.trim(count);
        SLUICE_CO_CHECK(std::move(taken));
        choose_pidfds(count, processes_before);
    }
    co_return Result<>{};
}

// A pidfd costs more than the message: full rounds of senders that are known do without.
void DatagramListener::choose_pidfds(std::size_t received, std::size_t processes_before) {
    const bool busy = received == ReceiveRoom::kMessages && table_.added() == processes_before;
    if (has_pidfds_ && busy == pidfds_) {
        pidfds_ = !busy;
        (void)context_.kernel.receive_pidfds(socket_, pidfds_);
    }
}

// ---- a round ----

Task<Result<>> DatagramListener::take_round(std::span<io::Message> messages) {
    table_.begin_round();
    Result<> outcome;
    for (io::Message& message : messages) {
        const ProcessPointer sender = admit(message);
        if (!sender) {
            continue;
        }
        if (outcome && !feed_.takes(sender) && !feed_.try_flush()) {
            outcome = co_await feed_.flush();
        }
        if (outcome) {
            decode(sender, as_text(message.content()), message.time_ns);
        } else {
            losses_.add(sender, 1, "shutdown");
        }
    }
    if (outcome && !feed_.try_flush()) {
        outcome = co_await feed_.flush();
    }
    while (outcome && is_full()) {  // Bounded: each turn one was served.
        served_.reset();
        outcome = co_await served_.wait();
    }
    co_return outcome;
}

// The sender of a message that can be decoded now; null: there is nothing to decode, or not yet.
ProcessPointer DatagramListener::admit(io::Message& message) {
    ++counters_.messages;
    counters_.bytes += message.bytes;
    const bool has_files = !message.files.empty() || message.files_cut;
    if (message.bytes == 0 && !has_files) {
        return nullptr;  // Clients send these to see whether somebody listens.
    }
    ProcessPointer sender = table_.find(message.sender, std::move(message.pidfd));
    if (has_files) {
        admit_file(sender, message);
        return nullptr;
    }
    if (message.whole_bytes > message.bytes) {
        losses_.add(sender, 1, "a datagram longer than 1.25 MiB");
        return nullptr;
    }
    if (serving_ || !waiting_.empty() || !sender->known.is_set()) {
        keep_waiting(std::move(sender), message, Fd());
        return nullptr;
    }
    return sender;
}

void DatagramListener::admit_file(const ProcessPointer& sender, io::Message& message) {
    ++counters_.files;
    if (message.files_cut) {
        refuse_file(sender, Error(Errc::limit_exceeded, "no file descriptor left: raise LimitNOFILE of the daemon"));
        discard(std::move(message.files));
    } else if (message.bytes != 0 || message.files.size() != 1 || options_.protocol != Protocol::journal) {
        refuse_file(sender, Error(Errc::invalid_argument, "files beside a payload, or more than one"));
        discard(std::move(message.files));
    } else if (is_sealed_memory(message.files.front().get())) {
        keep_waiting(sender, message, std::move(message.files.front()));
    } else if (reading_files_.running() < kFilesMax) {
        reading_files_.spawn("read a file", &DatagramListener::take_file, this, sender,
                             std::move(message.files.front()), message.time_ns);
    } else {
        refuse_file(sender, Error(Errc::limit_exceeded, "too many files at once"));
        discard(std::move(message.files));
    }
    message.files.clear();
}

void DatagramListener::refuse_file(const ProcessPointer& sender, const Error& why) {
    ++counters_.files_refused;
    context_.events.on_file_refused(options_.name, sender->credentials, why);
    losses_.add(sender, 1, "a passed file that is not accepted");
}

// Closing a stranger's file can block.  Where too many hang already no more are let in, if the kernel can do that.
void DatagramListener::discard(std::vector<Fd> files) {
    if (!context_.files.has_room()) {
        refuses_files_ = true;
        (void)context_.kernel.receive_senders(socket_, io::PassedFiles::refused);
    }
    context_.close_files(std::move(files));
}

void DatagramListener::accept_files() {
    if (refuses_files_ && context_.files.has_room()) {
        refuses_files_ = false;
        (void)context_.kernel.receive_senders(socket_, io::PassedFiles::accepted);
    }
}

// ---- what waits ----

bool DatagramListener::is_full() const noexcept {
    return waiting_bytes_ > kWaitingBytesMax || waiting_.size() > kWaitingMax;
}

void DatagramListener::keep_waiting(ProcessPointer sender, io::Message& message, Fd memory) {
    const ByteView content = message.content();
    waiting_bytes_ += content.size();
    waiting_.push_back({std::move(sender), Bytes(content.begin(), content.end()), message.time_ns, std::move(memory)});
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
            waiting_bytes_ -= next.bytes.size();
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
    if (waiting.memory) {
        SLUICE_CO_CHECK(co_await take_memory(waiting.sender, std::move(waiting.memory), waiting.time_ns));
    } else {
        Result<> room;
        if (!feed_.takes(waiting.sender) && !feed_.try_flush()) {
            room = co_await feed_.flush();
        }
        if (!room) {
            losses_.add(waiting.sender, 1, "shutdown");
            co_return room;
        }
        decode(waiting.sender, as_text(waiting.bytes), waiting.time_ns);
    }
    // The last one of those that wait: nobody else would flush for it.
    if (waiting_.empty() && !feed_.try_flush()) {
        SLUICE_CO_CHECK(co_await feed_.flush());
    }
    co_return Result<>{};
}

void DatagramListener::give_up_waiting() {
    for (const Waiting& left : waiting_) {
        losses_.add(left.sender, 1, "shutdown");
    }
    waiting_.clear();
    waiting_bytes_ = 0;
}

// ---- passed files ----

// Can be made to take for ever: not in turn, and not for long.
Task<> DatagramListener::take_file(ProcessPointer sender, Fd file, WallNs time_ns) {
    if (!sender->known.is_set()) {
        co_await table_.settle(sender);
    }
    auto read = [file = std::move(file), uid = sender->credentials.uid]() mutable {
        return read_passed_file(std::move(file), uid);
    };
    Result<Result<Bytes>> content = co_await coro::with_timeout(kFilePatience, context_.files.run(std::move(read)));
    Result<> taken;
    if (content) {
        taken = co_await take_content(sender, std::move(*content), time_ns);
    } else {
        refuse_file(sender, content.error());
    }
    if (taken && !feed_.try_flush()) {
        (void)co_await feed_.flush();
    }
}

Task<Result<>> DatagramListener::take_memory(ProcessPointer sender, Fd memory, WallNs time_ns) {
    const auto read = [&memory, uid = sender->credentials.uid] { return read_passed_file(std::move(memory), uid); };
    Result<Result<Bytes>> content = co_await reading_memory_.run(std::cref(read));
    if (!content) {
        refuse_file(sender, content.error());
        co_return std::unexpected(std::move(content).error());
    }
    co_return co_await take_content(sender, std::move(*content), time_ns);
}

Task<Result<>> DatagramListener::take_content(ProcessPointer sender, Result<Bytes> content, WallNs time_ns) {
    if (!content) {
        refuse_file(sender, content.error());
        co_return Result<>{};
    }
    const std::string_view text = as_text(*content);
    for (std::size_t at = 0; at < text.size();) {  // Bounded: each turn takes an entry.
        Result<> room;
        if (!feed_.takes(sender) && !feed_.try_flush()) {
            room = co_await feed_.flush();
        }
        if (!room) {
            losses_.add(sender, 1, "shutdown");  // The rest of the file: nobody has counted its entries.
            co_return room;
        }
        const wire::IntakeContext context = context_of(sender, time_ns);
        feed_.decode(sender, [&](Bytes& into, wire::IntakeCounts& counts) {
            at = reader_.append_some(text, at, into.size() + kFileStepBytes, context, into, counts);
        });
    }
    co_return Result<>{};
}

// ---- records ----

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

}  // namespace sluice::listeners
