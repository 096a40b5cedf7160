#include "part_store_fixture.h"

#include "store/part_reader.h"
#include "store/seal.h"

namespace sluice::store::test {

PartsProgram::PartsProgram(io::SimWorld& world, StoreEvents& events)
    : kernel(world, io::SimKernel::Options{}), offload(pool, kernel.loop(), 1), events_(events) {}

template <class F, class... Args>
auto PartsProgram::run(F fn, Args... args) {
    return io::block_on(kernel, "test", std::move(fn), this, std::move(args)...);
}

Result<> PartsProgram::open() {
    return run(&PartsProgram::do_open);
}

Result<> PartsProgram::seal(std::vector<PartImage> images, std::uint64_t end) {
    return run(&PartsProgram::do_seal, std::move(images), end);
}

Result<> PartsProgram::replace(std::vector<PartPointer> inputs) {
    return run(&PartsProgram::do_replace, std::move(inputs));
}

Result<> PartsProgram::remove(std::vector<PartPointer> gone) {
    return run(&PartsProgram::do_remove, std::move(gone));
}

Task<Result<>> PartsProgram::do_open() {
    const io::OpenOptions open{.flags = O_RDONLY | O_DIRECTORY};
    SLUICE_CO_TRY(directory, co_await kernel.open(-1, kDirectory, open));
    PartStoreOptions options;
    options.random = [] { return std::uint64_t{1}; };
    SLUICE_CO_TRY(parts, co_await PartStore::open(kernel, directory, options, offload, events_));
    co_return Result<>{};
}

Task<Result<>> PartsProgram::do_seal(std::vector<PartImage> images, std::uint64_t end) {
    PartStore::Seal seal;
    seal.images = std::move(images);
    seal.sealed_end = end;
    seal.epochs = {{1, 1}};
    co_return co_await parts->add(std::move(seal));
}

Task<Result<>> PartsProgram::do_replace(std::vector<PartPointer> inputs) {
    const part::BuildOptions options{.zstd_level = 1, .store_id = parts->state().store_id};
    SLUICE_CO_TRY(PartImage image, merge_parts(inputs, options));
    co_return co_await parts->replace(std::move(inputs), std::move(image));
}

Task<Result<>> PartsProgram::do_remove(std::vector<PartPointer> gone) {
    co_return co_await parts->remove(std::move(gone));
}

void PartStoreTest::make_log(std::uint64_t seed) {
    parts.reset();
    start(seed);
    open();
    BatchOf records;
    for (int i = 1; i <= 30; ++i) {
        records.messages.push_back(fmt::format("record {}", i));
    }
    ASSERT_TRUE(program->append({records}, true));
    store_id = writer().recovered().store_id;
    ASSERT_TRUE(program->close());
    program->writer.reset();
    program.reset();
}

Result<> PartStoreTest::try_open_parts() {
    parts.reset();
    reported = Reported();
    parts = std::make_unique<PartsProgram>(*world, reported);
    return parts->open();
}

void PartStoreTest::open_parts() {
    const Result<> opened = try_open_parts();
    ASSERT_TRUE(opened) << opened.error();
}

PartImage PartStoreTest::image(const std::string& class_name, std::vector<std::uint64_t> sequences) const {
    const auto [place, is_new] = built_.try_emplace(std::tuple(class_name, sequences, store_id));
    if (is_new) {
        place->second = make_part({.class_name = class_name, .sequences = std::move(sequences), .store_id = store_id});
    }
    return place->second;
}

std::vector<PartImage> PartStoreTest::images(std::uint64_t first, std::uint64_t end) const {
    std::vector<std::uint64_t> even;
    std::vector<std::uint64_t> odd;
    for (std::uint64_t n = first; n < end; ++n) {
        (n % 2 == 0 ? even : odd).push_back(n);
    }
    std::vector<PartImage> all;
    all.push_back(image("default", even));
    all.push_back(image("odd", odd));
    return all;
}

Result<> PartStoreTest::seal(std::uint64_t first, std::uint64_t end) {
    return parts->seal(images(first, end), end);
}

Log PartStoreTest::read_parts() const {
    Log log;
    PartReader reader(parts->parts->set());
    for (std::uint64_t from = 1; from < 1000;) {
        const auto run = reader.read(from, 1000);
        EXPECT_TRUE(run) << run.error();
        std::uint64_t last = from - 1;
        for (const wire::TailEntry entry : wire::TailEntryRange(run->entries, run->count)) {
            EXPECT_GT(entry.sequence, last);
            last = entry.sequence;
            log.emplace(entry.sequence, entry.record.message());
        }
        from = run->end_sequence;
    }
    return log;
}

std::vector<std::string> PartStoreTest::part_files() const {
    std::vector<std::string> names = world->disk().names(kDirectory);
    std::erase_if(names, [](const std::string& name) { return !parse_part_file_name(name); });
    return names;
}

void PartStoreTest::expect_files_are_those_of_the_set() const {
    std::vector<std::string> known;
    for (const PartPointer& part : parts->set().by_sequence()) {
        known.push_back(part->file);
    }
    std::ranges::sort(known);
    EXPECT_EQ(part_files(), known);
}

}  // namespace sluice::store::test
