#include "listeners/scripted_kernel.h"

#include <algorithm>

namespace sluice::listeners::test {

void ScriptedKernel::fail(Call call, std::uint64_t nth, int error) {
    failed_.erase(call);
    failures_.insert_or_assign(call, Failure{.calls_left = nth, .error = error});
}

Result<> ScriptedKernel::check(Call call) {
    const auto planned = failures_.find(call);
    if (planned == failures_.end() || --planned->second.calls_left != 0) {
        return {};
    }
    const int error = planned->second.error;
    failures_.erase(planned);
    failed_.emplace(call, error);
    return fail_errno(error, "as the test asked");
}

void ScriptedKernel::pass(std::string_view bytes, std::vector<Fd> files, io::PeerCredentials sender) {
    passed_.push_back({.bytes = std::string(bytes), .files = std::move(files), .sender = sender});
}

void ScriptedKernel::pass_cut(std::string_view bytes, std::vector<Fd> files, io::PeerCredentials sender) {
    pass(bytes, std::move(files), sender);
    passed_.back().files_cut = true;
}

Result<io::Handle> ScriptedKernel::listen_unix(const std::string& path, mode_t mode, io::SocketKind kind) {
    SLUICE_TRY(io::Handle socket, below_.listen_unix(path, mode, kind));
    return io::Handle(*this, socket.release());
}

Result<io::PeerCredentials> ScriptedKernel::peer_credentials(const io::Handle& socket) {
    SLUICE_CHECK(check(Call::peer_credentials));
    return below_.peer_credentials(socket);
}

Result<> ScriptedKernel::receive_senders(const io::Handle& socket, io::PassedFiles files) {
    SLUICE_CHECK(check(Call::receive_senders));
    passed_files_ = files;
    return below_.receive_senders(socket, files);
}

Result<std::size_t> ScriptedKernel::receive(const io::Handle& socket, std::span<io::Message> into) {
    SLUICE_CHECK(check(Call::receive));
    std::size_t count = 0;
    for (; count < std::min(into.size(), kMessagesMax) && !passed_.empty(); ++count) {
        Passed next = std::move(passed_.front());
        passed_.pop_front();
        io::Message& message = into[count];
        message.whole_bytes = next.bytes.size();
        message.bytes = std::min(next.bytes.size(), message.room.size());
        std::ranges::copy_n(as_bytes(next.bytes).begin(), static_cast<std::ptrdiff_t>(message.bytes),
                            message.room.begin());
        message.sender = next.sender;
        message.time_ns = clock().wall_now();
        message.files = std::move(next.files);
        message.files_cut = next.files_cut;
    }
    if (count == into.size()) {
        return count;
    }
    SLUICE_TRY(const std::size_t more, below_.receive(socket, into.subspan(count)));
    for (io::Message& message : into.subspan(count, more)) {
        message.sender = writer_.value_or(message.sender);
    }
    return count + more;
}

std::shared_ptr<const io::FileReader> ScriptedKernel::blocking_reader(io::Handle file) {
    return below_.blocking_reader(io::Handle(below_, file.release()));
}

}  // namespace sluice::listeners::test
