// The identity of a store, and the small files beside the log.
#include "store/identity.h"

#include "base/checksum.h"
#include "coro/scope.h"
#include "io/shaped_kernel.h"
#include "segment_image.h"
#include "store/small_head.h"

namespace sluice::store::test {
namespace {

using io::OpCode;

std::string said_of(const Bytes& bytes) {
    const Result<StoreId> id = parse_identity(bytes);
    return id ? "accepted" : fmt::format("{}", id.error());
}

TEST(Identity, SaysWhatIsWrongWithItsBytes) {
    const Bytes whole = identity_bytes(kStore);
    EXPECT_EQ(parse_identity(whole).value_or(StoreId{}), kStore);
    const std::string other = "corrupt: 'identity' does not hold what it should";
    const std::string sum = "corrupt: 'identity' fails its checksum";
    Bytes bytes = whole;
    bytes.pop_back();
    EXPECT_EQ(said_of(bytes), sum);
    EXPECT_EQ(said_of({}), other);
    EXPECT_EQ(said_of(Bytes(15)), other);
    bytes = whole;
    bytes.push_back(std::byte{0});
    EXPECT_EQ(said_of(bytes), sum);
    store_int(bytes.data() + 8, checksum64(ByteView(bytes).subspan(16)));
    EXPECT_EQ(said_of(bytes), "corrupt: 'identity' has 33 bytes, not 32");
    bytes = whole;
    bytes[1] ^= std::byte{1};
    EXPECT_EQ(said_of(bytes), other);
}

TEST(Identity, EveryFlippedBitIsDamage) {
    const Bytes whole = identity_bytes(kStore);
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            Bytes bytes = whole;
            bytes[at] ^= static_cast<std::byte>(1U << bit);
            EXPECT_TRUE(said_of(bytes).starts_with("corrupt: ")) << at << " " << bit << " " << said_of(bytes);
        }
    }
}

TEST(Identity, WholeFileOfANewerProgramIsNoDamage) {
    Bytes bytes(100, std::byte{7});
    seal_small_head(bytes, load_int<std::uint32_t>(identity_bytes(kStore).data()), 2);
    EXPECT_EQ(said_of(bytes), "unsupported: 'identity' has format 2, this program reads 1 to 1");
    bytes.back() ^= std::byte{1};
    EXPECT_EQ(said_of(bytes), "corrupt: 'identity' fails its checksum");
}

class SmallFileTest : public testing::Test {
 protected:
    SmallFileTest() { restart(); }
    void restart() {
        directory = io::Handle();
        kernel.reset();
        world = std::make_unique<io::SimWorld>(1);
        kernel = std::make_unique<io::test::ShapedKernel>(*world);
        world->disk().make_directories(kDirectory);
        const auto open = [](io::Kernel& on) -> Task<Result<io::Handle>> {
            const io::OpenOptions options{.flags = O_RDONLY | O_DIRECTORY};
            co_return co_await on.open(-1, kDirectory, options);
        };
        directory = *io::block_on(*kernel, "test", open, std::ref<io::Kernel>(*kernel));
        asked.clear();
        kernel->on_submit = [this](io::OpRequest& request) {
            if (request.code == OpCode::write) {
                asked.push_back(fmt::format("write {}+{}", request.offset, request.length));
                request.length = request.offset >= empty_from ? 0 : request.length;
            } else if (request.code == OpCode::sync) {
                asked.push_back("sync");
            } else if (request.code == OpCode::rename) {
                asked.push_back(fmt::format("rename {} {}", request.path, request.path2));
            }
        };
    }
    ~SmallFileTest() override { directory = io::Handle(); }
    template <class F, class... Args>
    auto run(F fn, Args... args) {
        return io::block_on(*kernel, "test", std::move(fn), std::ref<io::Kernel>(*kernel), std::cref(directory),
                            std::move(args)...);
    }
    Result<Bytes> read(std::size_t bytes_max) { return run(read_small_file, std::string("file"), bytes_max); }
    Result<> write(const Bytes& bytes) { return run(write_file, std::string("file"), ByteView(bytes)); }
    Result<> replace(const Bytes& bytes) { return run(write_file_atomically, std::string("file"), bytes); }
    Result<StoreId> identity() {
        std::function<std::uint64_t()> random = [n = std::uint64_t{0x0102030405060708}]() mutable { return n++; };
        return run(load_or_make_identity, std::move(random), std::ref<StoreEvents>(events));
    }
    std::optional<Bytes> content(const std::string& name) { return world->disk().content(kDirectory + "/" + name); }
    void put(const std::string& name, const Bytes& bytes) { world->disk().put_file(kDirectory + "/" + name, bytes); }

    std::unique_ptr<io::SimWorld> world;
    std::unique_ptr<io::test::ShapedKernel> kernel;
    io::Handle directory;
    Reported events;
    std::vector<std::string> asked;
    std::uint64_t empty_from = kNoLimit;  // Writes from this offset on write nothing.
};

using Strings = std::vector<std::string>;

TEST_F(SmallFileTest, IsReadUpToItsLimit) {
    const Bytes bytes(100, std::byte{'x'});
    put("file", bytes);
    EXPECT_EQ(read(101).value_or(Bytes()), bytes);
    EXPECT_EQ(read(100).value_or(Bytes()), bytes);
    const Result<Bytes> more = read(99);
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().code(), Errc::too_large);
    EXPECT_EQ(more.error().text(), "'file' has more than 99 bytes");
    put("file", {});
    EXPECT_EQ(read(0).value_or(bytes), Bytes());
    EXPECT_EQ(code_of(run(read_small_file, std::string("none"), std::size_t{5})), Errc::not_found);
}

TEST_F(SmallFileTest, ShortReadsAreContinued) {
    world->faults().rates.short_read = 0.9;
    Bytes bytes(5000);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>(i * 7);
    }
    put("file", bytes);
    EXPECT_EQ(read(5000).value_or(Bytes()), bytes);
    EXPECT_GT(world->faults().injected(), 0U);
    world->faults().rates.short_read = 0;
    world->faults().add(io::fail_nth(OpCode::read, "*", 1, EIO));
    EXPECT_EQ(code_of(read(5000)), Errc::io_error);
}

TEST_F(SmallFileTest, IsWrittenInPiecesOfAMebibyteAndSynced) {
    Bytes bytes((2U << 20U) + 5);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>(i * 7 + i / 4096);
    }
    ASSERT_TRUE(write(bytes));
    EXPECT_EQ(asked, (Strings{"write 0+1048576", "write 1048576+1048576", "write 2097152+5", "sync"}));
    EXPECT_EQ(content("file"), bytes);
    EXPECT_EQ(world->disk().dirty_changes(kDirectory + "/file"), 0U);
    asked.clear();
    io::FaultRule rule = io::fail_from(OpCode::write, "*", 1, 0);
    rule.fault.length_max = 1'000'000;
    world->faults().add(rule);
    bytes[77] = std::byte{1};
    bytes.pop_back();
    ASSERT_TRUE(write(bytes));
    EXPECT_EQ(content("file"), bytes) << "what was there is gone";
    EXPECT_EQ(asked, (Strings{"write 0+1048576", "write 1000000+1048576", "write 2000000+97156", "sync"}));
}

TEST_F(SmallFileTest, WriteThatWritesNothingIsNoSpace) {
    empty_from = 1U << 20U;
    const Result<> written = write(Bytes((1U << 20U) + 5));
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code(), Errc::no_space);
    EXPECT_EQ(written.error().text(), "a write to 'file' wrote nothing");
}

TEST_F(SmallFileTest, WhatFailsIsTold) {
    for (const OpCode code : {OpCode::open, OpCode::write, OpCode::sync, OpCode::close}) {
        restart();
        const std::size_t rule = world->faults().add(io::fail_nth(code, kDirectory + "/file", 1, EIO));
        EXPECT_EQ(code_of(write(Bytes(10))), Errc::io_error) << static_cast<int>(code);
        EXPECT_EQ(world->faults().hits(rule), 1U);
    }
}

TEST_F(SmallFileTest, IsReplacedAsAWholeOrNotAtAll) {
    const Bytes old(10, std::byte{'o'});
    const Bytes fresh(20, std::byte{'f'});
    put("file", old);
    ASSERT_TRUE(replace(fresh));
    EXPECT_EQ(asked, (Strings{"write 0+20", "sync", "rename file.tmp file", "sync"}));
    EXPECT_EQ(content("file"), fresh);
    EXPECT_FALSE(content("file.tmp"));
    EXPECT_TRUE(world->disk().durable_name(kDirectory + "/file"));
    world->crash(io::CrashKind::power);
    EXPECT_EQ(content("file"), fresh);
    for (const auto& [code, path] : {std::pair{OpCode::open, "/file.tmp"}, std::pair{OpCode::write, "/file.tmp"},
                                     std::pair{OpCode::sync, "/file.tmp"}, std::pair{OpCode::close, "/file.tmp"},
                                     std::pair{OpCode::rename, "/file.tmp"}, std::pair{OpCode::sync, ""}}) {
        restart();
        put("file", old);
        const std::size_t rule = world->faults().add(io::fail_nth(code, kDirectory + path, 1, EIO));
        EXPECT_EQ(code_of(replace(fresh)), Errc::io_error) << path;
        EXPECT_EQ(world->faults().hits(rule), 1U) << path;
        if (code != OpCode::sync || *path != '\0') {
            EXPECT_TRUE(code == OpCode::rename || content("file") == old) << path;
        }
    }
}

// Whoever cancels it waits for it: half a replacement would have to be cleared up.
TEST_F(SmallFileTest, ReplacementThatHasBegunIsFinished) {
    bool replaced = false;
    const auto job = [](io::Kernel& on, const io::Handle& into, bool& done) -> Task<> {
        Bytes bytes(20, std::byte{'f'});
        const Result<> outcome = co_await write_file_atomically(on, into, "file", std::move(bytes));
        done = outcome.has_value();
    };
    coro::Scope scope(kernel->loop(), nullptr);
    scope.spawn("replace", job, std::ref<io::Kernel>(*kernel), std::cref(directory), std::ref(replaced));
    ASSERT_TRUE(world->run_until([&] { return asked.size() == 1; }));
    scope.cancel();
    ASSERT_TRUE(world->run_until([&] { return scope.running() == 0; }));
    EXPECT_TRUE(replaced);
    EXPECT_EQ(content("file"), Bytes(20, std::byte{'f'}));
}

TEST_F(SmallFileTest, IdentityIsMadeOnceOfTwoRandomNumbers) {
    const Result<StoreId> made = identity();
    ASSERT_TRUE(made) << made.error();
    EXPECT_EQ(load_int<std::uint64_t>(made->data()), 0x0102030405060708U);
    EXPECT_EQ(load_int<std::uint64_t>(made->data() + 8), 0x0102030405060709U);
    EXPECT_EQ(content("identity"), identity_bytes(*made));
    EXPECT_EQ(asked.size(), 4U) << "atomically";
    asked.clear();
    EXPECT_EQ(identity().value_or(StoreId{}), *made);
    EXPECT_TRUE(asked.empty());
}

TEST_F(SmallFileTest, IdentityThatCannotBeReadIsNotReplaced) {
    const Bytes whole = identity_bytes(kStore);
    for (std::size_t at = 0; at <= whole.size() + 1; ++at) {
        Bytes bytes = at > whole.size() ? Bytes(4097) : whole;
        bytes.resize(at == whole.size() ? 0 : bytes.size());
        if (at < whole.size()) {
            bytes[at] ^= static_cast<std::byte>(1U << (at % 8));
        }
        put("identity", bytes);
        const Result<StoreId> refused = identity();
        ASSERT_EQ(code_of(refused), Errc::corrupt) << at;
        EXPECT_TRUE(refused.error().text().starts_with("'identity' ")) << refused.error();
        EXPECT_TRUE(refused.error().text().ends_with(
            ", and no segment, no part and no 'sealed' tells whose they are; restore it from a copy of the store"))
            << refused.error();
        EXPECT_EQ(content("identity"), bytes);
    }
    EXPECT_TRUE(events.set_aside.empty() && events.identities.empty());
    world->faults().add(io::fail_nth(OpCode::open, kDirectory + "/identity", 1, EIO));
    EXPECT_EQ(code_of(identity()), Errc::io_error);
    world->disk().remove(kDirectory + "/identity");
    world->faults().clear_rules();
    world->faults().add(io::fail_nth(OpCode::write, kDirectory + "/identity.tmp", 1, EIO));
    EXPECT_EQ(code_of(identity()), Errc::io_error);
}

}  // namespace
}  // namespace sluice::store::test
