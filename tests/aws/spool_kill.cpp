// SPDX-License-Identifier: BSL-1.0
// A process that writes to the sink is killed at any moment, again and again: nothing that was accepted is missing, and nothing
// comes twice that the disk knew as settled. Beside it many threads at once.
#include "spool_folder.hpp"

#include <kedge/aws/cloudwatch_sink.hpp>
#include <kedge/detail/runtime_random.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <csignal>
#include <functional>
#include <future>
#include <latch>
#include <set>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace kedge_test;

namespace {

/// Stores each body as a line of a file, which the process does not take with it.
class filing_transport final : public log_transport {
public:
    filing_transport(boost::asio::io_context& ctx, const fs::path& file, std::uint64_t seed)
        : ctx_(ctx), draw_(seed), file_(::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0600)) {}

    void start(log_request what, log_response_handler done) override {
        log_response response;
        const std::uint64_t luck = healed ? 0 : draw_() % 6;
        response.answer.kind = luck == 4 ? answer_kind::throttled : answer_kind::accepted;
        if (luck == 5) response.answer = no_answer(true);
        what.body += '\n';
        if (luck != 4 && ::write(file_.get(), what.body.data(), what.body.size()) != static_cast<ssize_t>(what.body.size()))
            ::abort();
        kedge::detail::post_to(ctx_.get_executor(), [done = std::move(done), response = std::move(response)]() mutable {
            done(std::move(response));
        });
    }
    void refresh_credentials(kedge::detail::unique_function<void()>) override {}

    std::atomic<bool> healed{false};

private:
    boost::asio::io_context& ctx_;
    kedge::detail::splitmix draw_;
    descriptor file_;
};

/// Answers when it is told to.
class holding_transport final : public log_transport {
public:
    void start(log_request, log_response_handler done) override { held.push_back(std::move(done)); }
    void refresh_credentials(kedge::detail::unique_function<void()>) override {}

    /// The first `refused` of its events are too old.
    void accept_first(int refused = 0) {
        log_response_handler done = std::move(held.front());
        held.erase(held.begin());
        log_response response;
        response.answer.kind = answer_kind::accepted;
        if (refused > 0) response.answer.rejected.too_old_end = refused;
        done(std::move(response));
    }

    std::vector<log_response_handler> held;
};

/// Calls back for each record.
class calling_sink final : public log::sink {
public:
    explicit calling_sink(std::function<void()> call) : call_(std::move(call)) {}
    void write(const log::record&) noexcept override { call_(); }
    log::sink_counters counters() const noexcept override { return {}; }

private:
    std::function<void()> call_;
};

/// `e17;` of all that was stored.
std::multiset<int> numbers_in(const std::string& text) {
    std::multiset<int> out;
    for (std::size_t at = text.find("e"); at != text.npos; at = text.find("e", at + 1)) {
        const std::size_t end = text.find_first_not_of("0123456789", at + 1);
        if (end > at + 1 && end != text.npos && text[end] == ';') out.insert(std::stoi(text.substr(at + 1, end - at - 1)));
    }
    return out;
}

cloudwatch_options options_for(const spool_folder& where) {
    cloudwatch_options o;
    o.group = "shop", o.stream = "web-1";
    o.linger = 1ms;
    o.max_events = 200;
    o.max_in_flight = 3;
    o.spool.directory = where.path.string();
    return o;
}

void write(cloudwatch_sink& to, int number) {
    const std::string text = 'e' + std::to_string(number) + ';' + std::string(static_cast<std::size_t>(number % 700), '.');
    log::record what;
    what.time = log::wall_now();
    what.message = text;
    log::submit(to, what);
}

/// Writes from `number` on, and a byte to `told` for each event that was accepted.
[[noreturn]] void write_until_killed(const spool_folder& where, int number, int told) {
    boost::asio::io_context ctx;
    const auto work = boost::asio::make_work_guard(ctx);
    cloudwatch_sink sink(ctx, options_for(where), std::make_shared<filing_transport>(ctx, where.root / "stored", number));
    std::thread sender([&] { ctx.run(); });
    for (;; ++number) {
        write(sink, number);
        if (sink.delivery().dropped.total() != 0 || ::write(told, "+", 1) != 1) ::_exit(1);
    }
}

struct victims : spool_folder {
    /// A process that writes from `first` on until it is killed, when it wrote `least` events or more. How many were accepted.
    int let_live(int first, std::uint64_t least) const {
        int told[2];
        REQUIRE(::pipe(told) == 0);
        const pid_t writer = ::fork();
        REQUIRE(writer >= 0);
        if (writer == 0) write_until_killed(*this, first, told[1]);
        ::close(told[1]);
        const descriptor hears(told[0]);
        char one = 0;
        int accepted = 0;
        while (static_cast<std::uint64_t>(accepted) < least && ::read(hears.get(), &one, 1) == 1) ++accepted;
        ::kill(writer, SIGKILL);
        int how = 0;
        REQUIRE(::waitpid(writer, &how, 0) == writer);
        CHECK(WIFSIGNALED(how));
        while (::read(hears.get(), &one, 1) == 1) ++accepted;
        return accepted;
    }
};

}  // namespace

TEST_CASE_METHOD(victims, "nothing that was accepted is missing after kill -9") {
    kedge::detail::splitmix draw(3);
    std::set<int> accepted, unsettled;  // `unsettled`: as the disk knew it when the last one was killed
    std::multiset<int> stored;
    std::size_t recovered = 0;
    int first = 1;
    for (int life = 0; life < 10; ++life) {
        INFO("life " << life);
        const int fresh = let_live(first, 200 + draw() % 2000);
        for (int number = first; number < first + fresh; ++number) accepted.insert(number);

        const std::multiset<int> before = std::exchange(stored, numbers_in(bytes_of(root / "stored")));
        for (const int number : stored)
            if (number < first && stored.count(number) > before.count(number)) CHECK(unsettled.contains(number));
        unsettled.clear();
        for (const auto& [sequence, text] : read_all(*open())) unsettled.merge(std::set<int>{*numbers_in(text).begin()});
        for (const int number : accepted) CHECK((stored.contains(number) || unsettled.contains(number)));
        recovered += unsettled.size();
        first += fresh + 1;  // one was being written
    }
    CHECK(recovered > 500);
}

TEST_CASE_METHOD(victims, "what memory gets room for while the disk is busy is read when it is not") {
    boost::asio::io_context ctx;
    const auto transport = std::make_shared<holding_transport>();
    cloudwatch_options o = options_for(*this);
    o.linger = 0ns, o.max_events = 10;
    cloudwatch_sink sink(ctx, o, transport);
    const auto turn = [&] { ctx.restart(), ctx.run(); };
    write(sink, 1);
    turn();
    transport->accept_first();  // now two requests are allowed
    turn();
    write(sink, 2);
    turn();
    for (int i = 3; i <= 21; ++i) write(sink, i);
    turn();
    REQUIRE(transport->held.size() == 2);
    REQUIRE(sink.delivery().spooled == 10);

    std::promise<void> go;
    const std::shared_future<void> gate = go.get_future().share();
    for (int i = 0; i < 2; ++i) runtime::of(ctx.get_executor()).run_blocking([gate] { gate.wait(); });
    transport->accept_first();  // the disk is to be told, and is busy then
    transport->accept_first();  // now there is room
    go.set_value();
    turn();
    CHECK(sink.delivery().spooled == 5);  // half of the memory is for what is fresh
    for (int batches = 0; batches < 2; ++batches) {
        REQUIRE(transport->held.size() == 1);
        transport->accept_first();
        turn();
    }
    CHECK(sink.delivery().acked == 21);
}

TEST_CASE_METHOD(victims, "an event that was refused leaves the disk only after the dead letters have it") {
    boost::asio::io_context ctx;
    const auto on_disk = [&] {  // as a process would find it that starts now
        spool_folder copy;
        fs::copy(path, copy.path, fs::copy_options::recursive);
        return read_all(*copy.open()).size();
    };
    std::vector<std::size_t> seen;
    cloudwatch_options o = options_for(*this);
    o.dead_letters = std::make_shared<calling_sink>([&] {
        const auto both = std::make_shared<std::latch>(3);  // of the two threads: each has done what it was given before
        for (int i = 0; i < 2; ++i) runtime::of(ctx.get_executor()).run_blocking([both] { both->arrive_and_wait(); });
        both->arrive_and_wait();
        seen.push_back(on_disk());
    });
    const auto transport = std::make_shared<holding_transport>();
    cloudwatch_sink sink(ctx, o, transport);
    log::record old;
    old.time = log::wall_now() - 15 * 24h;
    old.message = "e1;";
    log::submit(sink, old);
    while (transport->held.empty()) ctx.run_one();
    transport->accept_first(1);
    ctx.restart();
    ctx.run();
    CHECK(seen == std::vector<std::size_t>{1});
    CHECK(sink.delivery().accounting() == delivery_accounting{.offered = 1, .rejected = 1});
    CHECK(on_disk() == 0);
}

TEST_CASE_METHOD(victims, "many threads write to disk while others deliver from it, and the accounts are balanced", "[tsan]") {
    boost::asio::io_context ctx;
    auto work = boost::asio::make_work_guard(ctx);
    const auto transport = std::make_shared<filing_transport>(ctx, root / "stored", 9);
    cloudwatch_sink sink(ctx, options_for(*this), transport);
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) threads.emplace_back([&] { ctx.run(); });
    std::atomic<int> balanced{0};
    std::vector<std::thread> writers;
    for (int w = 0; w < 4; ++w)
        writers.emplace_back([&, w] {
            for (int i = 0; i < 1000; ++i) {
                write(sink, 1 + w * 1000 + i);
                if (i % 100 == 0) balanced += sink.delivery().accounting().balanced() && sink.spool().working;
            }
        });
    for (std::thread& one : writers) one.join();
    transport->healed = true;
    const delivery_accounting books = sink.async_shutdown(kedge::now() + 60s, boost::asio::use_future).get();
    work.reset();
    for (std::thread& one : threads) one.join();
    CHECK(balanced == 40);
    CHECK(books == delivery_accounting{.offered = 4000, .acked = 4000});
    const std::multiset<int> stored = numbers_in(bytes_of(root / "stored"));
    for (int number = 1; number <= 4000; ++number) CHECK(stored.contains(number));
    CHECK(stored.size() <= 4000 + sink.delivery().unknown_events);
}
