// The parts of a store on the simulated kernel.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "part_fixture.h"
#include "store_fixture.h"

namespace sluice::store::test {

// A program that has the parts of a store open.
class PartsProgram {
 public:
    PartsProgram(io::SimWorld& world, StoreEvents& events);

    Result<> open();
    Result<> seal(std::vector<PartImage> images, std::uint64_t end);
    // Merges them.
    Result<> replace(std::vector<PartPointer> inputs);
    Result<> remove(std::vector<PartPointer> gone);
    const PartSet& set() const { return *parts->set(); }

    coro::InlinePool pool;
    io::SimKernel kernel;
    coro::Offload offload;
    io::Handle directory;
    std::unique_ptr<PartStore> parts;

 private:
    template <class F, class... Args>
    auto run(F fn, Args... args);
    Task<Result<>> do_open();
    Task<Result<>> do_seal(std::vector<PartImage> images, std::uint64_t end);
    Task<Result<>> do_replace(std::vector<PartPointer> inputs);
    Task<Result<>> do_remove(std::vector<PartPointer> gone);

    StoreEvents& events_;
};

class PartStoreTest : public StoreTest {
 protected:
    // A store whose log holds records 1 to 30.
    void make_log(std::uint64_t seed);
    Result<> try_open_parts();
    void open_parts();
    PartImage image(const std::string& class_name, std::vector<std::uint64_t> sequences) const;
    // Odd numbers are of class odd.
    std::vector<PartImage> images(std::uint64_t first, std::uint64_t end) const;
    Result<> seal(std::uint64_t first, std::uint64_t end);
    // What the parts hold, by sequence; a record that is there twice fails.
    Log read_parts() const;
    std::vector<std::string> part_files() const;
    void expect_files_are_those_of_the_set() const;

    StoreId store_id{};
    Reported reported;
    std::unique_ptr<PartsProgram> parts;

 private:
    // Building takes longer than what is done with the part.
    mutable std::map<std::tuple<std::string, std::vector<std::uint64_t>, StoreId>, PartImage> built_;
};

}  // namespace sluice::store::test
