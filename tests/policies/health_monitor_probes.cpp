// SPDX-License-Identifier: BSL-1.0
// Health checks as the probes of a circuit breaker.
#include "health_bench.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <thread>

using namespace health_test;

namespace {

void open(kedge::circuit_breaker& breaker) {
    for (int i = 0; i < 5; ++i) breaker.try_acquire().failure();
    REQUIRE(breaker.snapshot().state == kedge::breaker_state::open);
}

}  // namespace

TEST_CASE("monitor: an open breaker means degraded, and the check is its probe", "[health_monitor]") {
    simulation sim;
    dependency server(sim);
    kedge::circuit_breaker breaker;
    kedge::health_monitor monitor{sim, {}, server.ping(), breaker};
    running run(sim, monitor);
    sim.run_for(1s);
    CHECK(monitor.snapshot().state == health::up);
    for (int i = 0; i < 5; ++i) breaker.try_acquire().failure();
    CHECK(monitor.snapshot().state == health::degraded);
    sim.run_for(35s);
    CHECK(breaker.snapshot().state == kedge::breaker_state::closed);  // three checks, and no user's call
    CHECK(server.asked >= 4);
    sim.run_for(35s);
    CHECK(monitor.snapshot().state == health::up);
}

TEST_CASE("monitor: while the probes fail it says so", "[health_monitor]") {
    simulation sim;
    dependency server(sim);
    kedge::circuit_breaker breaker;
    for (int i = 0; i < 5; ++i) breaker.try_acquire().failure();
    kedge::health_monitor monitor{sim, {}, server.ping(), breaker};
    running run(sim, monitor);
    sim.run_for(1s);
    CHECK(monitor.snapshot().state == health::degraded);
    server.says = refused;
    sim.run_for(2min);
    CHECK(monitor.snapshot().state == health::down);
    CHECK(breaker.snapshot().state == kedge::breaker_state::open);
}

TEST_CASE("monitor: a breaker that opens between two checks is probed when its time is over", "[health_monitor]") {
    simulation sim;
    dependency server(sim);
    kedge::circuit_breaker breaker;
    kedge::health_monitor monitor{sim, {.interval = 1h}, server.ping(), breaker};
    running run(sim, monitor);
    sim.run_for(1min);
    REQUIRE(server.asked == 1);
    open(breaker);
    const auto due = sim.now() + breaker.snapshot().next_probe_in;
    sim.run_for(1s);
    CHECK(server.asked == 1);
    sim.run_for(5s);
    CHECK(server.asked == 4);
    CHECK(server.last_asked >= due + 200ms);
    CHECK(server.last_asked < due + 300ms);
    CHECK(breaker.snapshot().state == kedge::breaker_state::closed);
    CHECK(monitor.snapshot().state == health::up);
}

TEST_CASE("monitor: a wait that was cut short is made up for, not begun anew", "[health_monitor]") {
    simulation sim;
    dependency server(sim);
    kedge::circuit_breaker breaker{{.open_for = 1h, .open_for_max = 1h}};
    kedge::health_monitor monitor{sim, {}, server.ping(), breaker};
    running run(sim, monitor);
    for (int i = 0; i < 20; ++i) {
        sim.run_for(5s);
        open(breaker);
        breaker.reset();
    }
    CHECK(server.asked >= 3);
}

TEST_CASE("monitor: a check that proves less than a call closes nothing", "[health_monitor]") {
    simulation sim;
    dependency server(sim);
    kedge::circuit_breaker breaker;
    kedge::health_monitor monitor{sim, {.closes_breaker = false}, server.ping(), breaker};
    running run(sim, monitor);
    sim.run_for(1s);
    open(breaker);
    SECTION("it passes: the next call is the probe") {
        sim.run_for(10s);
        CHECK(server.asked == 2);  // and it does not insist
        sim.run_for(3min);
        CHECK(server.asked >= 7);
        CHECK(breaker.snapshot().state == kedge::breaker_state::half_open);
        CHECK(monitor.snapshot().state == health::degraded);
        for (int i = 0; i < 3; ++i) breaker.try_acquire().success();
        CHECK(breaker.snapshot().state == kedge::breaker_state::closed);
    }
    SECTION("it fails: no call is sacrificed") {
        server.says = refused;
        for (int i = 0; i < 120; ++i) {
            sim.run_for(1s);
            CHECK(breaker.snapshot().state == kedge::breaker_state::open);
        }
        CHECK(monitor.snapshot().state == health::down);
        CHECK(server.asked < 12);
    }
}

TEST_CASE("monitor: a breaker that takes no probes is not asked for them", "[health_monitor]") {
    simulation sim;
    dependency server(sim);
    kedge::circuit_breaker breaker;
    kedge::health_monitor monitor{sim, {}, server.ping(), breaker};
    running run(sim, monitor);
    open(breaker);
    std::optional<kedge::isolation> shut;
    if (GENERATE(true, false)) shut = breaker.isolate();
    else breaker.mode(kedge::breaker_mode::disabled);
    sim.run_for(2min);
    CHECK(server.asked <= 6);
}

TEST_CASE("monitor: a breaker opens on one thread while its monitor rests on another", "[health_monitor][tsan]") {
    asio::io_context io;
    std::atomic<int> asked{0}, ended{0};
    auto ping = [&](auto&& token) {
        return asio::async_initiate<decltype(token), void(error_code)>(
            [&](auto handler) {
                ++asked;
                const auto ex = asio::get_associated_executor(handler, io.get_executor());
                asio::post(ex, [h = std::move(handler)]() mutable { h(error_code()); });
            },
            token);
    };
    kedge::circuit_breaker breaker{{.open_for = 1ms, .open_for_max = 1ms}};
    const kedge::health_monitor monitor{io, {.interval = 1h}, ping, breaker};
    for (int i = 0; i < 2; ++i)
        kedge::health_monitor(monitor).async_run([&](error_code ec) { ended += ec ? 100 : 1; });
    std::thread runners[] = {std::thread([&] { io.run(); }), std::thread([&] { io.run(); })};
    for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < 5; ++i) breaker.try_acquire(kedge::now()).failure(kedge::now());
        while (breaker.snapshot(kedge::now()).state != kedge::breaker_state::closed) std::this_thread::yield();
    }
    monitor.stop();
    for (std::thread& t : runners) t.join();
    CHECK(ended == 2);
    CHECK(asked >= 30);
}
