// One connection of a StreamListener.
#pragma once

#include <memory>

#include "base/intrusive_list.h"
#include "listeners/stream_listener.h"
#include "wire/intake.h"
#include "wire/stdout_stream.h"

namespace sluice::listeners {

class StreamListener::Connection : public ListNode<StreamListener::UnkeptTag> {
 public:
    // Borrows `listener` until destroyed.  `peer`: who connected; used where the kernel does not say who wrote.
    Connection(StreamListener& listener, io::Handle socket, io::PeerCredentials peer);
    // Goes on with one of an earlier run; before run().  Errors: those of StreamDecoder::restore().
    Result<> resume(KeptId id, const ConnectionState& state);

    // Reads to the end of the stream, or until the listener stops: then, if it can be kept, it is left to the next run.
    Task<Result<>> run();

    const io::PeerCredentials& peer() const noexcept { return peer_; }
    bool kept() const noexcept { return kept_ != KeptId::none; }
    // Whether it has said what the next run has to know: its state at rest does not change any more.
    bool can_be_kept() const noexcept { return stdout_ == nullptr || stdout_->has_header(); }
    // From now on it outlives this run, also one that is killed.  Precondition: can_be_kept(), and it is not kept.
    Result<> keep();
    // Leaves it to the next run, with what has begun and not ended.  Nothing may be read any more.  False: it ends with
    // this run, which is told where it was to be kept.
    bool hand_over();

 private:
    Task<> find_resumed_sender();
    Task<Result<>> read_until_stopped();
    Task<Result<>> read_what_is_there(unsigned reads_max);
    Task<Result<>> take(io::Message& message);
    Task<Result<>> switch_sender(ProcessPointer sender);
    Task<Result<>> finish();
    wire::IntakeContext context() noexcept;
    Bytes state(wire::Unfinished unfinished) const;
    bool goes_on(const Result<>& outcome) const noexcept;

    StreamListener& listener_;
    io::Handle socket_;
    io::PeerCredentials peer_;
    std::unique_ptr<wire::StreamDecoder> decoder_;
    wire::StdoutStreamDecoder* stdout_ = nullptr;  // decoder_, if it is that.
    Feed feed_;
    SenderNamer namer_;
    ProcessPointer sender_;
    KeptId kept_ = KeptId::none;
    std::optional<io::PeerCredentials> resumed_sender_;  // Of an earlier run, until another process writes.
    bool looked_again_ = false;                          // At the sender, behind a header.
    bool ended_ = false;
};

}  // namespace sluice::listeners
