// SPDX-License-Identifier: BSL-1.0
// A disk that does not answer keeps nobody from the end of a shutdown.
#include "skipping_runtime.hpp"
#include "spool_folder.hpp"

#include <kedge/aws/detail/delivery_shell.hpp>
#include <kedge/log/memory_sink.hpp>

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <deque>
#include <future>
#include <optional>

using namespace kedge_test;

namespace {

/// Hangs where the disk is told what is settled, until it is let go.
class hanging_files final : public system_files {
public:
    int openat(int directory, const char* name, int how) noexcept override {
        if (std::string_view(name) == "settled1.new" && !let_go_.test()) {
            hangs.test_and_set();
            hangs.notify_all();
            let_go_.wait(false);
        }
        return system_files::openat(directory, name, how);
    }
    void let_go() {
        let_go_.test_and_set();
        let_go_.notify_all();
    }

    std::atomic_flag hangs;

private:
    std::atomic_flag let_go_;
};

class accepting_transport final : public log_transport {
public:
    explicit accepting_transport(boost::asio::io_context& ctx) : ctx_(ctx) {}
    void start(log_request, log_response_handler done) override {
        kedge::detail::post_to(ctx_.get_executor(), [done = std::move(done)]() mutable {
            log_response response;
            response.answer.kind = answer_kind::accepted;
            done(std::move(response));
        });
    }
    void refresh_credentials(kedge::detail::unique_function<void()>) override {}

private:
    boost::asio::io_context& ctx_;
};

struct hanging : spool_folder {
    explicit hanging(bool has_fallback = true) {
        spool_options o;
        o.directory = path.string();
        auto disk = std::make_shared<spool>(o, overflow::drop_newest, 1, 0, files);
        shell = std::make_shared<delivery_shell>(ctx.get_executor(), delivery_rules{.queue = {.linger = 0ns}},
                                                 log_target{"shop", "web-1"}, std::make_shared<accepting_transport>(ctx),
                                                 delivery_hooks{.fallback = has_fallback ? console : nullptr}, std::move(disk));
        shell->begin();
        log::record what;
        what.time = log::wall_now();
        what.message = "one";
        shell->submit(what, log::python_format, false);
        ctx.run_for(1ms);
        while (!files.hangs.test()) ctx.restart(), ctx.run_one_for(1ms);
    }
    ~hanging() { files.let_go(); }

    hanging_files files;
    std::shared_ptr<log::memory_sink> console = std::make_shared<log::memory_sink>();
    boost::asio::io_context ctx;
    std::shared_ptr<delivery_shell> shell;
};

/// Jobs for the disk wait until the test does them.
class holding_runtime : public aws_test::skipping_runtime {
public:
    using aws_test::skipping_runtime::skipping_runtime;
    void work() {
        auto job = std::move(jobs.front());
        jobs.pop_front();
        job();
    }
    std::deque<kedge::detail::unique_function<void()>> jobs;

private:
    void virtual_run_blocking(kedge::detail::unique_function<void()> task) override { jobs.push_back(std::move(task)); }
};

class unreadable_files : public system_files {
public:
    int openat(int directory, const char* name, int how) noexcept override {
        const bool fails = !readable && std::string_view(name).ends_with(".spool1") && (how & O_ACCMODE) == O_RDONLY;
        return fails ? errno = EMFILE, -1 : system_files::openat(directory, name, how);
    }
    bool readable = true;
};

/// A process before left something.
struct replaying : spool_folder {
    replaying() {
        event_list left = events_of({"left"}, milliseconds_of(log::wall_now()));
        REQUIRE(open()->append(left, false, log::level::info, now).status == spool_status::stored);
        boost::asio::add_service(ctx, static_cast<runtime*>(clock));
        spool_options o;
        o.directory = path.string();
        shell = std::make_shared<delivery_shell>(ctx.get_executor(), delivery_rules{.queue = {.linger = 0ns}},
                                                 log_target{"shop", "web-1"}, std::make_shared<accepting_transport>(ctx),
                                                 delivery_hooks{.fallback = console},
                                                 std::make_shared<spool>(o, overflow::drop_newest, 1, 0, files));
    }
    void settle_down() {
        do {
            ctx.restart();
            ctx.poll();
        } while (clock->fire_due());
    }

    unreadable_files files;
    std::shared_ptr<log::memory_sink> console = std::make_shared<log::memory_sink>();
    boost::asio::io_context ctx;
    holding_runtime* const clock = new holding_runtime(ctx);
    std::shared_ptr<delivery_shell> shell;
};

}  // namespace

TEST_CASE_METHOD(replaying, "who ends while the disk is only read hears of no disk that hangs") {
    shell->begin();
    settle_down();
    REQUIRE(clock->jobs.size() == 1);
    shell->abandon();
    settle_down();
    CHECK(console->events().empty());
    clock->work();
    settle_down();
}

TEST_CASE_METHOD(replaying, "while the disk is busy nobody wakes to read again, however long that takes") {
    const auto write = [&](std::string_view text) {
        log::record what;
        what.time = log::wall_now();
        what.message = text;
        shell->submit(what, log::python_format, false);
        settle_down();
    };
    files.readable = false;
    shell->begin();
    write("one");
    for (int reads = 0; reads < 2; ++reads) {  // the second one in vain
        REQUIRE(clock->jobs.size() == 1);
        clock->work();
        settle_down();
    }
    REQUIRE(clock->jobs.empty());
    write("two");
    REQUIRE(clock->jobs.size() == 1);  // to tell what was acknowledged
    CHECK_FALSE(clock->skip());
    files.readable = true;
    for (int i = 0; i < 10 && shell->counters().acked < 3; ++i) {
        if (!clock->jobs.empty()) clock->work();
        settle_down();
        if (clock->jobs.empty()) clock->skip();
    }
    CHECK(shell->counters().accounting() == delivery_accounting{.offered = 3, .acked = 3});
}

TEST_CASE_METHOD(hanging, "a disk that hangs delays the end of a shutdown to its deadline, and keeps no context running") {
    std::optional<delivery_accounting> books, again;
    shell->shut_down(kedge::now() + 10ms, [&](delivery_accounting b) { books = b; });
    ctx.restart();
    ctx.run_for(30s);  // only if it never ends
    CHECK(books == delivery_accounting{.offered = 1, .acked = 1});
    CHECK(ctx.stopped());
    CHECK(console->events() == std::vector<std::string>{"[WARNING] CloudWatch Logs: the disk did not answer before the end; what "
                                                        "was acknowledged last may come again"});
    shell->shut_down(kedge::now() + 1h, [&](delivery_accounting b) { again = b; });
    ctx.restart();
    ctx.run_for(30s);
    CHECK(again == books);
    CHECK(console->events().size() == 1);
    files.let_go();
}

TEST_CASE_METHOD(hanging, "before the deadline the disk is waited for, so that nothing comes again") {
    std::optional<delivery_accounting> books;
    shell->shut_down(kedge::now() + 1h, [&](delivery_accounting b) { books = b; });
    ctx.restart();
    ctx.poll();
    CHECK_FALSE(books);
    files.let_go();
    ctx.run_for(30s);
    CHECK(books == delivery_accounting{.offered = 1, .acked = 1});
    CHECK(console->events().empty());
    shell.reset();
    CHECK(read_all(*open()).empty());
}

TEST_CASE("a call to the disk that comes back after everything is gone finds nobody, and touches nothing") {
    hanging disk(false);
    disk.shell->shut_down(kedge::now(), [](delivery_accounting) {});
    disk.ctx.restart();
    disk.ctx.run_for(30s);
    disk.shell->abandon();
    disk.shell.reset();
    disk.ctx.restart();
    CHECK(disk.ctx.poll() == 0);
    disk.files.let_go();  // the context's end waits for the thread that comes back
}
