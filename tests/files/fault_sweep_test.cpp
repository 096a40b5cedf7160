// Each operation of a session's life fails in turn, alone and together with another one; then the power goes.  Whatever
// failed: what a reply had promised is there, nothing is half there, and nothing is left open.
#include <map>

#include "environment_sim.h"

namespace sluice::files::test {
namespace {

using io::FaultEffect;
using io::OpCode;

const std::string kContentOld(5000, 'o');
const std::string kContentNew(9000, 'n');
const std::string kNone = "(none)";

// What the scenario below does, except `close`: a close always closes, whatever it reports.
constexpr OpCode kCodes[] = {OpCode::open, OpCode::stat, OpCode::read, OpCode::write, OpCode::sync, OpCode::rename};
// What it does only where something else has failed.
constexpr OpCode kRepairCodes[] = {OpCode::truncate, OpCode::unlink};

io::FaultRule fault_of(OpCode code, std::uint64_t nth, int error, FaultEffect effect) {
    io::FaultRule rule = io::fail_nth(code, "*", nth, error);
    rule.fault.effect = effect;
    return rule;
}

bool says(const Error& error, std::string_view words) {
    return error.text().find(words) != std::string::npos;
}

// One life of a session, and what its replies promised.
class Scenario {
 public:
    // `exact`: a reported failure had no effect, so that the texts tell what became of each file.
    Scenario(SimEnvironment& environment, Service& service, bool exact)
        : environment_(environment), service_(service), exact_(exact) {}

    void run() {
        put("d/put", kContentOld, Durability::durable);
        put("d/lazy", kContentOld, Durability::none);
        put("d/new", kNone, Durability::durable);
        append();
        replace();
        write_and_sync();
        look();
        close_all();
    }
    std::size_t errors() const noexcept { return errors_; }
    // Of the disk after the power loss.
    void check_kept(const std::string& where) const {
        for (const auto& [path, allowed] : one_of_) {
            const std::string found = content(path);
            EXPECT_TRUE(std::ranges::find(allowed, found) != allowed.end())
                << where << ": " << path << " has " << found.size() << " bytes";
        }
        for (const Piece& piece : pieces_) {
            const std::string found = content(piece.path);
            EXPECT_TRUE(found.size() >= piece.offset && found.compare(piece.offset, piece.text.size(), piece.text) == 0)
                << where << ": " << piece.path << " at " << piece.offset;
        }
    }

 private:
    struct Piece {
        std::string path;
        std::uint64_t offset;
        std::string text;
    };

    std::string content(const std::string& path) const { return environment_.content(path).value_or(kNone); }
    template <class T>
    bool succeeded(const Result<T>& result) {
        errors_ += result ? 0 : 1;
        return result.has_value();
    }
    // A replacement is in place exactly where it succeeded, or says so.
    void expect_replaced(const std::string& path, const std::string& old, const Error* error, Durability durability) {
        const std::string now = content(path);
        const bool placed = error == nullptr || says(*error, "in place, but a power cut may undo it");
        if (error == nullptr || exact_) {
            EXPECT_TRUE(now == (placed ? kContentNew : old)) << path << ": " << now.size() << " bytes";
        }
        one_of_[path] = {kContentNew};
        if (error != nullptr || durability == Durability::none) {
            one_of_[path].push_back(old);
        }
    }

    void put(const std::string& path, const std::string& old, Durability durability) {
        const auto done = service_.put(path, kContentNew, {.durability = durability});
        succeeded(done);
        expect_replaced(path, old, done ? nullptr : &done.error(), durability);
    }

    void append() {
        const auto opened = service_.open("d/log", {.create = true, .append = true});
        for (int i = 0; succeeded(opened) && i < 3; ++i) {
            const std::string piece(1500, static_cast<char>('a' + i));
            const std::string before = content("d/log");
            const auto done = service_.append(opened->handle, piece, Durability::durable);
            if (succeeded(done)) {
                EXPECT_EQ(done->offset, before.size());
                EXPECT_TRUE(content("d/log") == before + piece);
                pieces_.push_back({"d/log", done->offset, piece});
            } else {
                EXPECT_TRUE(content("d/log") == before || says(done.error(), "may be left at offset")) << done.error();
            }
        }
    }

    void replace() {
        const auto opened = service_.open("d/replaced", {.read = true, .replace = true});
        if (!succeeded(opened)) {
            return;
        }
        const std::string_view bytes = kContentNew;
        const std::size_t half = bytes.size() / 2;
        if (!succeeded(service_.write(opened->handle, half, bytes.substr(half))) ||
            !succeeded(service_.append(opened->handle, "x")) ||
            !succeeded(service_.write(opened->handle, 0, bytes.substr(0, half)))) {
            succeeded(environment_.run(service_.table.close(opened->handle)));
            EXPECT_TRUE(content("d/replaced") == kContentOld);
            return;
        }
        const auto done = environment_.run(service_.table.commit(opened->handle, Durability::durable));
        succeeded(done);
        if (done) {
            EXPECT_TRUE(content("d/replaced") == kContentNew + "x");
            one_of_["d/replaced"] = {kContentNew + "x"};
        } else {
            one_of_["d/replaced"] = {kContentNew + "x", kContentOld};
        }
    }

    void write_and_sync() {
        const auto opened = service_.open("d/data", {.read = true, .write = true, .create = true});
        if (!succeeded(opened)) {
            return;
        }
        const std::string_view bytes = kContentNew;
        bool written = succeeded(service_.write(opened->handle, 4500, bytes.substr(4500)));
        written = succeeded(service_.write(opened->handle, 0, bytes.substr(0, 4500))) && written;
        if (succeeded(environment_.run(service_.table.sync(opened->handle, io::SyncKind::data))) && written) {
            pieces_.push_back({"d/data", 0, kContentNew});
        }
        if (succeeded(service_.write(opened->handle, 9000, "durable", Durability::durable))) {
            pieces_.push_back({"d/data", 9000, "durable"});
        }
        const auto back = service_.read(opened->handle, 0, 10'000);
        if (succeeded(back)) {
            EXPECT_TRUE(*back == content("d/data"));
        }
        const auto stat = environment_.run(service_.table.stat(opened->handle));
        if (succeeded(stat)) {
            EXPECT_EQ(stat->size, content("d/data").size());
        }
        if (succeeded(environment_.run(service_.table.sync(opened->handle, io::SyncKind::all))) && written) {
            pieces_.push_back({"d/data", 0, kContentNew});
        }
    }

    void look() {
        const auto got = service_.get("d/put");
        if (succeeded(got)) {
            EXPECT_TRUE(*got == content("d/put"));
        }
        const auto stat = environment_.run(service_.files.stat(identity(), "files", "d/put"));
        if (succeeded(stat)) {
            EXPECT_EQ(stat->size, content("d/put").size());
        }
    }

    void close_all() {
        environment_.finish(service_.table.close_all());
        EXPECT_EQ(service_.table.size(), 0U);
        EXPECT_EQ(service_.files.ledger().total(), 0U);
        EXPECT_EQ(service_.files.inodes().size(), 0U);
        EXPECT_EQ(environment_.world().open_descriptors(environment_.kernel()), 1U);  // The root.
    }

    SimEnvironment& environment_;
    Service& service_;
    bool exact_;
    std::size_t errors_ = 0;
    std::map<std::string, std::vector<std::string>> one_of_;
    std::vector<Piece> pieces_;
};

std::size_t temporaries(const SimEnvironment& environment) {
    std::size_t count = 0;
    for (const std::string& name : environment.names("d")) {
        count += is_temporary_name(name) ? 1 : 0;
    }
    return count;
}

struct Outcome {
    std::vector<bool> fired;  // Of each rule.
    std::size_t errors = 0;
};

// The scenario with these faults, a power loss, a restart.
Outcome live_with(const std::vector<io::FaultRule>& rules, std::uint64_t seed, const std::string& where) {
    SimEnvironment environment(seed);
    environment.make_directory("d");
    for (const char* path : {"d/put", "d/lazy", "d/replaced"}) {
        environment.write_file(path, kContentOld);
    }
    io::SimFaults& faults = environment.world().faults();
    Outcome outcome;
    bool exact = true;
    bool may_leave = false;
    for (const io::FaultRule& rule : rules) {
        const OpCode code = rule.codes.front();
        exact = exact && rule.fault.effect != FaultEffect::all;
        // An open that has made the file and reports an error; a temporary that cannot be removed.
        may_leave = may_leave || code == OpCode::unlink || (code == OpCode::open && !exact);
    }
    std::optional<Scenario> scenario;
    {
        Service service(environment);
        for (const io::FaultRule& rule : rules) {
            faults.add(rule);
        }
        scenario.emplace(environment, service, exact);
        SCOPED_TRACE(where);
        scenario->run();
        EXPECT_TRUE(temporaries(environment) == 0 || may_leave) << where;
        for (std::size_t i = 0; i < rules.size(); ++i) {
            outcome.fired.push_back(faults.hits(i) != 0);
        }
        faults.clear_rules();
        environment.world().crash(io::CrashKind::power);
    }
    outcome.errors = scenario->errors();
    environment.boot();
    Service service(environment);
    const auto swept =
        environment.run(sweep(environment.kernel(), *service.roots.find("files"), {.instance = kInstance + 1}));
    EXPECT_TRUE(swept && swept->failed == 0) << where;
    EXPECT_EQ(temporaries(environment), 0U) << where;
    scenario->check_kept(where);
    return outcome;
}

std::string name_of(const io::FaultRule& rule) {
    return fmt::format("operation {} number {} errno {} effect {}", static_cast<int>(rule.codes.front()), rule.nth,
                       rule.fault.error, static_cast<int>(rule.fault.effect));
}

struct Way {
    int error;
    FaultEffect effect;
};
constexpr Way kWays[] = {{EIO, FaultEffect::by_chance},
                         {EIO, FaultEffect::nothing},
                         {EIO, FaultEffect::all},
                         {ENOSPC, FaultEffect::nothing}};

TEST(FileFaultSweep, NothingFailsWhereNothingIsBroken) {
    EXPECT_EQ(live_with({}, 1, "no fault").errors, 0U);
}

TEST(FileFaultSweep, EachOperationThatFailsIsToldAndNoPromiseIsBroken) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        for (const Way way : kWays) {
            for (const OpCode code : kCodes) {
                for (std::uint64_t nth = 1;; ++nth) {
                    const io::FaultRule rule = fault_of(code, nth, way.error, way.effect);
                    const std::string where = fmt::format("seed {}, {}", seed, name_of(rule));
                    const Outcome outcome = live_with({rule}, seed, where);
                    EXPECT_EQ(outcome.errors != 0, outcome.fired[0]) << where;
                    if (!outcome.fired[0]) {
                        EXPECT_GT(nth, 1U) << where;
                        break;
                    }
                }
            }
        }
    }
}

TEST(FileFaultSweep, CloseThatFailsClosesAllTheSame) {
    for (std::uint64_t nth = 1;; ++nth) {
        const io::FaultRule rule = fault_of(OpCode::close, nth, EIO, FaultEffect::all);
        if (!live_with({rule}, nth, name_of(rule)).fired[0]) {
            EXPECT_GT(nth, 3U);  // Of the three handles.
            break;
        }
    }
}

// The repair after a failure fails too: an append is cut off, a temporary removed.
TEST(FileFaultSweep, RepairThatFailsBreaksNoPromise) {
    io::FaultRule no_room = fault_of(OpCode::write, 1, ENOSPC, FaultEffect::all);
    no_room.path = "*/log";
    io::FaultRule no_name = fault_of(OpCode::rename, 1, EIO, FaultEffect::nothing);
    for (const io::FaultRule& first : {no_room, no_name}) {
        std::size_t repairs = 0;
        for (std::uint64_t seed = 1; seed <= 4; ++seed) {
            for (const OpCode code : kRepairCodes) {
                for (const FaultEffect effect : {FaultEffect::nothing, FaultEffect::all}) {
                    const io::FaultRule second = fault_of(code, 1, EIO, effect);
                    const std::string where = fmt::format("seed {}, {} and {}", seed, name_of(first), name_of(second));
                    const Outcome outcome = live_with({first, second}, seed, where);
                    EXPECT_TRUE(outcome.fired[0]) << where;
                    repairs += outcome.fired[1] ? 1 : 0;
                }
            }
        }
        EXPECT_EQ(repairs, 8U);
    }
}

TEST(FileFaultSweep, PairsOfFailuresBreakNoPromise) {
    io::SimRandom random(4711);
    std::size_t both = 0;
    for (std::uint64_t seed = 1; seed <= 600; ++seed) {
        std::vector<io::FaultRule> rules;
        std::string where = fmt::format("seed {}", seed);
        for (int i = 0; i < 2; ++i) {
            const OpCode code = kCodes[random.below(std::size(kCodes))];
            const Way way = kWays[random.below(std::size(kWays))];
            rules.push_back(fault_of(code, random.between(1, 8), way.error, way.effect));
            where += ", " + name_of(rules.back());
        }
        const Outcome outcome = live_with(rules, seed, where);
        EXPECT_EQ(outcome.errors != 0, outcome.fired[0] || outcome.fired[1]) << where;
        both += outcome.fired[0] && outcome.fired[1] ? 1 : 0;
    }
    EXPECT_GT(both, 200U);
}

// ---- temporaries of an earlier life ----

TEST(SweepFault, WhatCannotBeRemovedIsCountedAndGoneTheNextTime) {
    for (const OpCode code : {OpCode::open, OpCode::list, OpCode::unlink}) {
        for (std::uint64_t nth = 1;; ++nth) {
            SimEnvironment environment(nth);
            const std::string name = temporary_name(kInstance, 7);
            for (const std::string directory : {"", "d/", "d/e/"}) {
                environment.write_file(directory + name, "left");
                environment.write_file(directory + "kept", "kept");
            }
            Service service(environment);
            io::SimFaults& faults = environment.world().faults();
            const std::size_t rule = faults.add(io::fail_nth(code, "*", nth, EIO));
            const RootPointer root = *service.roots.find("files");
            const SweepOptions options{.instance = kInstance + 1};
            const auto swept = environment.run(sweep(environment.kernel(), root, options));
            const bool fired = faults.hits(rule) != 0;
            faults.clear_rules();
            ASSERT_TRUE(swept) << swept.error();
            EXPECT_EQ(swept->failed, fired ? 1U : 0U);
            EXPECT_EQ(swept->removed < 3U, fired) << static_cast<int>(code) << " number " << nth;
            const auto again = environment.run(sweep(environment.kernel(), root, options));
            ASSERT_TRUE(again) << again.error();
            EXPECT_EQ(again->failed, 0U);
            EXPECT_EQ(again->removed + swept->removed, 3U);
            for (const char* directory : {"", "d", "d/e"}) {
                const auto names = environment.names(directory);
                EXPECT_TRUE(std::ranges::find(names, "kept") != names.end()) << directory;
                EXPECT_TRUE(std::ranges::find(names, name) == names.end()) << directory;
            }
            if (!fired) {
                EXPECT_GT(nth, 1U);
                break;
            }
        }
    }
}

}  // namespace
}  // namespace sluice::files::test
