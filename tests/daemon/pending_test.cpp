#include "daemon/pending.h"

#include <gtest/gtest.h>

namespace sluice::daemon {
namespace {

TEST(PendingText, BlamesTheDiskForWhatItHasNotAnswered) {
    EXPECT_EQ(pending_text({.stage = "what is queued", .operations = {{"write", 2}, {"sync", 1}}}),
              "stopping took too long, it waits for what is queued; the disk does not answer: 2 write 1 sync; leaving "
              "with what is not written lost");
}

// A job that was given no CPU is no fault of the disk, and behind the end of the log it costs nothing.
TEST(PendingText, NamesTheJobsThatAreNotDone) {
    EXPECT_EQ(pending_text({.stage = "the end of the log",
                            .jobs = {{.name = "seal", .running = true}, {.name = "keep parts", .running = false}},
                            .log_is_closed = true}),
              "stopping took too long, it waits for the end of the log; on threads: 'seal' (runs) 'keep parts' (waits "
              "for a thread); leaving, the log is closed and nothing is lost");
}

TEST(PendingText, SaysThatItIsNeither) {
    EXPECT_EQ(pending_text({.stage = "the end of connections"}),
              "stopping took too long, it waits for the end of connections; nothing waits for the disk, or for a "
              "thread; leaving with what is not written lost");
}

}  // namespace
}  // namespace sluice::daemon
