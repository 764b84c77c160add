// SPDX-License-Identifier: BSL-1.0
// Who may die before whom, the forms of connectors and of use, threads.
#include "../support/catch.hpp"

#include <kedge/connection_pool.hpp>
#include <kedge/testing/simulation.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::error_code;
using kedge::reuse;

/// Counts itself, and knows how many use it.
struct counted {
    explicit counted(std::atomic<int>& n) : count(n) { ++count; }
    ~counted() { --count; }
    counted(const counted&) = delete;
    std::atomic<int>& count;
    std::atomic<int> users{0};
};

struct connector {
    std::atomic<int>* alive;
    std::unique_ptr<counted> create(const asio::any_io_executor&) const { return std::make_unique<counted>(*alive); }
    template <class Token> auto async_connect(counted&, Token&& token) const {
        return asio::async_initiate<Token, void(error_code)>(
            [](auto handler) {
                const auto ex = asio::get_associated_executor(handler);
                asio::post(ex, [h = std::move(handler)]() mutable { h(error_code()); });
            },
            token);
    }
    void close(counted&) const noexcept {}
    static reuse inspect(const counted&) noexcept { return reuse::clean; }
};

using pool_type = kedge::connection_pool<counted>;
using lease_type = kedge::lease<counted>;

}  // namespace

TEST_CASE("the context is destroyed while operations are parked, posted and granted") {
    std::atomic<int> alive{0};
    int destroyed = 0, called = 0;
    struct token {
        int* destroyed;
        explicit token(int* d) : destroyed(d) {}
        token(token&& o) noexcept : destroyed(std::exchange(o.destroyed, nullptr)) {}
        ~token() { if (destroyed) ++*destroyed; }
    };
    for (int steps = 0; steps < 12; ++steps) {
        auto io = std::make_unique<asio::io_context>();
        {
            pool_type pool(*io, {.max = 2}, connector{&alive});
            for (int i = 0; i < 4; ++i)
                pool.async_acquire([&called, t = token(&destroyed), kept = pool](error_code, lease_type l) mutable {
                    ++called;
                    l.recycle();
                });
            for (int i = 0; i < steps; ++i) io->poll_one();
        }
        io.reset();
        CHECK(alive == 0);
    }
    CHECK(destroyed == 12 * 4);
    CHECK(called > 0);
    CHECK(called < 12 * 4);
}

TEST_CASE("the pool may be destroyed before its leases and operations") {
    std::atomic<int> alive{0};
    kedge::testing::simulation sim;
    lease_type held;
    std::optional<error_code> waiting;
    {
        pool_type pool(sim, {.max = 1}, connector{&alive});
        pool.async_acquire([&](error_code, lease_type l) { held = std::move(l); });
        sim.run();
        REQUIRE(held);
        pool.async_acquire([&](error_code ec, lease_type) { waiting = ec; });
    }
    sim.run();
    CHECK(waiting == kedge::errc::pool_closed);
    CHECK(alive == 1);
    held = {};
    CHECK(alive == 1);  // closing is posted
    sim.run();
    CHECK(alive == 0);
}

TEST_CASE("the pool may outlive its context") {
    std::atomic<int> alive{0};
    std::optional<pool_type> pool;
    {
        asio::io_context io;
        pool.emplace(io, kedge::pool_options{.max = 1}, connector{&alive});
        pool->async_acquire([](error_code, lease_type) {});
        io.run();
        CHECK(alive == 1);
    }
    CHECK(alive == 0);
    CHECK_FALSE(pool->try_acquire());
    pool.reset();
}

TEST_CASE("a coroutine or an operation that yields a connection is enough") {
    kedge::testing::simulation sim;
    struct plain {
        int n = 0;
    };
    int made = 0;
    auto by_coroutine = [&]() -> asio::awaitable<plain> {
        if (++made == 1) throw boost::system::system_error(asio::error::connection_refused);
        co_return plain{made};
    };
    auto by_token = [&](auto&& token) {
        return asio::async_compose<decltype(token), void(error_code, plain)>(
            [&, begun = false](auto& self) mutable {
                if (!std::exchange(begun, true)) return asio::post(sim.get_executor(), std::move(self));
                self.complete(error_code(), plain{++made});
            },
            token, sim.get_executor());
    };
    kedge::connection_pool<plain> one(sim, {.max = 1}, by_coroutine), two(sim, {.max = 1}, by_token);
    asio::co_spawn(sim.get_executor(), [&]() -> asio::awaitable<void> {
        auto l = co_await one.acquire();
        CHECK(l->n == 2);
        l.recycle();
        auto again = co_await one.acquire();
        CHECK(again->n == 2);
        auto other = co_await two.async_acquire(asio::use_awaitable);
        CHECK(other->n == 3);
    }, [](std::exception_ptr e) { if (e) std::rethrow_exception(e); });
    sim.run();
    CHECK(made == 3);
}

TEST_CASE("async_with gives back before the handler runs, in both forms") {
    std::atomic<int> alive{0};
    kedge::testing::simulation sim;
    pool_type pool(sim, {.max = 1}, connector{&alive});
    int ended = 0;
    auto by_token = [&](counted&, auto&& token) {
        return kedge::async_sleep(sim, 5ms, std::forward<decltype(token)>(token));
    };
    pool.async_with(by_token, [&](error_code ec) {
        CHECK_FALSE(ec);
        CHECK(pool.snapshot().used == 0);
        ++ended;
    });
    sim.run();
    auto by_coroutine = [&](counted&) -> asio::awaitable<int> {
        co_await kedge::async_sleep(sim, 5ms, asio::use_awaitable);
        CHECK(pool.snapshot().used == 1);
        co_return 42;
    };
    pool.async_with(by_coroutine, [&](std::exception_ptr e, int v) {
        CHECK_FALSE(e);
        CHECK(v == 42);
        CHECK(pool.snapshot().used == 0);
        ++ended;
    });
    sim.run();
    const auto past = kedge::call{.deadline = sim.now()};
    pool.async_with(by_coroutine, past, [&](std::exception_ptr e, int) {
        CHECK_THROWS_AS(std::rethrow_exception(e), boost::system::system_error);
        ++ended;
    });
    sim.run();
    CHECK(ended == 3);
    CHECK(alive == 1);
}

TEST_CASE("both forms of every function record the caller's line") {
    std::atomic<int> alive{0};
    kedge::testing::simulation sim;
    pool_type pool(sim, {.max = 4, .acquire_timeout = 1s}, connector{&alive});
    std::vector<lease_type> held;
    auto keep = [&](error_code, lease_type l) { held.push_back(std::move(l)); };
    const unsigned first = __LINE__ + 1;
    pool.async_acquire(keep);
    pool.async_acquire({}, keep);
    sim.run();
    held.pop_back();
    held.push_back(pool.try_acquire());
    const unsigned last = __LINE__ - 1;
    asio::co_spawn(sim.get_executor(), [&]() -> asio::awaitable<void> { held.push_back(co_await pool.acquire()); },
                   asio::detached);
    const unsigned spawned = __LINE__ - 2;
    sim.run();
    pool.async_acquire({}, keep);
    sim.run();
    kedge::call_report report;
    pool.async_acquire({.report = &report}, [](error_code, lease_type) {});
    sim.run_for(2s);
    REQUIRE(held.size() == 4);
    std::vector<unsigned> lines;
    for (const auto& h : report.pool.holders) lines.push_back(h.place.line());
    const auto has = [&](unsigned line) { return std::count(lines.begin(), lines.end(), line) == 1; };
    CHECK(has(first));
    CHECK(has(last));
    CHECK(has(spawned));
}

TEST_CASE("options are checked, and the message names them") {
    kedge::testing::simulation sim;
    std::atomic<int> alive{0};
    const auto refused = [&](kedge::pool_options o) {
        try {
            pool_type pool(sim, std::move(o), connector{&alive});
        } catch (const std::invalid_argument& e) {
            return std::string(e.what());
        }
        return std::string();
    };
    CHECK(refused({.max = 0}) == "kedge::pool_options::max = 0, but it must be 1 to 100000");
    CHECK(refused({.max = 2, .min_idle = 3}).find("min_idle = 3") != std::string::npos);
    CHECK(refused({.acquire_timeout = 0s}).find("acquire_timeout") != std::string::npos);
    CHECK(refused({.acquire_timeout = std::chrono::nanoseconds::max()}).find("max()") != std::string::npos);
    CHECK(refused({.connect_timeout = -1s}).find("connect_timeout") != std::string::npos);
    CHECK(refused({.idle_timeout = -1s}).find("idle_timeout") != std::string::npos);
    CHECK(refused({.leak_after = -1s}).find("leak_after") != std::string::npos);
    CHECK(refused({}).empty());
}

TEST_CASE("a blocking acquire is refused where it would wait for itself") {
    std::atomic<int> alive{0};
    kedge::testing::simulation sim;
    pool_type simulated(sim, {}, connector{&alive});
    CHECK_THROWS_AS(simulated.acquire_for(1s), std::logic_error);

    asio::io_context io;
    pool_type pool(io, {}, connector{&alive});
    asio::post(io, [&] { CHECK_THROWS_AS(pool.acquire_for(1s), std::logic_error); });
    io.run();
}

TEST_CASE("a blocked thread stands in the same line") {
    std::atomic<int> alive{0};
    asio::io_context io;
    auto work = asio::make_work_guard(io);
    std::thread runner([&] { io.run(); });
    {
        pool_type pool(io, {.max = 1}, connector{&alive});
        lease_type held = pool.acquire_for(5s);
        REQUIRE(held);
        kedge::call_report report;
        CHECK_THROWS_AS(pool.acquire_for(20ms, {.report = &report}), boost::system::system_error);
        CHECK(report.pool.why == kedge::pool_refusal::timed_out);
        CHECK(report.pool.holders[0].count == 1);
        std::atomic<bool> got{false};
        std::thread other([&] { got = static_cast<bool>(pool.acquire_for(5s)); });
        while (pool.snapshot().waiting == 0) std::this_thread::yield();
        held.recycle();
        other.join();
        CHECK(got);
    }
    work.reset();
    runner.join();
    CHECK(alive == 0);
}

TEST_CASE("four threads take, cancel, discard and resize", "[tsan]") {
    std::atomic<int> alive{0}, granted{0}, refused{0}, doubles{0};
    asio::io_context io;
    {
        pool_type pool(io, {.max = 3, .acquire_timeout = 2s}, connector{&alive});
        for (int i = 0; i < 16; ++i) {
            auto strand = asio::make_strand(io);
            asio::co_spawn(strand, [&, i]() -> asio::awaitable<void> {
                for (int turn = 0; turn < 200; ++turn) {
                    kedge::call c{.deadline = turn % 7 == 3 ? kedge::now() + 100us : kedge::never};
                    try {
                        lease_type l;
                        if (turn % 3) l = co_await pool.acquire(c);
                        else l = co_await pool.async_acquire(c, asio::use_awaitable);
                        if (l->users.fetch_add(1) != 0) ++doubles;
                        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
                        l->users.fetch_sub(1);
                        ++granted;
                        if (turn % 11 == 5) l.discard();
                    } catch (const boost::system::system_error&) {
                        ++refused;
                    }
                    if (i == 0 && turn % 20 == 0) pool.resize(1 + turn / 20 % 4);
                    if (i == 1 && turn % 50 == 0) pool.invalidate("test");
                    if (i == 2 && turn % 50 == 0) (void)pool.snapshot();
                }
            }, asio::detached);
        }
        for (int i = 0; i < 200; ++i)
            asio::post(io, [&pool, strand = asio::make_strand(io)] {
                auto stop = std::make_shared<asio::cancellation_signal>();
                asio::post(strand, [&pool, strand, stop] {
                    pool.async_acquire(asio::bind_executor(strand, asio::bind_cancellation_slot(
                        stop->slot(), [stop](error_code, lease_type) {})));
                    asio::post(strand, [stop] { stop->emit(asio::cancellation_type::terminal); });
                });
            });
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) threads.emplace_back([&] { io.run(); });
        for (auto& t : threads) t.join();
        CHECK(pool.snapshot().used == 0);
        CHECK(pool.snapshot().waiting == 0);
    }
    io.restart();
    io.run();
    CHECK(granted + refused == 16 * 200);
    CHECK(doubles == 0);
    CHECK(alive == 0);
}
