// The tutorial benchmark of asynchronous programming: fetch 100 pages from a server that takes 450 ms for each,
//   1. one after another, 2. with 8 threads, 3. with tasks on one thread, at most 100 at once.
//
//     example_fetch            45 s, 6 s, 0.5 s
//     example_fetch --quick    the same with 4 pages, 2 threads and 4 tasks
//
// The server is in this program, on a thread and an io_uring of its own.
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <future>
#include <string_view>
#include <thread>
#include <vector>

#include "coro/combine.h"
#include "coro/pool.h"
#include "coro/timeout.h"
#include "io/run.h"
#include "io/uring_kernel.h"

using namespace sluice;
using namespace std::chrono_literals;

namespace {

constexpr Duration kServerTime = 450ms;

// ---- the server: one task for each connection ----

Task<Result<>> serve_page(io::Kernel& kernel, io::Handle connection) {
    SLUICE_CO_TRY(io::PooledBuffer request, co_await kernel.recv_pooled(connection));
    const std::string page = fmt::format("this is {}", as_text(request.bytes()));
    request.reset();  // Others wait for buffers; do not keep one over a sleep.
    SLUICE_CO_CHECK(co_await coro::sleep_for(kServerTime));
    SLUICE_CO_CHECK(co_await kernel.send(connection, as_bytes(page)));
    co_return co_await kernel.close(std::move(connection));
}

// A connection that fails ends alone; without this its error would end the whole scope.
Task<> serve_connection(io::Kernel& kernel, io::Handle connection) {
    auto served = co_await serve_page(kernel, std::move(connection));
    if (!served && served.error().code() != Errc::cancelled) {
        fmt::print(stderr, "server: {}\n", served.error());
    }
}

Task<Result<>> accept_for_ever(coro::Scope& scope, io::Kernel& kernel, const io::Handle& listener) {
    for (;;) {
        SLUICE_CO_TRY(io::Handle connection, co_await kernel.accept(listener));
        scope.spawn("connection", serve_connection, std::ref(kernel), std::move(connection));
    }
}

// Until cancelled.  Leaving it cancels and awaits the connections that are still served.
Task<Result<>> serve(io::Kernel& kernel, const io::Handle& listener) {
    co_return co_await coro::with_scope(accept_for_ever, std::ref(kernel), std::cref(listener));
}

Result<int> listen_on_loopback(sockaddr_in& address) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (fd < 0 || bind(fd, generic, length) != 0 || listen(fd, 256) != 0 || getsockname(fd, generic, &length) != 0) {
        return fail_errno(errno, "listen on 127.0.0.1");
    }
    return fd;
}

// Stops a job from another thread: runs on the job's own loop.
struct Stop final : coro::RemoteNode {
    coro::Job<Result<>>* job = nullptr;
    void run_remote() noexcept override { job->cancel(); }
};

class Server {
 public:
    explicit Server(int listening_fd) : thread_([this, listening_fd] { run(listening_fd); }) {
        loop_ = ready_.get_future().get();
    }
    ~Server() {
        if (loop_ != nullptr) {
            loop_->post_remote(stop_);
        }
        thread_.join();
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    bool running() const noexcept { return loop_ != nullptr; }

 private:
    void run(int listening_fd) {
        SystemClock clock;
        coro::InlinePool pool;
        auto kernel = io::UringKernel::create(clock, pool);
        if (!kernel) {
            fmt::print(stderr, "server: {}\n", kernel.error());
            ready_.set_value(nullptr);
            return;
        }
        const io::Handle listener(**kernel, listening_fd);
        coro::Job<Result<>> job((*kernel)->loop(), "serve", serve, std::ref<io::Kernel>(**kernel), std::cref(listener));
        stop_.job = &job;
        ready_.set_value(&(*kernel)->loop());
        auto driven = io::run_until(**kernel, [&job] { return job.done(); });
        if (!driven) {
            fmt::print(stderr, "server: {}\n", driven.error());
            std::abort();
        }
    }
    std::promise<coro::Loop*> ready_;
    coro::Loop* loop_ = nullptr;
    Stop stop_;
    std::thread thread_;  // Last: it uses the others.
};

// ---- a page, fetched by a task ----

Task<Result<std::string>> fetch(io::Kernel& kernel, const sockaddr_in& server, int number) {
    const io::Handle connection(kernel, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    SLUICE_CO_CHECK(co_await kernel.connect(connection, reinterpret_cast<const sockaddr&>(server), sizeof server));
    const std::string request = fmt::format("page {}", number);
    SLUICE_CO_CHECK(co_await kernel.send(connection, as_bytes(request)));
    SLUICE_CO_TRY(io::PooledBuffer page, co_await kernel.recv_pooled(connection));
    co_return std::string(as_text(page.bytes()));
}

Result<> check(const Result<std::string>& page, int number) {
    if (!page) {
        return std::unexpected(page.error());
    }
    if (*page != fmt::format("this is page {}", number)) {
        return fail(Errc::internal, "page {} reads '{}'", number, *page);
    }
    return {};
}

// ---- 1. one after another ----

Task<Result<>> fetch_in_sequence(io::Kernel& kernel, const sockaddr_in& server, int pages) {
    for (int number = 0; number < pages; ++number) {
        auto page = co_await fetch(kernel, server, number);
        SLUICE_CO_CHECK(check(page, number));
    }
    co_return Result<>{};
}

// ---- 2. blocking calls on threads ----

Result<std::string> fetch_blocking(const sockaddr_in& server, int number) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const std::string request = fmt::format("page {}", number);
    std::string page(256, '\0');
    ssize_t got = -1;
    if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0 &&
        send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
        got = recv(fd, page.data(), page.size(), 0);
    }
    const int error = errno;
    close(fd);
    if (got < 0) {
        return fail_errno(error, "fetch page {}", number);
    }
    page.resize(static_cast<std::size_t>(got));
    return page;
}

Result<> fetch_with_threads(const sockaddr_in& server, int pages, int threads) {
    std::atomic<int> next{0};
    std::vector<std::future<Result<>>> workers;
    for (int i = 0; i < threads; ++i) {
        workers.push_back(std::async(std::launch::async, [&]() -> Result<> {
            for (int number = next++; number < pages; number = next++) {
                SLUICE_CHECK(check(fetch_blocking(server, number), number));
            }
            return {};
        }));
    }
    Result<> all;
    for (auto& worker : workers) {
        Result<> one = worker.get();
        all = all ? std::move(one) : std::move(all);
    }
    return all;
}

// ---- 3. tasks ----

Task<Result<>> fetch_one(io::Kernel& kernel, const sockaddr_in& server, int number, [[maybe_unused]] coro::Units slot) {
    auto page = co_await fetch(kernel, server, number);
    co_return check(page, number);
}

// The first page that fails cancels the others, and its error is the result.
Task<Result<>> spawn_fetches(coro::Scope& scope, io::Kernel& kernel, const sockaddr_in& server, int pages,
                             coro::Semaphore& slots) {
    for (int number = 0; number < pages; ++number) {
        SLUICE_CO_CHECK(co_await slots.acquire());
        scope.spawn("fetch", fetch_one, std::ref(kernel), std::cref(server), number, coro::Units(slots, 1));
    }
    co_await scope.join();
    co_return Result<>{};
}

Task<Result<>> fetch_with_tasks(io::Kernel& kernel, const sockaddr_in& server, int pages) {
    // Here and not in the body: the tasks of a scope may outlive the variables of its body.
    coro::Semaphore slots(100);
    co_return co_await coro::with_scope(spawn_fetches, std::ref(kernel), std::cref(server), int(pages),
                                        std::ref(slots));
}

// ----

template <class F>
Result<> timed(const char* what, F&& run) {
    const auto start = std::chrono::steady_clock::now();
    SLUICE_CHECK(run());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    fmt::print("{:<28} {:7.3f} s\n", what, took.count());
    std::fflush(stdout);
    return {};
}

Result<> run(bool quick) {
    const int pages = quick ? 4 : 100;
    const int threads = quick ? 2 : 8;
    sockaddr_in address{};
    SLUICE_TRY(const int listening_fd, listen_on_loopback(address));
    const Server server(listening_fd);
    if (!server.running()) {
        return fail(Errc::unsupported, "no server");
    }
    SystemClock clock;
    coro::InlinePool pool;
    SLUICE_TRY(auto kernel, io::UringKernel::create(clock, pool));
    const auto on_kernel = [&](auto coroutine, auto... arguments) {
        return io::block_on(*kernel, "client", coroutine, std::ref<io::Kernel>(*kernel), std::cref(address),
                            arguments...);
    };
    fmt::print("{} pages of a server that takes {} ms for each\n", pages, kServerTime / 1ms);
    SLUICE_CHECK(timed("one after another", [&] { return on_kernel(fetch_in_sequence, pages); }));
    SLUICE_CHECK(timed("threads", [&] { return fetch_with_threads(address, pages, threads); }));
    SLUICE_CHECK(timed("tasks, all at once", [&] { return on_kernel(fetch_with_tasks, pages); }));
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    const bool quick = argc == 2 && std::string_view(argv[1]) == "--quick";
    if (argc > 1 && !quick) {
        fmt::print(stderr, "usage: example_fetch [--quick]\n");
        return 2;
    }
    auto done = run(quick);
    if (!done) {
        fmt::print(stderr, "example_fetch: {}\n", done.error());
        return 1;
    }
    return 0;
}
