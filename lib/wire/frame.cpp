#include "wire/frame.h"

#include <algorithm>

#include "base/assert.h"

namespace sluice::wire {

std::string_view message_type_name(MessageType type) noexcept {
    switch (type) {
        case MessageType::hello:
            return "hello";
        case MessageType::cancel:
            return "cancel";
        case MessageType::credit:
            return "credit";
        case MessageType::ping:
            return "ping";
        case MessageType::log:
            return "log";
        case MessageType::tail:
            return "tail";
        case MessageType::query:
            return "query";
        case MessageType::open:
            return "open";
        case MessageType::read:
            return "read";
        case MessageType::write:
            return "write";
        case MessageType::append:
            return "append";
        case MessageType::sync:
            return "sync";
        case MessageType::stat:
            return "stat";
        case MessageType::close:
            return "close";
        case MessageType::get:
            return "get";
        case MessageType::put:
            return "put";
        case MessageType::commit:
            return "commit";
        case MessageType::status:
            return "status";
        case MessageType::error:
            return "error";
    }
    return "unknown";
}

Result<FrameHeader> parse_frame_header(ByteView at, std::uint32_t frame_bytes_max) {
    SLUICE_ASSERT(at.size() >= kFrameHeaderSize, "{} bytes", at.size());
    FrameHeader header;
    std::memcpy(&header, at.data(), sizeof header);
    if (header.length < kFrameHeaderSize) {
        return fail(Errc::malformed, "frame: length {} is below the header's {}", header.length, kFrameHeaderSize);
    }
    if (header.length > frame_bytes_max) {
        return fail(Errc::too_large, "frame: {} bytes exceed the limit {}", header.length, frame_bytes_max);
    }
    if (header.zero != 0) {
        return fail(Errc::malformed, "frame: the last word of the header is not zero");
    }
    return header;
}

Result<void> check_request_header(const FrameHeader& header) {
    if (header.id == 0) {
        return fail(Errc::malformed, "request: id 0");
    }
    if (header.is_reply() || message_type_name(header.type) == "unknown") {
        return fail(Errc::unsupported, "request: unknown type {}", static_cast<unsigned>(header.type));
    }
    if ((header.flags & ~kFrameLink) != 0) {
        return fail(Errc::unsupported, "request: unknown flags {:#x}", header.flags & ~kFrameLink);
    }
    return {};
}

std::array<std::byte, kFrameHeaderSize> encode_frame_header(const FrameHeader& header) noexcept {
    return std::bit_cast<std::array<std::byte, kFrameHeaderSize>>(header);
}

void FrameSplitter::feed(ByteView received) noexcept {
    SLUICE_ASSERT(fed_.empty(), "{} bytes of the last feed were not used", fed_.size());
    fed_ = received;
}

Result<FrameHeader> FrameSplitter::check(ByteView at) {
    auto header = parse_frame_header(at, frame_bytes_max_);
    if (!header) {
        failed_ = header.error().code();
        fed_ = {};
        buffer_.reset();
        have_ = 0;
    }
    return header;
}

Result<std::optional<FrameView>> FrameSplitter::next() {
    if (failed_) {
        return fail(*failed_, "frame: the stream is out of step since an earlier error");
    }
    discard_returned();
    if (buffer_ || have_ > 0) {
        return next_buffered();
    }
    if (fed_.size() < kFrameHeaderSize) {
        std::copy(fed_.begin(), fed_.end(), head_.begin());
        have_ = fed_.size();
        fed_ = {};
        return std::nullopt;
    }
    SLUICE_TRY(const FrameHeader header, check(fed_));
    if (header.length > fed_.size()) {
        return next_buffered();
    }
    const ByteView frame = fed_.first(header.length);
    fed_ = fed_.subspan(header.length);
    return FrameView{header, frame.subspan(kFrameHeaderSize)};
}

// Moves what there is into head_ and then into buffer_.
Result<std::optional<FrameView>> FrameSplitter::next_buffered() {
    const auto fill = [this](std::byte* to, std::size_t size) {
        const std::size_t n = std::min(size - have_, fed_.size());
        std::copy_n(fed_.begin(), n, to + have_);
        fed_ = fed_.subspan(n);
        have_ += n;
        return have_ == size;
    };
    if (!buffer_) {
        if (!fill(head_.data(), head_.size())) {
            return std::nullopt;
        }
        SLUICE_TRY(const FrameHeader header, check(head_));
        frame_size_ = header.length;
        buffer_ = std::make_unique_for_overwrite<std::byte[]>(frame_size_);
        std::copy(head_.begin(), head_.end(), buffer_.get());
    }
    if (!fill(buffer_.get(), frame_size_)) {
        return std::nullopt;
    }
    returned_ = true;
    const ByteView frame(buffer_.get(), frame_size_);
    SLUICE_TRY(const FrameHeader header, check(frame));
    return FrameView{header, frame.subspan(kFrameHeaderSize)};
}

void FrameSplitter::discard_returned() noexcept {
    if (returned_) {
        buffer_.reset();
        have_ = 0;
        returned_ = false;
    }
}

std::size_t FrameSplitter::bytes_to_allocate() const noexcept {
    if (failed_ || returned_ || buffer_ || have_ + fed_.size() < kFrameHeaderSize) {
        return 0;
    }
    std::array<std::byte, kFrameHeaderSize> head = head_;
    std::copy_n(fed_.begin(), kFrameHeaderSize - have_, head.begin() + static_cast<std::ptrdiff_t>(have_));
    const Result<FrameHeader> header = parse_frame_header(head, frame_bytes_max_);
    const bool cut = header && (have_ > 0 || header->length > fed_.size());
    return cut ? header->length : 0;
}

std::size_t FrameSplitter::bytes_needed() const noexcept {
    if (returned_ || have_ == 0) {
        return 0;
    }
    return (buffer_ ? frame_size_ : kFrameHeaderSize) - have_;
}

std::span<std::byte> FrameSplitter::direct_space() noexcept {
    if (!buffer_ || returned_) {
        return {};
    }
    SLUICE_ASSERT(fed_.empty(), "{} bytes of the last feed were not used", fed_.size());
    return {buffer_.get() + have_, frame_size_ - have_};
}

void FrameSplitter::commit(std::size_t n) noexcept {
    SLUICE_ASSERT(buffer_ && !returned_ && n <= frame_size_ - have_, "{} bytes", n);
    have_ += n;
}

std::unique_ptr<std::byte[]> FrameSplitter::take_buffer() noexcept {
    return returned_ ? std::move(buffer_) : nullptr;
}

}  // namespace sluice::wire
