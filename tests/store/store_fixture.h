// A store on the simulated kernel: programs that open, write and leave it, crashes between them, and reading it back.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/run.h"
#include "io/sim_kernel.h"
#include "log_model.h"
#include "store/frame_reader.h"
#include "store/log_writer.h"

namespace sluice::store::test {

inline const std::string kDirectory = "/store";
// Where the writer's current segment shows up in fault rules: it was opened under its first name.
inline const std::string kSegmentPath = "/store/spare-*.wal";

template <class T>
Errc code_of(const Result<T>& result) {
    return result ? Errc{} : result.error().code();
}

struct Reported final : StoreEvents {
    std::vector<Damage> damage;
    std::vector<std::string> set_aside;
    std::vector<std::string> failed;
    std::vector<SegmentInfo> opened;
    std::vector<SegmentInfo> removed;
    std::vector<SegmentInfo> sealed;
    std::vector<std::string> identities;  // Made again: "ID FILES: WHY".
    unsigned spare_failures = 0;
    std::string spare_failure;       // The last one.
    std::vector<std::string> parts;  // What was done with them: "sealed FILE ROWS BYTES".

    void on_damage(const Damage& what) override { damage.push_back(what); }
    void on_set_aside(const std::string& file, const Error& why) override {
        set_aside.push_back(fmt::format("{}: {}", file, why));
    }
    void on_identity_made_again(const StoreId& id, std::size_t files, const Error& why) override {
        identities.push_back(fmt::format("{} {}: {}", wire::format_id(id), files, why));
    }
    void on_segment_failed(const std::string& file, const Error& why) override {
        failed.push_back(fmt::format("{}: {}", file, why));
    }
    void on_segment_opened(const SegmentInfo& info) override { opened.push_back(info); }
    void on_segment_removed(const SegmentInfo& info) override { removed.push_back(info); }
    void on_segment_sealed(const SegmentInfo& info) override { sealed.push_back(info); }
    void on_part_sealed(const std::string& file, std::uint64_t rows, std::uint64_t bytes) override {
        parts.push_back(fmt::format("sealed {} {} {}", file, rows, bytes));
    }
    void on_parts_merged(const std::string& file, std::size_t inputs, std::uint64_t rows,
                         std::uint64_t bytes) override {
        parts.push_back(fmt::format("merged {} {} {} {}", file, inputs, rows, bytes));
    }
    void on_part_removed(const std::string& file, std::uint64_t rows, std::uint64_t bytes) override {
        parts.push_back(fmt::format("removed {} {} {}", file, rows, bytes));
    }
    void on_spare_failed(const Error& why) override {
        ++spare_failures;
        spare_failure = fmt::format("{}", why);
    }
};

// One batch of records that say `messages`, with the producer's number.
struct BatchOf {
    std::vector<std::string> messages;
    std::uint8_t producer = 0;  // 0: none.
    std::uint64_t number = 0;
};

inline ProducerId producer_id(std::uint8_t value) {
    ProducerId id{};
    id[0] = std::byte{value};
    return id;
}

inline Bytes encode(const BatchOf& batch) {
    wire::BatchBuilder builder;
    for (const std::string& message : batch.messages) {
        builder.begin(wire::Severity::info, "test", 1).message(message);
        EXPECT_TRUE(builder.finish_record());
    }
    const wire::BatchStamp stamp{.producer = producer_id(batch.producer), .number = batch.number, .receive_time_ns = 7};
    const ByteView bytes = builder.finish(stamp);
    return {bytes.begin(), bytes.end()};
}

struct GroupOf {
    Group group;
    std::vector<ProducerMark> marks;
};

inline GroupOf make_group(const std::vector<BatchOf>& batches) {
    GroupOf made;
    Bytes payload;
    for (const BatchOf& batch : batches) {
        append(payload, encode(batch));
        made.group.count += static_cast<std::uint32_t>(batch.messages.size());
        if (batch.number != 0) {
            made.marks.push_back({producer_id(batch.producer), 1000, batch.number, made.group.count});
        }
    }
    made.group.bytes = sizeof(FrameHeader) + payload.size();
    made.group.buffer = std::make_shared<AlignedBuffer>(made.group.bytes);
    std::memcpy(made.group.buffer->data() + sizeof(FrameHeader), payload.data(), payload.size());
    return made;
}

// Adds what one segment owns; fails on a sequence that comes twice.
inline Task<Result<>> read_segment(io::Kernel& kernel, const io::Handle& directory, const Catalog& catalog,
                                   std::size_t index, Log& into) {
    const std::string name = segment_name(catalog[index].header.segment_id);
    SLUICE_CO_TRY(const OpenedSegment segment, co_await open_segment(kernel, directory.fd(), name, /*direct=*/false));
    FrameReader reader(kernel, segment.file, segment.info.header, segment.info.file_bytes, /*search=*/true);
    const std::uint64_t limit = sequence_limit(catalog, index);
    for (;;) {
        SLUICE_CO_TRY(const FrameReader::Item item, co_await reader.next());
        if (std::holds_alternative<FrameReader::End>(item)) {
            co_return Result<>{};
        }
        const auto* frame = std::get_if<FrameView>(&item);
        if (frame == nullptr || frame->header.kind != FrameKind::records || frame->header.first_sequence >= limit) {
            continue;
        }
        std::uint64_t sequence = frame->header.first_sequence;
        ByteView rest = frame->payload;
        while (!rest.empty()) {
            SLUICE_CO_TRY(const wire::BatchView batch, wire::parse_batch(rest));
            for (const wire::RecordView record : batch.records) {
                if (!into.emplace(sequence, record.message()).second) {
                    co_return fail(Errc::corrupt, "sequence {} comes twice", sequence);
                }
                ++sequence;
            }
        }
    }
}

// A running program that has the store open.
class Program {
 public:
    Program(io::SimWorld& world, WriterOptions options, Reported& events)
        : kernel_(world, io::SimKernel::Options{}), options_(std::move(options)), events_(events) {}
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program() {
        if (writer && !closed_) {
            (void)close();
        }
        writer.reset();
    }

    template <class F, class... Args>
    auto run(F fn, Args... args) {
        return io::block_on(kernel_, "test", std::move(fn), this, std::move(args)...);
    }
    Result<> open() { return run(&Program::do_open); }
    Result<Committed> append(std::vector<BatchOf> batches, bool durable) {
        return run(&Program::do_append, std::move(batches), durable);
    }
    Result<Committed> append_group(Group group, bool durable) {
        return run(&Program::do_append_group, std::move(group), durable);
    }
    Result<Committed> sync() { return run(&Program::do_sync); }
    Result<> release(std::uint64_t sealed_end) { return run(&Program::do_release, sealed_end); }
    Result<> close() { return run(&Program::do_close); }
    Result<Log> read() { return run(&Program::do_read); }

    io::SimKernel& kernel() noexcept { return kernel_; }
    const io::Handle& directory() const noexcept { return directory_; }

 private:
    Task<Result<>> do_open() {
        const io::OpenOptions open{.flags = O_RDONLY | O_DIRECTORY};
        SLUICE_CO_TRY(directory_, co_await kernel_.open(-1, kDirectory, open));
        SLUICE_CO_TRY(writer, co_await LogWriter::open(kernel_, directory_, options_, events_));
        co_return Result<>{};
    }
    Task<Result<Committed>> do_append(std::vector<BatchOf> batches, bool durable) {
        GroupOf made = make_group(batches);
        co_return co_await writer->append(std::move(made.group), made.marks, durable);
    }
    Task<Result<Committed>> do_append_group(Group group, bool durable) {
        const std::span<const ProducerMark> none;
        co_return co_await writer->append(std::move(group), none, durable);
    }
    Task<Result<Committed>> do_sync() { co_return co_await writer->sync(); }
    Task<Result<>> do_release(std::uint64_t sealed_end) { co_return co_await writer->release(sealed_end); }
    Task<Result<>> do_close() {
        closed_ = true;  // Nothing may follow, whatever the answer.
        co_return co_await writer->close();
    }
    Task<Result<Log>> do_read() {
        Log log;
        for (std::size_t i = 0; i < writer->catalog().size(); ++i) {
            SLUICE_CO_CHECK(co_await read_segment(kernel_, directory_, writer->catalog(), i, log));
        }
        co_return log;
    }

    io::SimKernel kernel_;
    io::Handle directory_;
    bool closed_ = false;
    WriterOptions options_;
    Reported& events_;

 public:
    std::unique_ptr<LogWriter> writer;
};

class StoreTest : public testing::Test {
 protected:
    static constexpr std::uint64_t kSegmentBytes = 64 * 1024;

    StoreTest() { start(1); }
    ~StoreTest() override {
        EXPECT_EQ(world->bad_descriptors(), 0U) << "something was asked of a closed file";
        close_program();
        world.reset();
    }
    // Closing takes operations: what the test wanted to do at one of them refers to what may have gone.
    void close_program() {
        if (world) {
            world->at_operation(0, nullptr);
        }
        program.reset();
    }
    // A new machine with an empty store.
    void start(std::uint64_t seed) {
        close_program();
        world = std::make_unique<io::SimWorld>(seed);
        world->disk().make_directories(kDirectory);
        numbers_ = std::make_unique<io::SimRandom>(seed);
        options.segment_bytes = kSegmentBytes;
        options.log_bytes_max = 64 * kSegmentBytes;
        options.random = [this] { return numbers_->next(); };
    }
    // A new program opens the store.
    Result<> try_open() {
        program.reset();
        events = Reported();
        for (std::size_t i = 0; i < options.boot_id.size(); ++i) {
            options.boot_id[i] = static_cast<std::byte>(world->boot_id()[i]);
        }
        program = std::make_unique<Program>(*world, options, events);
        return program->open();
    }
    void open() {
        const Result<> opened = try_open();
        ASSERT_TRUE(opened) << opened.error();
    }
    void reopen_after(io::CrashKind kind) {
        world->crash(kind);
        open();
    }
    // One group with one record; its sequence.
    std::uint64_t write(const std::string& message, bool durable) {
        const Result<Committed> committed = program->append({{.messages = {message}}}, durable);
        EXPECT_TRUE(committed) << committed.error();
        return committed ? committed->first_sequence : 0;
    }
    Log read() {
        Result<Log> log = program->read();
        EXPECT_TRUE(log) << log.error();
        return log.value_or(Log{});
    }
    LogWriter& writer() { return *program->writer; }
    io::SimDisk& disk() { return world->disk(); }
    io::SimFaults& faults() { return world->faults(); }
    std::string path(const std::string& name) const { return kDirectory + "/" + name; }
    std::string current_path() { return path(segment_name(writer().catalog().back().header.segment_id)); }
    // Counts the operations of a kind from now on.
    std::size_t watch(io::OpCode code, const std::string& pattern = kSegmentPath) {
        return faults().add(io::fail_from(code, pattern, 1, 0));
    }

    std::unique_ptr<io::SimWorld> world;
    WriterOptions options;
    Reported events;
    std::unique_ptr<Program> program;

 private:
    std::unique_ptr<io::SimRandom> numbers_;
};

}  // namespace sluice::store::test
