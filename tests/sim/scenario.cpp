#include "sim/scenario.h"

#include <memory>
#include <optional>

#include "sim/damage.h"
#include "sim/file_client.h"
#include "sim/plan.h"

namespace sluice::sim {
namespace {

constexpr std::uint64_t kStepsMax = 3'000'000;
constexpr Duration kSettleTime = std::chrono::seconds(15);  // What failed is tried again after at most 6.4 s.
constexpr unsigned kFailedStartsMax = 4;                    // Then the faults stop.

io::SimWorld::Options world_options(std::uint64_t seed, const Plan& plan,
                                    const std::function<void(std::string_view)>& trace) {
    io::SimWorld::Options options;
    options.seed = seed * 2 + 1;
    options.disk = plan.disk;
    options.on_trace = trace;
    return options;
}

io::SimKernel::Options client_options(uid_t uid) {
    io::SimKernel::Options options;
    options.name = "clients";
    options.crashes = false;
    options.credentials = {.pid = static_cast<pid_t>(uid), .uid = uid, .gid = uid};
    options.buffers = 1;
    options.buffer_bytes = 64;
    return options;
}

class Scenario {
 public:
    Scenario(std::uint64_t seed, const std::function<void(std::string_view)>& trace)
        : random_(seed),
          plan_(make_plan(random_)),
          trace_(trace),
          world_(world_options(seed, plan_, trace)),
          kernels_{io::SimKernel(world_, client_options(1000)), io::SimKernel(world_, client_options(1001))},
          model_(seed, plan_.filler_max) {
        note(describe(plan_));
        world_.disk().make_directories(kStorePath);
        world_.disk().make_directories(kRootPath);
        model_.retention = plan_.kind == Kind::retention || plan_.kind == Kind::expiry;
        model_.classes = !plan_.daemon.pipeline.seal.retention.classes.empty();
        model_.removed_end = [this] {
            removed_end_ =
                daemon_ ? std::max(removed_end_, daemon_->pipeline().hub().parts()->removed_end()) : removed_end_;
            return removed_end_;
        };
    }

    void run();
    // False: something still runs that cannot be ended; the scenario must then be leaked.
    bool over() const noexcept { return over_; }
    ScenarioResult result();

 private:
    using ClientJob = coro::Job<Result<>>;

    void start_clients();
    void start_daemon();
    void live(const std::optional<Fate>& fate);
    void run_life(const Fate& fate);
    void arm_crash(Fate::End kind, std::uint64_t after);
    void end_life();
    void finish();
    std::vector<LogEntry> read_back();
    void check_directory();
    void damage_and_read();
    void change_faults();
    void stop_faults();
    void stop_retention();
    bool producers_finished() const;
    bool tails_caught_up();
    // Steps until done(); false: it hangs.
    template <class Done>
    bool pump(std::string_view what, Done&& done);
    void note(std::string_view text) const {
        if (trace_) {
            trace_(text);
        }
    }

    io::SimRandom random_;
    Plan plan_;
    const std::function<void(std::string_view)>& trace_;
    io::SimWorld world_;
    io::SimKernel kernels_[2];
    Model model_;
    std::vector<std::unique_ptr<Producer>> producers_;
    std::vector<std::unique_ptr<Tailer>> tailers_;
    std::unique_ptr<FileClient> files_;
    std::vector<std::unique_ptr<ClientJob>> producer_jobs_;  // And that of files_.
    std::vector<std::unique_ptr<ClientJob>> tailer_jobs_;
    std::unique_ptr<TestDaemon> daemon_;
    bool crashed_ = false;  // Since the daemon was started.
    bool stop_wanted_ = false;
    bool faulty_ = false;       // Right now.
    bool life_faulty_ = false;  // At some time since the daemon was started.
    bool faults_over_ = false;
    std::uint64_t faults_change_ = 0;  // At this step.
    unsigned failed_starts_ = 0;
    bool hung_ = false;
    bool over_ = false;
    std::uint64_t tails_end_ = 0;  // Followed up to here.
    std::uint64_t removed_end_ = 0;
    std::uint64_t sealed_ = 0;
    std::uint64_t merged_ = 0;
    std::uint64_t removed_ = 0;
    std::vector<LogEntry> log_;
};

template <class Done>
bool Scenario::pump(std::string_view what, Done&& done) {
    while (!hung_ && !done()) {
        if (world_.steps() >= faults_change_ && plan_.faults && !faults_over_) {
            change_faults();
        }
        if (world_.steps() >= kStepsMax || !world_.step()) {
            hung_ = true;
            model_.violation("{} hangs after {} steps at {} us:\n{}", what, world_.steps(),
                             world_.clock().now().since_origin.count() / 1000, world_.describe_pending());
        }
    }
    return !hung_;
}

// ---- faults ----

void Scenario::change_faults() {
    faulty_ = !faulty_ && faults_change_ != 0;
    life_faulty_ = life_faulty_ || faulty_;
    world_.faults().rates = faulty_ ? make_rates(random_) : io::FaultRates();
    faults_change_ = world_.steps() + random_.between(100, 4000);
}

void Scenario::stop_faults() {
    faults_over_ = true;
    faulty_ = false;
    world_.faults().rates = io::FaultRates();
}

// Each removal is told by a record; where a single one of these is sealed alone and is too much already, it never ends.
void Scenario::stop_retention() {
    store::RetentionOptions& retention = plan_.daemon.pipeline.seal.retention;
    retention.age_max = Duration(0);
    retention.bytes_max = 0;
    retention.keep_free = 0;
    for (store::RetentionClass& one : retention.classes) {
        one.age_max = Duration(0);
        one.bytes_max = 0;
    }
    daemon_->pipeline().set_retention(retention);
}

// ---- lives ----

void Scenario::start_clients() {
    for (const ProducerOptions& options : plan_.producers) {
        io::SimKernel& kernel = kernels_[random_.below(2)];
        producers_.push_back(std::make_unique<Producer>(kernel, model_, options, random_.next()));
        producer_jobs_.push_back(
            std::make_unique<ClientJob>(kernel.loop(), "producer", &Producer::run, producers_.back().get()));
    }
    if (plan_.puts != 0) {
        files_ = std::make_unique<FileClient>(kernels_[0], model_, plan_.puts, random_.next());
        producer_jobs_.push_back(
            std::make_unique<ClientJob>(kernels_[0].loop(), "files", &FileClient::run, files_.get()));
    }
    for (const TailerOptions& options : plan_.tailers) {
        io::SimKernel& kernel = kernels_[random_.below(2)];
        tailers_.push_back(std::make_unique<Tailer>(kernel, model_, options, random_.next()));
        tailer_jobs_.push_back(std::make_unique<ClientJob>(kernel.loop(), "tail", &Tailer::run, tailers_.back().get()));
    }
}

void Scenario::start_daemon() {
    crashed_ = false;
    stop_wanted_ = false;
    life_faulty_ = faulty_;
    Life life;
    life.power_losses_before = model_.power_losses;
    life.kills_before = model_.kills;
    model_.lives().push_back(life);
    const auto number = static_cast<unsigned>(model_.lives().size() - 1);
    note(fmt::format("LIFE {}", number));
    daemon_ = std::make_unique<TestDaemon>(world_, plan_.daemon, number, random_.next());
}

void Scenario::arm_crash(Fate::End kind, std::uint64_t after) {
    world_.at_operation(world_.operations() + after, [this, kind] {
        const bool power = kind == Fate::End::power;
        crashed_ = true;
        ++model_.kills;
        model_.power_losses += power ? 1 : 0;
        world_.crash(power ? io::CrashKind::power : io::CrashKind::process);
    });
}

// The daemon has ended, or was killed and unwinds.
void Scenario::end_life() {
    world_.at_operation(0, nullptr);
    if (crashed_) {
        daemon_->killed();
    }
    if (!pump("the end of the daemon", [this] { return daemon_->ended(); })) {
        return;
    }
    Life& life = model_.lives().back();
    const Result<>& outcome = daemon_->outcome();
    life.first_sequence = daemon_->first_sequence();
    life.served = life.first_sequence != 0;
    life.clean = !crashed_ && life.served && outcome.has_value();
    life.faults_at_end = faulty_;
    life.counters = daemon_->pipeline().ingest().counters();
    life.queued_bytes = daemon_->pipeline().ingest().queued_bytes();
    note(fmt::format("LIFE ENDS: {}", crashed_ ? "crash" : outcome ? "clean" : outcome.error().text()));
    for (const std::string& aside : daemon_->report().set_aside) {
        if (!model_.damaged) {
            model_.violation("life {}: set aside {}", model_.lives().size() - 1, aside);
        }
    }
    for (const store::Damage& damage : daemon_->report().damage) {
        model_.note_told(damage.first_sequence, damage.end_sequence);
        if (!model_.damaged) {
            model_.violation("life {}: damage in {} at {}, {} bytes, records {} to {}", model_.lives().size() - 1,
                             damage.file, damage.offset, damage.bytes, damage.first_sequence, damage.end_sequence);
        }
    }
    sealed_ += daemon_->report().parts_sealed;
    merged_ += daemon_->report().parts_merged;
    removed_ += daemon_->report().parts_removed;
    failed_starts_ = life.served || crashed_ ? 0 : failed_starts_ + 1;
    if (!life.served && !crashed_ && !life_faulty_) {
        model_.violation("life {}: the daemon does not start: {}", model_.lives().size() - 1, outcome.error());
    }
    daemon_.reset();
    if (failed_starts_ >= kFailedStartsMax) {
        stop_faults();
    }
}

void Scenario::run_life(const Fate& fate) {
    start_daemon();
    if (fate.end == Fate::End::stop) {
        world_.at_operation(world_.operations() + fate.after, [this] { stop_wanted_ = true; });
    } else {
        arm_crash(fate.end, fate.after);
    }
    if (!pump("a life", [this] { return crashed_ || stop_wanted_ || daemon_->ended() || producers_finished(); })) {
        return;
    }
    if (!crashed_ && !daemon_->ended()) {
        if (fate.crash_while_stopping) {
            arm_crash(random_.coin() ? Fate::End::kill : Fate::End::power, random_.between(1, 40));
        }
        daemon_->stop();
        if (!pump("a clean stop", [this] { return crashed_ || daemon_->ended(); })) {
            return;
        }
    }
    end_life();
}

bool Scenario::producers_finished() const {
    return std::ranges::all_of(producer_jobs_, [](const auto& job) { return job->done(); });
}

bool Scenario::tails_caught_up() {
    const server::LogHub& hub = daemon_->pipeline().hub();
    const std::uint64_t oldest = hub.oldest_sequence();
    const std::uint64_t end = hub.end_sequence();
    return std::ranges::all_of(tailers_, [=](const auto& tailer) { return tailer->caught_up(oldest, end); });
}

// The last life with clients: everything that was begun comes to its end.
void Scenario::finish() {
    const std::uint64_t calm = world_.steps() + random_.below(4000);
    for (;;) {
        start_daemon();
        const auto quiet = [&] {
            if ((world_.steps() >= calm || producers_finished()) && !faults_over_) {
                stop_faults();
                stop_retention();
                std::ranges::for_each(producers_, [](auto& producer) { producer->behave(); });
                std::ranges::for_each(tailers_, [](auto& tailer) { tailer->behave(); });
            }
            return daemon_->ended() ||
                   (daemon_->serving() && faults_over_ && producers_finished() && tails_caught_up());
        };
        if (!pump("the clients' work", quiet)) {
            return;
        }
        // A tail may have been ahead in an epoch that is gone, and not be back yet.
        (void)world_.run_for(kSettleTime);
        if (!pump("the clients' work", quiet)) {
            return;
        }
        const bool failed = daemon_->ended();
        if (!failed) {
            break;
        }
        end_life();
        if (hung_) {
            return;
        }
    }
    tails_end_ = daemon_->pipeline().hub().end_sequence();
    for (const auto& job : tailer_jobs_) {
        job->cancel();
    }
    const auto tails_ended = [this] {
        return std::ranges::all_of(tailer_jobs_, [](auto& job) { return job->done(); });
    };
    if (!pump("the end of the tails", tails_ended)) {
        return;
    }
    daemon_->stop();
    end_life();
    if (!hung_ && !model_.lives().back().clean) {
        model_.violation("the last stop was not clean");
    }
}

std::vector<LogEntry> Scenario::read_back() {
    std::vector<LogEntry> log;
    start_daemon();
    if (!pump("the last start", [this] { return daemon_->serving() || daemon_->ended(); })) {
        return log;
    }
    if (daemon_->ended()) {
        end_life();
        return log;
    }
    coro::Job<Result<std::vector<LogEntry>>> reader(kernels_[0].loop(), "read back", read_log, &kernels_[0], &model_);
    const bool read = pump("reading back", [&] { return reader.done(); });
    SLUICE_ASSERT(read, "reading back hangs: {}", world_.describe_pending());
    if (!reader.result()) {
        model_.violation("the log cannot be read back: {}", reader.result().error());
    } else {
        log = std::move(*reader.result());
    }
    model_.removed_at_end = model_.removed_end();
    daemon_->stop();
    check_directory();
    end_life();
    return log;
}

// Nothing is left behind: what is there is of use, and the parts are those that the daemon knows.
void Scenario::check_directory() {
    if (!pump("the last stop", [this] { return daemon_->ended(); })) {
        return;
    }
    std::set<std::string> parts;
    for (const store::PartPointer& part : daemon_->pipeline().hub().parts()->by_sequence()) {
        parts.insert(part->file);
        const Result<> sound = part->part->verify();
        if (!sound && !model_.damaged) {
            model_.violation("{}: {}", part->file, sound.error());
        }
    }
    for (const std::string& name : world_.disk().names(kStorePath)) {
        const bool known = name == "identity" || name == "calibration" || name == store::kSealStateName ||
                           store::parse_segment_name(name) || store::parse_spare_name(name) || parts.erase(name) != 0;
        if (!known && !(model_.damaged && name.starts_with("aside-"))) {
            model_.violation("'{}' is left in the store", name);
        }
    }
    for (const std::string& missing : parts) {
        model_.violation("'{}' is not in the store", missing);
    }
}

// Loss is confined to the damaged frames: the daemon starts, and what stands beside them is read as before.  What is
// lost is told, and nothing else.
void Scenario::damage_and_read() {
    std::set<std::uint64_t> lost = damage_frames(world_.disk(), random_);
    lost.merge(damage_parts(world_.disk(), random_));
    model_.damaged = true;
    const std::vector<LogEntry> rest = read_back();
    auto entry = rest.begin();
    for (const LogEntry& before : log_) {
        const bool here = entry != rest.end() && entry->sequence == before.sequence && entry->hash == before.hash;
        if (here == lost.contains(before.sequence)) {
            model_.violation("record {} is {} after {} records were damaged", before.sequence,
                             here ? "still there" : "gone", lost.size());
        }
        entry += here ? 1 : 0;
        if (lost.contains(before.sequence) != model_.told_lost.contains(before.sequence)) {
            model_.violation("record {} is {}lost, and that {} told", before.sequence, here ? "not " : "",
                             here ? "was" : "was not");
        }
    }
    if (entry != rest.end()) {
        model_.violation("record {} appeared after the damage", entry->sequence);
    }
}

void Scenario::run() {
    start_clients();
    for (std::size_t i = 0; i < plan_.fates.size() && !hung_ && !producers_finished(); ++i) {
        run_life(plan_.fates[i]);
    }
    if (!hung_) {
        finish();
    }
    if (!hung_) {
        log_ = read_back();
    }
    if (hung_) {
        return;
    }
    model_.check(log_);
    for (const auto& tailer : tailers_) {
        tailer->check(log_, tails_end_);
    }
    if (files_) {
        files_->check(world_.disk());
    }
    if (plan_.kind == Kind::damage && model_.violations().empty()) {
        damage_and_read();
    }
    over_ = !hung_;
    if (world_.bad_descriptors() != 0) {
        model_.violation("{} operations named a closed descriptor", world_.bad_descriptors());
    }
}

ScenarioResult Scenario::result() {
    ScenarioResult result;
    result.violations = model_.violations();
    result.power_losses = model_.power_losses;
    result.kills = model_.kills - model_.power_losses;
    result.lives = model_.lives().size();
    result.faults = world_.faults().injected();
    result.acknowledged = model_.acknowledged_records();
    result.stored = log_.size();
    result.sealed = sealed_;
    result.merged = merged_;
    result.removed = removed_;
    result.steps = world_.steps();
    result.trace_hash = world_.trace_hash();
    return result;
}

}  // namespace

ScenarioResult run_scenario(std::uint64_t seed, const std::function<void(std::string_view)>& trace) {
    auto scenario = std::make_unique<Scenario>(seed, trace);
    scenario->run();
    ScenarioResult result = scenario->result();
    if (!scenario->over()) {
        (void)scenario.release();  // Suspended for ever: its frames cannot be destroyed.
    }
    return result;
}

}  // namespace sluice::sim
