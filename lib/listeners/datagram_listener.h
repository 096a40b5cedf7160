// A socket that takes datagrams: journald's native ones, or syslog's.
//
// Messages are received 32 at a time.  One whose sender is known is decoded where it lies and goes into the queue at
// the end of its round.  One whose sender has to be read first, or that is sealed memory, is copied and waits its turn
// with all behind it, while the socket is read on: order is kept, and the socket's own queue (net.unix.max_dgram_qlen
// messages) stays empty.  A passed file that is no sealed memory can be made to block; it takes its turn when it was
// read, and has some seconds.
// Threads: those of its loop.
#pragma once

#include <deque>
#include <memory>

#include "coro/cancel.h"
#include "listeners/context.h"
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
};

class DatagramListener {
 public:
    // Borrows all until destroyed; `options` may change its policy and limits meanwhile.
    DatagramListener(const ListenerContext& context, const ListenerOptions& options);

    // Receives until stop() or cancelled; after stop() what is there is taken still.  Takes the socket over.
    Task<Result<>> run(io::Handle socket);
    // Takes what is in the socket, and ends.
    void stop();

    const DatagramCounters& counters() const noexcept { return counters_; }
    const FeedCounters& fed() const noexcept { return fed_; }
    const Losses& losses() const noexcept { return losses_; }
    const ProcessTable& processes() const noexcept { return table_; }

 private:
    // Waits for its sender, or to be read.
    struct Waiting {
        ProcessPointer sender;
        Bytes bytes;
        WallNs time_ns = 0;
        Fd memory;
    };
    Task<Result<>> receive_until_stopped();
    Task<Result<>> receive_what_is_there(unsigned rounds_max);
    Task<Result<>> take_round(std::span<io::Message> messages);
    ProcessPointer admit(io::Message& message);
    void admit_file(const ProcessPointer& sender, io::Message& message);
    void choose_pidfds(std::size_t received, std::size_t processes_before);
    bool is_full() const noexcept;
    void keep_waiting(ProcessPointer sender, io::Message& message, Fd memory);
    Task<> serve_waiting();
    Task<Result<>> serve_one(Waiting waiting);
    Task<> take_file(ProcessPointer sender, Fd file, WallNs time_ns);
    Task<Result<>> take_memory(ProcessPointer sender, Fd memory, WallNs time_ns);
    Task<Result<>> take_content(ProcessPointer sender, Result<Bytes> content, WallNs time_ns);
    void refuse_file(const ProcessPointer& sender, const Error& why);
    void decode(const ProcessPointer& sender, std::string_view text, WallNs time_ns);
    wire::IntakeContext context_of(const ProcessPointer& sender, WallNs time_ns);
    void discard(std::vector<Fd> files);
    void accept_files();
    void give_up_waiting();

    ListenerContext context_;
    const ListenerOptions& options_;
    io::Handle socket_;
    ReceiveRoom room_;
    ProcessTable table_;
    Losses losses_;
    FeedCounters fed_;
    DatagramCounters counters_;
    Feed feed_;
    SenderNamer namer_;
    wire::JournalDatagramReader reader_;
    coro::Offload reading_memory_;
    coro::Scope reading_files_;
    bool refuses_files_ = false;  // For a while: too many hang.
    bool pidfds_ = false;         // Messages come with one.
    bool has_pidfds_ = false;     // The kernel knows them.
    std::deque<Waiting> waiting_;
    std::size_t waiting_bytes_ = 0;
    bool serving_ = false;  // One that waited is being served.
    coro::Event arrived_;   // In waiting_.
    coro::Event served_;    // Less in waiting_.
    coro::CancelNode* receiving_ = nullptr;
    bool stopping_ = false;
};

}  // namespace sluice::listeners
