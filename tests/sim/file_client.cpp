#include "sim/file_client.h"

#include "coro/timeout.h"
#include "sim/test_daemon.h"

namespace sluice::sim {

std::string FileClient::content(const File& file, std::uint32_t version) const {
    io::SimRandom random(version * 977 + static_cast<std::uint64_t>(file.name[0]));
    std::string text = fmt::format("{} {}:", file.name, version);
    text.append(random.below(12000), static_cast<char>('A' + random.below(26)));
    return text;
}

Task<Result<>> FileClient::run() {
    while (left_ != 0) {
        (void)co_await connected();
        const Duration pause = std::chrono::microseconds(random_.between(200, 5000));
        SLUICE_CO_CHECK(co_await coro::sleep_for(pause));
    }
    co_return Result<>{};
}

Task<Result<>> FileClient::connected() {
    Connection connection(kernel_);
    SLUICE_CO_CHECK(co_await connection.open());
    Result<> outcome;
    while (outcome && left_ != 0) {
        File& file = files_[random_.below(files_.size())];
        if (random_.below(4) == 0 && file.sent != 0) {
            outcome = co_await get(connection, file);
        } else {
            outcome = co_await put(connection, file);
        }
    }
    (void)co_await connection.cut();
    co_return outcome;
}

Task<Result<>> FileClient::put(Connection& connection, File& file) {
    const std::uint32_t version = ++file.sent;
    const std::string text = content(file, version);
    wire::PutRequest request;
    request.durable = random_.coin();
    request.root = "files";
    request.path = file.name;
    request.data = as_bytes(text);
    Bytes frame;
    wire::append_frame(frame, next_request_++, request);
    SLUICE_CO_CHECK(co_await connection.send(frame));
    SLUICE_CO_TRY(const wire::FrameView reply, co_await connection.next());
    SLUICE_CO_TRY(const wire::PutReply stored, Connection::decode<wire::PutReply>(reply));
    if (stored.size != text.size()) {
        model_.violation("put of {} bytes was answered with {}", text.size(), stored.size);
    }
    file.stored = version;
    file.life = connection.life();
    file.durable = request.durable ? version : file.durable;
    --left_;
    co_return Result<>{};
}

// Nobody else writes: what was acknowledged last in this life, or a later one whose answer was lost, is read back.
Task<Result<>> FileClient::get(Connection& connection, const File& file) {
    wire::GetRequest request;
    request.credit = 1U << 20U;
    request.root = "files";
    request.path = file.name;
    Bytes frame;
    wire::append_frame(frame, next_request_++, request);
    SLUICE_CO_CHECK(co_await connection.send(frame));
    std::string text;
    for (;;) {
        SLUICE_CO_TRY(const wire::FrameView reply, co_await connection.next());
        if (!reply.header.more()) {
            SLUICE_CO_CHECK(Connection::decode<wire::GetReply>(reply));
            break;
        }
        SLUICE_CO_TRY(const wire::GetChunk chunk, Connection::decode<wire::GetChunk>(reply));
        text.append(as_text(chunk.data));
    }
    bool known = false;
    for (std::uint32_t version = file.durable; version <= file.sent && !known; ++version) {
        known = version != 0 && text == content(file, version);
    }
    if (!known) {
        model_.violation("get of '{}' gives {} bytes that are no version from {} to {}: '{}'", file.name, text.size(),
                         file.durable, file.sent, text.substr(0, 20));
    }
    co_return Result<>{};
}

void FileClient::check(const io::SimDisk& disk) {
    for (const File& file : files_) {
        const std::optional<Bytes> bytes = disk.content(kRootPath + "/" + file.name);
        const bool kept = file.stored != 0 && model_.power_losses == model_.lives()[file.life].power_losses_before;
        const std::uint32_t least = kept ? file.stored : file.durable;
        bool known = !bytes && least == 0;
        for (std::uint32_t version = least; bytes && version <= file.sent && !known; ++version) {
            known = version != 0 && as_text(*bytes) == content(file, version);
        }
        if (!known) {
            model_.violation(
                "file '{}' is {} at the end, not a version from {} to {}", file.name,
                bytes ? fmt::format("{} bytes '{}'", bytes->size(), as_text(*bytes).substr(0, 20)) : "missing", least,
                file.sent);
        }
    }
}

}  // namespace sluice::sim
