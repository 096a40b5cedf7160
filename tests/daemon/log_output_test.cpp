#include "daemon/log_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "daemon/support.h"

namespace sluice::daemon {
namespace {

using ::testing::MatchesRegex;

// A pipe in place of standard error.
class Pipe {
 public:
    Pipe() {
        int ends[2];
        EXPECT_EQ(pipe(ends), 0);
        read_end_ = ends[0];
        file_ = fdopen(ends[1], "w");
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_writer();
        close(read_end_);
    }
    std::FILE* file() { return file_; }
    void close_writer() {
        if (file_ != nullptr) {
            std::fclose(std::exchange(file_, nullptr));
        }
    }
    // Up to the end of the pipe.
    std::string read_all() const {
        std::string text;
        char buffer[4096];
        for (ssize_t got = 0; (got = read(read_end_, buffer, sizeof buffer)) > 0;) {
            text.append(buffer, static_cast<std::size_t>(got));
        }
        return text;
    }
    int waiting_bytes() const {
        int bytes = 0;
        ioctl(read_end_, FIONREAD, &bytes);
        return bytes;
    }
    std::string journal_stream() const {
        struct stat status{};
        fstat(fileno(file_), &status);
        return fmt::format("{}:{}", status.st_dev, status.st_ino);
    }

 private:
    int read_end_ = -1;
    std::FILE* file_ = nullptr;
};

TEST(LogOutput, WritesTimeAndLevelWithoutColoursWhereThereIsNoTerminal) {
    Pipe pipe;
    {
        LogOutput log(LogLevel::info, LogTarget::standard_error, pipe.file());
        log.info("served {} connections", 3);
        log.error("no space");
    }
    pipe.close_writer();
    const std::string time = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}[+-][0-9]{2}:[0-9]{2}";
    EXPECT_THAT(pipe.read_all(), MatchesRegex(time + " info    served 3 connections\n" + time + " error   no space\n"));
}

TEST(LogOutput, UnderTheJournalWritesPrioritiesAndNoTime) {
    Pipe pipe;
    const testing::ScopedVariable variable("JOURNAL_STREAM", pipe.journal_stream());
    {
        LogOutput log(LogLevel::debug, LogTarget::automatic, pipe.file());
        EXPECT_TRUE(log.to_journal());
        log.error("e");
        log.warning("w");
        log.info("i");
        log.debug("d");
    }
    pipe.close_writer();
    EXPECT_EQ(pipe.read_all(), "<3>e\n<4>w\n<6>i\n<7>d\n");
}

// JOURNAL_STREAM is inherited by programs whose standard error goes elsewhere.
TEST(LogOutput, StreamOfAnotherFileIsNotTheJournal) {
    Pipe pipe;
    for (const auto* stream : {"1:2", "", "x"}) {
        const testing::ScopedVariable variable("JOURNAL_STREAM", stream);
        EXPECT_FALSE(LogOutput(LogLevel::info, LogTarget::automatic, pipe.file()).to_journal()) << stream;
    }
    EXPECT_TRUE(LogOutput(LogLevel::info, LogTarget::journal, pipe.file()).to_journal());
}

TEST(LogOutput, HidesWhatIsBelowTheLevelAndFollowsItsChange) {
    Pipe pipe;
    {
        LogOutput log(LogLevel::warning, LogTarget::journal, pipe.file());
        log.info("hidden");
        log.set_level(LogLevel::debug);
        log.debug("shown");
        EXPECT_TRUE(log.shows(LogLevel::debug));
        log.set_level(LogLevel::error);
        log.warning("hidden too");
    }
    pipe.close_writer();
    EXPECT_EQ(pipe.read_all(), "<7>shown\n");
}

TEST(LogOutput, GivesEachLineOfAMessageThePrefix) {
    Pipe pipe;
    {
        LogOutput log(LogLevel::info, LogTarget::journal, pipe.file());
        log.error("first\nsecond\n");
        log.write(LogLevel::info, "");
    }
    pipe.close_writer();
    EXPECT_EQ(pipe.read_all(), "<3>first\n<3>second\n<6>\n");
}

TEST(LogOutput, FlushReturnsWhenEverythingIsWritten) {
    Pipe pipe;
    LogOutput log(LogLevel::info, LogTarget::journal, pipe.file());
    log.info("here");
    log.flush();
    EXPECT_EQ(pipe.waiting_bytes(), 8);
}

// The daemon must not stop because nobody reads its messages; what is lost is counted.
TEST(LogOutput, NeverWaitsForAReaderAndCountsWhatItDropped) {
    Pipe pipe;
    std::string text;
    {
        auto log = std::make_unique<LogOutput>(LogLevel::info, LogTarget::journal, pipe.file());
        const std::string line(1000, 'x');
        for (int i = 0; i < 5000; ++i) {  // 5 MB; the pipe takes 64 KiB.
            log->write(LogLevel::info, line);
        }
        std::thread closer([&] {
            log.reset();
            pipe.close_writer();
        });
        text = pipe.read_all();
        closer.join();
    }
    const std::string tail = " messages were dropped here: standard error was not read in time\n";
    const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n'));
    std::size_t dropped = 0;
    std::size_t notes = 0;
    for (std::size_t at = text.find(tail); at != std::string::npos; at = text.find(tail, at + 1)) {
        const std::size_t start = text.rfind("<4>", at) + 3;
        dropped += std::stoul(text.substr(start, at - start));
        ++notes;
    }
    EXPECT_GT(dropped, 2000U);
    EXPECT_EQ(lines - notes + dropped, 5000U);
}

}  // namespace
}  // namespace sluice::daemon
