// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include <kedge/health_monitor.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <optional>
#include <string>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::error_code;
using kedge::health;
using kedge::testing::simulation;

namespace {

/// A dependency that can be told how it is.
struct dependency {
    explicit dependency(simulation& s) : sim(s) {}

    simulation& sim;
    error_code says{};
    kedge::nanoseconds takes = 10ms;
    int asked = 0, under_way = 0, most_under_way = 0;

    auto ping() {
        return [this](auto&& token) {
            return asio::async_compose<decltype(token), void(error_code)>(
                [this, timer = std::make_unique<kedge::timer>(sim), begun = false](auto& self,
                                                                                   error_code ec = {}) mutable {
                    if (begun) {
                        --under_way;
                        timer.reset();
                        return self.complete(ec ? ec : says);
                    }
                    begun = true;
                    ++asked;
                    most_under_way = std::max(most_under_way, ++under_way);
                    timer->expires_after(takes);
                    auto& wait = *timer;
                    wait.async_wait(std::move(self));
                },
                token, sim);
        };
    }
};

/// A monitor that runs until the test is over.
template <class Monitor> struct running {
    running(simulation& s, Monitor& m) : sim(s) {
        m.async_run(asio::bind_cancellation_slot(stop.slot(), [this](error_code ec) { ended = ec; }));
    }
    ~running() { end(); }

    void end() {
        if (ended) return;
        stop.emit(asio::cancellation_type::terminal);
        sim.run();
        REQUIRE(ended);
        CHECK(*ended == asio::error::operation_aborted);
    }

    simulation& sim;
    asio::cancellation_signal stop;
    std::optional<error_code> ended;
};

const error_code refused = asio::error::connection_refused;

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

TEST_CASE("monitor: nonsense is refused by name", "[health_monitor]") {
    simulation sim;
    dependency server(sim);
    CHECK_THROWS_WITH((kedge::health_monitor{sim, {.interval = 0s}, server.ping()}),
                      "kedge::health_monitor_options: interval = 0 ns, but it must be 1 ms or more");
}
