#include "sim/producer.h"

#include "coro/timeout.h"

namespace sluice::sim {

Producer::Producer(io::SimKernel& kernel, Model& model, ProducerOptions options, std::uint64_t seed)
    : kernel_(kernel),
      model_(model),
      options_(options),
      random_(seed),
      sent_(model.client(options.client)),
      batches_(options.batches),
      left_(options.batches) {
    sent_.numbered = options_.numbered;
    for (std::uint32_t i = 0; i < options_.batches; ++i) {
        SentBatch batch;
        batch.records = static_cast<std::uint32_t>(random_.between(1, options_.records_max));
        batch.level = static_cast<wire::AckLevel>(options_.level >= 0 ? static_cast<std::uint64_t>(options_.level)
                                                                      : random_.below(3));
        sent_.batches.push_back(batch);
    }
}

Task<Result<>> Producer::run() {
    while (left_ != 0) {
        (void)co_await coro::with_scope(&Producer::connected, this);
        // Whatever was in flight is open again.
        for (const auto& [request, index] : requests_) {
            batches_[index].state = State::waiting;
            batches_[index].out_of_order = false;
            if (!options_.numbered && random_.coin()) {
                batches_[index].state = State::done;  // Such a client may as well give up: it cannot know.
                sent_.batches[index].given_up = true;
                --left_;
            }
        }
        requests_.clear();
        settle();
        const Duration pause = std::chrono::microseconds(random_.between(200, 5000));
        SLUICE_CO_CHECK(co_await coro::sleep_for(pause));
    }
    co_return Result<>{};
}

Task<Result<>> Producer::connected(coro::Scope& scope, Producer* self) {
    Connection connection(self->kernel_);
    SLUICE_CO_CHECK(co_await connection.open());
    scope.spawn("receive", &Producer::receive, self, &connection);
    Result<> outcome = co_await self->send_all(connection);
    (void)co_await connection.cut();
    scope.cancel();
    co_await scope.join();
    co_return outcome;
}

Task<Result<>> Producer::receive(Producer* self, Connection* connection) {
    for (;;) {
        SLUICE_CO_TRY(const wire::FrameView frame, co_await connection->next());
        self->handle(frame, connection->life());
    }
}

Task<Result<>> Producer::send_all(Connection& connection) {
    while (left_ != 0) {
        while (next_ < batches_.size() && batches_[next_].state != State::waiting) {
            ++next_;
        }
        if (settling_ || next_ == batches_.size() || requests_.size() >= options_.window) {
            changed_.reset();
            SLUICE_CO_CHECK(co_await changed_.wait());
            continue;
        }
        SLUICE_CO_CHECK(co_await send_one(connection, next_++));
        if (options_.pause_max.count() != 0 && random_.coin()) {
            const auto most = static_cast<std::uint64_t>(options_.pause_max.count());
            const Duration pause(static_cast<std::int64_t>(random_.below(most)));
            SLUICE_CO_CHECK(co_await coro::sleep_for(pause));
        }
    }
    co_return Result<>{};
}

Bytes Producer::encode(std::uint32_t index, std::uint64_t request) {
    SentBatch& sent = sent_.batches[index];
    wire::BatchBuilder builder;
    for (std::uint32_t i = 0; i < sent.records; ++i) {
        const std::string text = model_.text({options_.client, index, i});
        builder.begin(wire::Severity::info, stream_of(options_.client)).message(text);
        SLUICE_ASSERT(builder.finish_record());
    }
    wire::BatchStamp stamp;
    if (options_.numbered) {
        stamp.number = sent.number;
        store_int(stamp.producer.data(), std::uint64_t{options_.client} + 1);
        store_int(stamp.producer.data() + 8, std::uint64_t{sent.producer});
    }
    wire::LogRequest log;
    log.level = sent.level;
    log.batch = builder.finish(stamp);
    Bytes frame;
    wire::append_frame(frame, request, log);
    return frame;
}

Task<Result<>> Producer::send_one(Connection& connection, std::uint32_t index) {
    SentBatch& sent = sent_.batches[index];
    if (sent.number == 0 || sent.producer != producer_) {
        sent.producer = producer_;
        sent.number = next_number_++;
    }
    ++sent.attempts;
    const std::uint64_t request = next_request_++;
    batches_[index].state = State::sent;
    batches_[index].out_of_order = false;
    requests_.emplace(request, index);
    const Bytes frame = encode(index, request);
    if (random_.chance(options_.cut)) {
        const std::size_t part = random_.below(frame.size() + 1);
        (void)co_await connection.send(ByteView(frame).first(part));
        (void)co_await connection.cut();
        co_return fail(Errc::closed, "cut by the client");
    }
    co_return co_await connection.send(frame);
}

void Producer::handle(const wire::FrameView& frame, unsigned life) {
    const auto request = requests_.find(frame.header.id);
    if (request == requests_.end()) {
        return;  // Id 0: why the connection is about to be closed.
    }
    const std::uint32_t index = request->second;
    requests_.erase(request);
    const Result<wire::LogReply> reply = Connection::decode<wire::LogReply>(frame);
    SentBatch& sent = sent_.batches[index];
    if (reply) {
        batches_[index].state = State::done;
        --left_;
        if (reply->level < sent.level || reply->count != sent.records) {
            model_.violation("batch {}/{} was answered with level {} and {} records", options_.client, index,
                             wire::ack_level_name(reply->level), reply->count);
        }
        sent.acknowledged = Acknowledged{reply->level, reply->duplicate, life, reply->epoch, reply->first_sequence};
    } else {
        handle_refusal(index, reply.error());
    }
    if (settling_ && requests_.empty()) {
        settle();
    }
    changed_.set();
}

void Producer::handle_refusal(std::uint32_t index, const Error& error) {
    switch (error.code()) {
        case Errc::out_of_order:
        case Errc::shutting_down:
        case Errc::io_error:
        case Errc::no_space:
        case Errc::cancelled:
        case Errc::limit_exceeded:
            break;
        default:
            model_.violation("batch {}/{} was refused: {}", options_.client, index, error);
            break;
    }
    batches_[index].state = State::waiting;
    batches_[index].out_of_order = error.code() == Errc::out_of_order;
    if (!options_.numbered && error.code() == Errc::out_of_order) {
        model_.violation("batch {}/{} has no number and was refused as out of order", options_.client, index);
    }
    settling_ = true;
}

// Every reply is in after a refusal: goes back to the first batch without an answer.
void Producer::settle() {
    settling_ = false;
    next_ = 0;
    const auto lowest = std::ranges::find(batches_, State::waiting, &Batch::state);
    if (lowest == batches_.end() || !lowest->out_of_order) {
        return;
    }
    // The daemon misses what it had acknowledged below durable: what is left goes on under a new producer id.
    ++producer_;
    next_number_ = 1;
    for (std::size_t i = 0; i < batches_.size(); ++i) {
        batches_[i].out_of_order = false;
    }
}

}  // namespace sluice::sim
