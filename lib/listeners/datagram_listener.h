// A socket that takes datagrams: journald's native ones, or syslog's.
//
// Messages are received 32 at a time.  One whose sender is known is decoded where it lies and goes into the queue at
// the end of its round.  One whose sender has to be read first, or that is a passed file, is copied and waits its turn
// with all behind it, while the socket is read on: order is kept, and the socket's own queue (net.unix.max_dgram_qlen
// messages) stays empty.
// Threads: those of its loop.
#pragma once

#include <deque>
#include <memory>

#include "coro/cancel.h"
#include "io/kernel.h"
#include "listeners/events.h"
#include "listeners/feed.h"
#include "listeners/losses.h"
#include "listeners/options.h"
#include "listeners/process_table.h"
#include "listeners/receive_room.h"
#include "listeners/sender_namer.h"
#include "wire/journal_datagram.h"

namespace sluice::listeners {

struct DatagramCounters {
    std::uint64_t messages = 0;  // Received.
    std::uint64_t bytes = 0;
    std::uint64_t files = 0;          // Of the messages: passed files.
    std::uint64_t files_refused = 0;  // Of those; each is a loss of one record.
    std::uint64_t copied = 0;         // Messages that waited for their sender to be read.
};

class DatagramListener {
 public:
    // Borrows all until destroyed; `options` may change its policy and limits meanwhile.
    DatagramListener(io::Kernel& kernel, coro::Pool& pool, ProcessSource& processes, ingest::Ingest& ingest,
                     const ListenerOptions& options, ListenerEvents& events);

    // Receives until stop() or cancelled; after stop() what is there is taken still.  Takes the socket over.
    Task<Result<>> run(io::Handle socket);
    // Takes what is in the socket, and ends.
    void stop();

    const DatagramCounters& counters() const noexcept { return counters_; }
    const FeedCounters& fed() const noexcept { return fed_; }
    const Losses& losses() const noexcept { return losses_; }
    const ProcessTable& processes() const noexcept { return table_; }

 private:
    // Waits for its sender.
    struct Waiting {
        ProcessPointer sender;
        Bytes bytes;
        WallNs time_ns = 0;
        Fd file;
    };
    Task<Result<>> receive_until_stopped();
    Task<Result<>> receive_what_is_there();
    Task<Result<>> take_round(std::span<io::Message> messages);
    ProcessPointer admit(io::Message& message);
    void choose_pidfds(std::size_t received);
    bool must_wait(const Process& sender, const io::Message& message) const noexcept;
    void keep_waiting(ProcessPointer sender, io::Message& message);
    Task<> serve_waiting();
    Task<Result<>> serve_one(Waiting waiting);
    Task<Result<>> take_file(ProcessPointer sender, Fd file, WallNs time_ns);
    void decode(const ProcessPointer& sender, std::string_view text, WallNs time_ns);
    wire::IntakeContext context_of(const ProcessPointer& sender, WallNs time_ns);
    void discard(Fd file);
    Task<> close_aside(io::Handle file);

    io::Kernel& kernel_;
    ingest::Ingest& ingest_;
    const ListenerOptions& options_;
    ListenerEvents& events_;
    io::Handle socket_;
    ReceiveRoom room_;
    coro::Offload files_;
    coro::Scope aside_;  // Closes files.
    ProcessTable table_;
    Losses losses_;
    FeedCounters fed_;
    DatagramCounters counters_;
    Feed feed_;
    SenderNamer namer_;
    wire::JournalDatagramReader reader_;
    bool pidfds_ = false;      // Messages come with one.
    bool has_pidfds_ = false;  // The kernel knows them.
    std::deque<Waiting> waiting_;
    std::size_t waiting_bytes_ = 0;
    bool serving_ = false;  // One that waited is being served.
    coro::Event arrived_;   // In waiting_.
    coro::Event served_;    // Less in waiting_.
    coro::CancelNode* receiving_ = nullptr;
    bool stopping_ = false;
};

}  // namespace sluice::listeners
