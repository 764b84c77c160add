// SPDX-License-Identifier: BSL-1.0
#include "health_bench.hpp"

using namespace health_test;

namespace {

/// A check that brings something, and judges itself.
struct look {
    error_code says;
    template <class Token> auto operator()(Token&& token) const {
        return asio::async_initiate<Token, void(error_code, int)>(
            [says = says](auto handler) {
                const auto ex = asio::get_associated_executor(handler);
                asio::post(ex, [h = std::move(handler), says]() mutable { h(says, 200); });
            },
            token);
    }
    static kedge::verdict classify(const error_code& ec) noexcept {
        return {ec ? kedge::kind::neutral : kedge::kind::success, kedge::replay::never};
    }
};

}  // namespace

TEST_CASE("monitor: checks at once and then every interval, within a tenth", "[health_monitor]") {
    simulation sim;
    dependency server(sim);
    kedge::health_monitor monitor{sim, {.name = "db"}, server.ping()};
    CHECK(monitor.snapshot().state == health::unknown);
    running run(sim, monitor);
    sim.run_for(1s);
    CHECK(server.asked == 1);
    CHECK(monitor.snapshot().state == health::up);
    sim.run_for(10min);
    CHECK(server.asked >= 1 + 600 / 33 - 1);
    CHECK(server.asked <= 1 + 600 / 27 + 1);
}

TEST_CASE("monitor: an outage is told without any user's call, and its end too", "[health_monitor]") {
    simulation sim;
    dependency server(sim);
    std::vector<std::string> heard;
    kedge::health_monitor monitor{
        sim,
        {.name = "db",
         .on_event =
             [&](const kedge::event& e) noexcept {
                 const auto& change = std::get<kedge::health_changed>(e);
                 heard.push_back(std::string(change.name) + "udD"[static_cast<int>(change.to) - 1]);
             }},
        server.ping()};
    running run(sim, monitor);
    sim.run_for(1min);
    server.says = refused;
    sim.run_for(70s);
    CHECK(monitor.snapshot().state == health::down);
    CHECK(monitor.snapshot().last_error == refused);
    server.says = {};
    sim.run_for(70s);
    CHECK(heard == std::vector<std::string>{"dbu", "dbD", "dbu"});
}

TEST_CASE("monitor: a check that hangs has timed out", "[health_monitor]") {
    simulation sim;
    dependency server(sim);
    server.takes = 1h;
    kedge::health_monitor monitor{sim, {.timeout = 500ms}, server.ping()};
    std::optional<error_code> result;
    const auto start = sim.now();
    monitor.async_check([&](error_code ec) {
        result = ec;
        CHECK(sim.now() - start >= 500ms);
        CHECK(sim.now() - start <= 505ms);
    });
    sim.run();
    REQUIRE(result);
    CHECK(*result == kedge::errc::timed_out);
    CHECK(monitor.snapshot().state == health::down);
}

TEST_CASE("monitor: checks never overlap, also when asked for by hand", "[health_monitor]") {
    simulation sim;
    dependency server(sim);
    server.takes = 1s;
    kedge::health_monitor monitor{sim, {}, server.ping()};
    running run(sim, monitor);
    int answers = 0;
    for (int i = 0; i < 5; ++i) monitor.async_check([&](error_code ec) { answers += !ec; });
    sim.run_for(10s);
    CHECK(answers == 5);
    CHECK(server.asked == 6);
    CHECK(server.most_under_way == 1);
}

TEST_CASE("monitor: stops at once, during a check and during a wait", "[health_monitor]") {
    for (const auto when : {500ms, 5000ms}) {
        simulation sim;
        dependency server(sim);
        server.takes = 1s;
        kedge::health_monitor monitor{sim, {}, server.ping()};
        running run(sim, monitor);
        sim.run_for(when);
        const auto before = sim.now();
        run.end();
        CHECK(sim.now() - before <= 5ms);
        CHECK(server.under_way == 0);
        CHECK(monitor.snapshot().checks == (when > 1s ? 1 : 0));  // a cancelled check tells nothing
    }
}

TEST_CASE("monitor: what the check brings comes through, and its own judgement counts", "[health_monitor]") {
    simulation sim;
    kedge::health_monitor monitor{sim, {}, look{refused}};
    std::optional<int> status;
    monitor.async_check([&](error_code ec, int got) {
        CHECK(ec == refused);
        status = got;
    });
    sim.run();
    CHECK(status == 200);
    CHECK(monitor.snapshot().state == health::degraded);
}

TEST_CASE("monitor: a check that found no connection free tells nothing of the dependency", "[health_monitor]") {
    simulation sim;
    dependency server(sim);
    kedge::health_monitor monitor{sim, {}, server.ping()};
    running run(sim, monitor);
    sim.run_for(1s);
    server.says = kedge::errc::pool_exhausted;
    sim.run_for(3min);
    CHECK(monitor.snapshot().state == health::degraded);
    CHECK(monitor.snapshot().last_error == kedge::errc::pool_exhausted);
    server.says = {};
    sim.run_for(40s);
    CHECK(monitor.snapshot().state == health::up);
}

TEST_CASE("monitor: a caller's deadline ends a check that then counts for nothing", "[health_monitor]") {
    simulation sim;
    dependency server(sim);
    server.takes = 1s;
    kedge::health_monitor monitor{sim, {}, server.ping()};
    std::optional<error_code> result;
    monitor.async_check(kedge::call{.deadline = sim.now() + 300ms}, [&](error_code ec) { result = ec; });
    sim.run();
    CHECK(result == kedge::errc::deadline_exceeded);
    CHECK(sim.elapsed() < 310ms);
    CHECK(monitor.snapshot().checks == 0);
}

TEST_CASE("monitor: stopped, it ends its runs after the check that is under way", "[health_monitor]") {
    simulation sim;
    dependency server(sim);
    server.takes = 1s;
    kedge::health_monitor monitor{sim, {}, server.ping()};
    SECTION("during a check") {
        running run(sim, monitor);
        sim.run_for(300ms);
        monitor.stop();
        sim.run_for(0s);
        CHECK_FALSE(run.ended);
        sim.run();
        CHECK(run.ended == error_code());
        CHECK(sim.elapsed() < 1010ms);
    }
    SECTION("during a wait") {
        running run(sim, monitor);
        sim.run_for(5s);
        monitor.stop();
        CHECK_FALSE(run.ended);  // never inside stop()
        sim.run_for(0s);
        CHECK(run.ended == error_code());
        sim.run();
    }
    SECTION("before") {
        monitor.stop();
        running run(sim, monitor);
        sim.run();
        CHECK(run.ended == error_code());
        CHECK(sim.elapsed() == 0s);
    }
    CHECK(server.under_way == 0);
    CHECK(server.asked <= 1);
}

TEST_CASE("monitor: nonsense is refused by name", "[health_monitor]") {
    simulation sim;
    dependency server(sim);
    CHECK_THROWS_WITH((kedge::health_monitor{sim, {.interval = 0s}, server.ping()}),
                      "kedge::health_monitor_options: interval = 0 ns, but it must be 1 ms or more");
}

TEST_CASE("monitor: handle, context and monitor may go in any order while it runs", "[health_monitor]") {
    for (const auto when : {5ms, 5000ms}) {
        std::optional<error_code> ended;
        kedge::circuit_breaker breaker;
        auto sim = std::make_unique<simulation>();
        auto server = std::make_unique<dependency>(*sim);
        std::optional<kedge::health_monitor<simulation::executor_type, decltype(server->ping())>> monitor;
        monitor.emplace(*sim, kedge::health_monitor_options{}, server->ping(), breaker);
        monitor->async_run([&, kept = *monitor](error_code ec) { ended = ec; });
        sim->run_for(when);
        SECTION("the handle first") {
            monitor.reset();
            sim->run_for(40s);
            CHECK(server->asked == 2);
            sim.reset();
        }
        SECTION("the context first") {
            sim.reset();
            monitor->stop();
            for (int i = 0; i < 5; ++i) breaker.try_acquire(kedge::time_point{}).failure(kedge::time_point{});
            CHECK(breaker.snapshot().state == kedge::breaker_state::open);
        }
        CHECK_FALSE(ended);
    }
}
