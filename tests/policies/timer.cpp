// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include <kedge/detail/resolve.hpp>
#include <kedge/testing/simulation.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::error_code;
using kedge::testing::simulation;

TEST_CASE("a timer waits in virtual time and completes by post", "[timer]") {
    simulation sim;
    kedge::timer t(sim);
    t.expires_after(24h);
    std::optional<error_code> result;
    t.async_wait([&](error_code ec) { result = ec; });
    CHECK(t.expiry() == sim.now() + 24h);
    sim.run_for(24h - 1ns);
    CHECK_FALSE(result);
    sim.run();
    REQUIRE(result);
    CHECK_FALSE(*result);
    CHECK(sim.elapsed() == 24h);
}

TEST_CASE("a wait that is over already is never completed inside the call", "[timer]") {
    simulation sim;
    kedge::timer t(sim);
    bool done = false, inside = true;
    asio::post(sim, [&] {
        t.expires_at(sim.now() - 1h);
        t.async_wait([&](error_code) { done = true; });
        inside = done;
    });
    sim.run();
    CHECK(done);
    CHECK_FALSE(inside);
    CHECK(sim.elapsed() == 0s);
}

TEST_CASE("cancel ends every wait and counts them", "[timer]") {
    simulation sim;
    kedge::timer t(sim);
    t.expires_after(1h);
    std::vector<error_code> results;
    for (int i = 0; i < 3; ++i) t.async_wait([&](error_code ec) { results.push_back(ec); });
    CHECK(t.cancel() == 3);
    CHECK(t.cancel() == 0);
    CHECK(results.empty());
    sim.run();
    CHECK(results == std::vector<error_code>(3, asio::error::operation_aborted));
    CHECK(sim.elapsed() == 0s);
}

TEST_CASE("setting a new expiry or destroying the timer cancels", "[timer]") {
    simulation sim;
    auto t = std::make_unique<kedge::timer>(sim);
    int aborted = 0;
    const auto count = [&](error_code ec) { aborted += ec == asio::error::operation_aborted; };
    t->async_wait(asio::bind_executor(sim.get_executor(), count));
    CHECK(t->expires_after(1s) == 1);
    t->async_wait(count);
    t.reset();
    sim.run();
    CHECK(aborted == 2);
}

TEST_CASE("a slot cancels one wait of several", "[timer]") {
    simulation sim;
    kedge::timer t(sim);
    t.expires_after(1s);
    asio::cancellation_signal signal;
    error_code first, second;
    kedge::nanoseconds first_at{}, second_at{};
    const auto store = [&](error_code ec) { first = ec, first_at = sim.elapsed(); };
    t.async_wait(asio::bind_cancellation_slot(signal.slot(), store));
    t.async_wait([&](error_code ec) { second = ec, second_at = sim.elapsed(); });
    kedge::async_sleep(sim, 400ms, [&](error_code) { signal.emit(asio::cancellation_type::total); });
    sim.run();
    CHECK(first == asio::error::operation_aborted);
    CHECK(first_at == 400ms);
    CHECK_FALSE(second);
    CHECK(second_at == 1s);
    signal.emit(asio::cancellation_type::terminal);  // after the end: nobody listens
}

TEST_CASE("coroutines sleep, on strands, too", "[timer]") {
    simulation sim;
    int ends = 0;
    const auto nap = [&ends]() -> asio::awaitable<void> {
        co_await kedge::async_sleep(co_await asio::this_coro::executor, 3s);
        kedge::timer t(co_await asio::this_coro::executor);
        t.expires_after(2s);
        co_await t.async_wait(asio::use_awaitable);
        ++ends;
    };
    asio::co_spawn(sim, nap, asio::detached);
    asio::co_spawn(asio::make_strand(asio::any_io_executor(sim.get_executor())), nap, asio::detached);
    sim.run();
    CHECK(ends == 2);
    CHECK(sim.elapsed() == 5s);
}

TEST_CASE("handlers that still wait are destroyed with their context", "[timer]") {
    const auto token = std::make_shared<int>(0);
    const auto forever = [token]() -> asio::awaitable<void> {
        const auto held = token;
        co_await kedge::async_sleep(co_await asio::this_coro::executor, 1h);
    };
    const auto soon = [token]() -> asio::awaitable<void> {
        const auto held = token;
        kedge::timer t(co_await asio::this_coro::executor);
        t.expires_after(50ms);
        co_await t.async_wait(asio::use_awaitable);
    };
    const long before = token.use_count();
    {
        simulation sim;
        asio::co_spawn(sim, forever, asio::detached);
        asio::co_spawn(sim, soon, asio::detached);
        sim.run_for(1ms);
        CHECK(token.use_count() > before);
    }
    CHECK(token.use_count() == before);
    {
        asio::io_context io;
        asio::co_spawn(io, forever, asio::detached);
        asio::co_spawn(asio::make_strand(io), soon, asio::detached);
        io.poll();
        CHECK(token.use_count() > before);
    }
    CHECK(token.use_count() == before);
}

TEST_CASE("an exception of a handler leaves run", "[timer]") {
    asio::io_context io;
    kedge::async_sleep(io, 1ms, [](error_code) { throw std::runtime_error("mine"); });
    CHECK_THROWS_WITH(io.run(), "mine");
    io.run();
}

TEST_CASE("names are looked up without blocking the loop", "[timer][resolve]") {
    asio::io_context io;
    auto& rt = kedge::runtime::of(io.get_executor());
    error_code good, bad{};
    kedge::detail::endpoints found;
    rt.async_resolve("127.0.0.1", "8080", [&](error_code ec, kedge::detail::endpoints e) { good = ec, found = e; });
    rt.async_resolve("127.0.0.1", "no-such-service", [&](error_code ec, auto) { bad = ec; });
    io.run();
    CHECK_FALSE(good);
    REQUIRE(found.size() == 1);
    CHECK(found[0].address().to_string() == "127.0.0.1");
    CHECK(found[0].port() == 8080);
    CHECK(bad);
}

TEST_CASE("a cancelled look-up is abandoned", "[timer][resolve]") {
    simulation sim;
    auto& rt = kedge::runtime::of(sim.get_executor());
    asio::cancellation_signal signal;
    std::vector<error_code> results;
    const auto store = [&](error_code ec, const kedge::detail::endpoints&) { results.push_back(ec); };
    rt.async_resolve("localhost", "80", asio::bind_cancellation_slot(signal.slot(), store));
    signal.emit(asio::cancellation_type::terminal);
    sim.run();
    CHECK(results == std::vector<error_code>{asio::error::operation_aborted});
    results.clear();
    rt.async_resolve("localhost", "80", store);
    rt.async_resolve("example.com", "80", store);
    sim.run();
    CHECK(std::count(results.begin(), results.end(), error_code()) == 1);
    CHECK(std::count(results.begin(), results.end(), error_code(asio::error::host_not_found)) == 1);
}
