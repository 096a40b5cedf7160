// Crashes of the daemon and of the machine at every operation, on the simulated kernel.
#include <functional>

#include "environment_sim.h"

namespace sluice::files::test {
namespace {

using io::CrashKind;

constexpr CrashKind kKinds[] = {CrashKind::process, CrashKind::power};
constexpr std::uint64_t kSeeds = 20;

const char* name_of(CrashKind kind) {
    return kind == CrashKind::power ? "power" : "process";
}

const std::string kOld(5000, 'o');
const std::string kNew(9000, 'n');

// One crash: where, and what remains.
struct Crash {
    SimEnvironment& environment;
    CrashKind kind;
    std::uint64_t operation;  // Counted from the moment that the roots are open.
    bool happened = false;

    std::string where() const {
        return fmt::format("seed {}, {} crash at operation {}", environment.world().seed(), name_of(kind), operation);
    }
    std::string content(std::string_view path) const { return environment.content(path).value_or("(none)"); }
};

// Tells what `act` did in `service`, to be checked after the restart.
using Act = std::function<void(Service& service)>;
using Check = std::function<void(const Crash& crash)>;

void restart_and_sweep(Crash& crash) {
    crash.environment.boot();
    Service service(crash.environment);
    const RootPointer root = *service.roots.find("files");
    const auto swept = crash.environment.run(sweep(crash.environment.kernel(), root, {.instance = kInstance + 1}));
    ASSERT_TRUE(swept) << swept.error();
    EXPECT_EQ(swept->failed, 0U);
    for (const std::string& name : crash.environment.names("d")) {
        EXPECT_FALSE(is_temporary_name(name)) << name << ", " << crash.where();
    }
}

// Crashes `act` at its every operation in turn, with both kinds of crash and many seeds.
void crash_everywhere(bool with_old, const Act& act, const Check& check) {
    std::size_t crashes = 0;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        for (const CrashKind kind : kKinds) {
            for (std::uint64_t operation = 1;; ++operation) {
                SimEnvironment environment(seed);
                environment.make_directory("d");
                if (with_old) {
                    environment.write_file("d/a", kOld);
                }
                Crash crash{.environment = environment, .kind = kind, .operation = operation};
                {
                    io::SimWorld& world = environment.world();
                    Service service(environment);
                    world.at_operation(world.operations() + operation, [&] {
                        crash.happened = true;
                        world.crash(kind);
                    });
                    act(service);
                    world.at_operation(0, nullptr);
                    if (!crash.happened) {  // After the answer, and before the session ends.
                        world.crash(kind);
                    }
                }
                restart_and_sweep(crash);
                check(crash);
                if (!crash.happened) {
                    break;
                }
                ++crashes;
            }
        }
    }
    EXPECT_GT(crashes, 5 * kSeeds);
}

void put_over_old(Durability durability) {
    bool told = false;
    crash_everywhere(
        true, [&](Service& service) { told = service.put("d/a", kNew, {.durability = durability}).has_value(); },
        [&](const Crash& crash) {
            const std::string content = crash.content("d/a");
            EXPECT_TRUE(content == kOld || content == kNew) << crash.where() << ": " << content.size() << " bytes";
            if (told && (durability == Durability::durable || crash.kind == CrashKind::process)) {
                EXPECT_TRUE(content == kNew) << crash.where();
            }
            EXPECT_EQ(told, !crash.happened) << crash.where();
        });
}

TEST(PutCrash, DurableLeavesOldOrNewAndKeepsItsWord) {
    put_over_old(Durability::durable);
}

TEST(PutCrash, NotDurableStillLeavesOldOrNew) {
    put_over_old(Durability::none);
}

TEST(PutCrash, NewFileIsWholeOrAbsent) {
    bool told = false;
    crash_everywhere(
        false,
        [&](Service& service) { told = service.put("d/a", kNew, {.durability = Durability::durable}).has_value(); },
        [&](const Crash& crash) {
            const std::string content = crash.content("d/a");
            EXPECT_TRUE(content == kNew || (!told && content == "(none)")) << crash.where();
        });
}

TEST(CommitCrash, LeavesOldOrNewAndKeepsItsWord) {
    bool told = false;
    crash_everywhere(
        true,
        [&](Service& service) {
            told = false;
            const auto opened = service.open("d/a", {.replace = true});
            if (!opened) {
                return;
            }
            const std::size_t half = kNew.size() / 2;
            if (service.write(opened->handle, half, std::string_view(kNew).substr(half)) &&
                service.write(opened->handle, 0, std::string_view(kNew).substr(0, half))) {
                told = service.environment.run(service.table.commit(opened->handle, Durability::durable)).has_value();
            }
        },
        [&](const Crash& crash) {
            const std::string content = crash.content("d/a");
            EXPECT_TRUE(content == kNew || (!told && content == kOld)) << crash.where();
            EXPECT_EQ(told, !crash.happened) << crash.where();
        });
}

// What append() called durable is there after the crash, whole and in order, in a file that it created itself.
TEST(AppendCrash, AcknowledgedAppendsSurvive) {
    std::string told;
    crash_everywhere(
        false,
        [&](Service& service) {
            told.clear();
            const auto opened = service.open("d/log", {.create = true, .append = true});
            for (int i = 0; opened && i < 4; ++i) {
                const std::string line(1500, static_cast<char>('a' + i));
                if (!service.append(opened->handle, line, Durability::durable)) {
                    break;
                }
                told += line;
            }
        },
        [&](const Crash& crash) {
            if (!crash.happened) {
                EXPECT_EQ(told.size(), 6000U) << crash.where();
            }
            if (!told.empty()) {
                EXPECT_TRUE(crash.content("d/log").starts_with(told)) << crash.where();
            }
        });
}

TEST(SyncCrash, EverythingWrittenBeforeASyncSurvives) {
    bool told = false;
    crash_everywhere(
        false,
        [&](Service& service) {
            told = false;
            const auto opened = service.open("d/a", {.write = true, .create = true});
            if (opened && service.write(opened->handle, 4500, std::string_view(kNew).substr(4500)) &&
                service.write(opened->handle, 0, std::string_view(kNew).substr(0, 4500))) {
                told = service.environment.run(service.table.sync(opened->handle, io::SyncKind::data)).has_value();
            }
        },
        [&](const Crash& crash) {
            EXPECT_EQ(told, !crash.happened) << crash.where();
            if (told) {
                EXPECT_TRUE(crash.content("d/a") == kNew) << crash.where();
            }
        });
}

}  // namespace
}  // namespace sluice::files::test
