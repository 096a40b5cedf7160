// A client that logs, by the rules of docs/protocol.md: numbered or not, pipelined, reconnecting, and sending again in
// order whatever is not acknowledged.
#pragma once

#include <map>
#include <memory>

#include "coro/scope.h"
#include "sim/connection.h"
#include "sim/model.h"

namespace sluice::sim {

struct ProducerOptions {
    std::uint32_t client = 0;
    bool numbered = true;
    int level = -1;  // 0..2; -1: a different one for each batch.
    std::uint32_t batches = 20;
    std::uint32_t records_max = 6;  // Per batch.
    std::uint32_t window = 4;       // Batches in flight.
    Duration pause_max{};           // Between batches.
    double cut = 0;                 // Chance per frame sent to cut the connection, half-way through a frame or after.
    double link = 0;                // Chance per batch that the next one is linked to it.
    double deadline = 0;            // Chance per batch of a deadline, of deadline_ms.
    std::uint32_t deadline_ms = 0;
};

class Producer {
 public:
    // Borrows kernel and model until destroyed.
    Producer(io::SimKernel& kernel, Model& model, ProducerOptions options, std::uint64_t seed);

    Task<Result<>> run();  // Until every batch has its answer.
    bool finished() const noexcept { return left_ == 0; }
    // From now on no cuts.
    void behave() noexcept { options_.cut = 0; }

 private:
    enum class State : std::uint8_t { waiting, sent, done };
    struct Batch {
        State state = State::waiting;
        bool out_of_order = false;
        std::uint64_t request = 0;
    };

    static Task<Result<>> connected(coro::Scope& scope, Producer* self);
    static Task<Result<>> receive(Producer* self, Connection* connection);
    Task<Result<>> send_all(Connection& connection);
    Task<Result<>> send_one(Connection& connection, std::uint32_t index);
    void handle(const wire::FrameView& frame, unsigned life);
    void handle_refusal(std::uint32_t index, const Error& error);
    void check_order(std::uint64_t request, std::uint64_t first_sequence);
    void retire(std::uint32_t index);
    void settle();
    Bytes encode(std::uint32_t index, std::uint64_t request);

    io::SimKernel& kernel_;
    Model& model_;
    ProducerOptions options_;
    io::SimRandom random_;
    SentBy& sent_;
    std::vector<Batch> batches_;
    std::map<std::uint64_t, std::uint32_t> requests_;  // In flight, by id.
    std::map<std::uint64_t, std::uint64_t> stored_;    // On this connection: first sequence by request id.
    std::uint32_t next_ = 0;                           // Index of the next batch to look at.
    std::uint32_t left_;
    std::uint32_t producer_ = 0;  // Counts the producer ids used.
    std::uint64_t next_number_ = 1;
    std::uint64_t next_request_ = 2;
    bool settling_ = false;
    coro::Event changed_;
};

}  // namespace sluice::sim
