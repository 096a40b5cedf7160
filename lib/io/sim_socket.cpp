#include "io/sim_socket.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/sim_world.h"

namespace sluice::io {

SimSocket::~SimSocket() {
    if (state_ == State::listening || state_ == State::receiving) {
        world_.forget_listener(inode_, this);
    }
    for (const std::unique_ptr<SimSocket>& waiting : backlog_) {
        if (waiting->peer_ != nullptr) {
            waiting->peer_->reset_ = true;
        }
    }
    if (peer_ != nullptr) {
        peer_->reset_ = peer_->reset_ || readable() > 0;
        peer_->read_ended_ = true;
        peer_->peer_ = nullptr;
        peer_->wake();
    }
}

void SimSocket::connect(SimSocket& a, SimSocket& b, PeerCredentials of_a, PeerCredentials of_b) noexcept {
    a.state_ = b.state_ = State::connected;
    a.peer_ = &b;
    b.peer_ = &a;
    a.peer_credentials_ = of_b;
    b.peer_credentials_ = of_a;
}

void SimSocket::listen(std::uint64_t inode, PeerCredentials own, SocketKind kind) noexcept {
    peer_credentials_ = own;
    state_ = kind == SocketKind::stream ? State::listening : State::receiving;
    inode_ = inode;
}

void SimSocket::shut_down() {
    read_ended_ = true;
    write_ended_ = true;
    if (peer_ != nullptr) {
        peer_->read_ended_ = true;
        peer_->write_ended_ = true;
        peer_->wake();
    }
    wake();
}

std::size_t SimSocket::take(std::span<std::byte> into) {
    const std::size_t count = std::min(into.size(), readable());
    std::memcpy(into.data(), in_.data() + head_, count);
    head_ += count;
    if (head_ == in_.size()) {
        in_.clear();
        head_ = 0;
    }
    if (peer_ != nullptr) {
        peer_->wake();
    }
    return count;
}

std::int32_t SimSocket::end_result() noexcept {
    return std::exchange(reset_, false) ? -ECONNRESET : 0;
}

std::int64_t SimSocket::room() const noexcept {
    if (state_ != State::connected) {
        return -ENOTCONN;
    }
    if (peer_ == nullptr || write_ended_) {
        return -EPIPE;
    }
    return static_cast<std::int64_t>(kBufferBytes - peer_->readable());
}

void SimSocket::push(ByteView bytes) {
    if (peer_->head_ > kBufferBytes) {
        peer_->in_.erase(peer_->in_.begin(), peer_->in_.begin() + static_cast<std::ptrdiff_t>(peer_->head_));
        peer_->head_ = 0;
    }
    append(peer_->in_, bytes);
    peer_->wake();
}

void SimSocket::wake() {
    if (!parked_.empty()) {
        world_.wake(parked_);
    }
}

}  // namespace sluice::io
