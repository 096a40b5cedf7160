#include "generate/generator.h"

#include <iterator>

#include "base/format.h"

namespace sluice::bench {
namespace {

constexpr std::uint64_t kDayNs = 86'400'000'000'000;
constexpr std::uint64_t kMinuteNs = 60'000'000'000;
constexpr std::size_t kAddresses = 4096;
constexpr std::size_t kHosts = 40;
constexpr std::size_t kUsers = 600;
constexpr std::size_t kLiveTraces = 64;
constexpr std::size_t kPool = 512;
constexpr std::size_t kLevels = 6;

constexpr std::array<std::string_view, 3> kRegions{"fra1", "ams2", "iad1"};
constexpr std::array<std::string_view, 24> kNames{"ada",  "ben",  "carla", "deniz", "emil", "farah", "gustav", "hanna",
                                                  "igor", "jana", "kofi",  "lena",  "mira", "nils",  "olga",   "pavel",
                                                  "quin", "rosa", "sven",  "tarik", "uwe",  "vera",  "wanda",  "yusuf"};
constexpr std::array<std::string_view, 14> kTables{"orders",  "order_items", "customers", "addresses", "payments",
                                                   "stock",   "deliveries",  "invoices",  "sessions",  "vouchers",
                                                   "reviews", "prices",      "items",     "outbox"};
constexpr std::array<std::string_view, 6> kTopics{"orders", "stock", "mail", "clicks", "prices", "audit"};
constexpr std::array<std::string_view, 6> kDevices{"sda1", "sdb1", "nvme0n1p2", "nvme1n1p1", "dm-0", "md127"};

// Arrivals in a minute of the day, of 1,000 on average: a parabola on each side of 14:00.
std::uint64_t rate_of(std::uint64_t minute) noexcept {
    constexpr std::int64_t kPeak = 14 * 60;
    constexpr std::int64_t kHalf = 12 * 60;
    std::int64_t away = static_cast<std::int64_t>(minute % 1440) - kPeak;
    away = away < 0 ? -away : away;
    away = away > kHalf ? 2 * kHalf - away : away;
    // From 1,640 at the peak to 360 twelve hours away; the mean of 1 - 3x^2 + 2x^3 over [0, 1] is a half.
    const std::int64_t x = away * 1000 / kHalf;
    const std::int64_t smooth = 1'000'000'000 - 3 * x * x * 1000 + 2 * x * x * x;
    return static_cast<std::uint64_t>(360 + 1280 * (smooth / 1000) / 1'000'000);
}

std::string hex(std::uint64_t value, int digits) {
    return fmt::format("{:0{}x}", digits == 16 ? value : value & ((std::uint64_t{1} << (4 * digits)) - 1), digits);
}

// The order in which a compiler evaluates arguments must not matter: nothing draws twice in one expression.
std::string hex_digits(Random& random, int digits) {
    std::string text;
    for (; digits > 0; digits -= 16) {
        text += hex(random.next(), std::min(digits, 16));
    }
    return text;
}

}  // namespace

struct Generator::World {
    explicit World(Random& random)
        : addresses_zipf(kAddresses),
          hosts_zipf(kHosts),
          small_zipf(64),
          paths_zipf(request_paths().size()),
          agents_zipf(user_agents().size()),
          users_zipf(kUsers) {
        for (std::size_t i = 0; i < kAddresses; ++i) {
            const std::uint64_t bits = random.next();
            addresses.push_back(fmt::format("{}.{}.{}.{}", 11 + bits % 180, (bits >> 8U) & 255U, (bits >> 16U) & 255U,
                                            1 + (bits >> 24U) % 254));
        }
        for (std::size_t i = 0; i < kHosts; ++i) {
            hosts.push_back(fmt::format("{}-node-{:02}", kRegions[i % kRegions.size()], i));
        }
        for (std::size_t i = 0; i < kUsers; ++i) {
            users.push_back(fmt::format("{}{}", kNames[i % kNames.size()], i / kNames.size()));
        }
        for (std::size_t i = 0; i < kPool; ++i) {
            ids.push_back(4'000'000 + random.below(1'000'000));
            hexes.push_back(random.next());
        }
        for (const Service& service : services()) {
            weights += service.weight;
            std::array<std::vector<std::size_t>, kLevels>& levels = by_level.emplace_back();
            for (std::size_t i = 0; i < service.templates.size(); ++i) {
                levels[static_cast<std::size_t>(service.templates[i].level)].push_back(i);
            }
            for (std::size_t host = 0; host < kHosts; ++host) {
                pids.push_back(static_cast<std::uint32_t>(300 + random.below(32'000)));
            }
        }
        for (auto& trace : traces) {
            trace = {.id = {}, .left = 0};
        }
        needle_trace = "5ca1ab1e" + hex_digits(random, 24);
    }

    struct Trace {
        std::string id;
        std::uint64_t left;
    };
    Zipf addresses_zipf;
    Zipf hosts_zipf;
    Zipf small_zipf;
    Zipf paths_zipf;
    Zipf agents_zipf;
    Zipf users_zipf;
    std::vector<std::string> addresses;
    std::vector<std::string> hosts;
    std::vector<std::string> users;
    std::vector<std::uint64_t> ids;
    std::vector<std::uint64_t> hexes;
    std::uint64_t next_id = 5'000'000;
    std::uint64_t weights = 0;
    std::vector<std::array<std::vector<std::size_t>, kLevels>> by_level;  // By service: templates of each level.
    std::vector<std::uint32_t> pids;                                      // By service, then host.
    std::array<Trace, kLiveTraces> traces;
    std::string needle_trace;

    std::size_t draw_service(Random& random) const {
        std::uint64_t at = random.below(weights);
        std::size_t i = 0;
        for (; at >= services()[i].weight; ++i) {
            at -= services()[i].weight;
        }
        return i;
    }
    // 40 of 100 were there before.
    std::uint64_t draw_id(Random& random) {
        std::uint64_t& place = ids[random.below(kPool)];
        if (!random.chance(40, 100)) {
            place = next_id += 1 + random.below(5);
        }
        return place;
    }
    std::uint64_t draw_hex(Random& random) {
        std::uint64_t& place = hexes[random.below(kPool)];
        if (!random.chance(40, 100)) {
            place = random.next();
        }
        return place;
    }

    // Appends `text` with each word in angle brackets drawn.
    void expand(Random& random, std::string_view text, std::string& to) {
        while (!text.empty()) {
            const std::size_t open = text.find('<');
            const std::size_t close = open == std::string_view::npos ? open : text.find('>', open);
            if (close == std::string_view::npos) {
                to += text;
                return;
            }
            to += text.substr(0, open);
            expand_word(random, text.substr(open + 1, close - open - 1), to);
            text.remove_prefix(close + 1);
        }
    }

    void expand_word(Random& random, std::string_view word, std::string& to) {
        const auto out = std::back_inserter(to);
        const auto skewed = [&random](std::uint64_t bits) { return random.below(2ULL << random.below(bits)); };
        if (word == "ip") {
            to += addresses[addresses_zipf.draw(random)];
        } else if (word == "port") {
            fmt::format_to(out, "{}", 1024 + random.below(64'000));
        } else if (word == "user") {
            to += users[users_zipf.draw(random)];
        } else if (word == "host") {
            to += hosts[hosts_zipf.draw(random)];
        } else if (word == "hex") {
            to += hex(draw_hex(random), 12);
        } else if (word == "uuid") {
            const std::string a = hex(random.next(), 16);
            const std::string b = hex(random.next(), 16);
            fmt::format_to(out, "{}-{}-4{}-a{}-{}", a.substr(0, 8), a.substr(8, 4), a.substr(12, 3), b.substr(0, 3),
                           b.substr(4, 12));
        } else if (word == "id") {
            fmt::format_to(out, "{}", draw_id(random));
        } else if (word == "n") {
            fmt::format_to(out, "{}", 1 + small_zipf.draw(random));
        } else if (word == "k") {
            fmt::format_to(out, "{}", skewed(13) % 10'000);
        } else if (word == "big") {
            fmt::format_to(out, "{}", 1000 + skewed(30));
        } else if (word == "ms" || word == "s") {
            const std::uint64_t thousandths = 20 + skewed(word == "ms" ? 20 : 17);
            fmt::format_to(out, "{}.{:03}", thousandths / 1000, thousandths % 1000);
        } else if (word == "pct") {
            const std::uint64_t tenths = random.below(1000);
            fmt::format_to(out, "{}.{}", tenths / 10, tenths % 10);
        } else if (word == "tenant") {
            fmt::format_to(out, "tenant-{:04}", small_zipf.draw(random) * 131 + 7);
        } else if (word == "table") {
            to += kTables[small_zipf.draw(random) % kTables.size()];
        } else if (word == "topic") {
            to += kTopics[small_zipf.draw(random) % kTopics.size()];
        } else if (word == "dev") {
            to += kDevices[random.below(kDevices.size())];
        } else if (word == "path") {
            expand(random, request_paths()[paths_zipf.draw(random)], to);
        }
    }
};

Generator::Generator(const GeneratorOptions& options)
    : options_(options), random_(options.seed), world_(std::make_unique<World>(random_)) {}
Generator::~Generator() = default;

const std::string& Generator::needle_trace() const noexcept {
    return world_->needle_trace;
}

void Generator::advance_time() {
    // A little more, because bursts take no time: the last record comes shortly before midnight.
    const std::uint64_t mean_ns = kDayNs / 100 * 104 / options_.records;
    std::uint64_t gap = mean_ns * 1000 / rate_of(time_ns_ / kMinuteNs) * random_.exponential() / 1024;
    gap = burst_left_ > 0 ? gap / 20 : gap;
    time_ns_ = std::min(time_ns_ + gap, kDayNs - 1);
    record_.time_us = options_.start_us + static_cast<std::int64_t>(time_ns_ / 1000);
}

void Generator::begin_burst() {
    burst_left_ = static_cast<std::uint32_t>(30 + random_.below(201));
    burst_service_ = world_->draw_service(random_);
    burst_host_ = world_->hosts_zipf.draw(random_);
    const auto& errors = world_->by_level[burst_service_][static_cast<std::size_t>(Level::error)];
    burst_template_ = errors[random_.below(errors.size())];
}

const MessageTemplate& Generator::choose(const Service& service) {
    constexpr std::array<std::uint64_t, kLevels> kShares{180, 690, 30, 83, 16, 1};
    std::uint64_t at = random_.below(1000);
    std::size_t level = 0;
    for (; at >= kShares[level]; ++level) {
        at -= kShares[level];
    }
    const std::size_t index = static_cast<std::size_t>(&service - services().data());
    const std::vector<std::size_t>* of_level = &world_->by_level[index][level];
    if (of_level->empty()) {
        of_level = &world_->by_level[index][static_cast<std::size_t>(Level::info)];
    }
    // The first ones of a list more often.
    const std::uint64_t draw = random_.below(of_level->size() * of_level->size());
    return service.templates[(*of_level)[draw % of_level->size() * (draw / of_level->size()) / of_level->size()]];
}

void Generator::fill_message(const MessageTemplate& chosen) {
    record_.level = chosen.level;
    world_->expand(random_, chosen.text, record_.message);
}

void Generator::fill_access() {
    struct Answer {
        std::uint32_t status;
        std::uint64_t share;
    };
    constexpr std::array kAnswers{Answer{200, 800}, Answer{304, 85}, Answer{302, 30}, Answer{404, 40}, Answer{403, 12},
                                  Answer{429, 21},  Answer{500, 4},  Answer{502, 3},  Answer{503, 5}};
    constexpr std::array<std::string_view, 10> kMethods{"GET", "GET",  "GET",  "GET", "GET",
                                                        "GET", "POST", "POST", "PUT", "HEAD"};
    std::uint64_t at = random_.below(1000);
    std::size_t i = 0;
    for (; at >= kAnswers[i].share; ++i) {
        at -= kAnswers[i].share;
    }
    record_.status = kAnswers[i].status;
    record_.level = record_.status >= 500 ? Level::error : record_.status >= 400 ? Level::warn : Level::info;
    record_.client_ip = world_->addresses[world_->addresses_zipf.draw(random_)];
    record_.method = kMethods[random_.below(kMethods.size())];
    world_->expand(random_, request_paths()[world_->paths_zipf.draw(random_)], record_.path);
    record_.bytes = record_.status == 304 ? 0 : 120 + random_.below(2ULL << random_.below(20));
    record_.duration_us = 150 + random_.below(2ULL << (4 + random_.below(18)));
    record_.agent = user_agents()[world_->agents_zipf.draw(random_)];
    fmt::format_to(std::back_inserter(record_.message), "{} \"{} {} HTTP/1.1\" {} {} {}.{:03}", record_.client_ip,
                   record_.method, record_.path, record_.status, record_.bytes, record_.duration_us / 1000,
                   record_.duration_us % 1000);
}

void Generator::fill_trace() {
    if (!random_.chance(70, 100)) {
        return;
    }
    World::Trace& trace = world_->traces[random_.below(kLiveTraces)];
    if (trace.left == 0) {
        trace.id = hex_digits(random_, 32);
        trace.left = 4 + random_.below(9);
    }
    --trace.left;
    record_.trace_id = trace.id;
}

const GeneratedRecord* Generator::next() {
    if (made_ == options_.records) {
        return nullptr;
    }
    record_.message.clear();
    record_.path.clear();
    record_.trace_id.clear();
    record_.method = {};
    record_.client_ip = {};
    advance_time();
    if (burst_left_ == 0 && random_.chance(1, 3900)) {
        begin_burst();
    }
    const std::size_t index = burst_left_ > 0 ? burst_service_ : world_->draw_service(random_);
    const std::size_t host = burst_left_ > 0 ? burst_host_ : world_->hosts_zipf.draw(random_);
    const Service& service = services()[index];
    std::uint32_t& pid = world_->pids[index * kHosts + host];
    pid = random_.chance(1, 20'000) ? static_cast<std::uint32_t>(300 + random_.below(32'000)) : pid;
    record_.service = service.name;
    record_.host = world_->hosts[host];
    record_.region = kRegions[host % kRegions.size()];
    record_.pid = pid;
    // A new version of each service at another hour of the day.
    record_.version = fmt::format("{}.{}.{}", 1 + index % 5, 2 + index, time_ns_ / (kDayNs / 24) > index + 4 ? 1 : 0);
    const std::uint64_t needles = std::max<std::uint64_t>(1, options_.records * 25 / 1'000'000);
    const std::uint64_t nth = made_ * needles / options_.records;
    const bool needle = made_ == (2 * nth + 1) * options_.records / (2 * needles);
    if (needle) {
        record_.service = "billing";
        fill_message({Level::warn, kNeedleText});
    } else if (burst_left_ > 0) {
        --burst_left_;
        fill_message(service.templates[burst_template_]);
    } else if (service.web && random_.chance(85, 100)) {
        fill_access();
    } else {
        fill_message(choose(service));
    }
    fill_trace();
    const std::uint64_t middle = options_.records / 2;
    if (made_ >= middle && (made_ - middle) % 5 == 0 && (made_ - middle) / 5 < 8) {
        record_.trace_id = world_->needle_trace;
    }
    ++made_;
    return &record_;
}

}  // namespace sluice::bench
