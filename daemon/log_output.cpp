#include "daemon/log_output.h"

#include <pthread.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <sys/stat.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>

namespace sluice::daemon {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::error:
            return spdlog::level::err;
        case LogLevel::warning:
            return spdlog::level::warn;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::debug:
            return spdlog::level::debug;
    }
    return spdlog::level::err;
}

// "<N>" as sd-daemon(3) defines it.
class PriorityPrefix final : public spdlog::custom_flag_formatter {
 public:
    void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& to) override {
        const char severity = message.level >= spdlog::level::err    ? '3'
                              : message.level == spdlog::level::warn ? '4'
                              : message.level == spdlog::level::info ? '6'
                                                                     : '7';
        to.push_back('<');
        to.push_back(severity);
        to.push_back('>');
    }
    std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<PriorityPrefix>(); }
};

std::unique_ptr<spdlog::formatter> make_formatter(bool to_journal) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<PriorityPrefix>('*');
    formatter->set_pattern(to_journal ? "%*%v" : "%Y-%m-%dT%H:%M:%S.%e%z %^%-7l%$ %v");
    return formatter;
}

// Signals are for the service loop's signalfd: the thread that is started meanwhile has all of them blocked.
class SignalsBlocked {
 public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
    sigset_t before_{};
};

}  // namespace

class LogOutput::Writer {
 public:
    Writer(LogLevel level, bool to_journal, std::FILE* file)
        : level_(level), to_journal_(to_journal), logger_("sluiced") {
        auto sink = std::make_shared<spdlog::sinks::ansicolor_sink<spdlog::details::console_nullmutex>>(
            file, to_journal ? spdlog::color_mode::never : spdlog::color_mode::automatic);
        sink->set_formatter(make_formatter(to_journal));
        logger_.sinks().push_back(std::move(sink));
        logger_.set_level(spdlog::level::trace);  // write() has decided already.
        logger_.flush_on(spdlog::level::trace);
        const SignalsBlocked blocked;
        thread_ = std::thread([this] { run(); });
    }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer() {
        {
            const std::scoped_lock lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_all();
        thread_.join();
    }

    void add(LogLevel level, std::string text) {
        {
            const std::scoped_lock lock(mutex_);
            if (waiting_.size() >= kWaitingMax) {
                ++dropped_;
                return;
            }
            waiting_.push_back({spdlog::log_clock::now(), to_spdlog(level), std::move(text)});
        }
        wake_.notify_all();
    }

    void flush() {
        std::unique_lock lock(mutex_);
        idle_.wait(lock, [this] { return waiting_.empty() && !writing_; });
    }

    std::atomic<LogLevel> level_;
    const bool to_journal_;

 private:
    struct Message {
        spdlog::log_clock::time_point time;
        spdlog::level::level_enum level;
        std::string text;
    };

    void run() {
        std::unique_lock lock(mutex_);
        for (;;) {
            wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
            if (waiting_.empty()) {
                return;
            }
            std::deque<Message> batch;
            batch.swap(waiting_);
            const std::uint64_t dropped = std::exchange(dropped_, 0);
            writing_ = true;
            lock.unlock();
            for (const Message& message : batch) {
                print(message);
            }
            if (dropped > 0) {
                print({spdlog::log_clock::now(), spdlog::level::warn,
                       fmt::format("{} messages were dropped here: standard error was not read in time", dropped)});
            }
            lock.lock();
            writing_ = false;
            idle_.notify_all();
        }
    }

    void print(const Message& message) {
        std::string_view rest = message.text;
        do {
            const std::size_t end = std::min(rest.find('\n'), rest.size());
            const std::string_view line = rest.substr(0, end);
            logger_.log(message.time, spdlog::source_loc{}, message.level,
                        spdlog::string_view_t(line.data(), line.size()));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        } while (!rest.empty());
    }

    spdlog::logger logger_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable idle_;
    std::deque<Message> waiting_;
    std::uint64_t dropped_ = 0;
    bool writing_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

LogOutput::LogOutput(LogLevel level, LogTarget target, std::FILE* file)
    : writer_(std::make_unique<Writer>(
          level, target == LogTarget::journal || (target == LogTarget::automatic && is_journal_stream(file)), file)) {}

LogOutput::~LogOutput() = default;

void LogOutput::set_level(LogLevel level) noexcept {
    writer_->level_.store(level, std::memory_order_relaxed);
}

bool LogOutput::shows(LogLevel level) const noexcept {
    return level <= writer_->level_.load(std::memory_order_relaxed);
}

bool LogOutput::to_journal() const noexcept {
    return writer_->to_journal_;
}

void LogOutput::write(LogLevel level, std::string text) {
    if (shows(level)) {
        writer_->add(level, std::move(text));
    }
}

void LogOutput::flush() {
    writer_->flush();
}

bool is_journal_stream(std::FILE* file) {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat status{};
    if (stream == nullptr || fstat(fileno(file), &status) != 0) {
        return false;
    }
    return stream == fmt::format("{}:{}", status.st_dev, status.st_ino);
}

}  // namespace sluice::daemon
