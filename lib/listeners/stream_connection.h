// One connection of a StreamListener.
#pragma once

#include <memory>

#include "listeners/stream_listener.h"
#include "wire/intake.h"
#include "wire/stdout_stream.h"

namespace sluice::listeners {

class StreamListener::Connection {
 public:
    // Borrows `listener` until destroyed.  `peer`: who connected; used where the kernel does not say who wrote.
    Connection(StreamListener& listener, io::Handle socket, io::PeerCredentials peer);

    // Reads to the end of the stream, or until the listener stops.
    Task<Result<>> run();

 private:
    Task<Result<>> read_until_stopped();
    Task<Result<>> read_what_is_there(unsigned reads_max);
    Task<Result<>> take(io::Message& message);
    Task<Result<>> switch_sender(ProcessPointer sender);
    wire::IntakeContext context() noexcept;

    StreamListener& listener_;
    io::Handle socket_;
    io::PeerCredentials peer_;
    std::unique_ptr<wire::StreamDecoder> decoder_;
    wire::StdoutStreamDecoder* stdout_ = nullptr;  // decoder_, if it is that.
    Feed feed_;
    SenderNamer namer_;
    ProcessPointer sender_;
    bool looked_again_ = false;  // At the sender, behind a header.
    bool ended_ = false;
};

}  // namespace sluice::listeners
