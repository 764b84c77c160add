// SPDX-License-Identifier: BSL-1.0
// A child of fork has a copy of the sink: it sends nothing, leaves the spool alone, and waits for no lock.
#include "../support/sanitizers.hpp"
#include "spool_folder.hpp"

#include <kedge/aws/cloudwatch_sink.hpp>
#include <kedge/log/memory_sink.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#ifndef KEDGE_TEST_THREAD_SANITIZER  // it knows nothing of the threads that a child has not

using namespace kedge_test;

namespace {

/// A pipe that both processes have.
struct pipe_pair {
    pipe_pair() {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        reads = descriptor(ends[0]);
        writes = descriptor(ends[1]);
    }
    void say() const { (void)!::write(writes.get(), "+", 1); }
    bool hear() const {
        char one = 0;
        return ::read(reads.get(), &one, 1) == 1;
    }
    descriptor reads, writes;
};

/// Takes all, and says so to whoever listens, whatever process it is in.
class telling_transport final : public log_transport {
public:
    telling_transport(boost::asio::io_context& ctx, const pipe_pair& to) : ctx_(ctx), to_(to) {}
    void start(log_request, log_response_handler done) override {
        to_.say();
        log_response response;
        response.answer.kind = answer_kind::accepted;
        kedge::detail::post_to(ctx_.get_executor(), [done = std::move(done), response = std::move(response)]() mutable {
            done(std::move(response));
        });
    }
    void refresh_credentials(kedge::detail::unique_function<void()>) override {}

private:
    boost::asio::io_context& ctx_;
    const pipe_pair& to_;
};

struct family : spool_folder {
    family() {
        cloudwatch_options o;
        o.group = "shop", o.stream = "web-1", o.fallback = console;
        o.linger = 0ns;
        o.spool.directory = path.string();
        sink.emplace(*ctx, o, std::make_shared<telling_transport>(*ctx, sent));
    }
    void write(std::string_view text) { write(text, *sink); }
    static void write(std::string_view text, cloudwatch_sink& to) {
        log::record what;
        what.time = log::wall_now();
        what.message = text;
        log::submit(to, what);
    }
    std::string bytes() const {
        std::string out;
        for (const auto& entry : fs::directory_iterator(path)) out += entry.path().filename().string() + bytes_of(entry.path());
        return out;
    }
    bool is_locked() { return !make()->open(); }

    /// What `live` of the child did not find as it should be, by its number; 0: all was.
    template <class Live> pid_t bear(Live live) {
        ctx->notify_fork(boost::asio::execution_context::fork_prepare);
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        ctx->notify_fork(child == 0 ? boost::asio::execution_context::fork_child : boost::asio::execution_context::fork_parent);
        if (child > 0) return child;
        ::alarm(20);
        ::_exit(live());
    }
    static int wait_for(pid_t child) {
        int how = 0;
        REQUIRE(::waitpid(child, &how, 0) == child);
        return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
    }

    pipe_pair sent;
    std::shared_ptr<log::memory_sink> console = std::make_shared<log::memory_sink>();
    std::optional<boost::asio::io_context> ctx{std::in_place};
    std::optional<cloudwatch_sink> sink;
};

}  // namespace

TEST_CASE_METHOD(family, "a child of fork sends nothing of its parent's, leaves the disk alone, and counts what it writes") {
    write("delivered before");
    ctx->run();
    ctx->restart();
    for (const char* text : {"one", "two", "three"}) write(text);
    const std::string before = bytes();
    const pid_t child = bear([this] {
        write("of the child");
        sink->flush();
        const delivery_counters c = sink->delivery();
        if (c.accounting() != delivery_accounting{.offered = 1, .dropped = 1} || c.dropped[drop_reason::forked] != 1) return 1;
        if (sink->counters().lost() != 1 || sink->spool().segments != 0) return 2;
        std::optional<delivery_accounting> books;
        sink->async_shutdown(kedge::now() + 1s, [&](delivery_accounting b) { books = b; });
        ctx->run();
        if (books != delivery_accounting{.offered = 1, .dropped = 1}) return 3;
        sink.reset();
        ctx->restart();
        ctx->run();
        return console->events().empty() ? 0 : 4;  // the context stays: it waits for threads that are not here
    });
    CHECK(wait_for(child) == 0);
    CHECK(bytes() == before);
    CHECK(is_locked());
    CHECK(sink->delivery().accounting() == delivery_accounting{.offered = 4, .acked = 1, .pending = 3});
    write("four");
    ctx->run();
    CHECK(sink->delivery().accounting() == delivery_accounting{.offered = 5, .acked = 5});
    sent.writes = {};
    int requests = 0;
    while (sent.hear()) ++requests;
    CHECK(requests == 2);
}

TEST_CASE_METHOD(family, "what a parent has in memory alone is not handed back by its child") {
    cloudwatch_options o = sink->options();
    o.spool = {};
    sink.emplace(*ctx, o, std::make_shared<telling_transport>(*ctx, sent));
    write("one");
    const pid_t child = bear([this] {
        ctx.reset();
        sink.reset();
        return console->events().empty() ? 0 : 1;
    });
    CHECK(wait_for(child) == 0);
    ctx->run();
    CHECK(sink->delivery().acked == 1);
    CHECK(console->events().empty());
}

TEST_CASE_METHOD(family, "a child that noticed does not keep the spool locked after its parent, and may have a sink of its own") {
    pipe_pair noticed, end;
    const pid_t child = bear([&] {
        end.writes = {};
        write("of the child");
        cloudwatch_options o = sink->options();
        o.spool = {};
        cloudwatch_sink own(*ctx, o, std::make_shared<telling_transport>(*ctx, sent));
        write("its own", own);
        ctx->restart();
        ctx->run();
        if (own.delivery().accounting() != delivery_accounting{.offered = 1, .acked = 1}) return 1;
        noticed.say();
        end.hear();
        return 0;
    });
    noticed.writes = {};
    CHECK(noticed.hear());
    CHECK(is_locked());
    sink.reset();
    ctx->run();
    CHECK_FALSE(is_locked());
    end.writes = {};
    CHECK(wait_for(child) == 0);
}

TEST_CASE_METHOD(family, "no lock that a thread of the parent held at the fork keeps a child waiting") {
    auto work = boost::asio::make_work_guard(*ctx);
    std::thread sender([this] { ctx->run(); });
    std::atomic<bool> stop{false};
    std::vector<std::thread> writers;
    for (int i = 0; i < 2; ++i)
        writers.emplace_back([&] {
            while (!stop) write("of the parent");
        });
    int failures = 0;
    for (int i = 0; i < 20 && failures == 0; ++i) {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            ::alarm(20);
            write("of the child");
            sink->flush();
            ::_exit(sink->delivery().dropped[drop_reason::forked] == 1 ? 0 : 1);
        }
        failures += wait_for(child) != 0;
    }
    CHECK(failures == 0);
    stop = true;
    for (std::thread& one : writers) one.join();
    work.reset();
    sink.reset();
    sender.join();
}

#endif
